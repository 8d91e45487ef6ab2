// Sessions read from a store that was just loaded. What a shard is told about one session comes in
// the order of the functions; finish_restore() ends it.
#include <algorithm>
#include <unordered_map>

#include "kernel/base/log.hpp"
#include "kernel/base/utf8.hpp"
#include "kernel/broker/broker.hpp"
#include "kernel/broker/connection.hpp"

namespace keel::kernel {

namespace {
constexpr std::int64_t kReturnMs = 10'000;
}

struct Broker::Restoring {
  std::unordered_map<std::uint64_t, Session*> sessions;          // by store id; null: discarded
  std::vector<std::pair<std::uint64_t, std::string>> discarded;  // and the client id
};

void Broker::restore(std::string_view client_id, SessionRow row) {
  if (!restoring_) restoring_ = std::make_shared<Restoring>();
  // What is in memory is newer than what was left in a store that had been unloaded.
  Session* const session =
      row.expiry_s != 0 && !sessions_.find(client_id) ? sessions_.create(client_id) : nullptr;
  restoring_->sessions[row.store_id] = session;
  if (!session) {
    restoring_->discarded.emplace_back(row.store_id, client_id);
    return;
  }
  realm_.sessions.fetch_add(1, std::memory_order_relaxed);
  metrics().add(Gauge::sessions, 1);
  if (!row.clean_start) metrics().add(Gauge::sessions_persistent, 1);
  session->clean_start = row.clean_start;
  session->expiry_s = row.expiry_s;
  session->created_at_s = static_cast<std::uint32_t>(row.created_at_s);
  session->set_username(row.username);
  if (!row.mountpoint.empty()) session->set_mount(row.mountpoint);
  if (row.will) put_will(*session, std::make_unique<Will>(std::move(*row.will)));
  session->stored = std::make_unique<Stored>();
  session->stored->id = row.store_id;
  realm_.kept.set(session->self, true);
  session->stored->sent_through = row.sent_through;
  session->stored->unknown = true;
  session->stored->was_connected = row.away_since_ms == 0;
  // Who was connected when the broker ended has some time to come back before he counts as away.
  const std::int64_t away_ms = row.away_since_ms == 0
                                   ? -kReturnMs
                                   : std::max<std::int64_t>(unix_ms() - row.away_since_ms, 0);
  session->set_away_since(shard_.now_ms() - away_ms);
  session->inflight.begin_behind(static_cast<std::uint16_t>(hash_seed() + row.store_id));
}

Session* Broker::restored(std::uint64_t store_id) const {
  if (!restoring_) return nullptr;
  const auto found = restoring_->sessions.find(store_id);
  return found != restoring_->sessions.end() ? found->second : nullptr;
}

void Broker::restore_subscription(std::uint64_t store_id, std::string_view filter,
                                  const SubscriptionRow& row) {
  Session* const session = restored(store_id);
  ParsedFilter parsed;
  if (!session || parse_filter(filter, 0, 0, parsed) != FilterError::none) return;
  enter(*session, parsed, {row.qos, row.no_local, row.retain_as_published, row.subscription_id});
}

void Broker::restore_sent(std::uint64_t store_id, std::uint64_t sequence, std::uint16_t packet_id) {
  Session* const session = restored(store_id);
  if (!session) return;
  Delivery delivery;
  delivery.sequence = sequence;
  delivery.qos = 2;
  delivery.state = Delivery::State::wait_pubrec;
  if (!session->inflight.restore(packet_id, std::move(delivery))) return;
  session->inflight.begin_behind(packet_id);  // they come in the order in which they were sent
  auto& sent = session->stored->sent;
  if (!sent) sent = std::make_unique<std::vector<std::pair<std::uint64_t, std::uint16_t>>>();
  sent->emplace_back(sequence, packet_id);
}

void Broker::restore_released(std::uint64_t store_id, std::uint16_t packet_id) {
  Session* const session = restored(store_id);
  if (!session) return;
  Delivery delivery;
  delivery.qos = 2;
  delivery.state = Delivery::State::wait_pubcomp;
  session->inflight.restore(packet_id, std::move(delivery));
}

void Broker::restore_awaiting(std::uint64_t store_id, std::uint16_t packet_id) {
  if (Session* const session = restored(store_id)) session->await_rel(packet_id);
}

void Broker::finish_restore() {
  if (const auto all = std::exchange(restoring_, {})) {
    for (const auto& [store_id, client_id] : all->discarded) {
      recorder_.discard(store_id, client_id);
      purges_.push_back({recorder_.turn(), store_id});
    }
    for (const auto& [store_id, session] : all->sessions)
      if (session && !session->connection) away_due(*session);  // it may end here
  }
  sessions_.each(0, ~std::size_t{0}, [&](Session& session) {
    if (!session.stored && !session.expires_at_disconnect()) keep(session);
  });
}

void Broker::redeliver(std::uint64_t number, const TransitRow& row, const MessagePtr& message,
                       bool last) {
  Publication publication(message, frames_);
  publication.set_promised(true);
  const Route& route = routes_.find(message->topic());
  for (const LocalTarget& local : route.local)
    if (row.plain && !(local.target.flags & Target::kOwnOnly) &&
        Realm::home(local.session->client_id, row.shards, row.seed) == row.shard)
      deliver(*local.session, publication, local.target, ids_of(local.target, route.ids));
  for (const SharedGroup* const group : route.groups)
    if (last && std::find(row.groups.begin(), row.groups.end(),
                          realm_.subscriptions.text(group->filter())) != row.groups.end())
      deliver_to_group(*group, publication, Subscriber{~0u}, false);
  finish_records(publication);
  if (last) recorder_.arrived(number);
}

// Every session goes on in memory; what waits for the disk has been let go.
void Broker::leave_store() {
  recorder_.switch_off();
  sessions_.each(0, ~std::size_t{0}, [&](Session& session) {
    if (!session.stored) return;
    metrics().add(Gauge::queued_messages, -std::int64_t{session.stored->tail});
    session.stored.reset();
    realm_.kept.set(session.self, false);
    for (Delivery* const delivery : session.inflight.in_order()) {
      delivery->sequence = 0;
      if (!delivery->message && delivery->state == Delivery::State::wait_pubrec)
        session.inflight.take(delivery->packet_id);  // it could not be read
    }
    for (std::size_t left = session.queue.size(); left > 0; --left) {
      Delivery delivery = session.queue.pop();
      delivery.sequence = 0;
      session.queue.push(std::move(delivery));
    }
  });
  tail_waits_.clear();
  purges_.clear();
}

std::uint64_t Broker::kept_sessions(std::size_t max, std::vector<std::string>& names) const {
  std::uint64_t count = 0;
  sessions_.each(0, ~std::size_t{0}, [&](Session& session) {
    if (!session.stored) return;
    ++count;
    if (names.size() < max) names.emplace_back(session.client_id);
  });
  return count;
}

// Reads what the tails of all queues hold into memory, as far as the limits allow; answers how many
// sessions still have one.
std::size_t Broker::fetch_tails() {
  std::size_t left = 0;
  sessions_.each(0, ~std::size_t{0}, [&](Session& session) {
    if (!session.stored || !session.stored->has_tail()) return;
    if (!has_room(0)) return;
    ++left;
    read_tail(session);
  });
  return left;
}

}  // namespace keel::kernel
