// MQTT 5 reason codes on the broker's side, return codes on the client's. Pure functions; any
// thread.
#pragma once

#include <cstdint>

#include "emqx_sn/packet.hpp"

namespace sn {

constexpr std::uint8_t kSuccess = 0x00;
constexpr std::uint8_t kRefusedByClient = 0x83;  // implementation specific error
constexpr std::uint8_t kSilent = 0x8d;           // keep alive timeout
constexpr std::uint8_t kTakenOver = 0x8e;
constexpr std::uint8_t kTopicInvalid = 0x90;
constexpr std::uint8_t kTooLarge = 0x95;

constexpr bool is_error(std::uint8_t reason) { return reason >= 0x80; }

// What the client is told: to try again later, or not to [MQTT-SN 5.3.10].
constexpr ReturnCode return_code(std::uint8_t reason) {
  switch (reason) {
    case 0x88:  // server unavailable
    case 0x89:  // server busy
    case 0x93:  // receive maximum exceeded
    case 0x96:  // message rate too high
    case 0x97:  // quota exceeded
    case 0x9f:  // connection rate exceeded
      return ReturnCode::congestion;
    default:
      return is_error(reason) ? ReturnCode::not_supported : ReturnCode::accepted;
  }
}

}  // namespace sn
