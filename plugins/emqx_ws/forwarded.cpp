#include "emqx_ws/forwarded.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "emqx_ws/header_list.hpp"

namespace ws {
namespace {

// IPv4 within IPv6 is IPv4.
keel_addr plain(const keel::Address& address) {
  keel_addr out = address.c();
  constexpr std::uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (out.family != KEEL_ADDR_IP6 || std::memcmp(out.bytes, mapped, sizeof mapped) != 0) return out;
  out.family = KEEL_ADDR_IP4;
  std::memmove(out.bytes, out.bytes + sizeof mapped, 4);
  return out;
}

template <class N>
std::optional<N> number(std::string_view text) {
  N out{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return out;
}

}  // namespace

std::optional<Network> Network::parse(std::string_view text) {
  Network out;
  if (text == "unix") {
    out.base_.family = KEEL_ADDR_UNIX;
    return out;
  }
  const std::size_t slash = text.find('/');
  const auto address = keel::Address::parse(text.substr(0, slash));
  if (!address || address->port() != 0) return std::nullopt;
  out.base_ = address->c();
  const unsigned most = out.base_.family == KEEL_ADDR_IP4 ? 32 : 128;
  out.bits_ = most;
  if (slash == std::string_view::npos) return out;
  const auto bits = number<unsigned>(text.substr(slash + 1));
  if (!bits || *bits > most) return std::nullopt;
  out.bits_ = *bits;
  return out;
}

bool Network::contains(const keel::Address& address) const {
  const keel_addr other = plain(address);
  if (other.family != base_.family) return false;
  const unsigned whole = bits_ / 8, rest = bits_ % 8;
  if (std::memcmp(other.bytes, base_.bytes, whole) != 0) return false;
  return rest == 0 || (other.bytes[whole] ^ base_.bytes[whole]) >> (8 - rest) == 0;
}

bool TrustedProxies::add(std::string_view text) {
  const auto network = Network::parse(text);
  if (network) networks_.push_back(*network);
  return network.has_value();
}

bool TrustedProxies::contains(const keel::Address& address) const {
  return std::any_of(networks_.begin(), networks_.end(),
                     [&](const Network& each) { return each.contains(address); });
}

std::optional<keel::Address> forwarded_client(std::string_view addresses, std::string_view port,
                                              const TrustedProxies& trusted) {
  std::optional<keel::Address> client;
  while (!addresses.empty()) {
    const std::size_t comma = addresses.rfind(',');
    const bool last = comma == std::string_view::npos;
    const auto hop = keel::Address::parse(trimmed(last ? addresses : addresses.substr(comma + 1)));
    if (!hop) return std::nullopt;
    client = keel::Address(plain(*hop));
    if (last || !trusted.contains(*client)) break;
    addresses = addresses.substr(0, comma);
  }
  if (!client) return std::nullopt;
  if (const auto said = number<std::uint16_t>(trimmed(port))) client = client->with_port(*said);
  return client;
}

}  // namespace ws
