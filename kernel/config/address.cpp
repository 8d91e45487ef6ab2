#include "kernel/config/address.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/un.h>

#include <charconv>
#include <optional>

namespace keel::kernel {

namespace {

std::optional<unsigned> parse_number(std::string_view text, unsigned max) {
  unsigned number = 0;
  const char* const end = text.data() + text.size();
  const auto [after, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || after != end || text.empty() || number > max) return std::nullopt;
  return number;
}

std::optional<BindAddress::Family> family_of(const std::string& host) {
  unsigned char binary[sizeof(in6_addr)];
  if (host.find('\0') != std::string::npos) return std::nullopt;
  if (::inet_pton(AF_INET, host.c_str(), binary) == 1) return BindAddress::Family::ipv4;
  if (::inet_pton(AF_INET6, host.c_str(), binary) == 1) return BindAddress::Family::ipv6;
  return std::nullopt;
}

Error malformed(std::string_view text) {
  return Error{
      fmt::format("'{}' is no address; give a port, address:port, [ipv6]:port or unix:PATH", text)};
}

// Splits "host:port" and "[host]:port"; a bare port has an empty host.
struct HostPort {
  std::string_view host, port;
  bool bracketed = false;
};
std::optional<HostPort> split(std::string_view text) {
  if (text.starts_with('[')) {
    const auto close = text.find("]:");
    if (close == std::string_view::npos) return std::nullopt;
    return HostPort{text.substr(1, close - 1), text.substr(close + 2), true};
  }
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return HostPort{{}, text, false};
  if (colon == 0 || text.find(':', colon + 1) != std::string_view::npos) return std::nullopt;
  return HostPort{text.substr(0, colon), text.substr(colon + 1), false};
}

}  // namespace

bool BindAddress::local_only() const {
  return family == Family::unix_path || host == "::1" ||
         (family == Family::ipv4 && host.starts_with("127."));
}

std::string BindAddress::text() const {
  switch (family) {
    case Family::unix_path:
      return "unix:" + path;
    case Family::ipv6:
      return fmt::format("[{}]:{}", host, port);
    case Family::ipv4:
      return fmt::format("{}:{}", host, port);
    case Family::any_default:
      break;
  }
  return fmt::format("{}", port);
}

Result<BindAddress> parse_bind(std::string_view text, std::string_view default_host) {
  BindAddress address;
  constexpr std::string_view kUnix = "unix:";
  if (text.starts_with(kUnix)) {
    address.family = BindAddress::Family::unix_path;
    address.path = text.substr(kUnix.size());
    const bool fits = address.path.size() < sizeof(sockaddr_un::sun_path);
    for (const char c : address.path) {
      if (static_cast<unsigned char>(c) < 0x20) return malformed("unix:PATH");
    }
    if (address.path.empty() || !fits) return malformed(text);
    return address;
  }
  const auto parts = split(text);
  if (!parts) return malformed(text);
  const auto port = parse_number(parts->port, 65'535);
  if (!port) return malformed(text);
  address.port = static_cast<std::uint16_t>(*port);
  const bool bare = parts->host.empty() && !parts->bracketed;
  address.host = bare ? default_host : parts->host;
  if (address.host.empty() && bare) return address;
  if (address.host == "localhost") address.host = "127.0.0.1";
  const auto family = family_of(address.host);
  const bool wants_v6 = bare ? family == BindAddress::Family::ipv6 : parts->bracketed;
  if (!family || (*family == BindAddress::Family::ipv6) != wants_v6) return malformed(text);
  address.family = *family;
  return address;
}

bool is_ip_address(std::string_view text) { return family_of(std::string(text)).has_value(); }

bool is_ip_network(std::string_view text) {
  const auto slash = text.find('/');
  const auto family = family_of(std::string(text.substr(0, slash)));
  if (!family || slash == std::string_view::npos) return family.has_value();
  const unsigned bits = *family == BindAddress::Family::ipv4 ? 32 : 128;
  return parse_number(text.substr(slash + 1), bits).has_value();
}

}  // namespace keel::kernel
