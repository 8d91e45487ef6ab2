// A token bucket that holds one second's worth. Time is an argument. [shard]
#pragma once

#include <algorithm>
#include <cstdint>

namespace keel::kernel {

class TokenBucket {
 public:
  TokenBucket() = default;
  TokenBucket(std::uint64_t per_second, std::int64_t now_ms)
      : rate_(static_cast<double>(per_second)), tokens_(rate_), at_ms_(now_ms) {}

  bool limits() const { return rate_ != 0; }
  // Takes `n`, going into debt if need be; answers how many milliseconds to pause until the debt is
  // paid.
  std::int64_t take(std::uint64_t n, std::int64_t now_ms) {
    if (rate_ == 0) return 0;
    tokens_ = std::min(rate_, tokens_ + rate_ * static_cast<double>(now_ms - at_ms_) / 1000);
    at_ms_ = now_ms;
    tokens_ -= static_cast<double>(n);
    return tokens_ >= 0 ? 0 : static_cast<std::int64_t>(-tokens_ / rate_ * 1000) + 1;
  }

 private:
  double rate_ = 0;  // 0: no limit
  double tokens_ = 0;
  std::int64_t at_ms_ = 0;
};

}  // namespace keel::kernel
