#include "emqx_lwm2m/coap/encode.hpp"

#include <cstddef>

namespace coap {
namespace {

constexpr std::size_t kOneMoreBase = 13, kTwoMoreBase = 269;

void header(std::string& out, Type type, std::size_t token, Code code, std::uint16_t id) {
  out.clear();
  out += static_cast<char>(1u << 6 | static_cast<unsigned>(type) << 4 | token);
  out += static_cast<char>(code);
  out += static_cast<char>(id >> 8);
  out += static_cast<char>(id & 0xff);
}

unsigned nibble(std::size_t value) {
  return value < kOneMoreBase ? static_cast<unsigned>(value) : value < kTwoMoreBase ? 13 : 14;
}

void extension(std::string& out, std::size_t value) {
  if (value < kOneMoreBase) return;
  if (value < kTwoMoreBase) {
    out += static_cast<char>(value - kOneMoreBase);
    return;
  }
  out += static_cast<char>((value - kTwoMoreBase) >> 8);
  out += static_cast<char>((value - kTwoMoreBase) & 0xff);
}

}  // namespace

Writer::Writer(std::string& out, Type type, Code code, std::uint16_t id, std::string_view token)
    : out_(out) {
  header(out, type, token.size(), code, id);
  out.append(token);
}

Writer& Writer::option(std::uint16_t number, std::string_view value) {
  const std::size_t delta = number - last_;
  last_ = number;
  out_ += static_cast<char>(nibble(delta) << 4 | nibble(value.size()));
  extension(out_, delta);
  extension(out_, value.size());
  out_.append(value);
  return *this;
}

Writer& Writer::number(std::uint16_t number, std::uint32_t value) {
  char octets[sizeof value];
  std::size_t size = 0;
  for (int shift = 24; shift >= 0; shift -= 8) {
    const std::uint32_t rest = value >> shift;
    if (rest != 0) octets[size++] = static_cast<char>(rest & 0xff);
  }
  return option(number, {octets, size});
}

void Writer::payload(std::string_view payload) {
  if (payload.empty()) return;
  out_ += static_cast<char>(0xff);
  out_.append(payload);
}

void write_empty(std::string& out, Type type, std::uint16_t id) {
  header(out, type, 0, kEmpty, id);
}

}  // namespace coap
