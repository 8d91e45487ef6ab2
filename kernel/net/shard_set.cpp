#include "kernel/net/shard_set.hpp"

#include <fmt/format.h>
#include <pthread.h>
#include <sched.h>

#include <condition_variable>
#include <mutex>

#include "kernel/base/log.hpp"

namespace keel::kernel {
namespace {

// The cores this process may run on.
std::vector<int> usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> cores;
  if (::sched_getaffinity(0, sizeof set, &set) == 0) {
    for (int core = 0; core < CPU_SETSIZE; ++core) {
      if (CPU_ISSET(core, &set)) cores.push_back(core);
    }
  }
  return cores;
}

void pin_to(std::thread& thread, int core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  if (::pthread_setaffinity_np(thread.native_handle(), sizeof set, &set) != 0) {
    KEEL_LOG(warning, "cannot pin a shard to core {}; it runs where the system puts it", core);
  }
}

// Counts the shards that have yet to run a function that lives on the waiting thread's stack.
struct Rendezvous {
  Rendezvous(FunctionRef<void(Shard&)> function, std::size_t shards) : fn(function), left(shards) {}

  void run(Shard& shard) {
    {
      const std::lock_guard lock(mutex);
      if (cancelled) return;
      ++inside;
    }
    fn(shard);
    const std::lock_guard lock(mutex);
    --inside;
    --left;
    changed.notify_all();
  }

  bool wait(std::chrono::milliseconds timeout) {
    std::unique_lock lock(mutex);
    const bool all = changed.wait_for(lock, timeout, [this] { return left == 0; });
    cancelled = true;
    changed.wait(lock, [this] { return inside == 0; });  // `fn` must not outlive this call
    return all || left == 0;
  }

  FunctionRef<void(Shard&)> fn;
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t left, inside = 0;
  bool cancelled = false;
};

// Runs its task when the last post that holds it is gone.
struct LastOut {
  explicit LastOut(Task t) : task(std::move(t)) {}
  ~LastOut() {
    if (task) task();
  }
  Task task;
};

}  // namespace

ShardSet::ShardSet(Options options) : options_(options) {
  std::size_t count = options.shards;
  if (count == 0) count = std::max<std::size_t>(usable_cores().size(), 1);
  for (std::uint32_t i = 0; i < count; ++i) shards_.push_back(std::make_unique<Shard>(i));
}

ShardSet::~ShardSet() { stop(); }

void ShardSet::start() {
  const std::vector<int> cores = usable_cores();
  for (std::uint32_t i = 0; i < size(); ++i) {
    std::thread& thread = threads_.emplace_back([shard = shards_[i].get()] { shard->run(); });
    ::pthread_setname_np(thread.native_handle(), fmt::format("keel/{}", i).c_str());
    if (options_.pin && !cores.empty()) pin_to(thread, cores[i % cores.size()]);
  }
}

void ShardSet::stop() {
  if (!running()) return;
  for (auto& shard : shards_) shard->stop();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

bool ShardSet::run_and_wait(std::vector<Shard*> shards, FunctionRef<void(Shard&)> fn,
                            std::chrono::milliseconds timeout) {
  if (!running()) {
    for (Shard* shard : shards) fn(*shard);
    return true;
  }
  auto rendezvous = std::make_shared<Rendezvous>(fn, shards.size());
  for (Shard* shard : shards) {
    shard->post([rendezvous, shard] { rendezvous->run(*shard); });
  }
  return rendezvous->wait(timeout);
}

bool ShardSet::barrier(FunctionRef<void(Shard&)> fn, std::chrono::milliseconds timeout) {
  std::vector<Shard*> all;
  for (auto& shard : shards_) all.push_back(shard.get());
  return run_and_wait(std::move(all), fn, timeout);
}

bool ShardSet::run_on(std::uint32_t index, FunctionRef<void(Shard&)> fn,
                      std::chrono::milliseconds timeout) {
  return run_and_wait({shards_[index].get()}, fn, timeout);
}

void ShardSet::after_grace_period(Task task) {
  auto last = std::make_shared<LastOut>(std::move(task));
  for (auto& owned : shards_) {
    Shard* shard = owned.get();
    // Twice through the mailbox: the second task runs in a later turn than the one under way now.
    shard->post([shard, last]() mutable { shard->post([last = std::move(last)] {}); });
  }
}

}  // namespace keel::kernel
