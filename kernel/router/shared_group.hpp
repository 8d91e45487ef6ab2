// The members of one shared subscription ($share/<group>/<filter>, $queue/<filter>) [MQTT5 4.8.2].
// Members are read without a lock by publishing shards; the table's writer changes them.
#pragma once

#include <cstdint>
#include <string_view>

#include "kernel/router/subscription_table.hpp"

namespace keel::kernel {

struct PickContext {
  std::uint32_t shard;  // of the publisher: a member here is preferred where the strategy allows
  std::uint64_t publisher;   // for SharedStrategy::hash
  std::uint64_t random;      // a fresh random number
  Subscriber exclude{~0u};   // not this one (redispatch)
  bool online_only = false;  // nobody rather than a member that is away
};

class SharedGroup {
 public:
  // The member that gets the next message, by the table's strategy; members that are online first.
  // False: nobody is left. Lock-free. [shard]
  bool pick(const PickContext& context, Match& out) const noexcept;

  FilterId filter() const;  // the subscription's filter, for redispatch

 protected:
  SharedGroup() = default;
  ~SharedGroup() = default;
};

}  // namespace keel::kernel
