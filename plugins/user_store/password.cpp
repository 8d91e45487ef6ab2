#include "user_store/password.hpp"

#include <crypt.h>
#include <sodium.h>

#include <memory>

#include "user_store/password_salted.hpp"
#include "user_store/text.hpp"

namespace user_store {
namespace {

// What a login may cost at most, whoever made the hash: about two seconds, 256 MiB.
constexpr std::uint64_t kMostArgonKib = 256 * 1024, kMostArgonPasses = 10, kMostArgonLanes = 16;
constexpr std::uint64_t kMostBcryptCost = 14, kMostShaCryptRounds = 1'000'000;
constexpr int kMostYescryptLog2 = 16;  // of N, with blocks of 4 KiB

constexpr std::string_view kCryptLetters =
    "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

bool only_crypt_letters(std::string_view text) {
  return text.find_first_not_of(kCryptLetters) == std::string_view::npos;
}

Recognised yes(Scheme scheme) { return {true, scheme}; }
Recognised no(std::string problem) { return {false, Scheme::argon2id, std::move(problem)}; }

// "m=19456,t=2,p=1" within the bounds.
bool argon_parameters_fit(std::string_view text) {
  const auto parts = split(text, ',');
  constexpr std::string_view kNames[] = {"m=", "t=", "p="};
  constexpr std::uint64_t kMost[] = {kMostArgonKib, kMostArgonPasses, kMostArgonLanes};
  if (parts.size() != 3) return false;
  for (std::size_t i = 0; i < 3; ++i) {
    if (!parts[i].starts_with(kNames[i])) return false;
    const auto value = number(parts[i].substr(2), kMost[i]);
    if (!value || *value == 0) return false;
  }
  return true;
}

Recognised recognise_argon(std::string_view stored) {
  const auto parts = split(stored, '$');
  if (parts.size() != 6 || parts[2] != "v=19" || stored.size() >= crypto_pwhash_STRBYTES) {
    return no("not of the form $argon2id$v=19$m=..,t=..,p=..$salt$hash");
  }
  if (!argon_parameters_fit(parts[3])) {
    return no("an argon2id hash must not ask for more than m=262144, t=10, p=16");
  }
  return yes(Scheme::argon2id);
}

Recognised recognise_bcrypt(std::string_view stored) {
  const auto cost = number(stored.substr(4, 2));
  if (stored.size() != 60 || stored[6] != '$' || !cost || !only_crypt_letters(stored.substr(7))) {
    return no("not of the form $2b$NN$ and 53 characters");
  }
  if (*cost < 4 || *cost > kMostBcryptCost) return no("the cost of a bcrypt hash must be 4 to 14");
  return yes(Scheme::crypt);
}

// $y$j9T$salt$hash: 'j' the flavour, '9' the size, 'T' or '5' the block size.
Recognised recognise_yescrypt(std::string_view stored) {
  const auto parts = split(stored, '$');
  if (parts.size() != 5 || parts[2].size() != 3 || parts[4].size() != 43 ||
      !only_crypt_letters(parts[3]) || !only_crypt_letters(parts[4])) {
    return no("not of the form $y$j9T$salt$hash");
  }
  const auto log2 = kCryptLetters.find(parts[2][1]);
  if (parts[2][0] != 'j' || log2 == std::string_view::npos ||
      static_cast<int>(log2) + 1 > kMostYescryptLog2 ||
      (parts[2][2] != 'T' && parts[2][2] != '5')) {
    return no("a yescrypt hash must have the parameters of crypt(5), at most $y$jDT");
  }
  return yes(Scheme::crypt);
}

// $5$ and $6$, [rounds=N$]salt$hash
Recognised recognise_sha_crypt(std::string_view stored) {
  auto parts = split(stored, '$');
  if (parts.size() == 5 && parts[2].starts_with("rounds=")) {
    const auto rounds = number(parts[2].substr(7), kMostShaCryptRounds);
    if (!rounds || *rounds < 1000) return no("rounds= must be 1000 to 1000000");
    parts.erase(parts.begin() + 2);
  }
  const std::size_t length = stored[1] == '5' ? 43 : 86;
  if (parts.size() != 4 || parts[2].size() > 16 || parts[3].size() != length ||
      !only_crypt_letters(parts[2]) || !only_crypt_letters(parts[3])) {
    return no("not of the form $5$salt$hash or $6$salt$hash, neither of crypt nor of Mosquitto");
  }
  return yes(Scheme::crypt);
}

bool verify_crypt(std::string_view stored, std::string_view password) {
  // crypt sees a NUL as the end, and refuses what is longer.
  if (password.find('\0') != std::string_view::npos) return false;
  if (password.size() >= CRYPT_MAX_PASSPHRASE_SIZE) return false;
  const auto data = std::make_unique<crypt_data>();  // 32 KiB
  std::string phrase(password), setting(stored);
  const char* const made = ::crypt_r(phrase.c_str(), setting.c_str(), data.get());
  const bool same = made && made[0] != '*' && equal(made, stored);
  wipe(phrase);
  sodium_memzero(data.get(), sizeof *data);
  return same;
}

bool verify_argon(std::string_view stored, std::string_view password) {
  char text[crypto_pwhash_STRBYTES] = {};
  stored.copy(text, sizeof text - 1);
  return crypto_pwhash_str_verify(text, password.data(), password.size()) == 0;
}

}  // namespace

std::string_view scheme_name(Scheme scheme) {
  constexpr std::string_view kNames[] = {"argon2id", "pbkdf2-sha512", "sha512",
                                         "crypt",    "salted",        "pbkdf2"};
  return kNames[static_cast<std::size_t>(scheme)];
}

Recognised recognise(std::string_view stored) {
  if (stored.starts_with("$argon2id$")) return recognise_argon(stored);
  if (stored.starts_with("$7$")) {
    if (parse_mosquitto_pbkdf2(stored)) return yes(Scheme::mosquitto_pbkdf2);
    return no("not of the form $7$iterations$salt$hash of Mosquitto, with at most 2000000");
  }
  if (stored.starts_with("$6$") && parse_mosquitto_sha512(stored)) {
    return yes(Scheme::mosquitto_sha512);
  }
  if (stored.starts_with("$5$") || stored.starts_with("$6$")) return recognise_sha_crypt(stored);
  for (const char* bcrypt : {"$2a$", "$2b$", "$2y$"}) {
    if (stored.starts_with(bcrypt)) return recognise_bcrypt(stored);
  }
  if (stored.starts_with("$y$")) return recognise_yescrypt(stored);
  if (const auto salted = parse_salted(stored)) {
    return yes(salted->iterations != 0 ? Scheme::pbkdf2 : Scheme::salted);
  }
  return no("not a hash of a known format (argon2id, bcrypt, yescrypt, SHA crypt, Mosquitto)");
}

bool verify(std::string_view stored, std::string_view password) {
  const Recognised known = recognise(stored);
  if (!known.ok) return false;
  switch (known.scheme) {
    case Scheme::argon2id:
      return verify_argon(stored, password);
    case Scheme::crypt:
      return verify_crypt(stored, password);
    case Scheme::mosquitto_pbkdf2:
      return parse_mosquitto_pbkdf2(stored)->matches(password);
    case Scheme::mosquitto_sha512:
      return parse_mosquitto_sha512(stored)->matches(password);
    case Scheme::salted:
    case Scheme::pbkdf2:
      break;
  }
  return parse_salted(stored)->matches(password);
}

bool outdated(std::string_view stored, const ArgonCost& cost) {
  if (!stored.starts_with("$argon2id$")) return true;
  char text[crypto_pwhash_STRBYTES] = {};
  stored.copy(text, sizeof text - 1);
  return crypto_pwhash_str_needs_rehash(text, cost.passes, cost.memory_bytes) != 0;
}

std::string make_argon2id(std::string_view password, const ArgonCost& cost) {
  char text[crypto_pwhash_STRBYTES] = {};
  if (crypto_pwhash_str_alg(text, password.data(), password.size(), cost.passes, cost.memory_bytes,
                            crypto_pwhash_ALG_ARGON2ID13) != 0) {
    return {};
  }
  return text;
}

std::string make_quick(std::string_view password) {
  SaltedHash out;
  out.salt = random_bytes(16);
  std::string input = out.salt;
  input += password;
  out.hash = hash(out.digest, input);
  wipe(input);
  return out.to_text();
}

}  // namespace user_store
