#include "kernel/base/hash.hpp"

#include <sys/random.h>

#include <chrono>

namespace keel::kernel {

std::uint64_t hash_seed() {
  static const std::uint64_t seed = [] {
    std::uint64_t drawn = 0;
    if (getrandom(&drawn, sizeof drawn, 0) != sizeof drawn)
      drawn =
          static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
    return drawn | 1;
  }();
  return seed;
}

}  // namespace keel::kernel
