// A DTLS server for tests, and clients made of OpenSSL that can lose datagrams on purpose.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/net/dtls_server.hpp"
#include "pki.hpp"
#include "server.hpp"
#include "udp_rig.hpp"

namespace keel::test {

using ContextPtr = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;

// A client's context: DTLS 1.2, any suite the server may offer.
ContextPtr dtls_client_context();
// One that goes by a key. `ciphers` as OpenSSL writes them.
ContextPtr dtls_psk_context(const std::string& ciphers = "PSK-AES128-CCM8");

// A client on a socket of its own.
class DtlsClient {
 public:
  DtlsClient(const Endpoint& server, SSL_CTX* context, std::string identity = {},
             std::string key = {});
  DtlsClient(const DtlsClient&) = delete;
  ~DtlsClient();

  std::string connect();  // empty: done; else why not
  bool send(std::string_view text);
  std::string receive();  // "(closed)" after a goodbye, "(nothing)" after a long time
  std::string ask(std::string_view text) { return send(text) ? receive() : "(not sent)"; }
  void goodbye() { SSL_shutdown(ssl_); }
  // Forgets everything but the address, as a client does that was switched off and on.
  void reboot();
  // Goes on with the handshake until `receive` datagrams have been taken, and answers those.
  void step(int receive);
  void poke() { SSL_connect(ssl_); }
  // Whether poke() waits for an answer.
  void set_waiting(bool waiting) { waiting_ = waiting; }

  SSL* ssl() const { return ssl_; }
  const Peer& peer() const { return peer_; }
  Endpoint local() const { return peer_.local(); }

  int lose_received = 0, lose_sent = 0;  // so many next datagrams
  std::vector<std::string> sent;         // every datagram
  std::size_t largest_received = 0;
  const std::string identity, key;

 private:
  friend struct ClientBio;
  void attach();
  Peer peer_;
  SSL_CTX* context_;
  SSL* ssl_ = nullptr;
  bool waiting_ = true;
  int allowance_ = -1;  // datagrams that may be received; -1: any number
};

// Sends back what it gets, and tells what happens: "opened CN|IDENTITY", "closed REASON".
struct DtlsEcho final : DtlsHandler {
  void on_datagrams(std::span<const Datagram> datagrams) override;
  void on_session_opened(const Endpoint& peer, const PeerInfo::Verified& verified) override;
  void on_session_closed(const Endpoint& peer, const PeerInfo::Verified& verified,
                         DtlsCloseReason reason) override;
  DtlsServer* server = nullptr;
  Events events;
  std::function<void(const Datagram&)> then;
  std::size_t datagrams = 0, largest_batch = 0;
};

// A server on shard 0 whose keys are in a file: "device" and "other".
struct DtlsRig {
  static constexpr const char* kKey = "0123456789abcdef";
  static TlsSettings psk_settings(const TempDir& dir);

  explicit DtlsRig(DtlsServer::Options options = {});
  DtlsRig(const TlsSettings& settings, DtlsServer::Options options, TlsOptions tls = {});
  ~DtlsRig();
  void start(const TlsSettings& settings, DtlsServer::Options options, TlsOptions tls);
  Endpoint address() const { return socket->local().endpoint; }
  std::size_t sessions();
  std::size_t handshakes();
  // As if `bytes` had come from `from`.
  void inject(const Endpoint& from, std::string_view bytes);

  TempDir dir;
  Rig rig;
  DtlsEcho echo;
  std::unique_ptr<UdpSocket> socket;
  std::unique_ptr<DtlsServer> server;
};

std::shared_ptr<TlsContext> dtls_context(const TlsSettings& settings, TlsOptions options = {});

}  // namespace keel::test
