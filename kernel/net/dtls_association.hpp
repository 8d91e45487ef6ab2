// DTLS with one peer: OpenSSL over a BIO that is handed one datagram at a time and sends by the
// server's socket. Owned by its DtlsServer, which decides what happens; [shard].
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "kernel/base/timer_wheel.hpp"
#include "kernel/net/datagram.hpp"
#include "kernel/net/io_status.hpp"
#include "kernel/net/tls_context.hpp"

struct ssl_st;

namespace keel::kernel {

class DtlsServer;
class UdpSocket;

class DtlsAssociation {
 public:
  // Null when OpenSSL has no memory.
  static std::unique_ptr<DtlsAssociation> create(DtlsServer& server, const Datagram& hello);
  DtlsAssociation(const DtlsAssociation&) = delete;
  DtlsAssociation& operator=(const DtlsAssociation&) = delete;
  ~DtlsAssociation();

  // The datagram that the calls below work on; empty: none any more.
  void feed(Bytes datagram) { input_ = datagram; }
  // Takes a first message whose cookie has been checked. False: OpenSSL does not like it.
  bool listen();
  // One step; ok: done.
  IoStatus handshake();
  // One record. want_read: nothing more in this datagram; end: the peer's goodbye or alert.
  IoResult read(char* to, std::size_t size);
  SendOutcome write(Bytes bytes);
  void goodbye();
  // After every use: gives back the buffers, 34 KiB, that OpenSSL would keep.
  void relax();
  // What of the datagram OpenSSL has not taken yet.
  Bytes rest() const { return input_; }

  // When the handshake's last messages are to be sent again; none: nothing is waited for.
  std::optional<std::int64_t> retransmit_in_ms() const;
  bool retransmit();  // false: too often already

  // What the handshake proved. [after it]
  PeerInfo::Verified prove() const;
  // Why the last call failed, in words for the log.
  const std::string& reason() const { return reason_; }
  // Why the client may be silent.
  std::string silence() const;

  const Endpoint peer, local;

  // The server's notes.
  Timer timer;
  std::array<char, 32> random{};  // of the client, which tells a copy of its hello from a new one
  std::int64_t deadline_ms = 0;   // of the handshake
  std::int64_t last_seen_ms = 0;
  std::uint32_t early_records = 0;  // encrypted ones that came before the handshake's end
  bool established = false;
  bool dead = false;
  bool successor = false;                 // the handshake of a client that has an older association
  std::unique_ptr<DtlsAssociation> next;  // that handshake
  std::unique_ptr<const PeerInfo::Verified> verified;

 private:
  friend struct DtlsBio;
  DtlsAssociation(DtlsServer& server, const Datagram& hello);
  void prime();
  IoStatus outcome(int result);
  std::string explain(unsigned long code) const;

  DtlsServer& server_;
  std::shared_ptr<TlsContext> context_;
  ssl_st* ssl_ = nullptr;
  Bytes input_;
  bool relaxed_ = false;  // OpenSSL has no buffers now
  SendOutcome sent_ = SendOutcome::sent;
  std::string reason_;
};

}  // namespace keel::kernel
