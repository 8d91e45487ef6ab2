// TLS on one connected socket: OpenSSL over a BIO that sends and receives on the descriptor, so
// that the session moves between shards as it is. Owned by its link; [shard].
#pragma once

#include <memory>
#include <string>

#include "kernel/net/io_status.hpp"
#include "kernel/net/link.hpp"
#include "kernel/net/tls_context.hpp"

struct ssl_st;
struct x509_st;

namespace keel::kernel {

class TlsSession {
 public:
  // `fd` stays the caller's. `server_name` is for contexts of the client's role: a host name or a
  // numeric address, sent to the server (SNI) and looked for in its certificate. Null when OpenSSL
  // has no memory or the name cannot be one.
  static std::unique_ptr<TlsSession> create(std::shared_ptr<TlsContext> context, int fd,
                                            const std::string& server_name = {});
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;
  ~TlsSession();

  // One step; ok: done.
  IoStatus handshake();
  // One record's worth at most.
  IoResult read(char* to, std::size_t size);
  IoResult write(const char* from, std::size_t size);
  // Says goodbye to the peer, as far as the socket takes it.
  void shutdown();

  // Bytes were received that read() has not given out; the socket will not become readable for
  // them.
  bool has_pending() const;
  // The socket is readable (again): the next read may ask it.
  void readable() { drained_ = false; }

  // What the handshake proved. [after it]
  std::unique_ptr<PeerInfo::Verified> verified() const;
  // Why the last call failed, for the log.
  const std::string& reason() const { return reason_; }

  // For the callbacks of OpenSSL.
  static TlsSession& of(const ssl_st* ssl);
  void note_server_names(const x509_st& certificate);
  void note_psk_identity(std::string identity) { psk_identity_ = std::move(identity); }

 private:
  friend struct TlsBio;
  TlsSession(std::shared_ptr<TlsContext> context, int fd) : context_(std::move(context)), fd_(fd) {}
  bool begin_client(const std::string& server_name);
  IoStatus outcome(int result);
  const char* closed_by_peer() const;

  std::shared_ptr<TlsContext> context_;
  ssl_st* ssl_ = nullptr;
  int fd_;
  bool drained_ = false;  // the last receive left the socket empty
  std::string reason_, psk_identity_;
  std::string server_names_;  // in a certificate that is for somebody else
};

}  // namespace keel::kernel
