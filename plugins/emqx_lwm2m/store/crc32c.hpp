// CRC-32C (Castagnoli), the one of iSCSI and ext4. Pure functions; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace lwm2m {

namespace detail {
inline constexpr std::array<std::uint32_t, 256> kCrc32cTable = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? 0x82F63B78u : 0);
    table[i] = value;
  }
  return table;
}();
}  // namespace detail

// `crc`: of what precedes it; 0 for nothing.
constexpr std::uint32_t crc32c(std::string_view text, std::uint32_t crc = 0) {
  crc = ~crc;
  for (const char c : text) {
    crc = (crc >> 8) ^ detail::kCrc32cTable[(crc ^ static_cast<unsigned char>(c)) & 0xFF];
  }
  return ~crc;
}

}  // namespace lwm2m
