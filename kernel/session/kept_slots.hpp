// Which sessions are kept in a store, for shards they do not belong to: a bit for each slot. Set by
// the session's own shard, read by any.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>

#include "kernel/router/subscription_table.hpp"

namespace keel::kernel {

class KeptSlots {
 public:
  KeptSlots() = default;
  KeptSlots(const KeptSlots&) = delete;
  KeptSlots& operator=(const KeptSlots&) = delete;
  ~KeptSlots() {
    for (auto& words : shards_) std::free(words.load(std::memory_order_relaxed));
  }

  bool test(Subscriber subscriber) const {
    const Word* const words = shards_[subscriber.shard()].load(std::memory_order_acquire);
    return words && (words[subscriber.slot() / 64].load(std::memory_order_relaxed) >>
                         (subscriber.slot() % 64) &
                     1) != 0;
  }
  // [the subscriber's shard]
  void set(Subscriber subscriber, bool kept) {
    std::atomic<Word*>& shard = shards_[subscriber.shard()];
    Word* words = shard.load(std::memory_order_relaxed);
    if (!words) {
      if (!kept) return;
      // Pages that nobody touches cost nothing.
      words = static_cast<Word*>(std::calloc(kMaxSlots / 64, sizeof(Word)));
      if (!words) throw std::bad_alloc();
      shard.store(words, std::memory_order_release);
    }
    Word& word = words[subscriber.slot() / 64];
    const std::uint64_t bit = std::uint64_t{1} << (subscriber.slot() % 64);
    if (kept)
      word.fetch_or(bit, std::memory_order_relaxed);
    else
      word.fetch_and(~bit, std::memory_order_relaxed);
  }

 private:
  using Word = std::atomic<std::uint64_t>;
  std::array<std::atomic<Word*>, kMaxShards + 1> shards_{};
};

}  // namespace keel::kernel
