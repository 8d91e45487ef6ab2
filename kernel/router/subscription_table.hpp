// Who is subscribed to what. One table for all shards: readers (match) take no lock, writers take
// one. What a writer unlinks is freed only after every shard has ended the turn it was in
// (Reclaimer).
//
// Exact filters stand in a hash, wildcard filters in a trie whose edges are one flat hash;
// subscribers of a filter are a list walked without a lock while others append to it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/base/function_ref.hpp"
#include "kernel/base/reclaimer.hpp"
#include "kernel/base/settings.hpp"
#include "kernel/router/topic.hpp"

namespace keel::kernel {

// A session as the table knows it. A slot is not given to another session before every shard has
// passed a turn since its last subscription was removed, so a reference never reaches the wrong
// client.
struct Subscriber {
  std::uint32_t value = 0;
  static Subscriber make(std::uint32_t shard, std::uint32_t slot) { return {shard << 24 | slot}; }
  std::uint32_t shard() const { return value >> 24; }
  std::uint32_t slot() const { return value & 0xffffff; }
  bool operator==(const Subscriber&) const = default;
};
inline constexpr std::uint32_t kMaxSlots = 1u << 24;
inline constexpr std::uint32_t kMaxShards = 255;

struct SubscriptionOptions {
  std::uint8_t qos = 0;
  bool no_local = false;
  bool retain_as_published = false;
  std::uint32_t subscription_id = 0;  // 0: none; at most 268 435 455
};

class SharedGroup;  // shared_group.hpp

// One subscription found by a match.
struct Match {
  Subscriber subscriber;
  SubscriptionOptions options;
};

// Working memory of match(), kept between calls so that it allocates nothing.
struct MatchScratch {
  struct Level {
    std::string_view text;
    std::uint64_t hash;
  };
  struct Step {
    std::uint32_t node, depth;
  };
  std::vector<Level> levels;
  std::vector<Step> stack;
  std::size_t split = 0;  // where the topic's next level begins
};

// What match() finds. Kept by the caller and reused. Group pointers are valid during the turn, and
// longer for as long as generation() stays what it was when match() began.
struct MatchResult {
  std::vector<Match>
      subscribers;  // one per subscription: a client with two fitting filters is here twice
  std::vector<SharedGroup*> groups;
  MatchScratch scratch;  // match()'s own
  void clear() {
    subscribers.clear();
    groups.clear();
  }
};

// A filter in the table. Stable while at least one subscription uses it.
using FilterId = std::uint32_t;

class SubscriptionTable {
 public:
  SubscriptionTable(Reclaimer& reclaimer, SharedStrategy strategy);
  SubscriptionTable(const SubscriptionTable&) = delete;
  SubscriptionTable& operator=(const SubscriptionTable&) = delete;
  ~SubscriptionTable();

  struct Added {
    FilterId filter;
    bool existed;  // this subscriber had it; the options were replaced
  };
  // Adds or replaces a subscription. Visible to every match that starts after the return. [any]
  Added add(const ParsedFilter& filter, Subscriber subscriber, const SubscriptionOptions& options);
  // False: there was none. [any]
  bool remove(const ParsedFilter& filter, Subscriber subscriber);
  bool remove(FilterId filter, Subscriber subscriber);
  // The filter as the client gave it, share prefix included. [any]
  std::string text(FilterId filter) const;
  // The filter's id, if anyone is subscribed to it. [any]
  std::optional<FilterId> id(const ParsedFilter& filter) const;
  // The options of a subscription; nothing: not subscribed. [any]
  std::optional<SubscriptionOptions> find(FilterId filter, Subscriber subscriber) const;

  // Everyone subscribed to `topic`, appended to `out`. Lock-free. [shard]
  void match(std::string_view topic, MatchResult& out) const noexcept;

  // Changes with every add and remove; a cached result holds while it stays the same. Read it
  // before match(). [any]
  std::uint64_t generation() const { return generation_.load(std::memory_order_acquire); }

  // For shared groups: a member that is away is passed over while another is there. [any]
  void set_online(FilterId filter, Subscriber subscriber, bool online);

  // How shared groups pick from now on (a reload). [any]
  void set_strategy(SharedStrategy strategy);

  // Hands what was unlinked since the last time to the Reclaimer. add() and remove() do so
  // themselves when a batch is full; called every now and then so that the rest does not wait for
  // ever. [any]
  void flush_retired();

  // Distinct filters as each_filter() sees them; subscriptions, the shared ones included; bytes of
  // the whole table, what waits for its grace period included.
  struct Counts {
    std::uint64_t filters, subscriptions, shared_subscriptions, bytes;
  };
  Counts counts() const;  // [any]

  // Walks the distinct filters (without share prefix duplicates) in no particular order, a slice at
  // a time: starts at `cursor`, visits at most `max` (at times fewer, or none), answers the next
  // cursor, 0 when done. Filters added or removed meanwhile may be missed or seen. `fn` runs
  // without a lock. [any]
  std::uint64_t each_filter(
      std::uint64_t cursor, std::size_t max,
      FunctionRef<void(std::string_view filter, std::size_t subscribers)> fn) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
  std::atomic<std::uint64_t> generation_{1};
};

}  // namespace keel::kernel
