// Messages of one turn on their way from one shard to another: one allocation and one wakeup per
// batch.
#pragma once

#include <cstdint>
#include <vector>

#include "kernel/broker/route_cache.hpp"

namespace keel::kernel {

struct RemoteBatch {
  struct Item {
    MessagePtr message;
    std::uint32_t first = 0, count = 0;  // its targets
  };
  std::vector<Item> items;
  std::vector<Target> targets;
  std::vector<std::uint32_t> ids;  // of targets with several subscription ids
  std::size_t bytes = 0;           // what its messages occupy
};

}  // namespace keel::kernel
