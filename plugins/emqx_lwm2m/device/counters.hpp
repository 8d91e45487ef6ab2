// What is counted of one shard's devices. Plain numbers of that shard.
#pragma once

#include <cstdint>

namespace lwm2m {

struct DeviceCounters {
  std::uint64_t registers = 0, updates = 0, deregisters = 0, expired = 0, sends = 0;
  std::uint64_t commands = 0, answered = 0, errors = 0, timeouts = 0, resets = 0, offline = 0,
                queued = 0, queue_full = 0, queue_expired = 0;
  std::uint64_t notifications = 0;
};

}  // namespace lwm2m
