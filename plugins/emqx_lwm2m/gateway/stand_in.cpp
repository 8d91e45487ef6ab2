#include "emqx_lwm2m/gateway/stand_in.hpp"

#include <algorithm>
#include <vector>

#include "emqx_lwm2m/device/topics.hpp"
#include "emqx_lwm2m/gateway/handover.hpp"
#include "emqx_lwm2m/gateway/shard_room.hpp"

namespace lwm2m {
namespace {

std::vector<std::string> filters_of(const TopicSettings& topics) {
  std::vector<std::string> out;
  for (const std::string& whole : {topics.command, topics.v3_command}) {
    if (!whole.empty()) out.push_back(any_device(whole));
  }
  return out;
}

}  // namespace

void StandIn::turn() {
  if (!session_ && (room_.settings()->devices->offline_reply || !waiting_.empty())) connect();
  if (open_) say_what_waited();
}

// The new subscriptions come before the old ones go, so that no command is missed.
void StandIn::use(const GatewaySettings& before) {
  const GatewaySettings& now = *room_.settings();
  if (before.username != now.username || before.password != now.password ||
      before.devices->offline_reply != now.devices->offline_reply) {
    return leave();
  }
  not_before_ms_ = 0;
  if (!open_ || !now.devices->offline_reply || before.topics == now.topics) return;
  subscribe(now.topics);
  const std::vector<std::string> wanted = filters_of(now.topics);
  for (const std::string& filter : filters_of(before.topics)) {
    if (std::find(wanted.begin(), wanted.end(), filter) == wanted.end()) {
      session_.unsubscribe(filter).ignore();
    }
  }
}

void StandIn::save(Handover& out) const {
  if (open_) out.stand_in = session_.id();
  for (const Waiting& each : waiting_) out.unsaid.emplace_back(each.topic, each.payload);
}

void StandIn::attach(keel_handle session, const Unsaid& unsaid) {
  for (const auto& [topic, payload] : unsaid) {
    waiting_.push_back({topic, payload});
    waiting_octets_ += payload.size();
  }
  if (session == 0) return;
  open_ = static_cast<bool>(room_.common.host.sessions().attach(session, *this).into(session_));
}

void StandIn::leave() {
  give_up();
  not_before_ms_ = 0;
}

bool StandIn::connect() {
  const std::int64_t now = room_.now_ms();
  if (now < not_before_ms_) return false;
  not_before_ms_ = now + kAgainMs;
  const GatewaySettings& settings = *room_.settings();
  const keel::Status asked =
      room_.common.host.sessions()
          .open({.client_id = kClientId,
                 .username = settings.username,
                 .password = settings.password,
                 .peer = room_.common.address,
                 .protocol = "lwm2m",
                 .listener_name = kClientId,
                 .loopback_only = settings.allow_anonymous.value_or(
                     room_.common.loopback_only.load(std::memory_order_relaxed))},
                *this)
          .into(session_);
  if (!asked) room_.common.host.log().warning(kClientId, " cannot connect: ", asked);
  return static_cast<bool>(asked);
}

void StandIn::opened(std::uint8_t reason, bool) {
  if (reason != 0) {
    if (!std::exchange(complained_, true)) {
      room_.common.host.log().warning(
          "commands for devices that are not registered remain unanswered: the client ", kClientId,
          " is refused with reason ", reason, "; let it in, or set lwm2m.offline_reply = off");
    }
    return give_up();
  }
  open_ = true;
  complained_ = false;
  say_what_waited();
  if (room_.settings()->devices->offline_reply) subscribe(room_.settings()->topics);
}

void StandIn::subscribe(const TopicSettings& topics) {
  for (const std::string& filter : filters_of(topics)) {
    session_
        .subscribe({.filter = filter,
                    .qos = 1,
                    .no_local = true,
                    .retain_as_published = true,
                    .retain_handling = 2})
        .ignore();
  }
}

void StandIn::suback(std::uint64_t, std::span<const std::uint8_t> codes) {
  for (const std::uint8_t code : codes) {
    if (code < 0x80) continue;
    room_.common.host.log().warning(
        "commands for devices that are not registered remain unanswered: the client ", kClientId,
        " may not subscribe to them (reason ", code, ")");
  }
}

void StandIn::deliver(const keel::Delivery& delivery) {
  const keel::Message message = delivery.message();
  const auto topic = command_topic(room_.settings()->topics, message.topic());
  if (topic && !message.retain() &&
      message.payload().size() <= room_.settings()->max_command_size) {
    if (const auto endpoint = endpoint_of_level(topic->level)) room_.inquire(*endpoint, message);
  }
  if (delivery.id() != 0) session_.ack(delivery.id()).ignore();
}

void StandIn::session_closed(std::uint8_t, std::string_view) { give_up(); }

void StandIn::say(std::string_view topic, std::string_view payload) {
  if (open_) return publish(topic, payload);
  if (room_.is_leaving() || (!session_ && !connect())) {
    ++room_.counters.publish_failed;
    return;
  }
  say_later(topic, payload);
}

void StandIn::say_later(std::string_view topic, std::string_view payload) {
  if (waiting_.size() >= kMostWaiting || waiting_octets_ + payload.size() > kMostOctets) {
    ++room_.counters.publish_failed;
    return;
  }
  waiting_octets_ += payload.size();
  waiting_.push_back({std::string(topic), std::string(payload)});
}

void StandIn::say_what_waited() {
  waiting_octets_ = 0;
  for (const Waiting& each : std::exchange(waiting_, {})) publish(each.topic, each.payload);
}

void StandIn::publish(std::string_view topic, std::string_view payload) {
  const keel::Status sent =
      session_.publish({.topic = topic, .payload = payload, .qos = room_.settings()->topics.qos});
  if (sent) return;
  if (sent.code() == KEEL_E_STATE) return say_later(topic, payload);  // the next version does
  ++room_.counters.publish_failed;
}

void StandIn::give_up() {
  open_ = false;
  session_.reset();
  room_.counters.publish_failed += waiting_.size();
  waiting_.clear();
  waiting_octets_ = 0;
}

}  // namespace lwm2m
