// DtlsServer: from a client's first message to the association.
#include <algorithm>

#include "kernel/base/log.hpp"
#include "kernel/net/dtls_association.hpp"
#include "kernel/net/dtls_plain.hpp"
#include "kernel/net/dtls_records.hpp"
#include "kernel/net/dtls_server.hpp"

namespace keel::kernel {
namespace {

// OpenSSL keeps encrypted records that come before the keys are known, 16 KiB for each. A client
// has reason to send its last message and, on a bad network, that again.
constexpr std::uint32_t kMaxEarlyRecords = 16;

}  // namespace

// Known clients too are asked for a cookie: anybody can write their address on a datagram.
void DtlsServer::on_hello(const Datagram& datagram, DtlsAssociation* known) {
  const auto hello = parse_hello(datagram.bytes);
  if (!hello) return stats_.dropped.add();
  const auto same = [&](const DtlsAssociation& association) {
    return std::equal(hello->random.begin(), hello->random.end(), association.random.begin());
  };
  DtlsAssociation* const under_way = !known || !known->established ? known : known->next.get();
  if (under_way && same(*under_way)) return on_handshake_datagram(*under_way, datagram);
  if (known && same(*known)) return;  // a late copy
  if (cookie_.check(hello->cookie, datagram.peer, hello->random, now_ms())) {
    if (admitted(datagram, known)) begin(datagram, hello->random, known);
    return;
  }
  const auto cookie = cookie_.make(datagram.peer, hello->random, now_ms());
  if (!cookie) return stats_.dropped.add();
  stats_.hellos_verified.add();
  const HelloVerify answer = make_hello_verify(*hello, *cookie);
  socket_.send(datagram.peer, {answer.data(), answer.size()}, &datagram.local);
}

bool DtlsServer::admitted(const Datagram& datagram, const DtlsAssociation* known) {
  const bool replaces = known != nullptr;
  const char* limit = nullptr;
  if (half_open_ >= options_.max_handshakes) limit = "max_handshakes";
  if (!replaces && established_ + half_open_ >= options_.max_sessions) limit = "max_sessions";
  if (!limit) return true;
  stats_.handshakes_refused.add();
  KEEL_LOG(warning, "DTLS {}: {} turned away: {} reached; raise it or close associations",
           options_.name, datagram.peer.text(), limit);
  return false;
}

void DtlsServer::begin(const Datagram& datagram, std::string_view random, DtlsAssociation* known) {
  Owned made = DtlsAssociation::create(*this, datagram);
  if (!made || !made->listen()) {
    stats_.dropped.add();
    KEEL_LOG(notice, "DTLS {}: {}: first message refused: {}", options_.name, datagram.peer.text(),
             made ? made->reason() : "out of memory");
    return;
  }
  DtlsAssociation& association = *made;
  std::copy(random.begin(), random.end(), association.random.begin());
  association.deadline_ms = now_ms() + options_.handshake_timeout_ms;
  // Of two handshakes with one client the older one is given up.
  if (known && !known->established) {
    discard(*known);
    known = nullptr;
  } else if (known && known->next) {
    discard(*known->next);
  }
  association.successor = known != nullptr;
  (known ? known->next : associations_[datagram.peer]) = std::move(made);
  ++half_open_;
  step(association);
}

void DtlsServer::on_handshake_datagram(DtlsAssociation& association, const Datagram& datagram) {
  association.early_records += static_cast<std::uint32_t>(count_encrypted(datagram.bytes));
  if (association.early_records > kMaxEarlyRecords) return stats_.dropped.add();
  association.feed(datagram.bytes);
  step(association);
}

void DtlsServer::step(DtlsAssociation& association) {
  const IoStatus status = association.handshake();
  if (association.dead) return;
  if (status == IoStatus::ok) return complete(association);
  association.feed({});
  association.relax();
  if (status != IoStatus::want_read) return fail(association, association.reason());
  arm(association);
}

// The datagram that ended the handshake may hold data too.
void DtlsServer::complete(DtlsAssociation& association) {
  association.verified = std::make_unique<const PeerInfo::Verified>(association.prove());
  association.established = true;
  association.last_seen_ms = now_ms();
  --half_open_;
  ++established_;
  stats_.handshakes.add();
  deliver();
  if (association.successor) {
    Owned& place = associations_[association.peer];
    Owned older = std::move(place);
    place = std::move(older->next);
    association.successor = false;
    retire(std::move(older), DtlsCloseReason::replaced);
    if (association.dead) return;
  }
  KEEL_LOG(debug, "DTLS {}: association with {}: {} {}", options_.name, association.peer.text(),
           association.verified->tls_version, association.verified->cipher);
  arm(association);
  handler_->on_session_opened(association.peer, *association.verified);
  if (association.dead) return;
  on_record(association, association.rest());
}

void DtlsServer::fail(DtlsAssociation& association, std::string_view why) {
  stats_.handshakes_failed.add();
  socket_.home().metrics().add(Metric::tls_handshake_failed);
  KEEL_LOG(notice, "DTLS {}: handshake with {} failed: {}", options_.name, association.peer.text(),
           why);
  bury(take(association));
  --half_open_;
  count();
}

// A handshake that nobody wants any more.
void DtlsServer::discard(DtlsAssociation& association) {
  stats_.handshakes_failed.add();
  bury(take(association));
  --half_open_;
}

}  // namespace keel::kernel
