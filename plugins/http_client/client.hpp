// An HTTP/1.1 client for plugins: asks one server over connections that it keeps. Not thread-safe
// but for send(): everything happens on the client's shard, callbacks included.
//
//   keel::http::Client client(host(), {.server = *url}, shard);
//   client.send({.target = "/keys"}, [](keel::Result<keel::http::Response> answer) { ... });
//
// Nothing is left waiting: each request is answered within its time, whatever the server does. At
// most `pool_size` connections, one request at a time on each (no pipelining), `max_waiting` more
// wait in order; further ones fail at once. A connection that the server closed while it was idle
// costs nothing: the request that met it is repeated once, at once, on a new one - so requests must
// be safe to repeat.
#pragma once

#include <atomic>
#include <functional>
#include <memory>

#include "http_client/message.hpp"
#include "keel/host.hpp"

namespace keel::http {

struct ClientTls {
  std::string cafile = {};  // empty: the system's
  std::string certfile = {}, keyfile = {};
  bool verify = true;
  std::string server_name = {};  // in the certificate; empty: the host of the URL
};

struct ClientOptions {
  Url server = {};     // its path counts for nothing here
  ClientTls tls = {};  // for https
  std::uint32_t connect_timeout_ms = 5'000;
  std::uint32_t request_timeout_ms = 5'000;  // from send() to the answer, waiting included
  std::uint32_t pool_size = 8;
  std::uint32_t max_waiting = 1'000;
  std::uint32_t idle_timeout_ms = 60'000;  // then an unused connection is closed
  std::uint32_t max_header = 8 * 1024;
  std::uint64_t max_response = 64 * 1024;  // of the body
};

// Since the beginning, and right now. [any]
struct ClientStats {
  std::atomic<std::uint64_t> requests{0}, failures{0}, connects{0}, repeats{0};
  std::atomic<std::uint32_t> connections{0}, busy{0}, waiting{0};
};

class Client {
 public:
  // Exactly once for each send(), on the client's shard; never from within send() there. A failure
  // is KEEL_E_LIMIT (too many wait), KEEL_E_INVAL (no request), KEEL_E_STATE (close(), or the
  // plugin is being unloaded: then on any thread), KEEL_E_IO (everything else; the text says
  // which server and what). Whatever the server answers is a success, a 500 too. Must not throw.
  using Done = std::function<void(Result<Response>)>;

  // Lives on `shard`. [any]
  Client(Host& host, ClientOptions options, std::uint32_t shard = kHere);
  Client(Client&&) noexcept = default;
  Client& operator=(Client&&) = delete;
  // On its shard, or when the plugin was stopped.
  ~Client();

  void send(Request request, Done done);  // [any]
  // Answers what is under way with KEEL_E_STATE and closes the connections. [its shard]
  void close();

  std::uint32_t shard() const;
  const ClientStats& stats() const;

 private:
  std::shared_ptr<class Pool> pool_;
};

}  // namespace keel::http
