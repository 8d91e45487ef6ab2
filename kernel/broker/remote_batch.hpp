// Messages of one turn on their way from one shard to another: one allocation and one wakeup per
// batch.
#pragma once

#include <cstdint>
#include <vector>

#include "kernel/broker/route_cache.hpp"

namespace keel::kernel {

class Broker;

struct RemoteBatch {
  struct Item {
    MessagePtr message;
    std::uint32_t first = 0, count = 0;  // its targets
  };
  std::vector<Item> items;
  std::vector<Target> targets;
  std::vector<std::uint32_t> ids;  // of targets with several subscription ids
  std::size_t bytes = 0;           // what its messages occupy
  // Of a batch with something that has to be durable: who waits for it to be safe, and the turn
  // there. Null: nobody.
  Broker* origin = nullptr;
  std::uint64_t turn = 0;
};

}  // namespace keel::kernel
