// Rates per minute averaged over 1, 5 and 15 minutes, as the load of a Unix system: each sample
// moves the average towards the rate since the sample before. A value type without a clock.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>

namespace keel::kernel {

class LoadAverage {
 public:
  static constexpr std::array<double, 3> kMinutes = {1, 5, 15};

  // `count` has been reached at `now_ms`. The first sample only sets the start.
  void sample(std::uint64_t count, std::int64_t now_ms) {
    if (last_ms_ < 0) {
      last_ms_ = now_ms;
      last_count_ = count;
      return;
    }
    if (now_ms <= last_ms_) return;
    const double minutes = static_cast<double>(now_ms - last_ms_) / 60'000.0;
    const double rate = static_cast<double>(count - last_count_) / minutes;
    for (std::size_t i = 0; i < kMinutes.size(); ++i)
      averages_[i] += (rate - averages_[i]) * (1 - std::exp(-minutes / kMinutes[i]));
    last_ms_ = now_ms;
    last_count_ = count;
  }

  const std::array<double, 3>& averages() const { return averages_; }

 private:
  std::int64_t last_ms_ = -1;
  std::uint64_t last_count_ = 0;
  std::array<double, 3> averages_{};
};

}  // namespace keel::kernel
