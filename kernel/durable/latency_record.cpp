#include "kernel/durable/latency_record.hpp"

#include <algorithm>

namespace keel::kernel {

LatencyRecord::Summary LatencyRecord::summary() const {
  const auto kept = static_cast<std::size_t>(std::min<std::uint64_t>(count_, kKept));
  if (kept == 0) return {};
  auto sorted = values_;
  std::sort(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(kept));
  // The smallest value that so many per cent of all do not exceed.
  const auto percentile = [&](std::size_t per_cent) {
    return sorted[(kept * per_cent + 99) / 100 - 1];
  };
  return {percentile(50), percentile(99), sorted[kept - 1], count_};
}

}  // namespace keel::kernel
