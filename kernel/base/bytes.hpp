// Views of raw bytes. `Bytes` never owns; whoever hands one out says how long it stays valid.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace keel::kernel {

// Octets on the wire are kept as chars: one view type serves topics, payloads and whole packets.
using Bytes = std::string_view;

constexpr std::uint8_t octet(char c) { return static_cast<std::uint8_t>(c); }

// Big-endian integers, as every MQTT field has them. The caller has checked the bounds.
inline std::uint16_t load_be16(const char* at) {
  return static_cast<std::uint16_t>(octet(at[0]) << 8 | octet(at[1]));
}
inline std::uint32_t load_be32(const char* at) {
  return std::uint32_t{load_be16(at)} << 16 | load_be16(at + 2);
}
inline char* store_be16(char* at, std::uint32_t value) {
  at[0] = static_cast<char>(value >> 8);
  at[1] = static_cast<char>(value);
  return at + 2;
}
inline char* store_be32(char* at, std::uint32_t value) {
  return store_be16(store_be16(at, value >> 16), value & 0xffff);
}

}  // namespace keel::kernel
