// Makes UDP sockets. System calls that return at once; [control], no shard needed. Where a socket
// is bound tells bound_address() of listen_socket.hpp.
#pragma once

#include <cstdint>
#include <vector>

#include "kernel/base/address.hpp"
#include "kernel/base/result.hpp"

namespace keel::kernel {

struct UdpOptions {
  bool reuse_port = false;  // others may be bound to the same address, and share its datagrams
  bool broadcast = false;   // may send to broadcast addresses
  std::uint32_t rcvbuf = 0, sndbuf = 0;  // bytes of socket buffer; 0: the system's default
};

// A bound non-blocking socket. One bound to a wildcard address tells for each datagram to which
// address it came. Errors name cause and remedy.
Result<int> open_udp_socket(const BindAddress& address, const UdpOptions& options);

// `count` sockets on one address, for as many shards: a peer always meets the same one. Refused
// when somebody else is bound there, also with reuse_port. Port 0 becomes the same number for all.
Result<std::vector<int>> open_udp_sockets(const BindAddress& address, const UdpOptions& options,
                                          std::size_t count);

}  // namespace keel::kernel
