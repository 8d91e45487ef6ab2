// The setting `password_hash` of EMQ X: how the hashes of an export were made. A value; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "user_store/password_salted.hpp"

namespace user_store {

struct ForeignHash {
  enum class Kind : std::uint8_t { plain, digest, pbkdf2, bcrypt };
  Kind kind = Kind::digest;
  Digest digest = Digest::sha256;
  SaltedHash::Salt place = SaltedHash::Salt::before;
  std::uint32_t iterations = 0;
  std::size_t length = 0;  // of PBKDF2's key, in bytes

  // plain, md5, sha, sha256, sha512, bcrypt; salt,<digest>; <digest>,salt; salt,bcrypt;
  // pbkdf2,<digest>,<iterations>,<length>
  static std::optional<ForeignHash> parse(std::string_view setting);
};

struct StoredForm {
  std::string hash;     // as password.hpp has it; empty:
  std::string problem;  // why not. Shows no secret
};
// What an export's hash and salt become. A hash that begins with '$' is taken as it is.
StoredForm to_stored(const ForeignHash& how, std::string_view hash, std::string_view salt);
// The password of EMQ X 3 and 4: four bytes of salt and the digest in hexadecimal, all of it
// perhaps in base64. Null: it does not look like that.
std::optional<std::string> from_emqx_record(std::string_view password);

}  // namespace user_store
