// Where a topic's messages go, remembered until any subscription changes. In front of the
// subscription table; filled when a topic is seen the second time. One per shard. [shard]
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/router/shared_group.hpp"
#include "kernel/session/session_store.hpp"

namespace keel::kernel {

// One receiver: all subscriptions of one session that match, merged.
struct Target {
  static constexpr std::uint8_t kNoLocal = 1, kRetainAsPublished = 2, kShared = 4;
  static constexpr std::uint8_t kOwnOnly = 8;  // only for messages of the session itself

  Subscriber subscriber;
  std::uint32_t subscription_id =
      0;               // the id, or where the ids start in the list beside the targets
  FilterId group = 0;  // with kShared: the subscription it was picked for
  std::uint16_t id_count = 0;
  std::uint8_t qos = 0;
  std::uint8_t flags = 0;

  static Target of(const Match& match);
};

struct LocalTarget {
  Session* session;
  Target target;
};

struct Route {
  std::string topic;
  bool valid_name = false;  // a PUBLISH may have that topic
  std::vector<LocalTarget> local;
  std::vector<Target> remote;  // ordered by shard
  std::vector<std::uint32_t> ids;
  std::vector<SharedGroup*> groups;
  // Kept beside the lists, since every message asks: those in `local` and `remote`, and whether
  // there is but one receiver, a group counted as one.
  std::uint32_t targets = 0;
  bool single = false;

  bool empty() const { return local.empty() && remote.empty() && groups.empty(); }
  void clear();
  void count();  // when the lists are complete
};

// The ids of a target within its list.
inline std::span<const std::uint32_t> ids_of(const Target& target,
                                             const std::vector<std::uint32_t>& ids) {
  if (target.id_count <= 1) return {&target.subscription_id, target.id_count};
  return {ids.data() + target.subscription_id, target.id_count};
}

class RouteCache {
 public:
  RouteCache(const SubscriptionTable& table, const SessionStore& sessions, std::uint32_t shard);

  // The route of `topic`; valid until the next call or the end of the turn.
  const Route& find(std::string_view topic) {
    // Most messages go where the one before them went.
    const Route* const route = last_->route.get();
    if (!route || last_->generation != table_.generation() || route->topic != topic)
      return look_up(topic);
    cached_ = true;
    return *route;
  }
  bool last_was_cached() const { return cached_; }  // whether that took no match
  // The topic of the last route, if it is remembered and a PUBLISH may have it; else empty.
  std::string_view last_valid_topic() const {
    const Route* const route = last_->route.get();
    return route && route->valid_name ? std::string_view(route->topic) : std::string_view();
  }

 private:
  struct Entry {
    std::uint64_t hash = 0, generation = 0;
    std::unique_ptr<Route> route;  // null: seen once
  };
  const Route& look_up(std::string_view topic);
  void fill(std::string_view topic, Route& route);
  void forget(Entry& entry);
  static Target merge(std::span<const Match> same, Route& route);
  void add(const Target& target, Route& route);

  const SubscriptionTable& table_;
  const SessionStore& sessions_;
  const std::uint32_t shard_;
  std::vector<Entry> entries_;
  const Entry* last_;  // that was looked at
  MatchResult found_;
  Route uncached_;
  std::size_t targets_ = 0;  // in all cached routes
  bool cached_ = false;
};

}  // namespace keel::kernel
