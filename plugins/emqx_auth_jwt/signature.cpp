// Checking signatures: Key::verify() over OpenSSL's EVP.
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>

#include "emqx_auth_jwt/key.hpp"

namespace jwt {

namespace {

const unsigned char* octets(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

const EVP_MD* digest(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::hs256:
    case Algorithm::rs256:
    case Algorithm::ps256:
    case Algorithm::es256:
      return EVP_sha256();
    case Algorithm::hs384:
    case Algorithm::rs384:
    case Algorithm::ps384:
    case Algorithm::es384:
      return EVP_sha384();
    case Algorithm::hs512:
    case Algorithm::rs512:
    case Algorithm::ps512:
    case Algorithm::es512:
      return EVP_sha512();
    case Algorithm::eddsa:
      break;
  }
  return nullptr;  // Ed25519 has its own
}

bool verify_hmac(Algorithm algorithm, const std::string& secret, std::string_view text,
                 std::string_view signature) {
  unsigned char expected[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (!HMAC(digest(algorithm), secret.data(), static_cast<int>(secret.size()), octets(text),
            text.size(), expected, &size)) {
    return false;
  }
  const bool right =
      signature.size() == size && CRYPTO_memcmp(signature.data(), expected, size) == 0;
  OPENSSL_cleanse(expected, sizeof expected);
  return right;
}

std::size_t coordinate_size(Algorithm algorithm) {
  return algorithm == Algorithm::es256 ? 32 : algorithm == Algorithm::es384 ? 48 : 66;
}

// r and s side by side [RFC 7518 3.4] as OpenSSL wants them; empty: the size is not the curve's.
std::string to_der(Algorithm algorithm, std::string_view signature) {
  const std::size_t half = coordinate_size(algorithm);
  if (signature.size() != 2 * half) return {};
  const std::unique_ptr<ECDSA_SIG, void (*)(ECDSA_SIG*)> pair(ECDSA_SIG_new(), ECDSA_SIG_free);
  BIGNUM* const r = BN_bin2bn(octets(signature), static_cast<int>(half), nullptr);
  BIGNUM* const s = BN_bin2bn(octets(signature.substr(half)), static_cast<int>(half), nullptr);
  if (!pair || !r || !s || ECDSA_SIG_set0(pair.get(), r, s) != 1) {
    BN_free(r), BN_free(s);
    return {};
  }
  const int size = i2d_ECDSA_SIG(pair.get(), nullptr);
  if (size <= 0) return {};
  std::string der(static_cast<std::size_t>(size), '\0');
  auto* at = reinterpret_cast<unsigned char*>(der.data());
  i2d_ECDSA_SIG(pair.get(), &at);
  return der;
}

bool set_padding(Algorithm algorithm, EVP_PKEY_CTX* context) {
  switch (algorithm) {
    case Algorithm::rs256:
    case Algorithm::rs384:
    case Algorithm::rs512:
      return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1;
    case Algorithm::ps256:
    case Algorithm::ps384:
    case Algorithm::ps512:
      return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
             EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1;
    default:
      return true;
  }
}

bool verify_public(Algorithm algorithm, EVP_PKEY* pkey, std::string_view text,
                   std::string_view signature) {
  std::string der;
  if (algorithm >= Algorithm::es256 && algorithm <= Algorithm::es512) {
    der = to_der(algorithm, signature);
    if (der.empty()) return false;
    signature = der;
  }
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(),
                                                                   EVP_MD_CTX_free);
  EVP_PKEY_CTX* inner = nullptr;  // the context's
  const bool right =
      context &&
      EVP_DigestVerifyInit(context.get(), &inner, digest(algorithm), nullptr, pkey) == 1 &&
      set_padding(algorithm, inner) &&
      EVP_DigestVerify(context.get(), octets(signature), signature.size(), octets(text),
                       text.size()) == 1;
  ERR_clear_error();
  return right;
}

}  // namespace

bool Key::verify(Algorithm algorithm, std::string_view signed_text,
                 std::string_view signature) const {
  if (!algorithms_.has(algorithm)) return false;
  if (is_hmac(algorithm)) {
    return secret_ && verify_hmac(algorithm, *secret_, signed_text, signature);
  }
  return pkey_ && verify_public(algorithm, pkey_.get(), signed_text, signature);
}

}  // namespace jwt
