// What the micro benchmarks share: a clock, the heap in use, one line per figure.
#pragma once

#include <fmt/format.h>
#include <malloc.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace keel::bench {

// Nanoseconds per round of `work(i)`.
template <class Work>
double per_round(std::uint64_t rounds, Work&& work) {
  const auto start = std::chrono::steady_clock::now();
  for (std::uint64_t i = 0; i < rounds; ++i) work(i);
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
  return took.count() / static_cast<double>(rounds);
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
