// When a request that failed is sent again, and when not. A value.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>

namespace auth_http {

struct Retry {
  std::uint32_t times = 3;  // 0: never
  std::int64_t interval_ms = 1000;
  double backoff = 2.0;  // each wait is so many times the one before

  // What is the least time worth asking with.
  static constexpr std::int64_t kLeastMs = 100;

  // How long to wait before the next attempt, after `attempts` that failed. Nothing: there is none
  // left, or no time for it until the deadline.
  std::optional<std::int64_t> wait_ms(std::uint32_t attempts, std::int64_t now_ms,
                                      std::int64_t deadline_ms) const {
    if (attempts > times) return std::nullopt;
    const double wait = static_cast<double>(interval_ms) * std::pow(backoff, attempts - 1.0);
    if (wait > static_cast<double>(deadline_ms - now_ms - kLeastMs)) return std::nullopt;
    return static_cast<std::int64_t>(wait);
  }
};

}  // namespace auth_http
