// The part of a TcpLink that comes and goes; private to its implementation.
#pragma once

#include <optional>
#include <string>

#include "kernel/net/tcp_link.hpp"
#include "kernel/net/tls_session.hpp"

namespace keel::kernel {

struct TcpLink::Extra {
  std::string unread;                      // received and not consumed; first, the PROXY header
  std::shared_ptr<TlsContext> tls_behind;  // TLS that begins after the PROXY header
  std::unique_ptr<TlsSession> tls;
  std::optional<Timer> timer;  // the time-out of the state: handshake, sending, or lingering
  std::string detail;          // why it closed
};

}  // namespace keel::kernel
