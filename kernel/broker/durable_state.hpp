// Brings the broker and a store together: reads what the store holds when it is loaded, hands the
// news of commits to the shards, lets the sessions go on in memory when it is unloaded. Made after
// the brokers, before the shards run; destroyed after they stopped. [control] unless marked.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kernel/base/task.hpp"
#include "kernel/broker/realm.hpp"
#include "kernel/broker/recovery.hpp"
#include "kernel/durable/store_user.hpp"

namespace keel::kernel {

class Broker;

class DurableState final : public StoreUser {
 public:
  // `post` runs a task on the control thread [any]; `after_ms` does so later.
  using After = std::function<void(std::int64_t delay_ms, std::function<void()> fn)>;
  DurableState(Realm& realm, std::function<void(Task)> post, After after_ms);
  DurableState(const DurableState&) = delete;
  DurableState& operator=(const DurableState&) = delete;
  ~DurableState() override;

  void store_ready(StorePort& store, Done done) override;
  std::vector<std::string> dependants(std::size_t max, std::size_t& count) override;
  void store_leaving(std::function<void()> done) override;
  void store_stopping(std::function<void()> done) override;
  void store_paused() override;
  void store_back(StorePort& store) override;

  // Whom to tell of commits besides the shards, with what Journal::on_commit() says. Set before the
  // first store is loaded.
  void also_tell(std::function<void(std::uint64_t ticket)> fn) { also_ = std::move(fn); }
  // Called now and then: hands over what nobody's turn took along.
  void tick();
  // Of the last time a store was loaded.
  std::int64_t recovery_ms() const { return recovery_ms_; }

 private:
  void on_commit(std::uint64_t ticket);  // [any]
  void switch_on(std::uint64_t opened, std::function<void()> done);
  void redeliver();
  void watch_retained();
  void keep_retained();
  // Runs `task` on every shard, then `done` here.
  void on_shards(std::function<void(Broker&)> task, std::function<void()> done);
  void fetch_tails(int rounds, std::function<void()> done);
  void wait_for(std::uint64_t ticket, std::function<void()> done);

  Realm& realm_;
  const std::function<void(Task)> post_;
  const After after_ms_;
  std::shared_ptr<Recovery> recovery_;       // while one is under way
  std::vector<Recovery::Transit> transits_;  // found by the recovery
  std::function<void(std::uint64_t)> also_;
  bool left_ = false;  // a store was unloaded under sessions: what it holds is older than memory
  std::int64_t recovery_ms_ = 0;
};

}  // namespace keel::kernel
