#include "kernel/router/shared_group.hpp"

#include <algorithm>

#include "kernel/base/hash.hpp"
#include "kernel/router/group_members.hpp"

namespace keel::kernel {
namespace {

// A random number in [0, n) without a division.
std::uint32_t scaled(std::uint64_t random, std::uint32_t n) {
  return static_cast<std::uint32_t>((random >> 32) * n >> 32);
}

}  // namespace

bool SharedGroup::pick(const PickContext& context, Match& out) const noexcept {
  const auto& self = static_cast<const GroupMembers&>(*this);
  return self.choose(self.online_, context, out) ||
         (!context.online_only && self.choose(self.away_, context, out));
}

FilterId SharedGroup::filter() const { return static_cast<const GroupMembers&>(*this).filter_; }

bool GroupMembers::choose(const SubscriberSet& members, const PickContext& context,
                          Match& out) const noexcept {
  const SubscriberSet::View view = members.view();
  const std::uint32_t n = view.size();
  if (n == 0) return false;
  std::uint32_t at = start(view, context);
  for (std::uint32_t tried = 0; tried < n; ++tried, at = at + 1 == n ? 0 : at + 1) {
    const SubscriptionWord word = view[at];
    if (!is_somebody(word) || subscriber_of(word) == context.exclude) continue;
    out = match_of(word);
    return true;
  }
  return false;
}

std::uint32_t GroupMembers::start(const SubscriberSet::View& members,
                                  const PickContext& context) const noexcept {
  const std::uint32_t n = members.size();
  switch (strategy_.load(std::memory_order_relaxed)) {
    case SharedStrategy::round_robin:
      return cursor_.fetch_add(1, std::memory_order_relaxed) % n;
    case SharedStrategy::hash:
      return scaled(hash_mix(context.publisher ^ 0x9e3779b97f4a7c15ULL, 0xe7037ed1a0b428dbULL), n);
    case SharedStrategy::sticky:
      return sticky_start(members, context);
    case SharedStrategy::random:
      break;
  }
  return scaled(hash_mix(context.random, 0xa0761d6478bd642fULL), n);
}

// Where the member stands that has it; else a new choice, on the publisher's shard if one is near.
// The list may have changed since: the position is a hint, the subscriber decides.
std::uint32_t GroupMembers::sticky_start(const SubscriberSet::View& members,
                                         const PickContext& context) const noexcept {
  const std::uint32_t n = members.size();
  const std::uint64_t held = sticky_.load(std::memory_order_relaxed);
  const Subscriber holder{static_cast<std::uint32_t>(held >> 32)};
  const auto holds = [&](std::uint32_t at) {
    const SubscriptionWord word = members[at];
    return is_somebody(word) && subscriber_of(word) == holder;
  };
  const auto hint = static_cast<std::uint32_t>(held);
  if (hint < n && holds(hint)) return hint;
  const auto stick = [&](std::uint32_t at) {
    sticky_.store(members[at] >> 32 << 32 | at, std::memory_order_relaxed);
    return at;
  };
  if (held != ~std::uint64_t{0})
    for (std::uint32_t at = 0; at < n; ++at)
      if (holds(at)) return stick(at);

  constexpr std::uint32_t kLookedAt = 32;
  const std::uint32_t first = scaled(hash_mix(context.random, 0xa0761d6478bd642fULL), n);
  for (std::uint32_t i = 0; i < std::min(n, kLookedAt); ++i) {
    const std::uint32_t at = (first + i) % n;
    const SubscriptionWord word = members[at];
    if (subscriber_of(word).shard() == context.shard && !(subscriber_of(word) == context.exclude))
      return stick(at);
  }
  return stick(first);
}

bool GroupMembers::put(SubscriptionWord word, RetireList& retired) {
  if (away_.find(subscriber_of(word)) != kNobody) return away_.put(word, retired);
  return online_.put(word, retired);
}

bool GroupMembers::remove(Subscriber subscriber, RetireList& retired) {
  return online_.remove(subscriber, SubscriberSet::Removal::stay_dense, retired) ||
         away_.remove(subscriber, SubscriberSet::Removal::stay_dense, retired);
}

SubscriptionWord GroupMembers::find(Subscriber subscriber) const {
  const SubscriptionWord word = online_.find(subscriber);
  return word != kNobody ? word : away_.find(subscriber);
}

// Put into the new list before it leaves the old one: a pick in between finds it twice, not
// nowhere.
void GroupMembers::set_online(Subscriber subscriber, bool online, RetireList& retired) {
  SubscriberSet& from = online ? away_ : online_;
  const SubscriptionWord word = from.find(subscriber);
  if (word == kNobody) return;
  (online ? online_ : away_).put(word, retired);
  from.remove(subscriber, SubscriberSet::Removal::stay_dense, retired);
}

}  // namespace keel::kernel
