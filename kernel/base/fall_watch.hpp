// Tells when it is time to give memory back to the system: when much of what there was has gone,
// and nothing more goes for a while. It has no clock: it is shown every second how much there is.
#pragma once

#include <algorithm>
#include <cstdint>

namespace keel::kernel {

class FallWatch {
 public:
  // A fall by less than `least` is not worth it.
  explicit FallWatch(std::int64_t least) : least_(least) {}

  // True: now, and not again before there was more and that has gone.
  bool look(std::int64_t amount) {
    const bool falls = amount < last_;
    last_ = amount;
    peak_ = std::max(peak_, amount);
    if (peak_ - amount < std::max(least_, peak_ / 4)) {
      waited_ = quiet_ = 0;
      return false;
    }
    quiet_ = falls ? 0 : quiet_ + 1;
    if (++waited_ < kPatience && quiet_ < kQuiet) return false;
    peak_ = amount;
    waited_ = quiet_ = 0;
    return true;
  }

 private:
  static constexpr int kQuiet = 5;      // looks without a fall: what is freed late is free by then
  static constexpr int kPatience = 30;  // looks, however it goes on falling

  const std::int64_t least_;
  std::int64_t peak_ = 0, last_ = 0;
  int waited_ = 0, quiet_ = 0;
};

}  // namespace keel::kernel
