#include "kernel/net/dtls_server.hpp"

#include <algorithm>
#include <cstring>

#include "kernel/base/log.hpp"
#include "kernel/net/dtls_association.hpp"
#include "kernel/net/dtls_plain.hpp"
#include "kernel/net/dtls_records.hpp"
#include "kernel/net/udp_address.hpp"

namespace keel::kernel {
namespace {

constexpr std::uint32_t kLeastMtu = 256;  // OpenSSL refuses less
constexpr std::int64_t kPausedMs = 100;   // when a paused server's timers look again
constexpr std::int64_t kLongestTimerMs = 3'600'000;

}  // namespace

std::string_view dtls_close_reason_name(DtlsCloseReason reason) {
  switch (reason) {
    case DtlsCloseReason::peer:
      return "closed by the client";
    case DtlsCloseReason::local:
      return "closed";
    case DtlsCloseReason::idle:
      return "idle";
    case DtlsCloseReason::replaced:
      return "the client began anew";
    case DtlsCloseReason::error:
      return "error";
  }
  return "";
}

std::size_t DtlsServer::EndpointHash::operator()(const Endpoint& endpoint) const {
  return hash_endpoint(endpoint);
}

DtlsServer::DtlsServer(UdpSocket& socket, std::shared_ptr<TlsContext> context, DtlsHandler& handler,
                       Options options)
    : socket_(socket),
      context_(std::move(context)),
      handler_(&handler),
      options_(std::move(options)),
      plain_(std::make_unique<Plain>()) {
  options_.mtu = std::max(options_.mtu, kLeastMtu);
  socket_.set_handler(*this);
}

DtlsServer::~DtlsServer() { socket_.pause(); }

void DtlsServer::pause() {
  paused_ = true;
  socket_.pause();
}

bool DtlsServer::resume() {
  paused_ = false;
  return socket_.resume();
}

void DtlsServer::on_datagrams(std::span<const Datagram> datagrams) {
  const Busy busy(*this);
  for (const Datagram& datagram : datagrams) {
    if (socket_.closed()) return;
    on_datagram(datagram);
  }
  deliver();
  count();
}

// A client that begins anew mixes two associations: what is unencrypted is for the newer one; of
// the rest the older one tells what is its own.
void DtlsServer::on_datagram(const Datagram& datagram) {
  DtlsAssociation* known = find(datagram.peer);
  if (looks_like_hello(datagram.bytes)) return on_hello(datagram, known);
  if (!known) return stats_.dropped.add();
  if (!known->established) return on_handshake_datagram(*known, datagram);
  if (known->next && unencrypted(datagram.bytes)) {
    return on_handshake_datagram(*known->next, datagram);
  }
  if (on_record(*known, datagram.bytes)) return;
  known = find(datagram.peer);
  if (known && known->next) on_handshake_datagram(*known->next, datagram);
}

// Whether the datagram held something that is the association's own.
bool DtlsServer::on_record(DtlsAssociation& association, Bytes datagram) {
  association.feed(datagram);
  bool own = false;
  for (;;) {
    if (plain_->full()) deliver();
    if (association.dead) return true;
    const IoResult got = association.read(plain_->free_place(), Plain::kLargest);
    if (association.dead) return true;
    if (got.status == IoStatus::ok) {
      own = true;
      plain_->add(association, got.size);
      continue;
    }
    association.feed({});
    if (got.status == IoStatus::want_read) break;
    KEEL_LOG(debug, "DTLS {}: association with {} ended: {}", options_.name,
             association.peer.text(), association.reason());
    end(association, got.status == IoStatus::end ? DtlsCloseReason::peer : DtlsCloseReason::error);
    return true;
  }
  association.relax();
  if (own) association.last_seen_ms = now_ms();
  if (association.retransmit_in_ms()) arm(association);
  return own;
}

void DtlsServer::deliver() {
  const auto datagrams = plain_->take();
  if (!datagrams.empty()) handler_->on_datagrams(datagrams);
}

SendOutcome DtlsServer::send(const Endpoint& peer, Bytes bytes) {
  const iovec piece{const_cast<char*>(bytes.data()), bytes.size()};
  return send(peer, &piece, 1);
}

SendOutcome DtlsServer::send(const Endpoint& peer, const iovec* pieces, std::size_t n) {
  DtlsAssociation* const association = find_established(peer);
  if (!association) return SendOutcome::no_session;
  std::size_t size = 0;
  for (std::size_t i = 0; i < n; ++i) {
    if (pieces[i].iov_len > Plain::kLargest - size) return SendOutcome::too_large;
    if (pieces[i].iov_len == 0) continue;
    std::memcpy(plain_->sending() + size, pieces[i].iov_base, pieces[i].iov_len);
    size += pieces[i].iov_len;
  }
  if (size == 0) return SendOutcome::failed;
  const SendOutcome outcome = association->write({plain_->sending(), size});
  association->relax();
  association->last_seen_ms = now_ms();
  return outcome;
}

bool DtlsServer::close(const Endpoint& peer) {
  const Busy busy(*this);
  DtlsAssociation* const association = find_established(peer);
  if (!association) return false;
  end(*association, DtlsCloseReason::local);
  count();
  return true;
}

void DtlsServer::close_all() {
  const Busy busy(*this);
  deliver();
  std::vector<Endpoint> peers;
  peers.reserve(associations_.size());
  for (const auto& [peer, association] : associations_) peers.push_back(peer);
  for (const Endpoint& peer : peers) {
    DtlsAssociation* association = find(peer);
    if (association && association->established) {
      if (association->next) discard(*association->next);
      end(*association, DtlsCloseReason::local);
    } else if (association) {
      discard(*association);
    }
  }
  count();
}

// What was received before is handed out first.
void DtlsServer::end(DtlsAssociation& association, DtlsCloseReason reason) {
  deliver();
  if (association.dead) return;
  if (reason != DtlsCloseReason::error) association.goodbye();
  Owned owned = take(association);
  if (owned->next) {
    owned->next->successor = false;
    associations_[owned->peer] = std::move(owned->next);
  }
  retire(std::move(owned), reason);
}

void DtlsServer::retire(Owned association, DtlsCloseReason reason) {
  DtlsAssociation& gone = *association;
  gone.dead = true;
  gone.timer.cancel();
  --established_;
  bury(std::move(association));
  count();
  handler_->on_session_closed(gone.peer, *gone.verified, reason);
}

// The handler's calls come from within Busy, so what is buried stays readable until they are done.
void DtlsServer::bury(Owned association) {
  association->timer.cancel();
  association->dead = true;
  graves_.push_back(std::move(association));
}

DtlsServer::Owned DtlsServer::take(DtlsAssociation& association) {
  const auto found = associations_.find(association.peer);
  if (association.successor) return std::move(found->second->next);
  Owned owned = std::move(found->second);
  associations_.erase(found);
  return owned;
}

DtlsAssociation* DtlsServer::find(const Endpoint& peer) const {
  const auto found = associations_.find(peer);
  return found == associations_.end() ? nullptr : found->second.get();
}

DtlsAssociation* DtlsServer::find_established(const Endpoint& peer) const {
  DtlsAssociation* const found = find(peer);
  return found && found->established ? found : nullptr;
}

const PeerInfo::Verified* DtlsServer::verified(const Endpoint& peer) const {
  const DtlsAssociation* const found = find_established(peer);
  return found ? found->verified.get() : nullptr;
}

void DtlsServer::count() {
  stats_.sessions.store(static_cast<std::uint32_t>(established_), std::memory_order_relaxed);
  stats_.half_open.store(static_cast<std::uint32_t>(half_open_), std::memory_order_relaxed);
}

void DtlsServer::arm(DtlsAssociation& association) {
  const std::int64_t until = association.established
                                 ? association.last_seen_ms + options_.idle_timeout_ms
                                 : association.deadline_ms;
  std::int64_t delay = std::min(until - now_ms(), kLongestTimerMs);
  if (const auto retransmit = association.retransmit_in_ms()) delay = std::min(delay, *retransmit);
  socket_.home().timers().arm(association.timer, std::max<std::int64_t>(delay, 0));
}

// Traffic does not move the timer of an association; when it fires it looks how long ago that was.
void DtlsServer::on_timer(DtlsAssociation& association) {
  if (paused_) return socket_.home().timers().arm(association.timer, kPausedMs);
  const Busy busy(*this);
  if (association.established) {
    if (now_ms() - association.last_seen_ms >= options_.idle_timeout_ms) {
      return end(association, DtlsCloseReason::idle);
    }
  } else if (now_ms() >= association.deadline_ms) {
    return fail(association, association.silence());
  }
  if (!association.retransmit() && !association.established) {
    return fail(association, association.silence());
  }
  association.relax();
  arm(association);
}

}  // namespace keel::kernel
