// What stands behind a SharedGroup: the members that are online and those that are away, each a
// dense list. Created and changed by the table's writer, read by picking shards.
#pragma once

#include <atomic>
#include <cstdint>

#include "kernel/router/shared_group.hpp"
#include "kernel/router/subscriber_set.hpp"

namespace keel::kernel {

class GroupMembers final : public SharedGroup {
 public:
  GroupMembers(FilterId filter, const std::atomic<SharedStrategy>& strategy)
      : filter_(filter), strategy_(strategy) {}
  static void destroy(void* group) { delete static_cast<GroupMembers*>(group); }

  // The writer's. A new member is online; replacing options leaves it where it is.
  bool put(SubscriptionWord word, RetireList& retired);
  bool remove(Subscriber subscriber, RetireList& retired);
  SubscriptionWord find(Subscriber subscriber) const;
  void set_online(Subscriber subscriber, bool online, RetireList& retired);
  bool empty() const { return online_.empty() && away_.empty(); }
  std::uint32_t count() const { return online_.count() + away_.count(); }

 private:
  friend class SharedGroup;

  bool choose(const SubscriberSet& members, const PickContext& context, Match& out) const noexcept;
  std::uint32_t start(const SubscriberSet::View& members,
                      const PickContext& context) const noexcept;
  std::uint32_t sticky_start(const SubscriberSet::View& members,
                             const PickContext& context) const noexcept;

  const FilterId filter_;
  const std::atomic<SharedStrategy>& strategy_;
  SubscriberSet online_, away_;
  mutable std::atomic<std::uint32_t> cursor_{0};
  // Sticky: position in the low half, the subscriber it was given to in the high one.
  mutable std::atomic<std::uint64_t> sticky_{~std::uint64_t{0}};
};

}  // namespace keel::kernel
