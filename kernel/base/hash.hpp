// A fast non-cryptographic hash for topics and client ids. `seed` is a per-process random value
// where the hashed bytes come from clients, so that nobody can prepare colliding names.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace keel::kernel {

// The process's own seed, drawn once at start from the system's random source.
std::uint64_t hash_seed();

inline std::uint64_t hash_mix(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

// The last `left` bytes, at most seven, with zeros behind them.
inline std::uint64_t hash_tail(std::string_view text, std::size_t left) {
  std::uint64_t tail = 0;
  if (left == 0) return tail;
  if (std::endian::native == std::endian::little && text.size() >= 8) {
    // One load, which a copy of `left` bytes is not: shifts out those in front of them.
    std::memcpy(&tail, text.data() + text.size() - 8, 8);
    return tail >> (64 - 8 * left);
  }
  std::memcpy(&tail, text.data() + text.size() - left, left);
  return tail;
}

inline std::uint64_t hash_bytes(std::string_view text, std::uint64_t seed) {
  constexpr std::uint64_t kStep = 0xa0761d6478bd642fULL;
  const char* at = text.data();
  std::size_t left = text.size();
  std::uint64_t h = seed ^ (left * 0x9e3779b97f4a7c15ULL);
  for (; left >= 8; at += 8, left -= 8) {
    std::uint64_t word;
    std::memcpy(&word, at, 8);
    h = hash_mix(h ^ word, kStep);
  }
  return hash_mix(h ^ hash_tail(text, left), 0xe7037ed1a0b428dbULL);
}

}  // namespace keel::kernel
