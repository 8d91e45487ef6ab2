#include "kernel/broker/realm.hpp"

#include "kernel/base/hash.hpp"
#include "kernel/broker/broker.hpp"

namespace keel::kernel {

namespace {

constexpr auto kSent = {Metric::qos0_sent, Metric::qos1_sent, Metric::qos2_sent};
constexpr auto kReceived = {Metric::qos0_received, Metric::qos1_received, Metric::qos2_received};

// What a counter is the sum of, where it is not counted itself.
std::vector<Metric> parts(Metric metric) {
  switch (metric) {
    case Metric::messages_sent:
    case Metric::publish_sent:
      return kSent;
    case Metric::messages_received:
    case Metric::publish_received:
      return kReceived;
    case Metric::packets_sent:
      return {Metric::qos0_sent,      Metric::qos1_sent,     Metric::qos2_sent,
              Metric::connack_sent,   Metric::puback_sent,   Metric::pubrec_sent,
              Metric::pubrel_sent,    Metric::pubcomp_sent,  Metric::suback_sent,
              Metric::auth_sent,      Metric::unsuback_sent, Metric::pingresp_sent,
              Metric::disconnect_sent};
    case Metric::packets_received:
      return {Metric::qos0_received,      Metric::qos1_received,    Metric::qos2_received,
              Metric::connect_received,   Metric::puback_received,  Metric::pubrec_received,
              Metric::pubrel_received,    Metric::pubcomp_received, Metric::subscribe_received,
              Metric::auth_received,      Metric::pingreq_received, Metric::unsubscribe_received,
              Metric::disconnect_received};
    default:
      return {metric};
  }
}

}  // namespace

Realm::Realm(std::shared_ptr<const Settings> initial, Reclaimer& shards_reclaimer)
    : reclaimer(shards_reclaimer),
      subscriptions(shards_reclaimer, initial->mqtt.shared_strategy),
      retained(retained_limits(*initial)),
      sys_retained({}),
      bans([this](const BanChangePtr& change) {
        for (Broker* broker : brokers)
          broker->shard().post([broker, change] { broker->set_bans(*change); });
      }),
      home_seed(hash_seed()),
      settings_(initial) {}

std::uint32_t Realm::home(std::string_view client_id, std::uint32_t shards, std::uint64_t seed) {
  // The upper bits: the lower ones choose the slot in a shard's session index.
  return shards <= 1 ? 0 : static_cast<std::uint32_t>((hash_bytes(client_id, seed) >> 40) % shards);
}

void Realm::replace_settings(std::shared_ptr<const Settings> settings) {
  settings_.store(settings);
  retained.set_limits(retained_limits(*settings));
  subscriptions.set_strategy(settings->mqtt.shared_strategy);
  for (Broker* broker : brokers)
    broker->shard().post([broker, settings] { broker->set_settings(settings); });
}

std::uint64_t Realm::total(Metric metric) const {
  std::uint64_t sum = 0;
  for (const Metric part : parts(metric))
    for (const Broker* broker : brokers) sum += broker->shard().metrics().get(part);
  return sum;
}

std::int64_t Realm::total(Gauge gauge) const {
  std::int64_t sum = 0;
  for (const Broker* broker : brokers) sum += broker->shard().metrics().get(gauge);
  return sum;
}

RetainedLimits retained_limits(const Settings& settings) {
  return {settings.limits.max_retained, settings.limits.max_retained_bytes,
          settings.limits.max_retained_payload, settings.retain.expiry_s};
}

}  // namespace keel::kernel
