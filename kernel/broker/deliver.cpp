// From a message to one session: sent now, or queued under the bounds, or dropped and counted.
#include <algorithm>
#include <utility>

#include "kernel/base/log.hpp"
#include "kernel/base/utf8.hpp"
#include "kernel/broker/broker.hpp"
#include "kernel/broker/connection.hpp"
#include "kernel/broker/publication.hpp"

namespace keel::kernel {

namespace {

// Retained messages are not urgent: they leave room in the socket for what happens now.
constexpr std::size_t kRetainedOutput = 256 * 1024;
constexpr std::size_t kRetainedSlice = 64;
constexpr int kRetainedSlicesPerTurn = 4;

}  // namespace

void Broker::deliver(Session& session, Publication& publication, const Target& target,
                     std::span<const std::uint32_t> ids) {
  const MessageView& message = publication.view();
  const bool own = session.number == message.publisher;
  if (own ? target.flags & Target::kNoLocal ||
                (ignores_own(session) && !(target.flags & Target::kShared))
          : target.flags & Target::kOwnOnly)
    return;
  const std::uint8_t qos = delivered_qos(message.qos, target.qos);
  const bool retain = message.retain && target.flags & Target::kRetainAsPublished;
  const bool shared = target.flags & Target::kShared;
  Connection* connection = session.connection;
  if (qos == 0) {
    if (connection && connection->direct()) {
      if (connection->writable())
        connection->send_fresh(publication, 0, retain, ids, target.group, shared);
      else
        drop_for(session, Metric::messages_dropped_slow, message, "slow");
      return;
    }
    if (!connection && !settings_->mqtt.queue_qos0) {
      drop_for(session, Metric::messages_dropped, message, "offline");
      return;
    }
  } else if (connection && session.nothing_waits() && connection->direct() &&
             connection->window_open() && connection->writable() &&
             connection->nothing_to_resend()) {
    connection->send_fresh(publication, qos, retain, ids, target.group, shared);
    return;
  }
  Delivery delivery;
  delivery.message = publication.share();
  delivery.qos = qos;
  delivery.retain = retain;
  set_subscription_ids(delivery, ids, target.group, shared);
  enqueue(session, std::move(delivery), publication);
  if (connection) connection->keep_order();
}

bool Broker::ignores_own(const Session& session) const {
  return settings_->mqtt.ignore_loop_deliver && session.connection &&
         session.connection->version() != Version::v5;
}

void Broker::enqueue(Session& session, Delivery delivery, Publication& publication) {
  const bool kept = is_kept(session, publication.view(), delivery.qos);
  if (kept && !session.connection && !publication.promised() &&
      realm_.journal.condition() >= StoreCondition::low) {
    store_refused_ = true;
    drop_for(session, Metric::messages_dropped_queue_full, publication.view(), "store_full");
    return;
  }
  if (session.stored && session.stored->unknown) count_tail(session);
  const Limits& limits = settings_->limits;
  const auto cost = static_cast<std::int64_t>(delivery.cost());
  std::uint32_t most = limits.max_queued;
  if (const std::uint32_t asked = session.connection ? session.connection->queue_limit() : 0;
      asked != 0)
    most = most == 0 ? asked : std::min(most, asked);
  const auto over = [&] {
    return (most != 0 && session.waiting() + 1 > most) ||
           (limits.max_queued_bytes != 0 &&
            session.queue.bytes() + static_cast<std::size_t>(cost) > limits.max_queued_bytes);
  };
  // What can never fit costs no other message its place.
  const bool fits =
      limits.max_queued_bytes == 0 || static_cast<std::uint64_t>(cost) <= limits.max_queued_bytes;
  while (fits && over() && !session.queue.empty()) {
    log_overflow(session);
    if (session.connection && session.connection->polling())
      session.connection->left_queue(session.queue.to_drop());
    const Delivery dropped = session.queue.drop();
    recorder_.settled(session, dropped);
    account_queue(-1, -static_cast<std::int64_t>(dropped.cost()));
    drop_for(session, Metric::messages_dropped_queue_full, dropped.message->view(), "queue_full");
  }
  // The global budget cannot be met by this session's own messages alone: the new one goes.
  if (over() || !has_room(static_cast<std::size_t>(cost))) {
    if (session.queue.empty()) read_tail(session);  // so that the oldest ones can go next time
    log_overflow(session);
    drop_for(session, Metric::messages_dropped_queue_full, delivery.message->view(), "queue_full");
    return;
  }
  ++session.enqueued;
  if (kept) {
    const bool fits_window =
        !session.stored->has_tail() && session.queue.size() < settings_->durability.queue_window;
    record(session, publication, delivery);
    if (!fits_window) {  // it is read again when the client has taken what stands before it
      ++session.stored->tail;
      metrics().add(Gauge::queued_messages, 1);
      return;
    }
    session.stored->loaded = delivery.sequence;
  }
  account_queue(1, cost);
  session.queue.push(std::move(delivery));
}

void Broker::log_overflow(Session& session) {
  if (session.overflow_logged) return;
  session.overflow_logged = true;
  std::string name;
  KEEL_LOG(
      warning,
      "client={}: its queue is full at {} messages, {} bytes (limits.max_queued*): messages are "
      "dropped, the oldest first",
      printable(session.client_id, name), session.queue.size(), session.queue.bytes());
}

bool Broker::has_room(std::size_t bytes) const {
  const std::uint64_t budget = settings_->limits.max_total_queued_bytes;
  const std::int64_t held = realm_.queued_bytes.load(std::memory_order_relaxed);
  return budget == 0 ||
         static_cast<std::uint64_t>(std::max<std::int64_t>(held, 0)) + bytes <= budget;
}

void Broker::account_queue(std::int64_t messages, std::int64_t bytes) {
  metrics().add(Gauge::queued_messages, messages);
  metrics().add(Gauge::queued_bytes, bytes);
  realm_.queued_bytes.fetch_add(bytes, std::memory_order_relaxed);
}

void Broker::drop_for(Session& session, Metric cause, const MessageView& message,
                      std::string_view word) {
  ++session.dropped;
  if (message.qos == 2) metrics().add(Metric::qos2_dropped);
  drop(cause, message, word, &session);
}

void Broker::pump(Session& session) {
  Connection* connection = session.connection;
  if (!connection || !connection->open() || !connection->receives()) return;
  if (!connection->nothing_to_resend() && !connection->resend()) return;
  while (connection->queue_due()) {
    if (session.queue.empty()) return read_tail(session);
    Delivery& next = session.queue.front();
    if (next.message->expired(shard_.now_ms())) {
      metrics().add(Metric::messages_expired);
      if (next.qos == 2) metrics().add(Metric::qos2_expired);
      tell_dropped(next.message->view(), "expired", &session);
    } else if ((next.qos != 0 && !connection->window_open()) || !connection->writable()) {
      return;
    }
    Delivery delivery = session.queue.pop();
    connection->left_queue(0);
    account_queue(-1, -static_cast<std::int64_t>(delivery.cost()));
    if (!delivery.message->expired(shard_.now_ms()))
      connection->send_queued(std::move(delivery));
    else
      recorder_.settled(session, delivery);
    if (session.stored && session.queue.size() < settings_->durability.queue_window / 2)
      read_tail(session);
  }
  if (session.nothing_waits()) {
    connection->caught_up();
    session.overflow_logged = false;
  }
  if (session.retained() && !pump_retained(session)) return;
  if (connection->polling()) connection->end_poll();
}

// Retained messages owed to the session, as far as window and socket allow, a bounded number a
// turn. False: not all that are due yet.
bool Broker::pump_retained(Session& session) {
  Connection& connection = *session.connection;
  std::vector<MessagePtr> found;
  for (int slice = 0; const FilterId* due = connection.retained_due(); ++slice) {
    if (session.retained_posted()) return false;
    if (slice == kRetainedSlicesPerTurn) {
      continue_later(session);
      return false;
    }
    if (!connection.window_open() || !connection.writable_below(kRetainedOutput)) return false;
    const FilterId filter = *due;
    RetainedCursor& cursor = session.retained()->at(filter);
    // Only as many as may be sent: a message fetched is a message sent.
    const std::size_t room = std::min(kRetainedSlice, connection.window_left());
    found.clear();
    const bool done = realm_.retained_for(cursor.filter)
                          .match(cursor.filter, cursor.after, room, shard_.now_ms(), found);
    for (MessagePtr& message : found) {
      if (cursor.no_local && message->publisher() == session.number) continue;
      Delivery delivery;
      delivery.qos = delivered_qos(message->qos(), cursor.qos);
      delivery.retain = true;
      delivery.subscription_id = cursor.subscription_id;
      delivery.message = std::move(message);
      // The packet id of QoS 2 must outlive a restart: the client remembers it.
      if (delivery.qos == 2 && session.stored && session.nothing_waits()) {
        Publication publication(delivery.message, frames_);
        publication.set_single(true);
        record(session, publication, delivery);
        session.stored->loaded = delivery.sequence;
      }
      connection.send_queued(std::move(delivery));
    }
    if (done || (connection.polling() && exhausted(cursor))) session.forget_retained(filter);
  }
  return true;
}

// Whether no message follows; a poll ends with its last one.
bool Broker::exhausted(const RetainedCursor& cursor) const {
  std::string after = cursor.after;
  std::vector<MessagePtr> next;
  return realm_.retained_for(cursor.filter).match(cursor.filter, after, 1, shard_.now_ms(), next) &&
         next.empty();
}

// Comes back to a session on the next turn, after what others wait for.
void Broker::continue_later(Session& session) {
  session.set_retained_posted(true);
  shard_.post([this, subscriber = session.self, number = session.number] {
    Session* const still = sessions_.at(subscriber.slot());
    if (!still || still->number != number) return;
    still->set_retained_posted(false);
    pump(*still);
  });
}

std::uint8_t Broker::delivered_qos(std::uint8_t published, std::uint8_t subscribed_at) const {
  return settings_->mqtt.upgrade_qos ? std::max(published, subscribed_at)
                                     : std::min(published, subscribed_at);
}

// Hands a delivery that was picked for a shared subscription to another member, `online_only`: to
// one that is connected. False: there is none.
bool Broker::redispatch(const Session& from, const Delivery& delivery, bool online_only) {
  Publication publication(delivery.message, frames_);
  Target target;
  target.subscriber = from.self;
  target.group = delivery.extra->group;
  publication.set_single(true);
  publication.set_promised(true);
  return deliver_again(target, publication, online_only);
}

// A member of shared subscriptions is gone: what it has not acknowledged goes to the others; while
// its session lives, only to those that are there. A QoS 2 message it may have seen stays its own
// [MQTT-4.8.2-4, MQTT-4.8.2-5].
void Broker::redispatch_shared(Session& session, bool online_only) {
  if (session.shared_subscriptions().empty()) return;
  for (const Delivery* delivery : session.inflight.in_order())
    if (delivery->shared() && delivery->state == Delivery::State::wait_puback &&
        redispatch(session, *delivery, online_only)) {
      recorder_.settled(session, *delivery);
      session.inflight.take(delivery->packet_id);
    }
  const std::vector<Delivery> moved = session.queue.remove_if([&](const Delivery& delivery) {
    return delivery.shared() && redispatch(session, delivery, online_only);
  });
  for (const Delivery& delivery : moved) {
    recorder_.settled(session, delivery);
    account_queue(-1, -static_cast<std::int64_t>(delivery.cost()));
  }
}

}  // namespace keel::kernel
