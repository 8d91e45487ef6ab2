// The client's answers to what it was sent [MQTT-SN 6.10, 6.11].
#include <algorithm>

#include "emqx_sn/client.hpp"
#include "emqx_sn/counters.hpp"
#include "emqx_sn/reasons.hpp"

namespace sn {
namespace {

constexpr std::uint8_t kMostCycles = 3;
constexpr std::size_t kMostPutOff = 64;

}  // namespace

void Client::take_regack(const Packet& packet) {
  if (!rare_ || rare_->announcement.topic_id == 0 || rare_->announcement.msg_id != packet.msg_id ||
      rare_->announcement.topic_id != packet.topic_id)
    return;
  const std::uint16_t topic_id = rare_->announcement.topic_id;
  rare_->announcement = Announcement();
  switch (packet.code) {
    case static_cast<std::uint8_t>(ReturnCode::accepted):
      topics_.set(topic_id, TopicTable::kKnown, true);
      break;
    case static_cast<std::uint8_t>(ReturnCode::congestion):
      topic_put_off(topic_id);
      break;
    default:
      topic_refused(topic_id);
  }
  pump();
}

void Client::topic_put_off(std::uint16_t topic_id) {
  if (rare_->put_off.size() >= kMostPutOff) return topic_refused(topic_id);
  at_.announce = false;  // the other subscriptions' ids are told when they are needed
  rare_->put_off.push_back({topic_id, outside_.now_ms() + settings_->wait_interval_ms});
  for (auto held = held_.begin(); held != held_.end();) {
    const bool gone =
        held->qos == 0 && held->id_type == IdType::normal && held->topic_id == topic_id;
    if (gone) ++counters_.refused_topic;
    held = gone ? remove(held) : std::next(held);
  }
}

void Client::topic_refused(std::uint16_t topic_id) {
  topics_.set(topic_id, TopicTable::kRefused, true);
  for (auto held = held_.begin(); held != held_.end();) {
    const bool gone = held->stage == Held::Stage::waiting && held->id_type == IdType::normal &&
                      held->topic_id == topic_id;
    if (gone) ++counters_.refused_topic;
    held = gone ? finish(held, kRefusedByClient) : std::next(held);
  }
  if (!topics_.has(topic_id, TopicTable::kSubscribed)) return;
  topics_.set(topic_id, TopicTable::kSubscribed, false);
  Token answer = token(Order::unsubscribe, 0);
  answer.own_filter = true;  // our own wish: the client is not told
  static_cast<void>(outside_.unsubscribe(mounted_filter(topics_.name(topic_id)), answer.number()));
}

void Client::take_puback(const Packet& packet) {
  const auto code = static_cast<ReturnCode>(packet.code);
  if (packet.msg_id == 0) {  // about a QoS 0 message, which is not sent again
    if (code == ReturnCode::invalid_topic_id)
      topics_.set(packet.topic_id, TopicTable::kKnown, false);
    if (code == ReturnCode::congestion) pause();
    return;
  }
  const auto held = find_held(packet.msg_id);
  if (held == held_.end() || held->stage == Held::Stage::released) return;
  switch (code) {
    case ReturnCode::accepted:
      if (held->qos != 1) return;  // of QoS 2 only PUBREC says so
      finish(held, kSuccess);
      break;
    case ReturnCode::congestion:
      if (held->stage == Held::Stage::sent) wait_again(*held);
      pause();
      break;
    case ReturnCode::invalid_topic_id:
      topic_unknown(held);
      break;
    default:
      ++counters_.refused_topic;
      finish(held, kRefusedByClient);
  }
  pump();
}

// Nothing is sent for a while.
void Client::pause() { rare().hold_until = outside_.now_ms() + settings_->wait_interval_ms; }

// A normal id is told again, and the message sent again. A client that got several copies says so
// of each: as long as the message waits, that is no news.
void Client::topic_unknown(HeldAt held) {
  const bool news = held->stage == Held::Stage::sent;
  if (held->id_type != IdType::normal || (news && ++held->cycles > kMostCycles)) {
    ++counters_.refused_topic;
    finish(held, kTopicInvalid);
    return;
  }
  topics_.set(held->topic_id, TopicTable::kKnown, false);
  if (news) wait_again(*held);
}

void Client::take_pubrec(const Packet& packet) {
  if (packet.msg_id == 0) return;  // of no message
  const auto held = find_held(packet.msg_id);
  if (held == held_.end()) {
    Leftover* const leftover = find_leftover(packet.msg_id);
    if (leftover && leftover->stage == Leftover::Stage::sent)
      leftover->stage = Leftover::Stage::taken;
    return outside_.send(pubrel(packet.msg_id));  // so that the client comes to an end
  }
  if (held->qos != 2) return;
  if (held->stage != Held::Stage::released) {
    if (held->stage == Held::Stage::waiting) ++in_flight_;  // it had been sent before
    held->stage = Held::Stage::released;
    held->tries = 0;
    held->payload = std::string();
    outside_.received(held->delivery);
  }
  send_pubrel(*held);
}

void Client::take_pubcomp(const Packet& packet) {
  const auto held = find_held(packet.msg_id);
  if (held == held_.end()) {
    Leftover* const leftover = find_leftover(packet.msg_id);
    if (leftover && leftover->stage == Leftover::Stage::taken)
      leftover->stage = Leftover::Stage::completed;
  } else if (held->stage == Held::Stage::released) {
    finish(held, kSuccess);
    pump();
  }
}

}  // namespace sn
