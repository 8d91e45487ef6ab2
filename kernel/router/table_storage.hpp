// Everything a subscription table consists of. Kept alive by the table and by batches that wait for
// their grace period, so that a table may go before its Reclaimer has run them.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string_view>

#include "kernel/base/hash.hpp"
#include "kernel/router/filter_entry.hpp"
#include "kernel/router/flat_index.hpp"
#include "kernel/router/level_trie.hpp"
#include "kernel/router/retire_list.hpp"
#include "kernel/router/slab_arena.hpp"

namespace keel::kernel {

class TableStorage {
 public:
  explicit TableStorage(SharedStrategy initial) : strategy(initial) {}
  TableStorage(const TableStorage&) = delete;
  TableStorage& operator=(const TableStorage&) = delete;
  ~TableStorage();

  FilterEntry& entry(std::uint32_t id) const noexcept {
    return *static_cast<FilterEntry*>(entries_.at(id));
  }
  // The first entry of an exact filter; 0: none. [any]
  std::uint32_t find_exact(std::string_view filter) const noexcept {
    return find_exact(filter, tag_of(filter));
  }
  // The same in two steps, with something else to do while the memory comes. [any]
  std::uint32_t begin_exact(std::string_view filter) const noexcept {
    const std::uint32_t tag = tag_of(filter);
    exact_.prefetch(tag);
    return tag;
  }
  std::uint32_t find_exact(std::string_view filter, std::uint32_t tag) const noexcept {
    return exact_.find(tag, [&](std::uint32_t id) { return entry(id).filter() == filter; });
  }

  std::mutex writer;

  // All below under `writer`.
  std::uint32_t find(std::string_view prefix, std::string_view filter, bool wildcard);
  // A new entry with its first subscription, linked in.
  std::uint32_t create(std::string_view prefix, std::string_view filter, bool wildcard,
                       SubscriptionWord first);
  // Takes an entry without subscriptions out of its chain and retires it.
  void unlink(std::uint32_t id);
  // The entry, or null when `id` names none in use.
  FilterEntry* in_use(std::uint32_t id) const;
  bool first_of_chain(std::uint32_t id) const;
  std::uint32_t slot_from(std::uint32_t id) const { return entries_.slot_from(id); }
  std::size_t bytes() const;

  // Frees what a grace period has passed for; takes `writer` in steps. [any]
  void free(RetiredBatch& batch);

  RetireList retired;
  LevelTrie trie{retired, hash_seed()};
  std::atomic<SharedStrategy> strategy;
  std::uint64_t filters = 0, subscriptions = 0, shared_subscriptions = 0;

 private:
  std::uint32_t tag_of(std::string_view filter) const noexcept {
    return static_cast<std::uint32_t>(hash_bytes(filter, seed_));
  }
  void free_entry(std::uint32_t id);

  const std::uint64_t seed_ = hash_seed();
  SlabArena entries_;
  FlatIndex exact_{retired};
};

}  // namespace keel::kernel
