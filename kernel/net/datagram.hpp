// Datagrams as the protocols on top of UDP see them, plain or DTLS.
#pragma once

#include <cstdint>
#include <span>

#include "kernel/base/bytes.hpp"
#include "kernel/base/endpoint.hpp"
#include "kernel/net/link.hpp"

namespace keel::kernel {

struct Datagram {
  Endpoint peer;
  Endpoint local;  // the address it was sent to: one of ours, or a group's
  Bytes bytes;
  const PeerInfo::Verified* verified = nullptr;  // what DTLS proved; null: plain UDP
};

// What became of a datagram to be sent.
enum class SendOutcome : std::uint8_t {
  sent,        // the system took it
  full,        // the socket's buffer is full; nothing was sent
  too_large,   // no datagram may be that large
  failed,      // the system refused it: no route, a closed socket
  no_session,  // DTLS: no association with this peer
};

// Gets what a socket receives. [shard of the socket]
class DatagramHandler {
 public:
  // At least one. Datagrams and their bytes are valid during the call. The handler may send, pause,
  // close or destroy the socket, or give it another handler, from within.
  virtual void on_datagrams(std::span<const Datagram> datagrams) = 0;

 protected:
  ~DatagramHandler() = default;
};

}  // namespace keel::kernel
