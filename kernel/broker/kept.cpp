// Sessions that a store keeps: written down whole when they begin to be kept, erased when they end.
#include "kernel/broker/broker.hpp"
#include "kernel/broker/connection.hpp"

namespace keel::kernel {

// From now on the session is in the store, with all that it has.
void Broker::keep(Session& session) {
  recorder_.keep(session);
  realm_.kept.set(session.self, true);
  recorder_.session_changed(session, session.connection ? 0 : unix_ms());
  for (const FilterId filter : session.subscriptions)
    if (const auto options = realm_.subscriptions.find(filter, session.self))
      recorder_.subscribed(session, realm_.subscriptions.text(filter), *options);
  for (const std::uint16_t id : session.awaiting_rel()) recorder_.awaiting(session, id);
  for (Delivery* const delivery : session.inflight.in_order()) keep_message(session, *delivery);
  for (std::size_t left = session.queue.size(); left > 0; --left) {
    Delivery delivery = session.queue.pop();
    keep_message(session, delivery);
    session.queue.push(std::move(delivery));
  }
  session.stored->loaded = session.stored->last;
}

void Broker::keep_message(Session& session, Delivery& delivery) {
  if (delivery.state == Delivery::State::wait_pubcomp) return recorder_.released(session, delivery);
  if (delivery.qos == 0 || !delivery.message) return;
  Publication publication(delivery.message, frames_);
  publication.set_single(true);
  record(session, publication, delivery);
  if (delivery.state == Delivery::State::wait_pubrec) recorder_.sent(session, delivery);
}

// The session ends; its subscriptions are erased already.
void Broker::forget_kept(Session& session) {
  for (const std::uint16_t id : session.awaiting_rel()) recorder_.completed(session, id);
  for (const Delivery* const delivery : session.inflight.in_order())
    recorder_.settled(session, *delivery);
  for (std::size_t left = session.queue.size(); left > 0; --left) {
    Delivery delivery = session.queue.pop();
    recorder_.settled(session, delivery);
    session.queue.push(std::move(delivery));
  }
  realm_.kept.set(session.self, false);
  const Stored& stored = *session.stored;
  recorder_.forget(session, stored.has_tail());
  metrics().add(Gauge::queued_messages, -std::int64_t{stored.tail});
  if (stored.has_tail()) purges_.push_back({recorder_.turn(), stored.id});
}

// What the store knows of a client that is away.
void Broker::note_away(const Session& session) {
  if (session.stored)
    recorder_.session_changed(session, unix_ms() - (shard_.now_ms() - session.away_since_ms()));
}

}  // namespace keel::kernel
