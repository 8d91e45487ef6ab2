// DTLS 1.2 on a UDP socket: keeps an association with each client and hands decrypted datagrams on,
// with what the handshake proved. Belongs to the socket's shard; counters may be read by any
// thread.
//
// Nothing is kept of a client before it has shown, with a cookie, that it receives at its address.
// A client that begins anew from the address of an old association replaces it when its handshake
// is complete, not before (RFC 6347, 4.2.8).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "kernel/net/datagram.hpp"
#include "kernel/net/dtls_cookie.hpp"
#include "kernel/net/tls_context.hpp"
#include "kernel/net/udp_socket.hpp"

namespace keel::kernel {

class DtlsAssociation;

enum class DtlsCloseReason : std::uint8_t {
  peer,      // close_notify, or an alert
  local,     // close(), close_all()
  idle,      // no traffic for idle_timeout_ms
  replaced,  // the client began anew; the new association follows
  error,     // broken beyond repair
};
std::string_view dtls_close_reason_name(DtlsCloseReason reason);

// The protocol on top. [shard of the socket]
class DtlsHandler : public DatagramHandler {
 public:
  // Before the first datagram. `verified` lives as long as the association.
  virtual void on_session_opened(const Endpoint& peer, const PeerInfo::Verified& verified) = 0;
  // After the last datagram; not called when the server itself is destroyed.
  virtual void on_session_closed(const Endpoint& peer, const PeerInfo::Verified& verified,
                                 DtlsCloseReason reason) = 0;

 protected:
  ~DtlsHandler() = default;
};

class DtlsServer final : public DatagramHandler {
 public:
  struct Options {
    std::string name;  // for the log
    std::uint32_t max_sessions = 10'000;
    std::uint32_t max_handshakes = 512;  // under way at one time
    std::int64_t handshake_timeout_ms = 20'000;
    std::int64_t idle_timeout_ms = 24 * 3'600'000;
    std::uint32_t mtu = 1'232;  // of a handshake's datagrams
  };
  struct Stats {
    Counter handshakes;          // completed
    Counter handshakes_failed;   // begun and not completed
    Counter handshakes_refused;  // turned away: max_sessions, max_handshakes
    Counter hellos_verified;     // asked for a cookie
    Counter dropped;             // datagrams that belong to no association, or are no DTLS
    std::atomic<std::uint32_t> sessions{0}, half_open{0};  // now
  };

  // Becomes the handler of `socket`, which must outlive it. `context` comes from
  // TlsContext::load() with `datagram` set; its psk_lookup is asked on
  // the shard.
  DtlsServer(UdpSocket& socket, std::shared_ptr<TlsContext> context, DtlsHandler& handler,
             Options options);
  DtlsServer(const DtlsServer&) = delete;
  DtlsServer& operator=(const DtlsServer&) = delete;
  ~DtlsServer();  // without goodbyes; not from within a callback

  // As those of the socket: associations stay and nothing is lost. While paused no callback comes,
  // except, when paused from within one, for what had been received together with it.
  void pause();
  bool resume();
  void set_handler(DtlsHandler& handler) { handler_ = &handler; }
  // For handshakes that begin from now on: new certificates or keys.
  void set_context(std::shared_ptr<TlsContext> context) { context_ = std::move(context); }

  // Encrypts and sends; 1 byte to 16 KiB.
  SendOutcome send(const Endpoint& peer, const iovec* pieces, std::size_t n);
  SendOutcome send(const Endpoint& peer, Bytes bytes);

  // Say goodbye and forget. on_session_closed follows at once. False: no such association.
  bool close(const Endpoint& peer);
  void close_all();

  const PeerInfo::Verified* verified(const Endpoint& peer) const;  // null: no association
  std::size_t sessions() const { return established_; }
  std::size_t handshakes() const { return half_open_; }  // under way
  const Stats& stats() const { return stats_; }          // [any]
  UdpSocket& socket() const { return socket_; }

 private:
  friend class DtlsAssociation;
  struct EndpointHash {
    std::size_t operator()(const Endpoint& endpoint) const;
  };
  using Owned = std::unique_ptr<DtlsAssociation>;
  class Plain;  // decrypted datagrams on their way to the handler
  class Busy;   // a call from outside: what dies during it is freed after it

  void on_datagrams(std::span<const Datagram> datagrams) override;
  void on_datagram(const Datagram& datagram);
  DtlsAssociation* find(const Endpoint& peer) const;
  DtlsAssociation* find_established(const Endpoint& peer) const;

  // Handshakes.
  void on_hello(const Datagram& datagram, DtlsAssociation* known);
  bool admitted(const Datagram& datagram, const DtlsAssociation* known);
  void begin(const Datagram& datagram, std::string_view random, DtlsAssociation* known);
  void on_handshake_datagram(DtlsAssociation& association, const Datagram& datagram);
  void step(DtlsAssociation& association);
  void complete(DtlsAssociation& association);
  void fail(DtlsAssociation& association, std::string_view why);
  void discard(DtlsAssociation& association);

  // Associations.
  bool on_record(DtlsAssociation& association, Bytes datagram);
  void end(DtlsAssociation& association, DtlsCloseReason reason);
  void retire(Owned association, DtlsCloseReason reason);
  void deliver();
  void on_timer(DtlsAssociation& association);
  void arm(DtlsAssociation& association);
  Owned take(DtlsAssociation& association);
  void bury(Owned association);
  void count();
  std::int64_t now_ms() const { return socket_.home().now_ms(); }

  UdpSocket& socket_;
  std::shared_ptr<TlsContext> context_;
  DtlsHandler* handler_;
  Options options_;
  DtlsCookie cookie_;
  std::unordered_map<Endpoint, Owned, EndpointHash> associations_;
  std::size_t established_ = 0, half_open_ = 0;
  bool paused_ = false;
  bool busy_ = false;
  std::vector<Owned> graves_;
  std::unique_ptr<Plain> plain_;
  Stats stats_;
};

}  // namespace keel::kernel
