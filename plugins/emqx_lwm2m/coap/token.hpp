// What ties responses to requests [RFC 7252 5.3.1]: up to eight octets, kept by value.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace coap {

class Token {
 public:
  static constexpr std::size_t kMost = 8;

  Token() = default;
  // What is longer is cut.
  explicit Token(std::string_view octets)
      : size_(static_cast<std::uint8_t>(std::min(octets.size(), kMost))) {
    octets.copy(octets_, size_);
  }
  static Token from(std::uint32_t high, std::uint32_t low) {
    char octets[kMost];
    for (std::size_t i = 0; i < kMost; ++i) {
      octets[i] = static_cast<char>((i < 4 ? high : low) >> 8 * (i % 4));
    }
    return Token({octets, kMost});
  }

  std::string_view view() const { return {octets_, size_}; }
  friend bool operator==(const Token& a, const Token& b) { return a.view() == b.view(); }

 private:
  char octets_[kMost] = {};
  std::uint8_t size_ = 0;
};

}  // namespace coap
