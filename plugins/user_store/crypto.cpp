#include "user_store/crypto.hpp"

#include <openssl/evp.h>
#include <sodium.h>

namespace user_store {
namespace {

const EVP_MD* evp(Digest digest) {
  switch (digest) {
    case Digest::md5:
      return EVP_md5();
    case Digest::sha1:
      return EVP_sha1();
    case Digest::sha256:
      return EVP_sha256();
    case Digest::sha512:
      break;
  }
  return EVP_sha512();
}

const unsigned char* data_of(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
unsigned char* data_of(std::string& bytes) {
  return reinterpret_cast<unsigned char*>(bytes.data());
}

}  // namespace

std::optional<Digest> digest_named(std::string_view name) {
  if (name == "md5") return Digest::md5;
  if (name == "sha" || name == "sha1") return Digest::sha1;
  if (name == "sha256") return Digest::sha256;
  if (name == "sha512") return Digest::sha512;
  return std::nullopt;
}

std::string_view digest_name(Digest digest) {
  constexpr std::string_view kNames[] = {"md5", "sha1", "sha256", "sha512"};
  return kNames[static_cast<std::size_t>(digest)];
}

std::size_t digest_size(Digest digest) {
  constexpr std::size_t kSizes[] = {16, 20, 32, 64};
  return kSizes[static_cast<std::size_t>(digest)];
}

std::string hash(Digest digest, std::string_view bytes) {
  std::string out(digest_size(digest), '\0');
  if (EVP_Digest(bytes.data(), bytes.size(), data_of(out), nullptr, evp(digest), nullptr) != 1) {
    out.clear();
  }
  return out;
}

std::string hmac_sha256(std::string_view key, std::string_view bytes) {
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, data_of(key), key.size());
  crypto_auth_hmacsha256_update(&state, data_of(bytes), bytes.size());
  std::string out(crypto_auth_hmacsha256_BYTES, '\0');
  crypto_auth_hmacsha256_final(&state, data_of(out));
  sodium_memzero(&state, sizeof state);
  return out;
}

std::string pbkdf2(Digest digest, std::string_view password, std::string_view salt,
                   std::uint32_t iterations, std::size_t size) {
  std::string out(size, '\0');
  if (iterations == 0 || iterations > INT32_MAX || size == 0 ||
      PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), data_of(salt),
                        static_cast<int>(salt.size()), static_cast<int>(iterations), evp(digest),
                        static_cast<int>(size), data_of(out)) != 1) {
    out.clear();
  }
  return out;
}

std::string keyed_hash(std::string_view key, std::string_view bytes) {
  std::string out(crypto_generichash_BYTES, '\0');
  crypto_generichash(data_of(out), out.size(), data_of(bytes), bytes.size(), data_of(key),
                     key.size());
  return out;
}

std::string random_bytes(std::size_t size) {
  std::string out(size, '\0');
  randombytes_buf(out.data(), out.size());
  return out;
}

bool equal(std::string_view a, std::string_view b) {
  return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

void wipe(std::string& secret) {
  sodium_memzero(secret.data(), secret.size());
  secret.clear();
}

bool crypto_ready() { return sodium_init() >= 0; }

}  // namespace user_store
