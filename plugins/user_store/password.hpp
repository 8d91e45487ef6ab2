// Passwords as they are stored, told apart by how they begin. Blocking work (a tenth of a second
// and more): workers only, except recognise() and the like.
//
//   $argon2id$v=19$m=..,t=..,p=..$salt$hash        what new entries get
//   $7$iterations$salt$hash                        Mosquitto 2: PBKDF2-SHA512
//   $6$salt$hash (88 characters)                   Mosquitto 1.x: SHA-512 of password and salt
//   $2a$ $2b$ $2y$, $y$, $5$, $6$ (86 characters)  crypt(3): bcrypt, yescrypt, SHA crypt
//   $salted$digest$prefix|suffix$salt$hash         EMQ X: a digest of salt and password
//   $pbkdf2$digest$iterations$salt$hash            EMQ X: PBKDF2
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace user_store {

struct ArgonCost {
  std::uint64_t memory_bytes = 19 * 1024 * 1024;
  std::uint32_t passes = 2;
};

enum class Scheme : std::uint8_t {
  argon2id,
  mosquitto_pbkdf2,
  mosquitto_sha512,
  crypt,
  salted,
  pbkdf2
};
std::string_view scheme_name(Scheme scheme);

struct Recognised {
  bool ok = false;
  Scheme scheme = Scheme::argon2id;
  std::string problem = {};  // unless ok: what is wrong with it; never the text itself
};
// Whether verify() can deal with it, in bounded time and memory.
Recognised recognise(std::string_view stored);

// False also for what recognise() refuses.
bool verify(std::string_view stored, std::string_view password);
// Whether a password that was just verified should be stored anew.
bool outdated(std::string_view stored, const ArgonCost& cost);

// Empty: there is no memory for it.
std::string make_argon2id(std::string_view password, const ArgonCost& cost);
// A salted SHA-256: for many passwords at once, until the first login replaces it.
std::string make_quick(std::string_view password);

}  // namespace user_store
