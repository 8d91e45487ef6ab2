// Keys and tokens for tests, made by OpenSSL.
#pragma once

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "emqx_auth_jwt/algorithm.hpp"
#include "emqx_auth_jwt/base64url.hpp"
#include "keel/text.hpp"

namespace mint {

using jwt::Algorithm;
using keel::concat;
using Pkey = std::shared_ptr<EVP_PKEY>;

inline void must(bool holds, const char* what) {
  if (!holds) throw std::runtime_error(what);
}

inline Pkey rsa(unsigned bits = 2048) { return {EVP_RSA_gen(bits), EVP_PKEY_free}; }
inline Pkey curve(const char* name) { return {EVP_EC_gen(name), EVP_PKEY_free}; }
inline Pkey ed25519() { return {EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), EVP_PKEY_free}; }

inline std::string text_of(BIO* bio) {
  char* at = nullptr;
  const long size = BIO_get_mem_data(bio, &at);
  std::string out(at, static_cast<std::size_t>(size));
  BIO_free(bio);
  return out;
}
inline std::string public_pem(const Pkey& pkey) {
  BIO* const bio = BIO_new(BIO_s_mem());
  must(PEM_write_bio_PUBKEY(bio, pkey.get()) == 1, "PEM");
  return text_of(bio);
}
inline std::string private_pem(const Pkey& pkey) {
  BIO* const bio = BIO_new(BIO_s_mem());
  must(PEM_write_bio_PrivateKey(bio, pkey.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1,
       "PEM");
  return text_of(bio);
}

inline std::string number(const Pkey& pkey, const char* name, int size = 0) {
  BIGNUM* bn = nullptr;
  must(EVP_PKEY_get_bn_param(pkey.get(), name, &bn) == 1, name);
  std::string out(static_cast<std::size_t>(size ? size : BN_num_bytes(bn)), '\0');
  BN_bn2binpad(bn, reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(out.size()));
  BN_free(bn);
  return jwt::to_base64url(out);
}
// JSON Web Keys; `more` are further members, each beginning with a comma.
inline std::string rsa_jwk(const Pkey& pkey, std::string_view more = {}) {
  return concat(R"({"kty":"RSA","n":")", number(pkey, "n"), R"(","e":")", number(pkey, "e"), '"',
                more, '}');
}
inline std::string curve_jwk(const Pkey& pkey, std::string_view crv, std::string_view more = {}) {
  const int size = crv == "P-256" ? 32 : crv == "P-384" ? 48 : 66;
  return concat(R"({"kty":"EC","crv":")", crv, R"(","x":")", number(pkey, "qx", size), R"(","y":")",
                number(pkey, "qy", size), '"', more, '}');
}
inline std::string ed25519_jwk(const Pkey& pkey, std::string_view more = {}) {
  unsigned char x[32];
  std::size_t size = sizeof x;
  must(EVP_PKEY_get_raw_public_key(pkey.get(), x, &size) == 1, "Ed25519");
  return concat(R"({"kty":"OKP","crv":"Ed25519","x":")",
                jwt::to_base64url({reinterpret_cast<char*>(x), size}), '"', more, '}');
}

inline const EVP_MD* digest(Algorithm algorithm) {
  if (algorithm == Algorithm::eddsa) return nullptr;
  const std::string_view name = jwt::algorithm_name(algorithm);
  return name.ends_with("256") ? EVP_sha256() : name.ends_with("384") ? EVP_sha384() : EVP_sha512();
}

inline std::string hmac(Algorithm algorithm, std::string_view secret, std::string_view text) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  HMAC(digest(algorithm), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), out, &size);
  return {reinterpret_cast<char*>(out), size};
}

// r and s side by side.
inline std::string raw(Algorithm algorithm, const std::string& der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const std::unique_ptr<ECDSA_SIG, void (*)(ECDSA_SIG*)> pair(
      d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())), ECDSA_SIG_free);
  const int half = algorithm == Algorithm::es256 ? 32 : algorithm == Algorithm::es384 ? 48 : 66;
  std::string out(static_cast<std::size_t>(2 * half), '\0');
  auto* const to = reinterpret_cast<unsigned char*>(out.data());
  BN_bn2binpad(ECDSA_SIG_get0_r(pair.get()), to, half);
  BN_bn2binpad(ECDSA_SIG_get0_s(pair.get()), to + half, half);
  return out;
}

inline std::string signature(Algorithm algorithm, const Pkey& pkey, std::string_view text) {
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(),
                                                                   EVP_MD_CTX_free);
  EVP_PKEY_CTX* inner = nullptr;
  must(EVP_DigestSignInit(context.get(), &inner, digest(algorithm), nullptr, pkey.get()) == 1,
       "sign");
  const std::string_view name = jwt::algorithm_name(algorithm);
  if (name.starts_with("PS")) {
    EVP_PKEY_CTX_set_rsa_padding(inner, RSA_PKCS1_PSS_PADDING);
    EVP_PKEY_CTX_set_rsa_pss_saltlen(inner, RSA_PSS_SALTLEN_DIGEST);
  }
  const auto* const bytes = reinterpret_cast<const unsigned char*>(text.data());
  std::size_t size = 0;
  must(EVP_DigestSign(context.get(), nullptr, &size, bytes, text.size()) == 1, "sign");
  std::string out(size, '\0');
  must(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size, bytes,
                      text.size()) == 1,
       "sign");
  out.resize(size);
  return name.starts_with("ES") ? raw(algorithm, out) : out;
}

inline std::string unsigned_part(std::string_view header, std::string_view claims) {
  return concat(jwt::to_base64url(header), '.', jwt::to_base64url(claims));
}
inline std::string header(Algorithm algorithm, std::string_view kid = {}) {
  return concat(R"({"alg":")", jwt::algorithm_name(algorithm), R"(","typ":"JWT")",
                kid.empty() ? "" : concat(R"(,"kid":")", kid, '"'), '}');
}

inline std::string token(Algorithm algorithm, const Pkey& pkey, std::string_view claims,
                         std::string_view kid = {}) {
  const std::string text = unsigned_part(header(algorithm, kid), claims);
  return concat(text, '.', jwt::to_base64url(signature(algorithm, pkey, text)));
}
// With any header.
inline std::string hs256(std::string_view secret, std::string_view claims,
                         std::string_view header_text = R"({"alg":"HS256"})") {
  const std::string text = unsigned_part(header_text, claims);
  return concat(text, '.', jwt::to_base64url(hmac(Algorithm::hs256, secret, text)));
}
inline std::string hs(Algorithm algorithm, std::string_view secret, std::string_view claims,
                      std::string_view kid = {}) {
  const std::string text = unsigned_part(header(algorithm, kid), claims);
  return concat(text, '.', jwt::to_base64url(hmac(algorithm, secret, text)));
}

}  // namespace mint
