// The plugin's counters. Made on the control thread; counting is for any.
#pragma once

#include <array>
#include <cstdint>
#include <keel/host.hpp>

namespace ws {

class Metrics {
 public:
  keel::Status start(keel::Host& host);

  void upgraded() const { upgrades_.add(); }
  void refused(int status) const;
  // Once per WebSocket: the code of the close frame that ended it, whoever sent it.
  void closed(std::uint16_t code) const;

  // What a shard counted since it last told.
  struct Traffic {
    std::uint64_t frames_in = 0, frames_out = 0, bytes_in = 0, bytes_out = 0;
  };
  void add(const Traffic& traffic) const;

 private:
  static constexpr std::array<int, 8> kStatus = {400, 403, 404, 405, 408, 426, 431, 503};
  static constexpr std::array<std::uint16_t, 11> kCodes = {1000, 1001, 1002, 1003, 1005, 1006,
                                                           1007, 1008, 1009, 1011, 0};

  keel::Counter upgrades_, frames_in_, frames_out_, bytes_in_, bytes_out_;
  std::array<keel::Counter, kStatus.size()> refused_;
  std::array<keel::Counter, kCodes.size()> closed_;
};

}  // namespace ws
