// What is counted of one shard's CoAP. Plain numbers of that shard.
#pragma once

#include <cstdint>

namespace coap {

struct Counters {
  std::uint64_t received = 0, sent = 0, retransmitted = 0, duplicates = 0, malformed = 0;
  std::uint64_t resets_received = 0, resets_sent = 0, timeouts = 0;
  std::uint64_t notifications = 0, stale_notifications = 0;
  std::uint64_t blocks_received = 0, blocks_sent = 0, bodies_received = 0, bodies_sent = 0;
};

}  // namespace coap
