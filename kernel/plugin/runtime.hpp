// What all plugins share: the parts of the broker they are served from, the threads they run on,
// their handles. Made by the program after the brokers, before the shards run; destroyed after they
// stopped. [control] unless marked.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kernel/broker/realm.hpp"
#include "kernel/durable/store_user.hpp"
#include "kernel/net/listener_set.hpp"
#include "kernel/net/shard_set.hpp"
#include "kernel/net/worker_pool.hpp"
#include "kernel/plugin/commit_waits.hpp"
#include "kernel/plugin/gateway_peer.hpp"
#include "kernel/plugin/handle_table.hpp"
#include "kernel/plugin/host_thread.hpp"
#include "kernel/plugin/ports.hpp"

namespace keel::kernel {

class HookChains;
class MetricRegistry;
class Services;

class Runtime {
 public:
  struct Options {
    ShardSet& shards;
    Realm& realm;
    ListenerSet& listeners;
    WorkerPool& workers;
    ControlPort& control;
    std::string version;          // of the broker
    std::string data_dir;         // absolute
    std::string base_dir;         // relative paths of settings count from here
    bool wait_for_shards = true;  // false breaks unloading: for the test that shows that it would
    std::chrono::milliseconds stop_timeout{5000};  // for a barrier, a drain, running jobs
    StoreUser* store_user = nullptr;             // whom a store is for; null: no plugin can be one
    std::chrono::milliseconds kv_timeout{5000};  // how long kv.list() waits for the disk
  };

  explicit Runtime(Options options);
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;
  ~Runtime();

  void start();  // the shards run: makes the threads known

  ShardSet& shards() const { return options_.shards; }
  Realm& realm() const { return options_.realm; }
  ListenerSet& listeners() const { return options_.listeners; }
  WorkerPool& workers() const { return options_.workers; }
  ControlPort& control() const { return options_.control; }
  const Options& options() const { return options_; }
  HandleTable& handles() { return handles_; }  // [any]
  HookChains& hooks() { return *hooks_; }
  MetricRegistry& metrics() { return *metrics_; }
  Services& services() { return *services_; }
  GatewayListeners& gateways() { return gateways_; }  // [any]
  StoreUser* store_user() const { return options_.store_user; }
  CommitWaits& commits() { return commits_; }  // [any]

  // The journal has committed everything up to `ticket`: plugins that wait for it are told. Called
  // by whoever was given to Journal::on_commit(), for each of its calls. [any]
  void on_commit(std::uint64_t ticket) { commits_.committed(ticket); }

  std::uint32_t shard_count() const { return static_cast<std::uint32_t>(threads_.size() - 1); }
  HostThread& thread(std::uint32_t index) const {  // a shard's index or kControlThread [any]
    return *threads_[index == kControlThread ? 0 : index + 1];
  }
  HostThread& control_thread() const { return *threads_[0]; }

  // Runs `fn` on every shard, then returns: see ShardSet::barrier. Unlike there `fn` may call into
  // plugins and not come back: then the answer names the shards and where they are.
  struct Absent {
    std::uint32_t shard;
    std::string where;  // "emqx_sn in udp", or "no plugin"
  };
  std::vector<Absent> barrier(std::function<void(HostThread&)> fn);
  std::vector<Absent> barrier(std::function<void(HostThread&)> fn,
                              std::chrono::milliseconds timeout);
  std::string where(const HostThread& thread) const;

  // Parked objects of the plugin that is being upgraded; see Parking.
  class Parking* parking = nullptr;

 private:
  Options options_;
  HandleTable handles_;
  std::vector<std::unique_ptr<HostThread>> threads_;  // the control thread, then the shards
  std::unique_ptr<HookChains> hooks_;
  std::unique_ptr<MetricRegistry> metrics_;
  std::unique_ptr<Services> services_;
  GatewayListeners gateways_;
  CommitWaits commits_;
};

}  // namespace keel::kernel
