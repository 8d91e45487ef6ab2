// A plugin host for tests of the socket tables: real shards and loopback sockets, and slots without
// a library whose plugin is the test itself.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kernel/broker/realm.hpp"
#include "kernel/net/listener_set.hpp"
#include "kernel/net/shard_set.hpp"
#include "kernel/net/worker_pool.hpp"
#include "kernel/plugin/host_support.hpp"
#include "kernel/plugin/parking.hpp"
#include "kernel/plugin/runtime.hpp"
#include "kernel/plugin/slot.hpp"
#include "kernel/plugin/tables.hpp"

namespace keel::test {

using namespace keel::kernel;

// The control thread is the test's; what is posted to it runs in turn().
class TestControl final : public ControlPort {
 public:
  void post(Task task) override;
  void after_ms(std::int64_t delay_ms, std::function<void()> fn) override {
    timers.emplace_back(delay_ms, std::move(fn));
  }
  bool add_command(const std::string& name, std::vector<Usage>, CommandFn fn) override {
    return commands.emplace(name, std::move(fn)).second;
  }
  void remove_command(const std::string& name) override { commands.erase(name); }
  void turn();

  std::map<std::string, CommandFn> commands;
  std::vector<std::pair<std::int64_t, std::function<void()>>> timers;  // all there ever were

 private:
  std::mutex mutex_;
  std::vector<Task> tasks_;
};

struct NetHost {
  explicit NetHost(std::uint32_t shard_count = 2, Settings with = {},
                   std::chrono::milliseconds kv_timeout = std::chrono::seconds(60));
  ~NetHost();

  // A plugin in start(): it may acquire, nothing of it runs.
  std::unique_ptr<Slot> plugin(const std::string& name = "gateway");
  void run(Slot& slot);     // start() answered KEEL_OK
  void unload(Slot& slot);  // everything of it ends
  // The first half of an upgrade: what can be parked is.
  void park(Slot& slot, Parking& parking);
  // The new version failed: what it adopted is back in the parking.
  void unadopt(Slot& slot, Parking& parking);
  void reopen(Slot& slot) { slot.reopen(); }

  // Runs `fn` on a shard, or on all of them, and waits.
  void on_shard(std::uint32_t index, const std::function<void()>& fn);
  // Lets all threads turn until the condition, looked at on this thread, holds. False after a long
  // time.
  bool eventually(const std::function<bool()>& condition);
  // The same for a condition that is looked at on a shard.
  bool eventually_on(std::uint32_t index, const std::function<bool()>& condition);
  void turns(int n = 3);  // of every thread

  std::shared_ptr<Settings> settings;
  ShardSet shards;
  Realm realm;
  ListenerSet listeners;
  WorkerPool workers;
  TestControl control;
  std::optional<Runtime> runtime;
};

inline std::string error_text() { return last_error_text(); }
inline bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace keel::test
