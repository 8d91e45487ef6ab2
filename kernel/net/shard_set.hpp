// The shards and their threads. Made, started and stopped by the control thread.
#pragma once

#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "kernel/base/function_ref.hpp"
#include "kernel/base/reclaimer.hpp"
#include "kernel/net/shard.hpp"

namespace keel::kernel {

class ShardSet final : public Reclaimer {
 public:
  struct Options {
    std::uint32_t shards = 0;  // 0: one per core this process may use
    bool pin = false;          // one core each
  };

  explicit ShardSet(Options options);
  ~ShardSet() override;

  void start();  // threads "keel/0", "keel/1", ... [control]
  // Runs what was posted, destroys what the shards own, joins. Not to be started again. [control]
  void stop();
  bool running() const { return !threads_.empty(); }

  std::uint32_t size() const { return static_cast<std::uint32_t>(shards_.size()); }
  Shard& shard(std::uint32_t index) { return *shards_[index]; }

  // Runs `fn` on every shard and returns when all have: after it no shard is inside code it entered
  // before, and every task posted before has run. False: a shard did not get to it in time; `fn`
  // will not be entered there any more. Without threads `fn` runs here. [control]
  [[nodiscard]] bool barrier(FunctionRef<void(Shard&)> fn, std::chrono::milliseconds timeout);
  // The same on one shard. [control]
  [[nodiscard]] bool run_on(std::uint32_t index, FunctionRef<void(Shard&)> fn,
                            std::chrono::milliseconds timeout);

  // See Reclaimer. The last shard to pass runs the task; at shutdown whoever drops the last post.
  void after_grace_period(Task task) override;  // [any]

 private:
  bool run_and_wait(std::vector<Shard*> shards, FunctionRef<void(Shard&)> fn,
                    std::chrono::milliseconds timeout);

  Options options_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::vector<std::thread> threads_;
};

}  // namespace keel::kernel
