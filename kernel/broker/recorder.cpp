#include "kernel/broker/recorder.hpp"

#include <algorithm>
#include <array>

#include "kernel/durable/row_io.hpp"

namespace keel::kernel {

namespace {

// A message this small is written into each queue's row: a row that refers to it is not smaller.
constexpr std::size_t kSharedFrom = 128;

constexpr unsigned kNumberBits = 36, kShardBits = 8;

std::uint64_t first_number(std::uint64_t opened, std::uint32_t shard) {
  return (opened << kShardBits | shard) << kNumberBits;
}

// Of a row of a queue. Other keys are short enough for a std::string to hold them in place.
struct QueueKey {
  QueueKey(const Session& session, std::uint64_t sequence) {
    store_be64(store_be64(octets.data(), session.stored->id), sequence);
  }
  operator std::string_view() const { return {octets.data(), octets.size()}; }
  std::array<char, 16> octets;
};

}  // namespace

void Recorder::switch_on(std::shared_ptr<std::uint64_t> opened) {
  on_ = true;
  opened_ = std::move(opened);
  numbers_from_ = first_number(*opened_, shard_);
  numbers_ = 0;
}

std::uint64_t Recorder::opening(std::uint64_t number) {
  return number >> (kShardBits + kNumberBits);
}

std::uint64_t Recorder::next_number() {
  if (++numbers_ >> kNumberBits != 0) {
    journal_.common([&](Batch& batch) {
      batch.put(Space::meta, kOpenedKey, write_number(++*opened_));
      numbers_from_ = first_number(*opened_, shard_);
    });
    note_elsewhere();
    numbers_ = 1;
  }
  return numbers_from_ | numbers_;
}

Batch& Recorder::batch() {
  ++mark_;
  if (!batch_) batch_ = std::make_unique<Batch>();
  return *batch_;
}

void Recorder::end_turn(std::uint32_t receipts) {
  if (mark_ == turn_mark_) return;
  turn_mark_ = mark_;
  ledger_.end_turn(journal_.submit(std::move(batch_)), receipts);
}

bool Recorder::refused(std::uint64_t turn) const {
  return std::find(refused_.begin(), refused_.end(), turn) != refused_.end();
}

void Recorder::forget_refused() {
  std::erase_if(refused_, [this](std::uint64_t turn) { return turn <= safe(); });
}

void Recorder::keep(Session& session) {
  session.stored = std::make_unique<Stored>();
  session.stored->id = next_number();
}

void Recorder::session_changed(const Session& session, std::int64_t away_since_unix_ms) {
  SessionRow row;
  row.store_id = session.stored->id;
  row.expiry_s = session.expiry_s;
  row.created_at_s = session.created_at_s;
  row.away_since_ms = away_since_unix_ms;
  row.sent_through = session.stored->sent_through;
  row.clean_start = session.clean_start;
  row.username = session.username();
  row.mountpoint = session.mount();
  if (session.will) row.will = *session.will;
  batch().put(Space::sessions, session.client_id, write_row(row));
}

void Recorder::forget(const Session& session, bool queue) {
  Batch& batch = this->batch();
  batch.erase(Space::sessions, session.client_id);
  if (queue) batch.put(Space::purge, number_key(session.stored->id), {});
}

void Recorder::discard(std::uint64_t store_id, std::string_view client_id) {
  Batch& batch = this->batch();
  batch.erase(Space::sessions, client_id);
  for (const Space space : {Space::subscriptions, Space::sent, Space::released, Space::awaiting})
    batch.erase_range(space, number_key(store_id), number_key(store_id + 1));
  batch.put(Space::purge, number_key(store_id), {});
}

void Recorder::subscribed(const Session& session, std::string_view filter,
                          const SubscriptionOptions& options) {
  batch().put(Space::subscriptions, text_key(session.stored->id, filter),
              write_row(SubscriptionRow{options.qos, options.no_local, options.retain_as_published,
                                        options.subscription_id}));
}

void Recorder::unsubscribed(const Session& session, std::string_view filter) {
  batch().erase(Space::subscriptions, text_key(session.stored->id, filter));
}

void Recorder::queue(Session& session, Publication& publication, Delivery& delivery,
                     std::string_view group, const RowClock& clock) {
  const MessageView& message = publication.view();
  Stored& stored = *session.stored;
  // All receivers of a publication have its sequence, so that their rows find the message they
  // share; one that is there twice, through a shared subscription, has a number of its own.
  if (publication.sequence() == 0) publication.set_sequence(next_number());
  delivery.sequence = publication.sequence();
  delivery.counted =
      !publication.single() &&
      message.topic.size() + message.payload.size() + message.properties.size() >= kSharedFrom;
  if (delivery.sequence <= stored.last) {
    delivery.sequence = next_number();
    delivery.counted = false;
  }
  stored.last = delivery.sequence;
  if (delivery.counted) publication.add_holder();
  DeliveryRow row;
  row.qos = delivery.qos;
  row.retain = delivery.retain;
  row.shared_subscription = delivery.shared();
  row.subscription_ids.assign(delivery.subscription_ids().begin(),
                              delivery.subscription_ids().end());
  row.group = group;
  row.message_id = delivery.counted ? delivery.sequence : 0;
  const MessageView* const inside = delivery.counted ? nullptr : &message;
  Batch& batch = this->batch();
  const std::size_t size = delivery_row_size(row, inside);
  char* const at = batch.room(size);
  write_delivery_row(at, row, inside, clock);
  batch.put_made(Space::queue, QueueKey(session, delivery.sequence), {at, size});
}

void Recorder::finish(Publication& publication, const RowClock& clock) {
  if (publication.holders() == 0) return;
  std::string value(message_row_size(publication.view()), '\0');
  write_message_row(value.data(), publication.view(), clock);
  batch().hold(Space::messages, number_key(publication.sequence()), value, publication.holders());
}

void Recorder::sent(const Session& session, const Delivery& delivery) {
  std::array<char, 2> id;
  store_be16(id.data(), delivery.packet_id);
  batch().put(Space::sent, QueueKey(session, delivery.sequence), {id.data(), id.size()});
}

void Recorder::released(const Session& session, const Delivery& delivery) {
  settled(session, delivery);
  batch().put(Space::released, id_key(session.stored->id, delivery.packet_id), {});
}

void Recorder::settled(const Session& session, const Delivery& delivery) {
  if (!session.stored) return;
  if (delivery.state == Delivery::State::wait_pubcomp)
    return batch().erase(Space::released, id_key(session.stored->id, delivery.packet_id));
  if (delivery.sequence == 0) return;
  Batch& batch = this->batch();
  const QueueKey at(session, delivery.sequence);
  if (delivery.state == Delivery::State::wait_pubrec) batch.erase(Space::sent, at);
  // Of one that is still to be read nobody knows which message its row refers to: that is left to
  // purge_queue().
  if (delivery.state == Delivery::State::wait_pubrec && !delivery.message) return;
  batch.erase_once(Space::queue, at);
  if (delivery.counted) batch.release(Space::messages, number_key(delivery.sequence));
}

void Recorder::transit(std::uint64_t number, const TransitRow& row, const MessageView& message,
                       const RowClock& clock) {
  batch().put(Space::transit, number_key(number), write_row(row, message, clock));
}

void Recorder::arrived(std::uint64_t number) {
  batch().erase_once(Space::transit, number_key(number));
}

void Recorder::awaiting(const Session& session, std::uint16_t packet_id) {
  batch().put(Space::awaiting, id_key(session.stored->id, packet_id), {});
}

void Recorder::completed(const Session& session, std::uint16_t packet_id) {
  batch().erase(Space::awaiting, id_key(session.stored->id, packet_id));
}

}  // namespace keel::kernel
