// The clock of the shards, for threads that are none, and the world's. [any]
#pragma once

#include <chrono>
#include <cstdint>

namespace keel::kernel {

// Milliseconds of the monotonic clock.
inline std::int64_t monotonic_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// Milliseconds of Unix time; may be set back.
inline std::int64_t unix_time_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

inline std::int64_t unix_time_s() { return unix_time_ms() / 1000; }

}  // namespace keel::kernel
