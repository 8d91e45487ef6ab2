// Messages of one turn on their way from one shard to another: one allocation and one wakeup per
// batch.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "kernel/broker/route_cache.hpp"

namespace keel::kernel {

class Broker;

struct RemoteBatch {
  struct Item {
    MessagePtr message;
    std::uint32_t first = 0, count = 0;  // its targets
    // Of one that sessions which are kept get, too: the number of its row in Space::transit (0:
    // none), whether they have subscribed plainly, and through which shared subscriptions.
    std::uint64_t transit = 0;
    bool plain = false;
    std::unique_ptr<std::vector<FilterId>> groups = nullptr;
  };
  std::vector<Item> items;
  std::vector<Target> targets;
  std::vector<std::uint32_t> ids;  // of targets with several subscription ids
  std::size_t bytes = 0;           // what its messages occupy
  // Who waits to hear whether the store is fit to take it, and for which turn there. Null: nobody.
  Broker* origin = nullptr;
  std::uint64_t turn = 0;
};

}  // namespace keel::kernel
