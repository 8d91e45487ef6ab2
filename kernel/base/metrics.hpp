// Counters of the data path. Each shard owns one cell and is the only writer; readers add the cells
// up. A count costs one plain load and store.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace keel::kernel {

// name as it stands below $SYS/brokers/<node>/metrics/; `_` for `/` gives keel_<name>_total.
#define KEEL_METRICS(X)                                               \
  X(bytes_received, "bytes/received")                                 \
  X(bytes_sent, "bytes/sent")                                         \
  X(packets_received, "packets/received")                             \
  X(packets_sent, "packets/sent")                                     \
  X(connect_received, "packets/connect/received")                     \
  X(connack_sent, "packets/connack/sent")                             \
  X(connack_error, "packets/connack/error")                           \
  X(connack_auth_error, "packets/connack/auth_error")                 \
  X(publish_received, "packets/publish/received")                     \
  X(publish_sent, "packets/publish/sent")                             \
  X(publish_error, "packets/publish/error")                           \
  X(publish_auth_error, "packets/publish/auth_error")                 \
  X(puback_received, "packets/puback/received")                       \
  X(puback_sent, "packets/puback/sent")                               \
  X(puback_missed, "packets/puback/missed")                           \
  X(pubrec_received, "packets/pubrec/received")                       \
  X(pubrec_sent, "packets/pubrec/sent")                               \
  X(pubrec_missed, "packets/pubrec/missed")                           \
  X(pubrel_received, "packets/pubrel/received")                       \
  X(pubrel_sent, "packets/pubrel/sent")                               \
  X(pubrel_missed, "packets/pubrel/missed")                           \
  X(pubcomp_received, "packets/pubcomp/received")                     \
  X(pubcomp_sent, "packets/pubcomp/sent")                             \
  X(pubcomp_missed, "packets/pubcomp/missed")                         \
  X(subscribe_received, "packets/subscribe/received")                 \
  X(subscribe_error, "packets/subscribe/error")                       \
  X(subscribe_auth_error, "packets/subscribe/auth_error")             \
  X(suback_sent, "packets/suback/sent")                               \
  X(unsubscribe_received, "packets/unsubscribe/received")             \
  X(unsubscribe_error, "packets/unsubscribe/error")                   \
  X(unsuback_sent, "packets/unsuback/sent")                           \
  X(pingreq_received, "packets/pingreq/received")                     \
  X(pingresp_sent, "packets/pingresp/sent")                           \
  X(disconnect_received, "packets/disconnect/received")               \
  X(disconnect_sent, "packets/disconnect/sent")                       \
  X(auth_received, "packets/auth/received")                           \
  X(auth_sent, "packets/auth/sent")                                   \
  X(messages_received, "messages/received")                           \
  X(messages_sent, "messages/sent")                                   \
  X(messages_expired, "messages/expired")                             \
  X(messages_retained, "messages/retained")                           \
  X(messages_dropped, "messages/dropped")                             \
  X(messages_dropped_no_subscriber, "messages/dropped/no_subscriber") \
  X(messages_dropped_queue_full, "messages/dropped/queue_full")       \
  X(messages_dropped_slow, "messages/dropped/slow_consumer")          \
  X(messages_dropped_too_large, "messages/dropped/too_large")         \
  X(messages_forward, "messages/forward")                             \
  X(qos0_received, "messages/qos0/received")                          \
  X(qos0_sent, "messages/qos0/sent")                                  \
  X(qos1_received, "messages/qos1/received")                          \
  X(qos1_sent, "messages/qos1/sent")                                  \
  X(qos2_received, "messages/qos2/received")                          \
  X(qos2_sent, "messages/qos2/sent")                                  \
  X(qos2_expired, "messages/qos2/expired")                            \
  X(qos2_dropped, "messages/qos2/dropped")                            \
  X(auth_anonymous, "auth/mqtt/anonymous")                            \
  X(auth_success, "auth/success")                                     \
  X(auth_failure, "auth/failure")                                     \
  X(auth_rate_limited, "auth/rate_limited")                           \
  X(banned_refused, "banned/refused")                                 \
  X(flapping_bans, "flapping/bans")                                   \
  X(acl_denied, "acl/denied")                                         \
  X(subscriptions_rechecked, "rechecked/subscriptions")               \
  X(subscriptions_revoked, "revoked/subscriptions")                   \
  X(connections_accepted, "connections/accepted")                     \
  X(connections_refused, "connections/refused")                       \
  X(protocol_errors, "connections/protocol_error")                    \
  X(keepalive_timeouts, "connections/keepalive_timeout")              \
  X(sessions_created, "sessions/created")                             \
  X(sessions_resumed, "sessions/resumed")                             \
  X(sessions_taken_over, "sessions/taken_over")                       \
  X(sessions_expired, "sessions/expired")                             \
  X(wills_published, "messages/will")                                 \
  X(tls_handshake_failed, "tls/handshake_failed")

enum class Metric : std::uint8_t {
#define KEEL_METRIC_ID(id, name) id,
  KEEL_METRICS(KEEL_METRIC_ID)
#undef KEEL_METRIC_ID
      count_
};
inline constexpr std::size_t kMetricCount = static_cast<std::size_t>(Metric::count_);

inline constexpr std::array<std::string_view, kMetricCount> kMetricNames = {
#define KEEL_METRIC_NAME(id, name) name,
    KEEL_METRICS(KEEL_METRIC_NAME)
#undef KEEL_METRIC_NAME
};

// Levels (not counters) a shard keeps: how many there are now.
enum class Gauge : std::uint8_t {
  connections,
  connections_tls,  // of those
  sessions,
  sessions_persistent,
  subscriptions,
  subscriptions_shared,
  queued_messages,
  queued_bytes,
  count_
};
inline constexpr std::size_t kGaugeCount = static_cast<std::size_t>(Gauge::count_);

class alignas(64) MetricsCell {
 public:
  void add(Metric metric, std::uint64_t n = 1) {  // [shard]
    auto& cell = counters_[static_cast<std::size_t>(metric)];
    cell.store(cell.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void add(Gauge gauge, std::int64_t n) {  // [shard]
    auto& cell = gauges_[static_cast<std::size_t>(gauge)];
    cell.store(cell.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  std::uint64_t get(Metric metric) const {  // [any]
    return counters_[static_cast<std::size_t>(metric)].load(std::memory_order_relaxed);
  }
  std::int64_t get(Gauge gauge) const {  // [any]
    return gauges_[static_cast<std::size_t>(gauge)].load(std::memory_order_relaxed);
  }

 private:
  std::array<std::atomic<std::uint64_t>, kMetricCount> counters_{};
  std::array<std::atomic<std::int64_t>, kGaugeCount> gauges_{};
};

}  // namespace keel::kernel
