// Socket addresses for UDP; used by its implementation only.
//
// A link-local IPv6 address means nothing without its interface, for which `Endpoint` has no room.
// The interface's index is kept in the third and fourth byte, which such addresses have as zero.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include "kernel/base/endpoint.hpp"

namespace keel::kernel {

struct UdpAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

// For a socket of IPv6 (`ip6`) IPv4 addresses are mapped. Size 0: the endpoint is none such a
// socket can use.
UdpAddress to_socket_address(const Endpoint& endpoint, bool ip6);
Endpoint from_socket_address(const sockaddr_storage& address);

std::uint64_t hash_endpoint(const Endpoint& endpoint);
bool is_multicast(const Endpoint& endpoint);
bool is_unspecified(const Endpoint& endpoint);  // 0.0.0.0 or ::
in6_addr mapped_address(const Endpoint& endpoint);
// Takes the interface out of a link-local address; 0: there is none in it.
std::uint32_t take_interface(in6_addr& address);
void put_interface(in6_addr& address, std::uint32_t interface);

}  // namespace keel::kernel
