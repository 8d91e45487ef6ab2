// How many clients of one shard are in which state. Counted on that shard, read on any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "emqx_sn/client.hpp"

namespace sn {

class Tally {
 public:
  static constexpr std::size_t kStates = 6;

  // Under which state a client is counted; part of it.
  struct Place {
    std::int8_t state = -1;
  };

  void move(Place& place, Client::State to) {
    if (place.state == static_cast<std::int8_t>(to)) return;
    remove(place);
    place.state = static_cast<std::int8_t>(to);
    add(place, 1);
  }
  void remove(Place& place) {
    if (place.state >= 0) add(place, ~0u);
    place.state = -1;
  }
  std::uint32_t of(Client::State state) const {
    return counts_[static_cast<std::size_t>(state)].load(std::memory_order_relaxed);
  }

 private:
  void add(const Place& place, std::uint32_t n) {
    counts_[static_cast<std::size_t>(place.state)].fetch_add(n, std::memory_order_relaxed);
  }

  std::array<std::atomic<std::uint32_t>, kStates> counts_{};
};

}  // namespace sn
