#include "emqx_auth_jwt/key.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "keel/text.hpp"

namespace jwt {

namespace {

using keel::concat;
using keel::Result;
using keel::Status;

constexpr int kMinRsaBits = 2048, kMaxRsaBits = 8192;

template <auto F>
struct Free {
  template <class T>
  void operator()(T* what) const {
    F(what);
  }
};
using Bio = std::unique_ptr<BIO, Free<BIO_free>>;
using Number = std::unique_ptr<BIGNUM, Free<BN_free>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using PkeyContext = std::unique_ptr<EVP_PKEY_CTX, Free<EVP_PKEY_CTX_free>>;
using ParamBuilder = std::unique_ptr<OSSL_PARAM_BLD, Free<OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Free<OSSL_PARAM_free>>;

std::shared_ptr<EVP_PKEY> own(EVP_PKEY* pkey) { return {pkey, EVP_PKEY_free}; }

const unsigned char* octets(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
Number number(std::string_view bytes) {
  return Number(BN_bin2bn(octets(bytes), static_cast<int>(bytes.size()), nullptr));
}

// A key that needs no password; null when the text is none of these.
EVP_PKEY* read_pem(std::string_view pem) {
  const auto open = [&] { return Bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()))); };
  const auto no_password = [](char*, int, int, void*) { return -1; };
  if (EVP_PKEY* const pkey = PEM_read_bio_PUBKEY(open().get(), nullptr, no_password, nullptr)) {
    return pkey;
  }
  const Certificate certificate(PEM_read_bio_X509(open().get(), nullptr, no_password, nullptr));
  return certificate ? X509_get_pubkey(certificate.get()) : nullptr;
}

std::shared_ptr<EVP_PKEY> build(const char* type, OSSL_PARAM_BLD* builder) {
  const Params params(OSSL_PARAM_BLD_to_param(builder));
  const PkeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* pkey = nullptr;
  if (params && context && EVP_PKEY_fromdata_init(context.get()) == 1 &&
      EVP_PKEY_fromdata(context.get(), &pkey, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) {
    pkey = nullptr;
  }
  ERR_clear_error();
  return pkey ? own(pkey) : nullptr;
}

struct Curve {
  std::string_view jwk_name;
  const char* group;
  std::size_t size;
  Algorithm algorithm;
};
constexpr Curve kCurves[] = {{"P-256", "prime256v1", 32, Algorithm::es256},
                             {"P-384", "secp384r1", 48, Algorithm::es384},
                             {"P-521", "secp521r1", 66, Algorithm::es512}};

}  // namespace

Result<Key> Key::from_secret(std::string_view secret) {
  if (secret.empty()) return Status::error("the secret is empty");
  if (secret.find("-----BEGIN ") != std::string_view::npos) {
    return Status::error(
        "the secret is a key in PEM: whoever knows that public key could sign tokens; name its "
        "file where a public key belongs");
  }
  Key key;
  key.secret_ = std::make_shared<const std::string>(secret);
  key.algorithms_ = {Algorithm::hs256, Algorithm::hs384, Algorithm::hs512};
  key.kind_ = concat("secret of ", secret.size(), secret.size() == 1 ? " byte" : " bytes");
  return key;
}

Result<Key> Key::from_pem(std::string_view pem) {
  if (pem.find("PRIVATE KEY-----") != std::string_view::npos) {
    return Status::error(
        "it holds a private key; write the public one (openssl pkey -pubout -in KEY) and keep the "
        "private one where tokens are made");
  }
  EVP_PKEY* const pkey = read_pem(pem);
  ERR_clear_error();
  if (!pkey) return Status::error("it holds no public key and no certificate in PEM");
  return from_pkey(own(pkey));
}

Result<Key> Key::from_rsa(std::string_view n, std::string_view e) {
  if (n.size() > kMaxRsaBits / 8 || e.size() > 8) return Status::error("its numbers are too large");
  const ParamBuilder builder(OSSL_PARAM_BLD_new());
  const Number modulus = number(n), exponent = number(e);
  if (!builder || !modulus || !exponent ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get()) != 1) {
    return Status::error("out of memory");
  }
  auto pkey = build("RSA", builder.get());
  if (!pkey) return Status::error("n and e are no RSA key");
  return from_pkey(std::move(pkey));
}

Result<Key> Key::from_curve(std::string_view crv, std::string_view x, std::string_view y) {
  const Curve* curve = nullptr;
  for (const Curve& known : kCurves) {
    if (known.jwk_name == crv) curve = &known;
  }
  if (!curve) return Status::error("its curve is none of P-256, P-384, P-521");
  if (x.size() != curve->size || y.size() != curve->size) {
    return Status::error("x and y have not the size of the curve");
  }
  const std::string point = concat('\4', x, y);
  const ParamBuilder builder(OSSL_PARAM_BLD_new());
  if (!builder ||
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, curve->group, 0) !=
          1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                       point.size()) != 1) {
    return Status::error("out of memory");
  }
  auto pkey = build("EC", builder.get());
  if (!pkey) return Status::error("x and y are no point of the curve");
  return from_pkey(std::move(pkey));
}

Result<Key> Key::from_ed25519(std::string_view x) {
  EVP_PKEY* const pkey =
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, octets(x), x.size());
  ERR_clear_error();
  if (!pkey) return Status::error("x is no Ed25519 key");
  return from_pkey(own(pkey));
}

Result<Key> Key::from_pkey(std::shared_ptr<EVP_PKEY> pkey) {
  Key key;
  const int type = EVP_PKEY_get_base_id(pkey.get());
  if (type == EVP_PKEY_RSA) {
    const int bits = EVP_PKEY_get_bits(pkey.get());
    if (bits < kMinRsaBits || bits > kMaxRsaBits) {
      return Status::error(
          concat("RSA keys need ", kMinRsaBits, " to ", kMaxRsaBits, " bits, this one has ", bits));
    }
    key.kind_ = concat("RSA ", bits);
    key.algorithms_ = {Algorithm::rs256, Algorithm::rs384, Algorithm::rs512,
                       Algorithm::ps256, Algorithm::ps384, Algorithm::ps512};
  } else if (type == EVP_PKEY_EC) {
    char group[64] = "";
    std::size_t size = 0;
    EVP_PKEY_get_group_name(pkey.get(), group, sizeof group, &size);
    for (const Curve& curve : kCurves) {
      if (std::string_view(group, size) != curve.group) continue;
      key.kind_ = std::string(curve.jwk_name);
      key.algorithms_ = {curve.algorithm};
    }
  } else if (type == EVP_PKEY_ED25519) {
    key.kind_ = "Ed25519";
    key.algorithms_ = {Algorithm::eddsa};
  }
  if (key.algorithms_.empty()) {
    return Status::error("its kind serves no token: RSA, P-256, P-384, P-521 and Ed25519 do");
  }
  key.pkey_ = std::move(pkey);
  return key;
}

bool Key::pin(Algorithms pinned) {
  const Algorithms left = algorithms_ & pinned;
  if (left.empty()) return false;
  algorithms_ = left;
  return true;
}

}  // namespace jwt
