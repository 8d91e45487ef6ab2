// Octets as tests write them.
#pragma once

#include <string>
#include <string_view>

namespace gateway_tests {

// "03 05 00" -> three octets
inline std::string hex(std::string_view digits) {
  std::string out;
  int high = -1;
  for (const char c : digits) {
    if (c == ' ') continue;
    const int value = c <= '9' ? c - '0' : (c & ~0x20) - 'A' + 10;
    if (high < 0) {
      high = value;
    } else {
      out += static_cast<char>(high << 4 | value);
      high = -1;
    }
  }
  return out;
}

}  // namespace gateway_tests
