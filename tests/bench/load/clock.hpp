// Nanoseconds, of the clocks a load generator reads.
#pragma once

#include <time.h>

#include <cstdint>

namespace keel::load {

inline std::uint64_t read_clock(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec);
}
inline std::uint64_t monotonic_ns() { return read_clock(CLOCK_MONOTONIC); }
inline std::uint64_t own_cpu_ns() { return read_clock(CLOCK_PROCESS_CPUTIME_ID); }

constexpr std::uint64_t kMillisecond = 1'000'000, kSecond = 1'000'000'000;
inline double seconds(std::uint64_t ns) { return static_cast<double>(ns) / 1e9; }

}  // namespace keel::load
