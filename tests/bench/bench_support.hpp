// What the micro benchmarks share: a clock, the heap in use, one line per figure.
#pragma once

#include <fmt/format.h>
#include <malloc.h>
#include <time.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace keel::bench {

// CPU time of this thread in nanoseconds: other load on the machine shows less in it than in wall
// time.
inline double cpu_ns() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

// CPU nanoseconds per round of `work(i)`.
template <class Work>
double per_round(std::uint64_t rounds, Work&& work) {
  const double start = cpu_ns();
  for (std::uint64_t i = 0; i < rounds; ++i) work(i);
  return (cpu_ns() - start) / static_cast<double>(rounds);
}

inline std::size_t heap_in_use() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

inline void report(std::string_view what, double value, std::string_view unit) {
  fmt::print("{:<58} {:>10.1f} {}\n", what, value, unit);
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

}  // namespace keel::bench
