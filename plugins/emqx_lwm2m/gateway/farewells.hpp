// The last requests of devices that have left: a copy of one, which was on its way or whose answer
// got lost, is answered as the first was. A fixed table; the newest push the oldest out. [its
// shard]
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace lwm2m {

class Farewells {
 public:
  // `request`: a hash of the datagram and where it came from.
  void note(std::size_t request, std::int64_t now_ms) {
    places_[next_++ % places_.size()] = {request, now_ms + kMs};
  }
  bool knows(std::size_t request, std::int64_t now_ms) const {
    for (const Place& place : places_) {
      if (place.request == request && now_ms < place.until_ms) return true;
    }
    return false;
  }

 private:
  static constexpr std::int64_t kMs = 247'000;  // EXCHANGE_LIFETIME [RFC 7252 4.8.2]
  struct Place {
    std::size_t request = 0;
    std::int64_t until_ms = 0;
  };

  std::array<Place, 64> places_{};
  std::size_t next_ = 0;
};

}  // namespace lwm2m
