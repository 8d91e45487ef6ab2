#include "kernel/program/memory_return.hpp"

#include <malloc.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <thread>
#include <vector>

#include "kernel/codec/block_pool.hpp"

namespace keel::kernel {

namespace {

// What the things that come and go by the thousand hold, roughly.
std::int64_t held_bytes(const Realm& realm) {
  return realm.total(Gauge::connections) * 512 + realm.total(Gauge::connections_tls) * 15'000 +
         realm.total(Gauge::sessions) * 256 + realm.total(Gauge::subscriptions) * 128 +
         realm.queued_bytes.load(std::memory_order_relaxed) +
         static_cast<std::int64_t>(realm.retained.bytes());
}

// The allocator's cache of a thread: so many chunks of each of these sizes. They count as in use,
// and each keeps the page that it lies on.
constexpr std::size_t kSmallest = 24, kLargest = 1032, kSizeStep = 16, kOfEach = 7;
constexpr std::size_t kCached = ((kLargest - kSmallest) / kSizeStep + 1) * kOfEach;
using Cached = std::array<void*, kCached>;

// Takes all that is in the cache of the calling thread. Some hundred allocations.
void take_cache(Cached& out) {
  std::size_t n = 0;
  for (std::size_t size = kSmallest; size <= kLargest; size += kSizeStep)
    for (std::size_t i = 0; i < kOfEach; ++i) out[n++] = std::malloc(size);
}

// To where they came from: a thread that ends leaves nothing in its own cache.
void free_all(const std::vector<Cached>& taken) {
  std::thread([&taken] {
    for (const Cached& cached : taken)
      for (void* const chunk : cached) std::free(chunk);
  }).join();
}

}  // namespace

void MemoryReturn::tick(const Realm& realm, ShardSet& shards) {
  if (!watch_.look(held_bytes(realm))) return;
  std::vector<Cached> caches(shards.size(), Cached{});
  // One that is too busy now keeps its cache.
  const auto empty = [&caches](Shard& shard) {
    block_pool::give_back();
    take_cache(caches[shard.index()]);
  };
  (void)shards.barrier(empty, std::chrono::milliseconds(100));
  free_all(caches);
  ::malloc_trim(0);
}

}  // namespace keel::kernel
