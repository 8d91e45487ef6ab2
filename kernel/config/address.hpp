// Where a listener binds, taken apart. Checks the spelling only; the network layer does the
// binding.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "kernel/base/result.hpp"

namespace keel::kernel {

struct BindAddress {
  enum class Family : std::uint8_t { any_default, ipv4, ipv6, unix_path };
  Family family = Family::any_default;  // any_default: a bare port without a default address
  std::string host;                     // an address in numbers, without brackets
  std::uint16_t port = 0;
  std::string path;  // of a Unix socket

  // Loopback addresses and Unix sockets: reachable from this machine only.
  bool local_only() const;
  bool wildcard() const { return host == "0.0.0.0" || host == "::"; }
  std::string text() const;  // in the form that parse_bind reads
};

// "1883" (binds `default_host`), "127.0.0.1:1883", "[::1]:1883", "localhost:1883" or "unix:PATH".
Result<BindAddress> parse_bind(std::string_view text, std::string_view default_host);

bool is_ip_address(std::string_view text);
bool is_ip_network(std::string_view text);  // an address, or "10.0.0.0/8"

}  // namespace keel::kernel
