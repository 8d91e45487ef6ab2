// Makes one connection to a host: resolves its name, tries its addresses in turn, does the TLS
// handshake, and ends in an ordinary TcpLink with the caller's handler. Belongs to one shard;
// [shard]. Destroying it cancels: nothing is called any more.
//
// Names are resolved on the worker pool, which must be stopped before the shards are destroyed.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kernel/net/resolver.hpp"
#include "kernel/net/tcp_link.hpp"

namespace keel::kernel {

class WorkerPool;

class Connector {
 public:
  struct Options {
    std::string host;  // a name or a numeric address
    std::uint16_t port = 0;
    std::shared_ptr<TlsContext> tls;                          // of the client's role; null: plain
    std::string server_name;                                  // for TLS; empty: `host`
    std::int64_t timeout_ms = 10'000;                         // for everything together; 0: none
    std::int64_t send_timeout_ms = Limits{}.send_timeout_ms;  // of the link
    Resolver resolver = resolve_host;
  };

  struct Outcome {
    Link* link = nullptr;                  // open, with its handler; null: it failed
    CloseCause cause = CloseCause::error;  // of a failure; `handshake`: TLS. `local`: no handler
    std::string error;                     // "connect to example.org:443: connection refused"
  };
  // Called once, on a later turn than the one that made the connector, which it may destroy. Of a
  // success: after the handler's on_open().
  using Done = std::function<void(Outcome outcome)>;

  // `factory` makes the handler once the connection is open; it may answer null: then it is closed.
  Connector(Shard& shard, WorkerPool& workers, Options options, HandlerFactory factory, Done done);
  Connector(const Connector&) = delete;
  Connector& operator=(const Connector&) = delete;
  ~Connector();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace keel::kernel
