#include "kernel/plugin/udp_end.hpp"

#include <array>

#include "kernel/plugin/host_support.hpp"
#include "kernel/plugin/plugin_tls.hpp"

namespace keel::kernel {
namespace {

constexpr std::uint32_t kReportSentFrom =
    16 * 1024;  // bytes sent before the slot's count is touched
constexpr std::size_t kMaxPieces = 64;

// An Endpoint keeps the interface of a link-local address inside it, a keel_addr beside it.
bool link_local(const keel_addr& addr) {
  return addr.family == KEEL_ADDR_IP6 && addr.bytes[0] == 0xfe && (addr.bytes[1] & 0xc0) == 0x80;
}

keel_addr show_addr(const Endpoint& endpoint) {
  keel_addr addr = to_addr(endpoint);
  if (!link_local(addr)) return addr;
  addr.scope = static_cast<std::uint32_t>(addr.bytes[2] << 8 | addr.bytes[3]);
  addr.bytes[2] = addr.bytes[3] = 0;
  return addr;
}

Endpoint read_addr(const keel_addr& addr) {
  Endpoint endpoint = to_endpoint(addr);
  if (!link_local(addr) || addr.scope == 0) return endpoint;
  endpoint.bytes[2] = static_cast<std::uint8_t>(addr.scope >> 8);
  endpoint.bytes[3] = static_cast<std::uint8_t>(addr.scope);
  return endpoint;
}

keel_status answer(SendOutcome outcome) {
  switch (outcome) {
    case SendOutcome::sent:
      return KEEL_OK;
    case SendOutcome::full:
      return fail(KEEL_E_LIMIT, "udp.send: the socket's buffer is full");
    case SendOutcome::too_large:
      return fail(KEEL_E_INVAL, "udp.send: the datagram is larger than one can be");
    case SendOutcome::failed:
      return fail(KEEL_E_IO, "udp.send: the system refused it; is there a route to the peer?");
    case SendOutcome::no_session:
      return fail(KEEL_E_NOENT, "udp.send: there is no DTLS association with this peer");
  }
  return KEEL_E_IO;
}

}  // namespace

UdpEnd::Proof::Proof(const PeerInfo::Verified& from) : text(from), shown(to_verified(text)) {}

// Datagrams on their way to the plugin, as it sees them; up to 32 in a call.
class UdpEnd::Batch {
 public:
  explicit Batch(UdpEnd& end) : end_(end) {}
  void add(const keel_datagram& datagram) {
    shown_[n_++] = datagram;
    bytes_ += datagram.bytes.size;
    if (n_ == shown_.size()) flush();
  }
  void flush() {
    const std::uint32_t n = std::exchange(n_, 0);
    if (n == 0 || !end_.live_) return;
    const UdpOwner owner = end_.owner_;
    owner.slot->bytes_in.fetch_add(std::exchange(bytes_, 0), std::memory_order_relaxed);
    call_plugin(*owner.slot, CallSite::udp,
                [&] { owner.fns.datagrams(owner.ctx, owner.handle, shown_.data(), n); });
    end_.report_output();
  }

 private:
  UdpEnd& end_;
  std::uint32_t n_ = 0;
  std::uint64_t bytes_ = 0;
  std::array<keel_datagram, UdpSocket::kBatch> shown_;
};

UdpEnd::UdpEnd(Shard& home, int fd, UdpSocket::Options options)
    : socket_(home, fd, *this, std::move(options)) {}

UdpEnd::~UdpEnd() = default;

void UdpEnd::use_dtls(std::shared_ptr<TlsContext> context, DtlsServer::Options options) {
  dtls_ = std::make_unique<DtlsServer>(socket_, std::move(context), *this, std::move(options));
}

// False between two versions, and from when the kernel answers the plugin nothing any more.
bool UdpEnd::callable() const { return live_ && owner_.slot->accepting(); }

void UdpEnd::live(const UdpOwner& owner) {
  if (!open_) return;
  owner_ = owner;
  live_ = true;
  show_kept();
  if (!callable()) return;
  if (dtls_)
    dtls_->resume();
  else
    socket_.resume();
}

void UdpEnd::stop_reading() {
  if (dtls_)
    dtls_->pause();
  else
    socket_.pause();
}

void UdpEnd::hold() {
  if (live_) report_output();
  live_ = false;
  if (open_) stop_reading();
}

void UdpEnd::close() {
  if (!std::exchange(open_, false)) return;
  if (live_) report_output();
  live_ = false;
  kept_.clear();
  if (dtls_) dtls_->close_all();
  socket_.close();
  proofs_.clear();
}

void UdpEnd::set_context(std::shared_ptr<TlsContext> context) {
  if (dtls_ && open_) dtls_->set_context(std::move(context));
}

UdpEnd::ProofPtr UdpEnd::proof_of(const PeerInfo::Verified* verified) {
  if (!verified) return nullptr;
  ProofPtr& proof = proofs_[verified];
  if (!proof) proof = std::make_shared<const Proof>(*verified);
  return proof;
}

void UdpEnd::on_datagrams(std::span<const Datagram> datagrams) {
  if (!open_) return;
  if (!callable()) {
    stop_reading();
    for (const Datagram& each : datagrams)
      kept_.push_back({Kept::What::datagram, show_addr(each.peer), show_addr(each.local),
                       std::string(each.bytes), proof_of(each.verified)});
    return;
  }
  Batch batch(*this);
  for (const Datagram& each : datagrams) {
    const ProofPtr proof = proof_of(each.verified);  // kept by the map
    batch.add({.peer = show_addr(each.peer),
               .local = show_addr(each.local),
               .bytes = str(each.bytes),
               .verified = proof ? &proof->shown : nullptr});
  }
  batch.flush();
}

void UdpEnd::on_session_opened(const Endpoint& peer, const PeerInfo::Verified& verified) {
  if (open_) note_session(peer, proof_of(&verified), true);
}

void UdpEnd::on_session_closed(const Endpoint& peer, const PeerInfo::Verified& verified,
                               DtlsCloseReason) {
  ProofPtr proof = proof_of(&verified);
  proofs_.erase(&verified);
  if (open_) note_session(peer, std::move(proof), false);
}

void UdpEnd::note_session(const Endpoint& peer, ProofPtr proof, bool opened) {
  if (callable() && !asked_) return show_session(show_addr(peer), proof->shown, opened);
  if (asked_ && kept_.empty()) show_kept_later();
  kept_.push_back({opened ? Kept::What::opened : Kept::What::closed,
                   show_addr(peer),
                   {},
                   {},
                   std::move(proof)});
}

void UdpEnd::show_session(const keel_addr& peer, const keel_verified& verified, bool opened) {
  if (!owner_.fns.session) return;
  call_plugin(*owner_.slot, CallSite::udp, [&] {
    owner_.fns.session(owner_.ctx, owner_.handle, &peer, &verified, opened ? 1 : 0);
  });
}

// In the order in which it came. The plugin may close the socket meanwhile.
void UdpEnd::show_kept() {
  const std::vector<Kept> kept = std::exchange(kept_, {});
  Batch batch(*this);
  for (const Kept& each : kept) {
    if (each.what == Kept::What::datagram) {
      batch.add({.peer = each.peer,
                 .local = each.local,
                 .bytes = str(each.bytes),
                 .verified = each.proof ? &each.proof->shown : nullptr});
    } else {
      batch.flush();
      if (live_) show_session(each.peer, each.proof->shown, each.what == Kept::What::opened);
    }
  }
  batch.flush();
}

// What happened within a call of the plugin's into the kernel, it is told of afterwards.
void UdpEnd::show_kept_later() {
  socket_.home().post([self = shared_from_this()] {
    if (self->callable()) self->show_kept();
  });
}

keel_status UdpEnd::send(const keel_addr& peer, const keel_str* pieces, std::uint32_t n) {
  // Also between two versions of the plugin: sessions that go on have answers to give.
  if (!open_) return fail(KEEL_E_STATE, "udp.send: the socket is closed");
  if (n > kMaxPieces)
    return fail(KEEL_E_INVAL, fmt::format("udp.send: more than {} pieces", kMaxPieces));
  std::array<iovec, kMaxPieces> vectors;
  std::size_t size = 0;
  for (std::uint32_t i = 0; i < n; ++i) {
    vectors[i] = {const_cast<char*>(pieces[i].data), pieces[i].size};
    size += pieces[i].size;
  }
  const Endpoint to = read_addr(peer);
  asked_ = true;
  const SendOutcome outcome =
      dtls_ ? dtls_->send(to, vectors.data(), n) : socket_.send(to, vectors.data(), n);
  asked_ = false;
  if (outcome != SendOutcome::sent) return answer(outcome);
  unreported_ += static_cast<std::uint32_t>(size);
  if (live_ && unreported_ >= kReportSentFrom) report_output();
  return KEEL_OK;
}

keel_status UdpEnd::close_peer(const keel_addr& peer) {
  if (!dtls_) return fail(KEEL_E_NOENT, "udp.close_peer: the socket is plain UDP");
  if (!open_ || !dtls_->verified(read_addr(peer)))
    return fail(KEEL_E_NOENT, "udp.close_peer: there is no DTLS association with this peer");
  // Later, since the plugin hears of it.
  socket_.home().post([self = shared_from_this(), to = read_addr(peer)] {
    if (self->open_) self->dtls_->close(to);
  });
  return KEEL_OK;
}

void UdpEnd::report_output() {
  if (unreported_ == 0) return;
  owner_.slot->bytes_out.fetch_add(std::exchange(unreported_, 0), std::memory_order_relaxed);
}

std::optional<std::string> UdpEnd::psk(const std::string& identity) {
  if (!callable()) return std::nullopt;
  return ask_psk(*owner_.slot, CallSite::udp, owner_.psk_lookup, owner_.psk_ctx, identity);
}

void UdpEnd::add_stats(keel_udp_stats& sum) const {
  const UdpSocket::Stats& plain = socket_.stats();
  sum.datagrams_in += plain.datagrams_in.get();
  sum.datagrams_out += plain.datagrams_out.get();
  sum.bytes_in += plain.bytes_in.get();
  sum.bytes_out += plain.bytes_out.get();
  sum.dropped += plain.dropped_in.get() + plain.dropped_out.get();
  if (!dtls_) return;
  const DtlsServer::Stats& dtls = dtls_->stats();
  sum.sessions += dtls.sessions.load(std::memory_order_relaxed);
  sum.dropped += dtls.dropped.get() + dtls.handshakes_refused.get();
  sum.handshakes += dtls.handshakes.get();
  sum.handshakes_failed += dtls.handshakes_failed.get();
}

}  // namespace keel::kernel
