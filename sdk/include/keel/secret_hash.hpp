// A hash for tables whose keys strangers choose, such as addresses of peers: with a secret of its
// own, so that nobody can make keys that meet in one place. A value; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "keel/address.hpp"

namespace keel {

class SecretHash {
 public:
  explicit SecretHash(std::uint64_t secret) : secret_(secret), state_(secret) {}

  SecretHash& add(std::uint64_t word) {
    state_ = mix(state_ ^ word);
    return *this;
  }
  SecretHash& add(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); i += sizeof(std::uint64_t)) {
      std::uint64_t word = 0;
      const std::size_t left = text.size() - i;
      std::memcpy(&word, text.data() + i, left < sizeof word ? left : sizeof word);
      add(word);
    }
    return add(std::uint64_t{text.size()});
  }
  SecretHash& add(const Address& address) {
    std::uint64_t words[4] = {};
    std::memcpy(words, &address.c(), sizeof(keel_addr));
    for (const std::uint64_t word : words) add(word);
    return *this;
  }
  // The address without its port.
  SecretHash& add_host(const Address& address) {
    std::uint64_t words[2];
    std::memcpy(words, address.c().bytes, sizeof words);
    return add(words[0]).add(words[1]);
  }
  std::size_t value() const { return static_cast<std::size_t>(state_); }

 private:
  // The secret goes into both factors.
  std::uint64_t mix(std::uint64_t word) const {
    __extension__ using Wide = unsigned __int128;
    const Wide product = Wide{word ^ 0x9e3779b97f4a7c15u} * Wide{secret_ | 1};
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  }

  std::uint64_t secret_, state_;
};

}  // namespace keel
