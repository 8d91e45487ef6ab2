#include "kernel/plugin/runtime.hpp"

#include <fmt/format.h>

#include <condition_variable>
#include <mutex>

#include "kernel/plugin/hook_chains.hpp"
#include "kernel/plugin/metric_registry.hpp"
#include "kernel/plugin/services.hpp"
#include "kernel/plugin/slot.hpp"

namespace keel::kernel {
namespace {

// Shared by the waiting thread and the shards, which may come to it when nobody waits any more.
struct Meeting {
  explicit Meeting(std::function<void(HostThread&)> function, std::size_t shards)
      : fn(std::move(function)), arrived(shards) {}

  void run(HostThread& thread) {
    {
      const std::lock_guard lock(mutex);
      if (over) return;
    }
    fn(thread);
    const std::lock_guard lock(mutex);
    arrived[thread.index()] = true;
    ++done;
    changed.notify_all();
  }

  const std::function<void(HostThread&)> fn;
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<bool> arrived;
  std::size_t done = 0;
  bool over = false;
};

}  // namespace

Runtime::Runtime(Options options) : options_(std::move(options)) {
  threads_.push_back(std::make_unique<HostThread>(*this, kControlThread));
  for (std::uint32_t i = 0; i < options_.shards.size(); ++i)
    threads_.push_back(std::make_unique<HostThread>(*this, i));
  hooks_ = std::make_unique<HookChains>(*this);
  metrics_ = std::make_unique<MetricRegistry>(shard_count());
  services_ = std::make_unique<Services>();
}

Runtime::~Runtime() = default;

void Runtime::start() {
  control_thread().enter();
  barrier([](HostThread& thread) { thread.enter(); });
}

std::vector<Runtime::Absent> Runtime::barrier(std::function<void(HostThread&)> fn) {
  return barrier(std::move(fn), options_.stop_timeout);
}

std::vector<Runtime::Absent> Runtime::barrier(std::function<void(HostThread&)> fn,
                                              std::chrono::milliseconds timeout) {
  if (!options_.shards.running()) {
    for (std::uint32_t i = 0; i < shard_count(); ++i) fn(thread(i));
    return {};
  }
  const auto meeting = std::make_shared<Meeting>(std::move(fn), shard_count());
  for (std::uint32_t i = 0; i < shard_count(); ++i)
    thread(i).post([meeting, each = &thread(i)] { meeting->run(*each); });
  if (!options_.wait_for_shards) return {};
  std::unique_lock lock(meeting->mutex);
  meeting->changed.wait_for(lock, timeout, [&] { return meeting->done == shard_count(); });
  meeting->over = true;
  std::vector<Absent> absent;
  for (std::uint32_t i = 0; i < shard_count(); ++i)
    if (!meeting->arrived[i]) absent.push_back({i, where(thread(i))});
  return absent;
}

std::string Runtime::where(const HostThread& thread) const {
  const Slot* const slot = thread.inside.slot.load(std::memory_order_relaxed);
  if (!slot) return "no plugin";
  return fmt::format("{} in {}", slot->name(),
                     site_name(thread.inside.site.load(std::memory_order_relaxed)));
}

}  // namespace keel::kernel
