// What protocol code needs of the thread it runs on: time, timers, posting to itself and others,
// and the list of connections with something to send. No sockets here: `Shard` (shard.hpp) adds the
// event loop, tests derive their own with a manual clock.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "kernel/base/ban_table.hpp"
#include "kernel/base/metrics.hpp"
#include "kernel/base/task.hpp"
#include "kernel/base/timer_wheel.hpp"

namespace keel::kernel {

class Link;

class ShardCore {
 public:
  ShardCore(std::uint32_t index, std::int64_t now_ms) : index_(index), timers_(now_ms) {}
  ShardCore(const ShardCore&) = delete;
  ShardCore& operator=(const ShardCore&) = delete;
  virtual ~ShardCore() = default;

  // Runs `task` on this shard, after everything posted before. [any]
  virtual void post(Task task) = 0;

  // Called at the end of every turn, before links are flushed: the broker sends its batches to the
  // other shards here. At most one. [shard, before the loop runs]
  void set_turn_end(void (*fn)(void*), void* ctx) {
    turn_end_ = fn;
    turn_end_ctx_ = ctx;
  }

  std::uint32_t index() const { return index_; }
  std::int64_t now_ms() const { return timers_.now_ms(); }  // monotonic, of this turn [shard]
  TimerWheel& timers() { return timers_; }                  // [shard]
  MetricsCell& metrics() { return metrics_; }               // writes [shard], reads [any]

  // Who is banned; null: nobody. [shard]
  const BanTable* bans() const { return bans_.get(); }
  bool bans_address(const Endpoint& peer) const { return bans_ && bans_->has_address(peer); }
  void set_bans(std::shared_ptr<const BanTable> bans) { bans_ = std::move(bans); }

 protected:
  friend class Link;
  void end_turn() {
    if (turn_end_) turn_end_(turn_end_ctx_);
  }

  std::vector<Link*> dirty_;  // links whose output is to be flushed at the end of the turn

 private:
  std::uint32_t index_;
  TimerWheel timers_;
  MetricsCell metrics_;
  std::shared_ptr<const BanTable> bans_;
  void (*turn_end_)(void*) = nullptr;
  void* turn_end_ctx_ = nullptr;
};

}  // namespace keel::kernel
