#include "kernel/broker/route_cache.hpp"

#include <algorithm>
#include <iterator>

#include "kernel/base/hash.hpp"
#include "kernel/codec/decoder.hpp"

namespace keel::kernel {

namespace {
constexpr std::size_t kEntries = 4096;
// In all entries together, 32 bytes each. Fan-outs beyond are matched anew: that is the lesser part
// of them.
constexpr std::size_t kMaxCachedTargets = 262'144;
}  // namespace

Target Target::of(const Match& match) {
  Target target;
  target.subscriber = match.subscriber;
  target.qos = match.options.qos;
  target.subscription_id = match.options.subscription_id;
  target.id_count = match.options.subscription_id != 0;
  target.flags =
      static_cast<std::uint8_t>((match.options.no_local ? kNoLocal : 0) |
                                (match.options.retain_as_published ? kRetainAsPublished : 0));
  return target;
}

void Route::clear() {
  local.clear();
  remote.clear();
  ids.clear();
  groups.clear();
}

void Route::count() {
  targets = static_cast<std::uint32_t>(local.size() + remote.size());
  single = targets + groups.size() == 1;
}

RouteCache::RouteCache(const SubscriptionTable& table, const SessionStore& sessions,
                       std::uint32_t shard)
    : table_(table),
      sessions_(sessions),
      shard_(shard),
      entries_(kEntries),
      last_(entries_.data()) {}

const Route& RouteCache::look_up(std::string_view topic) {
  const std::uint64_t generation = table_.generation();
  const std::uint64_t hash = hash_bytes(topic, hash_seed());
  Entry& entry = entries_[hash & (kEntries - 1)];
  last_ = &entry;
  cached_ = entry.hash == hash && entry.route && entry.route->topic == topic;
  if (cached_ && entry.generation == generation) return *entry.route;
  if (entry.hash != hash) {  // the first sighting
    forget(entry);
    entry.hash = hash;
  } else if (cached_ || !entry.route) {
    if (!entry.route) {
      entry.route = std::make_unique<Route>();
      entry.route->topic = topic;
      entry.route->valid_name = valid_topic_name(topic);
    }
    targets_ -= entry.route->targets;
    fill(topic, *entry.route);
    targets_ += entry.route->targets;
    entry.generation = generation;
    cached_ = false;
    if (targets_ <= kMaxCachedTargets) return *entry.route;
    uncached_ = std::move(*entry.route);
    targets_ -= uncached_.targets;
    entry.route.reset();
    return uncached_;
  }
  fill(topic, uncached_);
  return uncached_;
}

void RouteCache::forget(Entry& entry) {
  if (entry.route) targets_ -= entry.route->targets;
  entry.route.reset();
}

void RouteCache::fill(std::string_view topic, Route& route) {
  route.clear();
  found_.clear();
  table_.match(topic, found_);
  auto& matches = found_.subscribers;
  if (matches.size() > 1)
    std::sort(matches.begin(), matches.end(), [](const Match& a, const Match& b) {
      return a.subscriber.value < b.subscriber.value;
    });
  for (std::size_t first = 0, next; first < matches.size(); first = next) {
    next = first + 1;
    while (next < matches.size() && matches[next].subscriber == matches[first].subscriber) ++next;
    const std::span<const Match> same(&matches[first], next - first);
    const auto no_local = static_cast<std::size_t>(std::count_if(
        same.begin(), same.end(), [](const Match& match) { return match.options.no_local; }));
    add(merge(same, route), route);
    if (no_local == 0 || no_local == same.size()) continue;
    // Its own messages reach the session by the other subscriptions alone.
    std::vector<Match> echoing;
    std::copy_if(same.begin(), same.end(), std::back_inserter(echoing),
                 [](const Match& match) { return !match.options.no_local; });
    Target own = merge(echoing, route);
    own.flags |= Target::kOwnOnly;
    add(own, route);
  }
  route.groups = found_.groups;
  route.count();
}

// One delivery for all matching subscriptions of a session: the highest QoS, every identifier
// [MQTT5 3.3.4].
Target RouteCache::merge(std::span<const Match> same, Route& route) {
  Target target = Target::of(same[0]);
  if (same.size() == 1) return target;
  const auto first = static_cast<std::ptrdiff_t>(route.ids.size());
  for (const Match& match : same) {
    const Target other = Target::of(match);
    target.qos = std::max(target.qos, other.qos);
    target.flags |= other.flags;
    if (match.options.subscription_id != 0) route.ids.push_back(match.options.subscription_id);
  }
  std::sort(route.ids.begin() + first, route.ids.end());
  route.ids.erase(std::unique(route.ids.begin() + first, route.ids.end()), route.ids.end());
  target.id_count =
      static_cast<std::uint16_t>(static_cast<std::ptrdiff_t>(route.ids.size()) - first);
  target.subscription_id =
      target.id_count == 1 ? route.ids.back() : static_cast<std::uint32_t>(first);
  return target;
}

void RouteCache::add(const Target& target, Route& route) {
  if (target.subscriber.shard() != shard_)
    route.remote.push_back(target);
  else if (Session* session = sessions_.at(target.subscriber.slot()))
    route.local.push_back({session, target});
}

}  // namespace keel::kernel
