// The address of a peer in 20 bytes: what a connection keeps instead of a string. A value type.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace keel::kernel {

struct Endpoint {
  enum class Family : std::uint8_t { none, unix_socket, ip4, ip6 };

  Family family = Family::none;
  std::uint16_t port = 0;
  std::array<std::uint8_t, 16> bytes{};  // network order; IPv4 uses the first four

  // IPv4 addresses mapped into IPv6 come out as IPv4.
  static Endpoint from(const sockaddr_storage& address);
  static Endpoint ip4(const void* address, std::uint16_t port);
  static Endpoint ip6(const void* address, std::uint16_t port);
  // A numeric address without a port.
  static std::optional<Endpoint> parse(std::string_view host, std::uint16_t port = 0);

  bool loopback() const;
  std::string host() const;  // "127.0.0.1", "::1", "unix", or "unknown"
  std::string text() const;  // "127.0.0.1:1883", "[::1]:1883", "unix", or "unknown"
  bool operator==(const Endpoint&) const = default;
};
static_assert(sizeof(Endpoint) == 20);

}  // namespace keel::kernel
