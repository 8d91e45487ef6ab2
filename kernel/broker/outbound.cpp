// PUBLISH to clients: windows, packet ids, wire forms.
#include <cstring>

#include "kernel/broker/broker.hpp"
#include "kernel/broker/connection.hpp"
#include "kernel/codec/encoder.hpp"

namespace keel::kernel {

std::size_t Connection::window_left() const {
  std::size_t window = receive_max_;
  if (const std::uint32_t limit = broker_->settings().limits.max_inflight; limit != 0)
    window = std::min<std::size_t>(window, limit);
  // What waits to be sent again occupies the window only once it is sent.
  const std::size_t held = session_->inflight.size() - unsent();
  return held < window ? window - held : 0;
}

bool Connection::writable_below(std::size_t bytes) {
  if (bytes == 0 || link_.out.size() < bytes) return true;
  link_.notify_when_drained();
  return false;
}

std::size_t Connection::largest_packet() const {
  return max_packet_out_ != 0 ? std::min<std::size_t>(max_packet_out_, kMaxPacketSize)
                              : kMaxPacketSize;
}

bool Connection::writable() { return writable_below(broker_->settings().limits.max_output_bytes); }

// `again`: sent before, to an earlier connection of the session.
inline void Connection::count_sent(const MessageView& message, std::uint8_t qos, bool again) {
  broker_->metrics().add(qos == 0   ? Metric::qos0_sent
                         : qos == 1 ? Metric::qos1_sent
                                    : Metric::qos2_sent);
  ++session_->delivered;
  if (broker_->wants(Event::message_delivered) || broker_->traces()) [[unlikely]]
    tell_sent(message, qos, again);
}

void Connection::tell_sent(const MessageView& message, std::uint8_t qos, bool again) {
  if (broker_->wants(Event::message_delivered) && !again)
    broker_->notify({.event = Event::message_delivered,
                     .client = hook_client(),
                     .topic = message.topic,
                     .qos = qos,
                     .reason = "success",
                     .message = &message});
  if (broker_->traces()) trace_out(message.topic, qos, message.payload.size());
}

void Connection::too_large(const MessageView& message) {
  broker_->metrics().add(Metric::messages_dropped_too_large);
  broker_->tell_dropped(message, "packet_too_large", session_);
}

const FrameCache::Frame& Connection::make_frame(Publication& publication, std::uint8_t qos) const {
  const MessageView& view = publication.view();
  PublishFields fields;
  fields.topic = view.topic;
  fields.payload = view.payload;
  fields.properties = view.properties;
  fields.qos = qos;
  fields.expiry_s = remaining_expiry(view);
  return publication.frames().make(version_, fields);
}

// Inline, as count_sent(): what a message costs in a large fan-out is mostly calls.
[[gnu::always_inline]] inline bool Connection::write_frame(Publication& publication,
                                                           const FrameCache::Frame& frame,
                                                           std::uint8_t qos, bool retain,
                                                           std::uint16_t packet_id) {
  const MessageView& view = publication.view();
  const std::size_t size = frame.head.size() + (frame.sliced ? view.payload.size() : 0);
  if (size > largest_packet() || frame.head.empty()) {
    too_large(view);
    return false;
  }
  char* at = link_.out.reserve(frame.head.size());
  if (!at) return false;
  std::memcpy(at, frame.head.data(), frame.head.size());
  at[0] = publish_first_byte(qos, retain, false);
  if (qos != 0) store_be16(at + frame.id_at, packet_id);
  link_.out.commit(frame.head.size());
  if (frame.sliced) link_.out.append_slice(publication.message(), publication.message()->payload());
  link_.touch();
  count_sent(view, qos, false);
  return true;
}

void Connection::send_fresh(Publication& publication, std::uint8_t qos, bool retain,
                            std::span<const std::uint32_t> ids, FilterId group, bool shared) {
  Delivery* kept = nullptr;
  if (qos != 0) {
    kept = session_->inflight.insert();
    if (!kept) return;
    kept->message = publication.share();
    kept->qos = qos;
    kept->retain = retain;
    kept->state = qos == 1 ? Delivery::State::wait_puback : Delivery::State::wait_pubrec;
    if (shared || !ids.empty()) set_subscription_ids(*kept, ids, group, shared);
    if (broker_->is_kept(*session_, publication.view(), qos)) {
      broker_->record(*session_, publication, *kept);
      session_->stored->loaded = kept->sequence;
    }
    if (kept->sequence != 0 && !note_sent(*kept)) return;
  }
  const std::uint16_t packet_id = kept ? kept->packet_id : 0;
  const bool plain =
      ids.empty() && (!extras_ || (extras_->mountpoint.empty() && extras_->alias_out_max == 0));
  const FrameCache::Frame* frame = plain ? publication.frames().find(version_, qos) : nullptr;
  if (!frame && plain && !publication.single()) frame = &make_frame(publication, qos);
  const bool sent = frame ? write_frame(publication, *frame, qos, retain, packet_id)
                          : write(publication.view(),
                                  publication.view().payload.size() >= OutBuffer::kSliceFrom
                                      ? publication.message()
                                      : MessagePtr(),
                                  qos, retain, false, packet_id, ids);
  if (!sent && kept) forget_inflight(packet_id);
}

// Writes down what the session's client is about to be sent. False: it is sent once that is safe:
// of QoS 2, what a client saw under a packet id must not come again under another one.
bool Connection::note_sent(const Delivery& delivery) {
  Stored& stored = *session_->stored;
  stored.sent_through = std::max(stored.sent_through, delivery.sequence);
  if (delivery.qos != 2) return true;
  broker_->recorder().sent(*session_, delivery);
  if (delivery.message->durability() == Durability::async) return true;
  wait_at_gate(
      {broker_->recorder().turn(), PacketType::publish, Reason::success, delivery.packet_id, {}});
  return false;
}

// A delivery that cannot be made, or is over.
void Connection::forget_inflight(std::uint16_t packet_id) {
  broker_->recorder().settled(*session_, session_->inflight.take(packet_id));
}

void Connection::send_queued(Delivery delivery) {
  const std::uint8_t qos = delivery.qos;
  if (qos == 0) {
    write(delivery.message->view(), delivery.message, 0, delivery.retain, false, 0,
          delivery.subscription_ids());
    return;
  }
  delivery.state = qos == 1 ? Delivery::State::wait_puback : Delivery::State::wait_pubrec;
  Delivery* kept = session_->inflight.insert(std::move(delivery));
  if (!kept) return;
  if (kept->sequence != 0 && !note_sent(*kept)) return;
  if (!write(kept->message->view(), kept->message, qos, kept->retain, kept->dup, kept->packet_id,
             kept->subscription_ids()))
    forget_inflight(kept->packet_id);
}

// Of QoS 2, whose turn at the gate has come.
void Connection::send_gated(std::uint16_t packet_id) {
  const Delivery* const delivery = session_->inflight.find(packet_id);
  if (!delivery || delivery->state != Delivery::State::wait_pubrec || !delivery->message) return;
  if (!write(delivery->message->view(), delivery->message, 2, delivery->retain, delivery->dup,
             packet_id, delivery->subscription_ids()))
    forget_inflight(packet_id);
}

void Connection::start_resend() {
  if (session_->inflight.empty()) return;
  const std::vector<Delivery*> all = session_->inflight.in_order();
  for (auto delivery = all.rbegin(); delivery != all.rend(); ++delivery) {
    (*delivery)->unsent = true;
    extras().resend.push_back((*delivery)->packet_id);
  }
  extras_->unsent = extras_->resend.size();
}

bool Connection::resend() {
  if (!extras_) return true;
  auto& ids = extras_->resend;
  while (!ids.empty()) {
    if (!window_open() || !writable()) return false;
    const std::uint16_t id = ids.back();
    ids.pop_back();
    Delivery* delivery = session_->inflight.find(id);
    if (!delivery || !delivery->unsent) continue;  // answered meanwhile
    if (!delivery->message && delivery->state != Delivery::State::wait_pubcomp) {
      ids.push_back(id);  // still in the store
      broker_->read_tail(*session_);
      return false;
    }
    mark_sent(*delivery);
    if (const std::uint64_t turn = delivery->qos == 2 ? broker_->recorder().pending_turn() : 0;
        turn != 0 && delivery->sequence != 0) {
      delivery->dup = true;
      wait_at_gate({turn,
                    delivery->state == Delivery::State::wait_pubcomp ? PacketType::pubrel
                                                                     : PacketType::publish,
                    Reason::success,
                    id,
                    {}});
      continue;
    }
    if (delivery->state == Delivery::State::wait_pubcomp) {
      send_ack(PacketType::pubrel, id, Reason::success);
    } else if (!write(delivery->message->view(), delivery->message, delivery->qos, delivery->retain,
                      true, id, delivery->subscription_ids())) {
      forget_inflight(id);
    }
  }
  return true;
}

bool Connection::write(const MessageView& message, const MessagePtr& holder, std::uint8_t qos,
                       bool retain, bool dup, std::uint16_t packet_id,
                       std::span<const std::uint32_t> ids) {
  PublishFields fields;
  fields.topic = message.topic;
  if (extras_ && !extras_->mountpoint.empty() && fields.topic.starts_with(extras_->mountpoint))
    fields.topic.remove_prefix(extras_->mountpoint.size());
  fields.payload = holder ? holder->payload() : message.payload;
  fields.properties = message.properties;
  fields.qos = qos;
  fields.retain = retain;
  fields.dup = dup;
  fields.packet_id = packet_id;
  fields.expiry_s = remaining_expiry(message);
  fields.subscription_ids = ids;
  // An alias may be used in later packets once this one is sent for certain. It costs three bytes,
  // and perhaps one more in the property length and the remaining length.
  if (version_ == Version::v5 && extras_ && extras_->alias_out_max != 0 &&
      publish_size(version_, fields) + 5 <= largest_packet())
    fields.topic_alias = pick_alias(fields.topic);
  if (!encode_publish(link_.out, version_, fields, holder, largest_packet())) {
    too_large(message);
    return false;
  }
  link_.touch();
  count_sent(message, qos, dup);
  return true;
}

// The first topics sent get an alias each and keep it [MQTT5 3.3.2.3.4]. Empties `topic` when the
// client knows the alias already.
std::uint16_t Connection::pick_alias(Bytes& topic) {
  auto& known = extras_->alias_out;
  const std::string key(topic);
  if (const auto found = known.find(key); found != known.end()) {
    topic = {};
    return found->second;
  }
  if (known.size() >= extras_->alias_out_max) return 0;
  const auto alias = static_cast<std::uint16_t>(known.size() + 1);
  known.emplace(key, alias);
  return alias;
}

std::uint32_t Connection::remaining_expiry(const MessageView& message) const {
  if (message.expiry_s == kNoExpiry || version_ != Version::v5) return kNoExpiry;
  const std::int64_t waited_s = (link_.shard().now_ms() - message.received_ms) / 1000;
  return waited_s >= message.expiry_s ? 1 : message.expiry_s - static_cast<std::uint32_t>(waited_s);
}

void set_subscription_ids(Delivery& delivery, std::span<const std::uint32_t> ids, FilterId group,
                          bool shared) {
  if (ids.size() == 1) delivery.subscription_id = ids[0];
  if (ids.size() <= 1 && !shared) return;
  delivery.extra = std::make_unique<DeliveryExtra>();
  if (ids.size() > 1) delivery.extra->subscription_ids.assign(ids.begin(), ids.end());
  delivery.extra->group = group;
  delivery.extra->shared = shared;
}

}  // namespace keel::kernel
