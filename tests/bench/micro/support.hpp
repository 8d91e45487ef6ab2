// What the micro benchmarks share.
#pragma once

#include <benchmark/benchmark.h>
#include <malloc.h>

#include <cstddef>
#include <cstdint>

#include "kernel/base/reclaimer.hpp"

namespace keel::bench {

inline std::size_t heap_in_use() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

// A figure beside the times: `total` octets, for each of so many. Of few it would say more about
// what malloc() keeps for later.
inline void report_octets(benchmark::State& state, const char* what, std::size_t total,
                          std::size_t parts) {
  if (parts < 1000) return;
  state.counters[what] = static_cast<double>(total) / static_cast<double>(parts);
}

// A small generator, so that drawing costs nothing beside what is measured.
class Random {
 public:
  std::uint64_t operator()() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_;
  }

 private:
  std::uint64_t state_ = 88172645463325252ULL;
};

class ImmediateReclaimer final : public kernel::Reclaimer {
 public:
  void after_grace_period(kernel::Task task) override { task(); }
};

}  // namespace keel::bench
