// A client's end of a connection: TCP, TLS or a Unix socket, with deadlines on every operation.
// One owner, one thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "tests/system/support/wait.hpp"

namespace keel::test {

struct TlsOptions {
  std::string cafile;             // empty: the server is not verified
  std::string certfile, keyfile;  // empty: no client certificate
  std::string psk_identity, psk_hex;
  std::string version;  // "1.2" or "1.3"; empty: whatever both sides have
};

struct Endpoint {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
  std::string unix_path;  // used instead of host and port
  std::optional<TlsOptions> tls;
  std::string preamble;    // sent before TLS begins, a PROXY header
  int receive_buffer = 0;  // SO_RCVBUF; 0: the system's
};

// The connection could not be made: refused, or the TLS handshake failed.
struct ConnectFailure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Socket {
 public:
  explicit Socket(const Endpoint& endpoint);
  Socket(Socket&&) noexcept;
  Socket& operator=(Socket&&) noexcept;
  ~Socket();

  // False: the peer has closed or takes nothing before the deadline.
  bool send(std::string_view bytes, const Deadline& deadline = Deadline{});

  enum class Read { data, timeout, closed };
  // Appends what arrives first.
  Read receive(std::string& into, const Deadline& deadline);

  void close();  // with FIN; TLS sends its close notification
  void reset();  // with RST
  std::string tls_version() const;
  std::string peer_certificate_serial() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// A port that was free a moment ago, below those that the system gives to sockets that ask for
// none.
std::uint16_t free_port();

}  // namespace keel::test
