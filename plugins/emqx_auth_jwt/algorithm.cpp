#include "emqx_auth_jwt/algorithm.hpp"

namespace jwt {

namespace {

constexpr std::string_view kNames[kAlgorithms] = {"HS256", "HS384", "HS512", "RS256", "RS384",
                                                  "RS512", "PS256", "PS384", "PS512", "ES256",
                                                  "ES384", "ES512", "EdDSA"};

}  // namespace

std::optional<Algorithm> algorithm_named(std::string_view name) {
  for (int i = 0; i < kAlgorithms; ++i) {
    if (kNames[i] == name) return static_cast<Algorithm>(i);
  }
  return std::nullopt;
}

std::string_view algorithm_name(Algorithm algorithm) {
  return kNames[static_cast<unsigned>(algorithm)];
}

std::string Algorithms::text() const {
  std::string out;
  for (int i = 0; i < kAlgorithms; ++i) {
    if (!has(static_cast<Algorithm>(i))) continue;
    if (!out.empty()) out += ", ";
    out += kNames[i];
  }
  return out;
}

}  // namespace jwt
