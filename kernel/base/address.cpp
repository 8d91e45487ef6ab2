#include "kernel/base/address.hpp"

#include <fmt/format.h>
#include <sys/un.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "kernel/base/bytes.hpp"

namespace keel::kernel {
namespace {

template <class T>
std::optional<T> parse_number(std::string_view text, unsigned max) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || value > max) {
    return std::nullopt;
  }
  return static_cast<T>(value);
}

unsigned bits_of(const Endpoint& address) {
  return address.family == Endpoint::Family::ip4 ? 32 : 128;
}

Error bad_bind(std::string_view text, std::string_view why) {
  return Error{
      fmt::format("bind = \"{}\": {}; write \"1883\", \"0.0.0.0:1883\", \"[::]:1883\" or "
                  "\"unix:/path\"",
                  text, why)};
}

Result<BindAddress> parse_unix(std::string_view text) {
  BindAddress address;
  address.unix_path = text.substr(std::string_view("unix:").size());
  address.endpoint.family = Endpoint::Family::unix_socket;
  if (address.unix_path.empty()) return bad_bind(text, "the path is missing");
  for (const char c : address.unix_path) {
    if (octet(c) < 0x20) return bad_bind("unix:...", "the path holds control characters");
  }
  if (address.unix_path.size() >= sizeof(sockaddr_un::sun_path)) {
    return bad_bind(text, fmt::format("the path is longer than {} bytes, the system's limit",
                                      sizeof(sockaddr_un::sun_path) - 1));
  }
  return address;
}

}  // namespace

Result<BindAddress> parse_bind(std::string_view text, std::string_view default_address) {
  if (text.starts_with("unix:")) return parse_unix(text);
  std::string_view host = default_address, port = text;
  if (const auto colon = text.rfind(':'); colon != std::string_view::npos) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    if (host.starts_with('[') && host.ends_with(']')) {
      host = host.substr(1, host.size() - 2);
    } else if (host.find(':') != std::string_view::npos) {
      return bad_bind(text, "an IPv6 address stands in brackets");
    }
  }
  const auto number = parse_number<std::uint16_t>(port, 65535);
  if (!number) return bad_bind(text, fmt::format("'{}' is not a port between 0 and 65535", port));
  if (host == "localhost") host = "127.0.0.1";
  const auto endpoint = Endpoint::parse(host, *number);
  if (!endpoint) {
    return bad_bind(text,
                    fmt::format("'{}' is not a numeric address (names are not resolved)", host));
  }
  return BindAddress{*endpoint, {}};
}

bool BindAddress::wildcard() const {
  return unix_path.empty() && endpoint.bytes == decltype(endpoint.bytes){};
}

Result<Cidr> Cidr::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto base = Endpoint::parse(text.substr(0, slash));
  if (!base) {
    return Error{fmt::format("'{}' is not an address; write \"10.0.0.1\" or \"10.0.0.0/8\"", text)};
  }
  const unsigned bits = bits_of(*base);
  if (slash == std::string_view::npos) return Cidr(*base, bits);
  const bool mapped = bits == 32 && text.substr(0, slash).find(':') != std::string_view::npos;
  const unsigned before = mapped ? 96 : 0;
  const auto prefix = parse_number<std::uint8_t>(text.substr(slash + 1), bits + before);
  if (!prefix || *prefix < before)
    return Error{fmt::format("'{}': the prefix goes from {} to {}", text, before, bits + before)};
  return Cidr(*base, *prefix - before);
}

Cidr::Cidr(const Endpoint& address, unsigned prefix)
    : base_(address), prefix_(static_cast<std::uint8_t>(prefix)) {
  base_.port = 0;
  for (std::size_t i = 0; i < base_.bytes.size(); ++i) {
    const unsigned kept = prefix > 8 * i ? std::min<unsigned>(prefix - 8 * i, 8) : 0;
    base_.bytes[i] &= static_cast<std::uint8_t>(0xff << (8 - kept));
  }
}

std::string Cidr::text() const {
  if (prefix_ == bits_of(base_)) return base_.host();
  return fmt::format("{}/{}", base_.host(), prefix_);
}

Result<std::vector<Cidr>> Cidr::parse_list(const std::vector<std::string>& texts) {
  std::vector<Cidr> list;
  for (const std::string& text : texts) {
    auto cidr = parse(text);
    if (!cidr) return Error{cidr.error()};
    list.push_back(*cidr);
  }
  return list;
}

bool Cidr::contains(const Endpoint& peer) const {
  if (peer.family != base_.family) return false;
  const std::size_t whole = prefix_ / 8;
  for (std::size_t i = 0; i < whole; ++i) {
    if (peer.bytes[i] != base_.bytes[i]) return false;
  }
  const unsigned rest = prefix_ % 8;
  return rest == 0 || (peer.bytes[whole] ^ base_.bytes[whole]) >> (8 - rest) == 0;
}

}  // namespace keel::kernel
