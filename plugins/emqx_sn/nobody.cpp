#include "emqx_sn/nobody.hpp"

#include "emqx_sn/shard_room.hpp"

namespace sn {

void Nobody::publish(const GatewaySettings& settings, const Listener& listener,
                     std::string_view topic, std::string_view payload, bool retain) {
  if (open_) return count(pass(topic, payload, retain));
  if (!session_ && !connect(settings, listener)) return count(false);
  if (waiting_.size() >= kMostWaiting || waiting_bytes_ + payload.size() > kMostBytes) {
    return count(false);
  }
  waiting_bytes_ += payload.size();
  waiting_.push_back({std::string(topic), std::string(payload), retain});
}

bool Nobody::connect(const GatewaySettings& settings, const Listener& listener) {
  const std::int64_t now = common_.host.clock().mono_ms();
  if (now < not_before_ms_) return false;
  not_before_ms_ = now + kAgainMs;
  const keel::Status asked =
      common_.host.sessions()
          .open({.client_id = kClientId,
                 .username = settings.username,
                 .password = settings.password,
                 .peer = listener.local(),
                 .protocol = "mqtt-sn",
                 .listener_name = listener.title(),
                 .loopback_only = common_.loopback_only.load(std::memory_order_relaxed)},
                *this)
          .into(session_);
  if (!asked) common_.host.log().warning(kClientId, " cannot connect: ", asked);
  return static_cast<bool>(asked);
}

void Nobody::opened(std::uint8_t reason, bool) {
  if (reason != 0) {
    common_.host.log().warning("messages without a session (QoS -1) are dropped: ", kClientId,
                               " is refused with reason ", reason);
    return give_up();
  }
  open_ = true;
  for (const Waiting& each : waiting_) count(pass(each.topic, each.payload, each.retain));
  waiting_.clear();
  waiting_bytes_ = 0;
}

void Nobody::session_closed(std::uint8_t, std::string_view) { give_up(); }

void Nobody::leave() {
  give_up();
  not_before_ms_ = 0;
}

void Nobody::give_up() {
  open_ = false;
  session_.reset();
  count(false, waiting_.size());
  waiting_.clear();
  waiting_bytes_ = 0;
}

bool Nobody::pass(std::string_view topic, std::string_view payload, bool retain) {
  return static_cast<bool>(
      session_.publish({.topic = topic, .payload = payload, .retain = retain}));
}

void Nobody::count(bool published, std::size_t n) {
  (published ? counters_.qos_neg1_accepted : counters_.qos_neg1_dropped) += n;
}

}  // namespace sn
