// What the brokers of all shards share. Made by main before the shards start and destroyed after
// they stopped. Everything here is safe from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/base/metrics.hpp"
#include "kernel/base/reclaimer.hpp"
#include "kernel/base/settings.hpp"
#include "kernel/broker/ban_list.hpp"
#include "kernel/broker/failure_table.hpp"
#include "kernel/durable/journal.hpp"
#include "kernel/retained/retained_store.hpp"
#include "kernel/router/subscription_table.hpp"
#include "kernel/session/kept_slots.hpp"

namespace keel::kernel {

class Broker;

struct Realm {
  Realm(std::shared_ptr<const Settings> initial, Reclaimer& shards_reclaimer);

  Reclaimer& reclaimer;
  SubscriptionTable subscriptions;
  RetainedStore retained;      // what clients keep
  RetainedStore sys_retained;  // what the broker keeps below $SYS; no limits, not counted
  // The store a topic name or filter belongs to: no filter covers both, wildcards do not match `$`.
  RetainedStore& retained_for(std::string_view topic) {
    return topic.starts_with("$SYS/") || topic == "$SYS" ? sys_retained : retained;
  }
  Journal journal;  // the way to the store, if one is loaded
  KeptSlots kept;   // sessions that are kept in it
  // What is in a store that was just loaded is being read: who comes meanwhile would find nothing.
  std::atomic<bool> recovering{false};
  std::vector<Broker*> brokers;  // by shard; complete before the shards start
  BanList bans;
  FailureTable failures;  // logins that failed

  // What homes are chosen by. A store keeps it, so that sessions come home after a restart; changed
  // only while there are none.
  std::atomic<std::uint64_t> home_seed;

  std::atomic<std::int64_t> sessions{0};      // connected or not
  std::atomic<std::int64_t> queued_bytes{0};  // waiting in all sessions
  std::atomic<std::int64_t> sessions_max{0},
      connections_max{0};  // high-water marks, kept by sampling

  std::uint32_t home(std::string_view client_id) const {
    return home(client_id, static_cast<std::uint32_t>(brokers.size()),
                home_seed.load(std::memory_order_relaxed));
  }
  // The same among that many shards, by another seed.
  static std::uint32_t home(std::string_view client_id, std::uint32_t shards, std::uint64_t seed);
  // The settings in force. [any]
  std::shared_ptr<const Settings> settings() const { return settings_.load(); }
  // Publishes new settings; each shard takes them over by a task. [control]
  void replace_settings(std::shared_ptr<const Settings> settings);

  // Sums over all shards. Counters that follow from others (messages/sent, packets/received, ...)
  // are derived here, so the data path counts each packet once.
  std::uint64_t total(Metric metric) const;
  std::int64_t total(Gauge gauge) const;

 private:
  std::atomic<std::shared_ptr<const Settings>> settings_;
};

RetainedLimits retained_limits(const Settings& settings);

}  // namespace keel::kernel
