// A confirmable message of ours that waits for its ACK [RFC 7252 4.2]: the octets, for sending them
// again, and when that is.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "emqx_lwm2m/coap/peer.hpp"

namespace coap {

struct Transmission {
  std::string datagram;
  std::int64_t at_ms = 0;  // then again, or no more
  std::uint32_t timeout_ms = 0, left = 0;
  std::uint16_t id = 0;

  // It has just been sent. The first timeout is 1 to 1.5 times the setting.
  void begin(const PeerSettings& settings, std::int64_t now_ms, std::uint32_t random) {
    const std::uint32_t least = std::max(settings.ack_timeout_ms, 1u);
    timeout_ms = least + random % (least / 2 + 1);
    left = settings.max_retransmit;
    at_ms = now_ms + timeout_ms;
  }
  // The time has come. False: that was the last.
  bool again(std::int64_t now_ms) {
    if (left == 0) return false;
    --left;
    timeout_ms = std::min(timeout_ms, kLongest) * 2;
    at_ms = now_ms + timeout_ms;
    return true;
  }

 private:
  static constexpr std::uint32_t kLongest = 3'600'000;
};

}  // namespace coap
