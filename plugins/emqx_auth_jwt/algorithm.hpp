// The signature algorithms of RFC 7518 and RFC 8037 that tokens may use. Values; any thread.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace jwt {

enum class Algorithm : std::uint8_t {
  hs256,
  hs384,
  hs512,
  rs256,
  rs384,
  rs512,
  ps256,
  ps384,
  ps512,
  es256,
  es384,
  es512,
  eddsa
};
constexpr int kAlgorithms = 13;

// As in `alg`; "none" and everything else is no algorithm.
std::optional<Algorithm> algorithm_named(std::string_view name);
std::string_view algorithm_name(Algorithm algorithm);
inline bool is_hmac(Algorithm algorithm) { return algorithm <= Algorithm::hs512; }

// A set of them.
class Algorithms {
 public:
  constexpr Algorithms() = default;
  constexpr Algorithms(std::initializer_list<Algorithm> list) {
    for (const Algorithm algorithm : list) add(algorithm);
  }
  static constexpr Algorithms all() {
    Algorithms out;
    out.bits_ = (1u << kAlgorithms) - 1;
    return out;
  }
  constexpr void add(Algorithm algorithm) { bits_ |= 1u << static_cast<unsigned>(algorithm); }
  constexpr bool has(Algorithm algorithm) const {
    return (bits_ >> static_cast<unsigned>(algorithm) & 1) != 0;
  }
  constexpr bool empty() const { return bits_ == 0; }
  friend constexpr Algorithms operator&(Algorithms a, Algorithms b) {
    a.bits_ &= b.bits_;
    return a;
  }
  friend constexpr bool operator==(Algorithms a, Algorithms b) = default;
  // "RS256, RS384"
  std::string text() const;

 private:
  std::uint32_t bits_ = 0;
};

}  // namespace jwt
