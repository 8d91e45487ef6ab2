// Bytes in tests: written in hex, strings in single quotes: "30 07 0003 'a/b' 'hi'".
#pragma once

#include <string>
#include <string_view>

#include "kernel/codec/out_buffer.hpp"

namespace keel::kernel::test {

inline std::string hex(std::string_view text) {
  std::string out;
  int half = -1;
  bool quoted = false;
  for (const char c : text) {
    if (c == '\'') {
      quoted = !quoted;
    } else if (quoted) {
      out.push_back(c);
    } else if (c != ' ') {
      const int digit = c <= '9' ? c - '0' : (c | 32) - 'a' + 10;
      if (half < 0) {
        half = digit;
      } else {
        out.push_back(static_cast<char>(half << 4 | digit));
        half = -1;
      }
    }
  }
  return out;
}

inline std::string show(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    out.push_back(kDigits[static_cast<unsigned char>(c) >> 4]);
    out.push_back(kDigits[static_cast<unsigned char>(c) & 15]);
  }
  return out;
}

// Everything in the buffer, in order.
inline std::string content(const OutBuffer& buffer) {
  iovec vectors[256];
  std::string out;
  const int n = buffer.gather(vectors, 256);
  for (int i = 0; i < n; ++i) {
    out.append(static_cast<const char*>(vectors[i].iov_base), vectors[i].iov_len);
  }
  return out;
}

}  // namespace keel::kernel::test
