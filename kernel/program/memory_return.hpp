// Gives memory back to the system after a peak: the allocator keeps for itself what was freed
// between things that stay. [control]
#pragma once

#include "kernel/base/fall_watch.hpp"
#include "kernel/broker/realm.hpp"
#include "kernel/net/shard_set.hpp"

namespace keel::kernel {

class MemoryReturn {
 public:
  // Once a second. What is to be done takes this thread about a fifth of a millisecond for each
  // megabyte; shards wait for it only where they need new memory from the allocator meanwhile.
  void tick(const Realm& realm, ShardSet& shards);

 private:
  static constexpr std::int64_t kLeast = 256 * 1024;  // bytes
  FallWatch watch_{kLeast};
};

}  // namespace keel::kernel
