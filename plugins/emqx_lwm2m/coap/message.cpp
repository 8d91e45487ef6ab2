#include "emqx_lwm2m/coap/message.hpp"

#include <cstddef>

namespace coap {
namespace {

constexpr std::size_t kHeader = 4, kMaxToken = 8;
constexpr unsigned char kMarker = 0xff;
constexpr unsigned kOneMore = 13, kTwoMore = 14;  // octets of a delta or length
constexpr std::uint32_t kOneMoreBase = 13, kTwoMoreBase = 269, kMaxNumber = 0xffff;

std::uint8_t octet(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint8_t>(bytes[at]);
}

// Takes the extension of a delta or length off `rest`. False: it is reserved or missing.
bool extend(unsigned nibble, std::string_view& rest, std::uint32_t& out) {
  out = nibble;
  if (nibble < kOneMore) return true;
  if (nibble == kOneMore && !rest.empty()) {
    out = octet(rest, 0) + kOneMoreBase;
    rest.remove_prefix(1);
    return true;
  }
  if (nibble == kTwoMore && rest.size() >= 2) {
    out = (std::uint32_t{octet(rest, 0)} << 8 | octet(rest, 1)) + kTwoMoreBase;
    rest.remove_prefix(2);
    return true;
  }
  return false;
}

// Takes one option off `rest`, which does not begin with the marker. False: malformed.
bool take_option(std::string_view& rest, std::uint32_t& number, std::string_view& value) {
  const std::uint8_t first = octet(rest, 0);
  rest.remove_prefix(1);
  std::uint32_t delta = 0, length = 0;
  if (!extend(first >> 4, rest, delta) || !extend(first & 15u, rest, length)) return false;
  number += delta;
  if (number > kMaxNumber || length > rest.size()) return false;
  value = rest.substr(0, length);
  rest.remove_prefix(length);
  return true;
}

// `body` is what follows the token.
bool split(std::string_view body, Message& out) {
  std::string_view rest = body, value;
  std::uint32_t number = 0;
  while (!rest.empty() && octet(rest, 0) != kMarker) {
    if (!take_option(rest, number, value)) return false;
  }
  out.options = body.substr(0, body.size() - rest.size());
  if (rest.size() == 1) return false;  // a marker and nothing
  if (!rest.empty()) out.payload = rest.substr(1);
  return true;
}

bool read(std::string_view datagram, Message& out) {
  out.code = octet(datagram, 1);
  const std::size_t token = octet(datagram, 0) & 15u;
  if (out.code == kEmpty) return datagram.size() == kHeader && token == 0;
  const unsigned cls = class_of(out.code);
  if (cls == 1 || cls >= 6) return false;
  if (token > kMaxToken || datagram.size() < kHeader + token) return false;
  out.token = datagram.substr(kHeader, token);
  return split(datagram.substr(kHeader + token), out);
}

}  // namespace

bool OptionReader::next(Option& out) {
  if (rest_.empty()) return false;
  std::uint32_t number = number_;
  if (!take_option(rest_, number, out.value)) return false;
  out.number = number_ = static_cast<std::uint16_t>(number);
  return true;
}

Parsed parse(std::string_view datagram, Message& out) {
  out = {};
  if (datagram.size() < kHeader || octet(datagram, 0) >> 6 != 1) return Parsed::ignore;
  out.type = static_cast<Type>(octet(datagram, 0) >> 4 & 3u);
  out.id = static_cast<std::uint16_t>(octet(datagram, 2) << 8 | octet(datagram, 3));
  if (!read(datagram, out)) {
    Message blank;
    blank.type = out.type;
    blank.id = out.id;
    out = blank;
    return out.type == Type::con ? Parsed::reset : Parsed::ignore;
  }
  // An empty message is a ping, an ACK or an RST, and an RST is nothing else [RFC 7252 4.3].
  const bool empty = out.code == kEmpty;
  if ((out.type == Type::rst && !empty) || (out.type == Type::non && empty)) return Parsed::ignore;
  return Parsed::ok;
}

std::optional<std::uint32_t> uint_value(std::string_view value, std::size_t most) {
  if (value.size() > most || value.size() > sizeof(std::uint32_t)) return std::nullopt;
  std::uint32_t out = 0;
  for (const char each : value) out = out << 8 | static_cast<std::uint8_t>(each);
  return out;
}

std::optional<Block> block_value(std::string_view value) {
  const auto number = uint_value(value, 3);
  if (!number || (*number & 7u) == 7) return std::nullopt;
  return Block{*number >> 4, (*number & 8u) != 0, static_cast<std::uint8_t>(*number & 7u)};
}

std::uint32_t value_of(const Block& block) {
  return block.number << 4 | (block.more ? 8u : 0u) | block.szx;
}

}  // namespace coap
