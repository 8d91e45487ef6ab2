// The last thousand or so values of a measure, for its percentiles. Not safe by itself: its owner
// has the lock.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace keel::kernel {

class LatencyRecord {
 public:
  struct Summary {
    std::uint64_t p50 = 0, p99 = 0, max = 0;  // of the values kept
    std::uint64_t count = 0;                  // of all there were
  };
  void add(std::uint64_t value) { values_[count_++ % kKept] = value; }
  Summary summary() const;  // sorts a copy

 private:
  static constexpr std::size_t kKept = 1024;
  std::array<std::uint64_t, kKept> values_{};
  std::uint64_t count_ = 0;
};

}  // namespace keel::kernel
