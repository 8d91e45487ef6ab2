// Addresses as the settings write them: where a listener binds, and which peers a rule admits.
// Names are not resolved: a listener must not depend on DNS. [any]
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/base/endpoint.hpp"
#include "kernel/base/result.hpp"

namespace keel::kernel {

// Where to listen: an IP endpoint or the path of a Unix socket.
struct BindAddress {
  Endpoint endpoint;
  std::string unix_path;  // not empty: a Unix socket

  bool loopback() const { return endpoint.loopback(); }  // or a Unix socket: this machine only
  bool wildcard() const;                                 // every address of the machine
  std::string text() const { return unix_path.empty() ? endpoint.text() : "unix:" + unix_path; }
  bool operator==(const BindAddress&) const = default;
};

// "1883" (on `default_address`), "10.0.0.1:1883", "[::]:1883", "localhost:1883",
// "unix:/run/keel.sock".
Result<BindAddress> parse_bind(std::string_view text, std::string_view default_address);

// A block of addresses: "10.0.0.0/8", "fd00::/8", or one address. A block of IPv4 addresses mapped
// into IPv6 ("::ffff:10.0.0.0/104") is one of IPv4 addresses.
class Cidr {
 public:
  static Result<Cidr> parse(std::string_view text);
  // The block of this length that an IP address lies in.
  Cidr(const Endpoint& address, unsigned prefix);
  static Result<std::vector<Cidr>> parse_list(const std::vector<std::string>& texts);

  bool contains(const Endpoint& peer) const;
  const Endpoint& base() const { return base_; }  // its first address
  unsigned prefix() const { return prefix_; }
  std::string text() const;  // "10.0.0.0/8"; one address: "10.0.0.1"

 private:
  Endpoint base_;
  std::uint8_t prefix_ = 0;
};

}  // namespace keel::kernel
