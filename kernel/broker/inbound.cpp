// PUBLISH from clients [MQTT5 3.3].
#include <algorithm>

#include "kernel/base/log.hpp"
#include "kernel/base/utf8.hpp"
#include "kernel/broker/broker.hpp"
#include "kernel/broker/connection.hpp"
#include "kernel/codec/encoder.hpp"

namespace keel::kernel {

namespace {

constexpr Bytes kDelayed = "$delayed/";

}  // namespace

bool reserved_topic(Bytes topic) {
  if (!topic.starts_with('$')) return false;
  const Bytes first = topic.substr(0, topic.find('/'));
  return first == "$SYS" || first == "$share" || first == "$queue" || first == "$delayed";
}

bool topic_fits(Bytes topic, std::size_t mount_size, const Limits& limits) {
  if (topic.size() + mount_size > Connection::kMaxTopicSize) return false;
  if (limits.max_topic_length != 0 && topic.size() > limits.max_topic_length) return false;
  // A topic has at most one level more than bytes: most need no counting.
  return limits.max_topic_levels == 0 || topic.size() < limits.max_topic_levels ||
         topic_levels(topic) <= limits.max_topic_levels;
}

// The whole packet, when it may go on as it is. `expiry_s`: of the message that it becomes.
inline Bytes Connection::as_it_came(const PublishView& publish, std::uint32_t expiry_s,
                                    const FixedHeader& header, Bytes body) const {
  if (!publish.verbatim || mount_size() != 0 || publish.payload.size() >= OutBuffer::kSliceFrom)
    return {};
  if (version_ == Version::v5 && expiry_s != kNoExpiry) return {};  // the broker's own
  if (header.size != 2 && body.data()[-1] == 0) return {};  // a longer length than we would write
  return {body.data() - header.size, body.size() + header.size};
}

// Inline: every message comes through here.
[[gnu::always_inline]] inline void Connection::take_publish(const PublishView& publish,
                                                            const FixedHeader& header, Bytes body) {
  MetricsCell& metrics = broker_->metrics();
  metrics.add(publish.qos == 0   ? Metric::qos0_received
              : publish.qos == 1 ? Metric::qos1_received
                                 : Metric::qos2_received);
  MessageView message;
  message.topic =
      mount_size() == 0 ? publish.topic : mounted(publish.topic, broker_->topic_scratch());
  message.payload = publish.payload;
  message.properties = publish.properties;
  message.qos = publish.qos;
  message.retain = publish.retain;
  message.expiry_s = broker_->capped_expiry(publish.expiry_s);
  message.received_ms = link_.shard().now_ms();
  message.publisher = session_->number;
  message.packet_v5 = version_ == Version::v5;
  message.packet = as_it_came(publish, message.expiry_s, header, body);
  Recorder& recorder = broker_->recorder();
  if (recorder.on() && (publish.qos != 0 || publish.retain))
    message.durability = broker_->durability_for(message.topic, link_.peer().listener.get());
  const std::uint64_t mark = recorder.mark();
  broker_->take_store_refused();  // what was refused before was nobody's here
  Reason reason = Reason::success;
  if (broker_->publish_hooked(message, session_->client_id, session_->username(), reason) == 0 &&
      reason == Reason::success)
    reason = Reason::no_matching_subscribers;
  if (publish.qos == 0) return;
  if (broker_->take_store_refused()) [[unlikely]] {
    refuse_for_store(publish, Reason::quota_exceeded);
    return;
  }
  if (publish.qos == 2 && !is_error(reason)) {
    session_->await_rel(publish.packet_id);
    if (session_->stored) recorder.awaiting(*session_, publish.packet_id);
  }
  const bool waits = recorder.mark() != mark && message.durability == Durability::fsync;
  acknowledge_publish(publish, reason, waits ? recorder.turn() : 0);
}

Connection::Outcome Connection::handle_publish(const FixedHeader& header, Bytes body) {
  PublishView publish;
  if (const Fault fault = parse_publish(body, header.flags, version_, publish,
                                        broker_->property_scratch(), broker_->known_topic())) {
    broker_->metrics().add(Metric::publish_error);
    fail(fault);
    return Outcome::done;
  }
  const Settings& settings = broker_->settings();
  const auto& listener = link_.peer().listener;
  if (publish.qos > settings.mqtt.max_qos ||
      (listener && publish.qos > listener->settings.max_qos)) {
    return break_rule(publish, {Reason::qos_not_supported, "PUBLISH above the highest QoS allowed"},
                      Reason::implementation_specific_error);
  }
  if (publish.retain && !settings.mqtt.retain_available) {
    return break_rule(
        publish,
        {Reason::retain_not_supported, "PUBLISH with retain where retain is not available"},
        Reason::implementation_specific_error);
  }
  if (publish.topic_alias != 0)
    if (const Fault fault = resolve_alias(publish)) {
      fail(fault);
      return Outcome::done;
    }
  if (!topic_fits(publish.topic, mount_size(), settings.limits)) {
    return break_rule(
        publish, {Reason::topic_name_invalid, "topic name longer or deeper than the limits allow"},
        Reason::topic_name_invalid);
  }
  if (publish.qos == 2 && session_->awaits_rel(publish.packet_id)) {
    // Sent again: it has been taken already.
    acknowledge_publish(publish, Reason::success, broker_->recorder().pending_turn());
    return Outcome::done;
  }
  switch (authorize(Action::publish, publish.qos, publish.retain, publish.topic)) {
    case Allowed::later:
      return Outcome::later;
    case Allowed::no:
      return refuse_publish(publish, publish.topic.starts_with(kDelayed)
                                         ? Reason::implementation_specific_error
                                         : Reason::not_authorized);
    case Allowed::yes:
      break;
  }
  if (extras_ && (extras_->packets.limits() || extras_->bytes.limits()))
    limit_rate(std::size_t{header.size} + header.remaining);
  if (publish.qos == 2) {
    const std::uint32_t limit = settings.limits.max_awaiting_rel;
    if (limit != 0 && session_->awaiting_rel().size() >= limit) {
      return break_rule(
          publish,
          {Reason::receive_maximum_exceeded, "more QoS 2 messages than limits.max_awaiting_rel"},
          Reason::quota_exceeded);
    }
  }
  if (const Reason refused = broker_->store_refuses(publish.qos, publish.retain); is_error(refused))
      [[unlikely]]
    return refuse_for_store(publish, refused);
  take_publish(publish, header, body);
  if (state_ != State::open) return Outcome::done;
  if (broker_->overloaded() && !(paused_ & kHeld)) {
    pause(kHeld);
    broker_->hold(*this);
  }
  return Outcome::done;
}

// A client that does what CONNACK forbids it is cut off. That of a gateway has seen no CONNACK: it
// is told `in_ack`, a reason that an acknowledgement may carry [MQTT5 3.4.2.1].
Connection::Outcome Connection::break_rule(const PublishView& publish, const Fault& fault,
                                           Reason in_ack) {
  const auto& listener = link_.peer().listener;
  if (!listener || !listener->watches_clients) {
    fail(fault);
    return Outcome::done;
  }
  broker_->metrics().add(Metric::messages_dropped);
  if (publish.qos != 0) acknowledge_publish(publish, in_ack, 0);
  return Outcome::done;
}

// The store cannot take a message that has to be durable. v3 has no word for that: the connection
// ends without an acknowledgement, and the client keeps its message.
Connection::Outcome Connection::refuse_for_store(const PublishView& publish, Reason reason) {
  broker_->metrics().add(Metric::messages_dropped);
  if (version_ == Version::v5)
    acknowledge_publish(publish, reason, 0);
  else
    disconnect(reason, "store_full", true);
  return Outcome::done;
}

void Connection::acknowledge_publish(const PublishView& publish, Reason reason,
                                     std::uint64_t turn) {
  answer(publish.qos == 1 ? PacketType::puback : PacketType::pubrec, publish.packet_id, reason,
         turn);
}

// A publish that is not allowed: v5 is told in the acknowledgement; v3 has no word for it, so the
// message is acknowledged and dropped, or the connection ends [MQTT-3.3.5-2].
Connection::Outcome Connection::refuse_publish(const PublishView& publish, Reason reason) {
  MetricsCell& metrics = broker_->metrics();
  metrics.add(Metric::publish_auth_error);
  metrics.add(Metric::acl_denied);
  metrics.add(Metric::messages_dropped);
  std::string name, topic;
  KEEL_LOG(warning, "client={} peer={}: publish to '{}' refused: {}",
           printable(client_name(), name), link_.peer().address(), printable(publish.topic, topic),
           publish.topic.starts_with(kDelayed) ? "delayed publishing is not part of this version"
                                               : reason_name(reason));
  if (broker_->wants(Event::message_dropped)) {
    std::string scratch;
    MessageView message;
    message.topic = mounted(publish.topic, scratch);
    message.payload = publish.payload;
    message.properties = publish.properties;
    message.qos = publish.qos;
    message.retain = publish.retain;
    message.publisher = session_->number;
    broker_->tell_dropped(message, "not_authorized", session_);
  }
  if (broker_->settings().mqtt.acl_deny_disconnect) {
    disconnect(reason, reason_name(reason), true);
    return Outcome::done;
  }
  if (publish.qos == 0) return Outcome::done;
  std::uint64_t turn = 0;
  if (publish.qos == 2 && version_ != Version::v5) {  // v3: the exchange goes its way
    session_->await_rel(publish.packet_id);
    if (session_->stored) {
      broker_->recorder().awaiting(*session_, publish.packet_id);
      turn = broker_->recorder().turn();
    }
  }
  acknowledge_publish(publish, reason, turn);
  return Outcome::done;
}

// The codes are those of [MQTT5 3.3.4].
Fault Connection::resolve_alias(PublishView& publish) {
  const std::uint16_t limit = broker_->settings().mqtt.max_topic_alias;
  if (publish.topic_alias > limit)
    return {Reason::topic_alias_invalid, "topic alias above the maximum"};
  auto& known = extras().alias_in;
  if (!publish.topic.empty()) {
    if (known.size() < publish.topic_alias) known.resize(publish.topic_alias);
    known[publish.topic_alias - 1u] = publish.topic;
    return {};
  }
  if (known.size() < publish.topic_alias || known[publish.topic_alias - 1u].empty())
    return {Reason::protocol_error, "no topic, and the alias stands for none"};
  publish.topic = known[publish.topic_alias - 1u];
  return {};
}

// Over the rate, this packet is still taken; what follows waits until the debt is paid.
void Connection::limit_rate(std::size_t packet_size) {
  const std::int64_t now = link_.shard().now_ms();
  const std::int64_t debt_ms =
      std::max(extras_->packets.take(1, now), extras_->bytes.take(packet_size, now));
  if (debt_ms == 0) return;
  pause(kRate);
  link_.shard().timers().arm(extras_->wait, debt_ms);
}

Bytes Connection::mounted(Bytes topic, std::string& scratch) const {
  if (!extras_ || extras_->mountpoint.empty()) return topic;
  scratch = extras_->mountpoint;
  scratch += topic;
  return scratch;
}

void Connection::pause(Pause reason) {
  if (paused_ == 0) link_.pause_reading();
  paused_ |= reason;
}

void Connection::unpause(Pause reason) {
  if (!(paused_ & reason)) return;
  paused_ &= static_cast<std::uint8_t>(~reason);
  if (paused_ == 0) link_.resume_reading();
}

void Connection::release() { unpause(kHeld); }

}  // namespace keel::kernel
