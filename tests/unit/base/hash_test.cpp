#include "kernel/base/hash.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <string>

namespace keel::kernel {
namespace {

// As it is defined: words of eight bytes, the last one filled up with zeros.
std::uint64_t plain(std::string text, std::uint64_t seed) {
  const std::size_t size = text.size();
  std::uint64_t h = seed ^ (size * 0x9e3779b97f4a7c15ULL);
  text.append(8, '\0');
  std::size_t at = 0;
  std::uint64_t word = 0;
  for (; size - at >= 8; at += 8) {
    std::memcpy(&word, text.data() + at, 8);
    h = hash_mix(h ^ word, 0xa0761d6478bd642fULL);
  }
  std::memcpy(&word, text.data() + at, 8);
  return hash_mix(h ^ word, 0xe7037ed1a0b428dbULL);
}

// Stores know sessions' homes by it: it stays what it is.
TEST_CASE("hash: of every length what it always was") {
  std::string text;
  for (int i = 0; i < 100; ++i) {
    CHECK(hash_bytes(text, 0x1234567) == plain(text, 0x1234567));
    text.push_back(static_cast<char>(i * 37 + 129));
  }
}

}  // namespace
}  // namespace keel::kernel
