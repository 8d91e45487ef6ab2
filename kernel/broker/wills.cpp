// Wills [MQTT5 3.1.2.5]: what they must keep to, changed at run time, published.
#include <algorithm>

#include "kernel/broker/broker.hpp"
#include "kernel/broker/connection.hpp"

namespace keel::kernel {

namespace {
constexpr std::size_t kMaxPayload = 65'535;  // what a CONNECT can carry
constexpr Fault kNotConnected{Reason::unspecified_error, "the client is not connected"};
}  // namespace

Fault Broker::check_will(const WillView& will, const ListenerInfo* listener,
                         std::size_t mount_size) const {
  const std::uint8_t max_qos =
      std::min(settings_->mqtt.max_qos, listener ? listener->settings.max_qos : std::uint8_t{2});
  if (will.qos > max_qos) return {Reason::qos_not_supported, "will above the highest QoS allowed"};
  if (will.retain && !settings_->mqtt.retain_available)
    return {Reason::retain_not_supported, "will with retain where retain is not available"};
  if (!topic_fits(will.topic, mount_size, settings_->limits))
    return {Reason::topic_name_invalid, "will topic longer or deeper than the limits allow"};
  return {};
}

Fault Broker::set_will(std::string_view client_id, const WillView& view) {
  Session* const session = sessions_.find(client_id);
  if (!session || !session->connection) return kNotConnected;
  if (!valid_topic_name(view.topic))
    return {Reason::topic_name_invalid, "will topic is empty, holds a wildcard or no valid UTF-8"};
  if (reserved_topic(view.topic))
    return {Reason::not_authorized, "the will may not be published to its topic"};
  if (view.payload.size() > kMaxPayload)
    return {Reason::packet_too_large, "will payload over 65 535 bytes"};
  const std::string_view mount = session->mount();
  if (const Fault fault =
          check_will(view, session->connection->peer().listener.get(), mount.size()))
    return fault;
  auto will = std::make_unique<Will>(Will::from(view));
  will->topic.insert(0, mount);
  const std::int64_t more = will->size() - (session->will ? session->will->size() : 0);
  if (more > 0 && !has_room(static_cast<std::size_t>(more)))
    return {Reason::quota_exceeded, "limits.max_total_queued_bytes reached"};
  put_will(*session, std::move(will));
  if (session->stored) recorder_.session_changed(*session, 0);
  return {};
}

bool Broker::clear_will(std::string_view client_id) {
  Session* const session = sessions_.find(client_id);
  if (!session || !session->connection || !take_will(*session)) return false;
  if (session->stored) recorder_.session_changed(*session, 0);
  return true;
}

void Broker::put_will(Session& session, std::unique_ptr<Will> will) {
  take_will(session);
  session.will = std::move(will);
  if (session.will) realm_.queued_bytes.fetch_add(session.will->size(), std::memory_order_relaxed);
}

void Broker::publish_will(Session& session) {
  const std::unique_ptr<Will> will = take_will(session);
  // Whoever was banned while it was away has no say any more either.
  if (const BanTable* bans = shard_.bans();
      bans && (bans->has_client(session.client_id) || bans->has_user(session.username())))
    return;
  metrics().add(Metric::wills_published);
  MessageView message;
  message.topic = will->topic;
  message.payload = will->payload;
  message.properties = will->properties;
  message.qos = will->qos;
  message.retain = will->retain;
  message.expiry_s = capped_expiry(will->expiry_s);
  message.received_ms = shard_.now_ms();
  message.publisher = session.number;
  if (recorder_.on()) message.durability = durability_for(message.topic, nullptr);
  Reason ignored = Reason::success;
  publish_hooked(message, session.client_id, session.username(), ignored);
}

// Wills count against the budget of what waits.
std::unique_ptr<Will> Broker::take_will(Session& session) {
  if (session.will) realm_.queued_bytes.fetch_sub(session.will->size(), std::memory_order_relaxed);
  return std::move(session.will);
}

}  // namespace keel::kernel
