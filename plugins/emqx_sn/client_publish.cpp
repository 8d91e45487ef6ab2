// What the client publishes, and the ids it asks for [MQTT-SN 6.5, 6.6, 6.8].
#include <functional>

#include "emqx_sn/client.hpp"
#include "emqx_sn/counters.hpp"
#include "emqx_sn/predefined.hpp"
#include "emqx_sn/reasons.hpp"
#include "emqx_sn/topic_text.hpp"

namespace sn {
namespace {

// Tells a retransmission from a new message that has the message id of an earlier one.
std::uint64_t hash(const Packet& packet) {
  const std::uint64_t named = std::uint64_t{packet.topic_id} << 8 |
                              static_cast<std::uint64_t>(packet.flags.id_type) << 1 |
                              std::uint64_t{packet.flags.retain};
  return std::hash<std::string_view>()(packet.text) ^ named * 0x9e37'79b9'7f4a'7c15;
}

}  // namespace

void Client::register_topic(const Packet& packet) {
  std::uint16_t id = 0;
  if (is_topic_name(packet.text)) id = topics_.add(packet.text, first_id(), settings_->max_topics);
  if (id != 0) topics_.set(id, TopicTable::kKnown, true);
  outside_.send(
      regack(id, packet.msg_id, id != 0 ? ReturnCode::accepted : ReturnCode::not_supported));
}

// Normal ids lie above all pre-defined ones, as some clients confuse the two.
std::uint16_t Client::first_id() const {
  const std::uint32_t predefined = settings_->predefined ? settings_->predefined->max_id() : 0u;
  return static_cast<std::uint16_t>(predefined + 1);
}

const std::string* Client::predefined(std::uint16_t id) const {
  return settings_->predefined ? settings_->predefined->name(client_id_, id) : nullptr;
}

// The topic that a PUBLISH names.
ReturnCode Client::resolve(const Packet& packet, char (&octets)[2], std::string_view& topic) const {
  switch (packet.flags.id_type) {
    case IdType::normal:
      topic = topics_.name(packet.topic_id);
      if (!topic.empty()) return ReturnCode::accepted;
      if (!settings_->lenient_topic_id) return ReturnCode::invalid_topic_id;
      [[fallthrough]];
    case IdType::predefined: {
      const std::string* const name = predefined(packet.topic_id);
      if (!name) return ReturnCode::invalid_topic_id;
      topic = *name;
      return ReturnCode::accepted;
    }
    case IdType::short_name:
      topic = short_name(packet.topic_id, octets);
      return is_topic_name(topic) ? ReturnCode::accepted : ReturnCode::not_supported;
    case IdType::reserved:
      break;
  }
  return ReturnCode::not_supported;
}

bool Client::hand_over(std::string_view topic, std::string_view payload, std::uint8_t qos,
                       bool retain, std::uint64_t number) {
  if (settings_->mountpoint.empty()) return outside_.publish(topic, payload, qos, retain, number);
  return outside_.publish(settings_->mountpoint + std::string(topic), payload, qos, retain, number);
}

void Client::take_publish(const Packet& packet) {
  if (packet.flags.qos < 0) return publish_without_answer(packet);
  if (packet.flags.qos > 0 && packet.msg_id == 0) {
    ++counters_.malformed;
    return;
  }
  char octets[2];
  std::string_view topic;
  const ReturnCode code = resolve(packet, octets, topic);
  if (code != ReturnCode::accepted) {
    if (packet.flags.qos > 0 || code == ReturnCode::invalid_topic_id)
      outside_.send(puback(packet.topic_id, packet.msg_id, code));
    return;
  }
  if (packet.flags.qos == 2) return publish_exactly_once(packet, topic);
  Token answer = token(Order::publish, packet.msg_id);
  answer.topic_id = packet.topic_id;
  answer.qos = static_cast<std::uint8_t>(packet.flags.qos);
  if (!hand_over(topic, packet.text, answer.qos, packet.flags.retain, answer.number()) &&
      answer.qos > 0)
    outside_.send(puback(packet.topic_id, packet.msg_id, ReturnCode::congestion));
}

// QoS -1 [MQTT-SN 6.8].
void Client::publish_without_answer(const Packet& packet) {
  char octets[2];
  std::string_view topic, payload = packet.text;
  const bool good =
      settings_->enable_qos3 && (packet.flags.id_type == IdType::normal
                                     ? take_long_name(packet, topic, payload)
                                     : resolve(packet, octets, topic) == ReturnCode::accepted);
  if (!good || !hand_over(topic, payload, 0, packet.flags.retain, 0)) {
    ++counters_.qos_neg1_dropped;
    return;
  }
  ++counters_.qos_neg1_accepted;
}

void Client::publish_exactly_once(const Packet& packet, std::string_view topic) {
  const std::int64_t now = outside_.now_ms();
  const std::uint64_t what = hash(packet);
  const AwaitingRel::Entry* const known = awaiting_.find(packet.msg_id, now);
  if (known && known->what == what) {
    if (known->stage != AwaitingRel::Stage::asked) outside_.send(pubrec(packet.msg_id));
    return;
  }
  Token answer = token(Order::publish, packet.msg_id);
  answer.topic_id = packet.topic_id;
  answer.qos = 2;
  if (!awaiting_.add(packet.msg_id, what, now + settings_->await_rel_timeout_ms,
                     settings_->max_awaiting_rel, now)) {
    return outside_.send(puback(packet.topic_id, packet.msg_id, ReturnCode::congestion));
  }
  if (hand_over(topic, packet.text, 2, packet.flags.retain, answer.number())) return;
  awaiting_.remove(packet.msg_id);
  outside_.send(puback(packet.topic_id, packet.msg_id, ReturnCode::congestion));
}

// The broker has, or has not, taken a message of QoS 1 or 2.
void Client::published(const Token& token, std::uint8_t reason) {
  const ReturnCode code = return_code(reason);
  if (token.qos == 2) {
    const std::int64_t until = outside_.now_ms() + settings_->await_rel_timeout_ms;
    if (code == ReturnCode::accepted) {
      if (awaiting_.received(token.msg_id, until)) outside_.send(pubrec(token.msg_id));
      return;
    }
    awaiting_.remove(token.msg_id);
  }
  outside_.send(puback(token.topic_id, token.msg_id, code));
}

void Client::take_pubrel(const Packet& packet) {
  const std::int64_t now = outside_.now_ms();
  const AwaitingRel::Entry* const known = awaiting_.find(packet.msg_id, now);
  // Too early, so a late repetition from an earlier use of this id: PUBREC comes first.
  if (known && known->stage == AwaitingRel::Stage::asked) return;
  // A PUBLISH that the network brings once more must not count as a new one. The time is short,
  // as a client may use the same id again for an equal message.
  awaiting_.done(packet.msg_id, now + settings_->retry_interval_ms / 4);
  outside_.send(pubcomp(packet.msg_id));
}

}  // namespace sn
