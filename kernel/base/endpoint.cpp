#include "kernel/base/endpoint.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

namespace keel::kernel {

Endpoint Endpoint::ip4(const void* address, std::uint16_t port) {
  Endpoint e;
  e.family = Family::ip4;
  e.port = port;
  std::memcpy(e.bytes.data(), address, 4);
  return e;
}

Endpoint Endpoint::ip6(const void* address, std::uint16_t port) {
  static constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0,    0,
                                                           0, 0, 0, 0, 0xff, 0xff};
  if (std::memcmp(address, kMapped.data(), kMapped.size()) == 0) {
    return ip4(static_cast<const std::uint8_t*>(address) + kMapped.size(), port);
  }
  Endpoint e;
  e.family = Family::ip6;
  e.port = port;
  std::memcpy(e.bytes.data(), address, 16);
  return e;
}

Endpoint Endpoint::from(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    sockaddr_in in;
    std::memcpy(&in, &address, sizeof in);
    return ip4(&in.sin_addr, ntohs(in.sin_port));
  }
  if (address.ss_family == AF_INET6) {
    sockaddr_in6 in;
    std::memcpy(&in, &address, sizeof in);
    return ip6(&in.sin6_addr, ntohs(in.sin6_port));
  }
  Endpoint e;
  if (address.ss_family == AF_UNIX) e.family = Family::unix_socket;
  return e;
}

std::optional<Endpoint> Endpoint::parse(std::string_view host, std::uint16_t port) {
  const std::string text(host);
  in6_addr address;
  if (inet_pton(AF_INET, text.c_str(), &address) == 1) return ip4(&address, port);
  if (inet_pton(AF_INET6, text.c_str(), &address) == 1) return ip6(&address, port);
  return std::nullopt;
}

bool Endpoint::loopback() const {
  switch (family) {
    case Family::unix_socket:
      return true;
    case Family::ip4:
      return bytes[0] == 127;
    case Family::ip6:
      return bytes[15] == 1 &&
             std::all_of(bytes.begin(), bytes.end() - 1, [](auto b) { return b == 0; });
    case Family::none:
      break;
  }
  return false;
}

std::string Endpoint::host() const {
  if (family == Family::unix_socket) return "unix";
  if (family == Family::none) return "unknown";
  char buffer[INET6_ADDRSTRLEN] = {};
  inet_ntop(family == Family::ip4 ? AF_INET : AF_INET6, bytes.data(), buffer, sizeof buffer);
  return buffer;
}

std::string Endpoint::text() const {
  if (family == Family::ip4) return fmt::format("{}:{}", host(), port);
  if (family == Family::ip6) return fmt::format("[{}]:{}", host(), port);
  return host();
}

}  // namespace keel::kernel
