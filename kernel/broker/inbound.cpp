// PUBLISH from clients [MQTT5 3.3].
#include <utility>

#include "kernel/base/log.hpp"
#include "kernel/base/utf8.hpp"
#include "kernel/broker/broker.hpp"
#include "kernel/broker/connection.hpp"
#include "kernel/codec/encoder.hpp"

namespace keel::kernel {

namespace {

constexpr std::int64_t kAnswerTimeoutMs = 5'000;
constexpr Bytes kDelayed = "$delayed/";

// Topics that no client writes: the broker's own, and prefixes that EMQ X gives a meaning which is
// not part of this version.
bool reserved_topic(Bytes topic) {
  if (!topic.starts_with('$')) return false;
  const Bytes first = topic.substr(0, topic.find('/'));
  return first == "$SYS" || first == "$share" || first == "$queue" || first == "$delayed";
}

// What a decision is remembered under: all that the hooks were asked about, but who.
std::string decision_key(const AuthorizeRequest& request) {
  std::string key(request.topic);
  key += request.action == Action::publish ? 'p' : 's';
  key += static_cast<char>('0' + request.qos + (request.retain ? 3 : 0));
  return key;
}

}  // namespace

bool topic_fits(Bytes topic, std::size_t mount_size, const Limits& limits) {
  if (topic.size() + mount_size > Connection::kMaxTopicSize) return false;
  if (limits.max_topic_length != 0 && topic.size() > limits.max_topic_length) return false;
  // A topic has at most one level more than bytes: most need no counting.
  return limits.max_topic_levels == 0 || topic.size() < limits.max_topic_levels ||
         topic_levels(topic) <= limits.max_topic_levels;
}

Connection::Outcome Connection::handle_publish(const FixedHeader& header, Bytes body) {
  PublishView publish;
  if (const Fault fault =
          parse_publish(body, header.flags, version_, publish, broker_->property_scratch())) {
    broker_->metrics().add(Metric::publish_error);
    fail(fault);
    return Outcome::done;
  }
  const Settings& settings = broker_->settings();
  const auto& listener = link_.peer().listener;
  if (publish.qos > settings.mqtt.max_qos ||
      (listener && publish.qos > listener->settings.max_qos)) {
    fail({Reason::qos_not_supported, "PUBLISH above the highest QoS allowed"});
    return Outcome::done;
  }
  if (publish.retain && !settings.mqtt.retain_available) {
    fail({Reason::retain_not_supported, "PUBLISH with retain where retain is not available"});
    return Outcome::done;
  }
  if (publish.topic_alias != 0)
    if (const Fault fault = resolve_alias(publish)) {
      fail(fault);
      return Outcome::done;
    }
  if (!topic_fits(publish.topic, mount_size(), settings.limits)) {
    fail({Reason::topic_name_invalid, "topic name longer or deeper than the limits allow"});
    return Outcome::done;
  }
  if (publish.qos == 2 && session_->awaiting_rel.contains(publish.packet_id)) {
    acknowledge_publish(publish, Reason::success);  // sent again: it has been taken already
    return Outcome::done;
  }
  switch (authorize({Action::publish, publish.qos, publish.retain, session_->client_id, username_,
                     publish.topic})) {
    case Allowed::later:
      return Outcome::later;
    case Allowed::no:
      return refuse_publish(publish, publish.topic.starts_with(kDelayed)
                                         ? Reason::implementation_specific_error
                                         : Reason::not_authorized);
    case Allowed::yes:
      break;
  }
  if (extras_) limit_rate(std::size_t{header.size} + header.remaining);
  if (publish.qos == 2) {
    const std::uint32_t limit = settings.limits.max_awaiting_rel;
    if (limit != 0 && session_->awaiting_rel.size() >= limit) {
      fail({Reason::receive_maximum_exceeded, "more QoS 2 messages than limits.max_awaiting_rel"});
      return Outcome::done;
    }
  }
  take_publish(publish, mounted(publish.topic, broker_->topic_scratch()));
  if (broker_->overloaded() && !(paused_ & kHeld)) {
    pause(kHeld);
    broker_->hold(*this);
  }
  return Outcome::done;
}

void Connection::take_publish(const PublishView& publish, Bytes topic) {
  MetricsCell& metrics = broker_->metrics();
  metrics.add(publish.qos == 0   ? Metric::qos0_received
              : publish.qos == 1 ? Metric::qos1_received
                                 : Metric::qos2_received);
  MessageView message;
  message.topic = topic;
  message.payload = publish.payload;
  message.properties = publish.properties;
  message.qos = publish.qos;
  message.retain = publish.retain;
  message.expiry_s = broker_->capped_expiry(publish.expiry_s);
  message.received_ms = link_.shard().now_ms();
  message.publisher = session_->number;
  Reason reason = Reason::success;
  if (broker_->publish_hooked(message, reason) == 0 && reason == Reason::success)
    reason = Reason::no_matching_subscribers;
  if (publish.qos == 0) return;
  if (publish.qos == 2 && !is_error(reason)) session_->awaiting_rel.insert(publish.packet_id);
  acknowledge_publish(publish, reason);
}

void Connection::acknowledge_publish(const PublishView& publish, Reason reason) {
  const bool first = publish.qos == 1;
  encode_ack(link_.out, version_, first ? PacketType::puback : PacketType::pubrec,
             publish.packet_id, reason);
  link_.touch();
  broker_->metrics().add(first ? Metric::puback_sent : Metric::pubrec_sent);
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
  if (broker_->settings().mqtt.acl_deny_disconnect) {
    disconnect(reason, reason_name(reason), true);
    return Outcome::done;
  }
  if (publish.qos == 0) return Outcome::done;
  if (publish.qos == 2 && version_ != Version::v5)
    session_->awaiting_rel.insert(publish.packet_id);  // v3: the exchange goes its way
  acknowledge_publish(publish, reason);
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

Connection::Allowed Connection::authorize(AuthorizeRequest request) {
  if (request.action == Action::publish && reserved_topic(request.topic)) return Allowed::no;
  if (superuser_) return Allowed::yes;
  const bool by_default = broker_->settings().mqtt.acl_nomatch_allow;
  if (broker_->hooks().authorize.empty()) return by_default ? Allowed::yes : Allowed::no;

  Extras& more = extras();
  const std::string key = decision_key(request);
  if (!more.answers.empty())
    if (const auto known = more.answers.find(key); known != more.answers.end())
      return known->second ? Allowed::yes : Allowed::no;
  const std::int64_t now = link_.shard().now_ms();
  if (const auto known = more.decisions.find(key, now)) return *known ? Allowed::yes : Allowed::no;
  request.peer = &link_.peer();
  request.ticket = broker_->new_ticket();
  more.ticket = request.ticket.number;
  Verdict verdict = Verdict::next;
  for (const auto& hook : broker_->hooks().authorize)
    if ((verdict = hook.fn(hook.ctx, request)) != Verdict::next) break;
  if (verdict == Verdict::pending) {
    more.asked = key;
    wait_for_answer();
    return Allowed::later;
  }
  more.ticket = 0;
  const bool allowed = verdict == Verdict::next ? by_default : verdict == Verdict::allow;
  more.decisions.put(key, allowed, now);
  return allowed ? Allowed::yes : Allowed::no;
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

void Connection::wait_for_answer() {
  broker_->await_answer(extras_->ticket, *this);
  pause(kAnswer);
  link_.shard().timers().arm(extras_->wait, kAnswerTimeoutMs);
}

// The pause is over: a rate debt is paid, or a question got no answer in time, which denies.
void Connection::wait_over() {
  if (extras_->ticket != 0) {
    std::string name;
    KEEL_LOG(error, "client={} peer={}: a plugin did not answer within {} ms: denied",
             printable(client_name(), name), link_.peer().address(), kAnswerTimeoutMs);
    broker_->resolve({link_.shard().index(), extras_->ticket},
                     {.verdict = Verdict::deny, .reason = Reason::server_unavailable});
    return;
  }
  unpause(kRate);
}

void Connection::resolved(std::uint64_t ticket, AuthAnswer answer) {
  if (!waits_for(ticket) || state_ == State::closing) return;
  Extras& more = *extras_;
  more.ticket = 0;
  more.wait.cancel();
  if (more.asked.empty()) {
    more.answered = true;
    more.answer = std::move(answer);
  } else {
    const bool allowed =
        answer.verdict == Verdict::allow ||
        (answer.verdict == Verdict::next && broker_->settings().mqtt.acl_nomatch_allow);
    more.decisions.put(more.asked, allowed, link_.shard().now_ms());
    more.answers[std::exchange(more.asked, {})] = allowed;
  }
  unpause(kAnswer);
}

}  // namespace keel::kernel
