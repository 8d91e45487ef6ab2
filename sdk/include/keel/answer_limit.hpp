// How many strangers a shard answers: so many a second for each source address, and so many in all.
// A fixed table in which sources that share a place share their answers; nothing is allocated, and
// nothing is remembered of anybody for more than a second. [its shard]
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace keel {

class AnswerLimit {
 public:
  AnswerLimit(std::uint32_t of_one, std::uint32_t in_all) : of_one_(of_one), in_all_(in_all) {}

  // Whether an answer may go to the source of this hash now; if so it is counted.
  bool allow(std::size_t source, std::int64_t now_ms) {
    const std::int64_t second = now_ms / 1000;
    if (second != second_) {
      second_ = second;
      all_ = 0;
    }
    Place& place = places_[source % places_.size()];
    if (place.second != static_cast<std::uint32_t>(second)) {
      place = {static_cast<std::uint32_t>(second), 0};
    }
    if (place.answers >= of_one_ || all_ >= in_all_) return false;
    ++place.answers;
    ++all_;
    return true;
  }

 private:
  struct Place {
    std::uint32_t second = 0, answers = 0;
  };

  const std::uint32_t of_one_, in_all_;
  std::int64_t second_ = 0;
  std::uint32_t all_ = 0;
  std::array<Place, 1024> places_{};
};

}  // namespace keel
