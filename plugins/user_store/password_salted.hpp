// The formats that are salts and digests in base64 between '$'. Part of password.hpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "user_store/crypto.hpp"

namespace user_store {

constexpr std::uint32_t kMostIterations = 2'000'000;  // two seconds

struct SaltedHash {
  enum class Salt : std::uint8_t { before, behind };
  Digest digest = Digest::sha256;
  std::uint32_t iterations = 0;  // of PBKDF2; 0: the digest alone
  Salt place = Salt::before;
  std::string salt, hash;

  std::string to_text() const;  // $salted$... or $pbkdf2$...
  bool matches(std::string_view password) const;
};

// Null: another format, or not well formed.
std::optional<SaltedHash> parse_salted(std::string_view stored);            // $salted$, $pbkdf2$
std::optional<SaltedHash> parse_mosquitto_pbkdf2(std::string_view stored);  // $7$
std::optional<SaltedHash> parse_mosquitto_sha512(std::string_view stored);  // $6$

}  // namespace user_store
