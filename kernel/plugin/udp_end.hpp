// One socket of a plugin's UDP bind, plain or DTLS, on one shard. Made by the control thread, then
// [shard] except where marked.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "keel/ext/udp.h"
#include "kernel/net/dtls_server.hpp"
#include "kernel/net/udp_socket.hpp"
#include "kernel/plugin/host_thread.hpp"

namespace keel::kernel {

// For whom a bind is, and what that plugin gave.
struct UdpOwner {
  Slot* slot = nullptr;
  keel_handle handle = 0;
  keel_udp_callbacks fns{};
  void* ctx = nullptr;
  keel_psk_lookup_fn psk_lookup = nullptr;
  void* psk_ctx = nullptr;
};

class UdpEnd final : public DtlsHandler, public std::enable_shared_from_this<UdpEnd> {
 public:
  // Takes over `fd`.
  UdpEnd(Shard& home, int fd, UdpSocket::Options options);
  UdpEnd(const UdpEnd&) = delete;
  UdpEnd& operator=(const UdpEnd&) = delete;
  ~UdpEnd();
  // Before it comes to life: DTLS on it. [control]
  void use_dtls(std::shared_ptr<TlsContext> context, DtlsServer::Options options);

  // The plugin runs: what was kept is shown, then what comes.
  void live(const UdpOwner& owner);
  // Reads no more and calls nobody. What comes all the same is kept.
  void hold();
  void close();  // not from within a callback
  void set_context(std::shared_ptr<TlsContext> context);

  keel_status send(const keel_addr& peer, const keel_str* pieces, std::uint32_t n);
  keel_status close_peer(const keel_addr& peer);
  std::optional<std::string> psk(const std::string& identity);
  UdpSocket& socket() { return socket_; }
  void add_stats(keel_udp_stats& sum) const;  // [any]

 private:
  // What an association proved, at an address that stays while it lives.
  struct Proof {
    explicit Proof(const PeerInfo::Verified& from);
    const PeerInfo::Verified text;
    const keel_verified shown;
  };
  using ProofPtr = std::shared_ptr<const Proof>;
  // What came while nobody could be called.
  struct Kept {
    enum class What : std::uint8_t { datagram, opened, closed } what;
    keel_addr peer, local;
    std::string bytes;
    ProofPtr proof;
  };
  class Batch;

  void on_datagrams(std::span<const Datagram> datagrams) override;
  void on_session_opened(const Endpoint& peer, const PeerInfo::Verified& verified) override;
  void on_session_closed(const Endpoint& peer, const PeerInfo::Verified& verified,
                         DtlsCloseReason reason) override;

  bool callable() const;
  void stop_reading();
  ProofPtr proof_of(const PeerInfo::Verified* verified);
  void note_session(const Endpoint& peer, ProofPtr proof, bool opened);
  void show_session(const keel_addr& peer, const keel_verified& verified, bool opened);
  void show_kept();
  void show_kept_later();
  void report_output();

  UdpSocket socket_;
  std::unique_ptr<DtlsServer> dtls_;  // null: plain, or closed
  UdpOwner owner_;
  std::unordered_map<const PeerInfo::Verified*, ProofPtr> proofs_;
  std::vector<Kept> kept_;
  std::uint32_t unreported_ = 0;  // bytes sent, not yet in the slot's count
  bool live_ = false;
  bool open_ = true;
  bool asked_ = false;  // within a call of the plugin's
};

}  // namespace keel::kernel
