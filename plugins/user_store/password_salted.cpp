#include "user_store/password_salted.hpp"

#include <keel/text.hpp>

#include "user_store/text.hpp"

namespace user_store {
namespace {

constexpr std::size_t kMostBytes = 1024;  // of salts and derived keys

bool set_bytes(SaltedHash& out, std::string_view salt, std::string_view hash) {
  const auto salt_bytes = from_base64(salt), hash_bytes = from_base64(hash);
  if (!salt_bytes || !hash_bytes || salt_bytes->size() > kMostBytes || hash_bytes->size() < 8 ||
      hash_bytes->size() > kMostBytes) {
    return false;
  }
  out.salt = *salt_bytes;
  out.hash = *hash_bytes;
  return true;
}

bool set_iterations(SaltedHash& out, std::string_view text) {
  const auto iterations = number(text, kMostIterations);
  if (!iterations || *iterations == 0) return false;
  out.iterations = static_cast<std::uint32_t>(*iterations);
  return true;
}

}  // namespace

std::string SaltedHash::to_text() const {
  if (iterations != 0) {
    return keel::concat("$pbkdf2$", digest_name(digest), '$', iterations, '$', to_base64(salt), '$',
                        to_base64(hash));
  }
  return keel::concat("$salted$", digest_name(digest),
                      place == Salt::before ? "$prefix$" : "$suffix$", to_base64(salt), '$',
                      to_base64(hash));
}

bool SaltedHash::matches(std::string_view password) const {
  if (iterations != 0) return equal(pbkdf2(digest, password, salt, iterations, hash.size()), hash);
  std::string input;
  input.reserve(salt.size() + password.size());
  if (place == Salt::before) input += salt;
  input += password;
  if (place == Salt::behind) input += salt;
  const bool same = equal(user_store::hash(digest, input), hash);
  wipe(input);
  return same;
}

std::optional<SaltedHash> parse_salted(std::string_view stored) {
  const auto parts = split(stored, '$');
  if (parts.size() != 6 || !parts[0].empty()) return std::nullopt;
  const auto digest = digest_named(parts[2]);
  SaltedHash out;
  if (!digest || !set_bytes(out, parts[4], parts[5])) return std::nullopt;
  out.digest = *digest;
  if (parts[1] == "pbkdf2") {
    if (!set_iterations(out, parts[3])) return std::nullopt;
    return out;
  }
  if (parts[1] != "salted" || out.hash.size() != digest_size(*digest)) return std::nullopt;
  if (parts[3] != "prefix" && parts[3] != "suffix") return std::nullopt;
  out.place = parts[3] == "prefix" ? SaltedHash::Salt::before : SaltedHash::Salt::behind;
  return out;
}

std::optional<SaltedHash> parse_mosquitto_pbkdf2(std::string_view stored) {
  const auto parts = split(stored, '$');
  SaltedHash out;
  out.digest = Digest::sha512;
  if (parts.size() != 5 || parts[1] != "7" || !set_iterations(out, parts[2]) ||
      !set_bytes(out, parts[3], parts[4]) || out.hash.size() != digest_size(out.digest)) {
    return std::nullopt;
  }
  return out;
}

std::optional<SaltedHash> parse_mosquitto_sha512(std::string_view stored) {
  const auto parts = split(stored, '$');
  SaltedHash out;
  out.digest = Digest::sha512;
  out.place = SaltedHash::Salt::behind;
  if (parts.size() != 4 || parts[1] != "6" || !set_bytes(out, parts[2], parts[3]) ||
      out.hash.size() != digest_size(out.digest)) {
    return std::nullopt;
  }
  return out;
}

}  // namespace user_store
