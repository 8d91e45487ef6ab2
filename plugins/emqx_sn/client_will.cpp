// Changes of the will while the client is connected [MQTT-SN 6.4].
#include <utility>

#include "emqx_sn/client.hpp"
#include "emqx_sn/reasons.hpp"
#include "emqx_sn/topic_text.hpp"

namespace sn {
namespace {

constexpr std::size_t kMostAtOnce = 4;  // changes that the broker has not answered

}  // namespace

Will Client::latest_will() const {
  if (rare_ && !rare_->wills.empty()) return rare_->wills.back().will;
  return will_ ? *will_ : Will();
}

void Client::will_topic_update(const Packet& packet) {
  if (packet.empty || packet.text.empty()) return change_will(Will(), Order::will_topic);
  if (!is_topic_name(packet.text)) return outside_.send(willtopicresp(ReturnCode::not_supported));
  Will will = latest_will();
  will.topic = packet.text;
  will.qos = static_cast<std::uint8_t>(packet.flags.qos > 0 ? packet.flags.qos : 0);
  will.retain = packet.flags.retain;
  change_will(std::move(will), Order::will_topic);
}

void Client::will_msg_update(const Packet& packet) {
  Will will = latest_will();
  will.payload = packet.text;
  change_will(std::move(will), Order::will_msg);
}

void Client::change_will(Will will, Order order) {
  if (will.topic.empty() && latest_will().topic.empty()) {  // nothing that the broker knows of
    keep_will(std::move(will));
    return answer_will(order, ReturnCode::accepted);
  }
  if (rare().wills.size() >= kMostAtOnce) return answer_will(order, ReturnCode::congestion);
  const std::uint16_t number = ++at_.last_will;
  if (!order_will(will, token(order, number).number()))
    return answer_will(order, ReturnCode::congestion);
  rare().wills.push_back({number, std::move(will)});
}

void Client::answer_will(Order order, ReturnCode code) {
  outside_.send(order == Order::will_topic ? willtopicresp(code) : willmsgresp(code));
}

bool Client::order_will(const Will& will, std::uint64_t number) {
  if (will.topic.empty()) return outside_.set_will(nullptr, number);
  const std::string topic = settings_->mountpoint + will.topic;
  const WillView view{topic, will.payload, will.qos, will.retain};
  return outside_.set_will(&view, number);
}

void Client::will_set(const Token& token, std::uint8_t reason) {
  const ReturnCode code = return_code(reason);
  if (token.order == Order::waking) {
    if (!handshake_ || handshake_->step != Handshake::Step::setting_will) return;
    if (code != ReturnCode::accepted) return refuse(code);
    keep_will(std::move(handshake_->will));
    return woken();
  }
  if (!rare_) return;
  for (auto pending = rare_->wills.begin(); pending != rare_->wills.end(); ++pending) {
    if (pending->number != token.msg_id) continue;
    Will will = std::move(pending->will);
    rare_->wills.erase(pending);
    if (code == ReturnCode::accepted) keep_will(std::move(will));
    return answer_will(token.order, code);
  }
}

void Client::keep_will(Will&& will) {
  ++changes_;
  if (will.topic.empty() && will.payload.empty())
    will_.reset();
  else
    will_ = std::make_unique<Will>(std::move(will));
}

}  // namespace sn
