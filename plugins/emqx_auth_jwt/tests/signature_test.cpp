// Keys and signatures: the examples of the standards, every algorithm, and what must not verify.
#include <doctest/doctest.h>

#include "emqx_auth_jwt/key_set.hpp"
#include "emqx_auth_jwt/tests/mint.hpp"
#include "emqx_auth_jwt/token.hpp"

namespace {

using jwt::Algorithm;
using jwt::Key;
using keel::concat;

constexpr const char* kClaims =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVl"
    "fQ";

// The key of a JWK, as a set of one.
Key jwk(const std::string& text) {
  auto read = jwt::read_key_set(concat(R"({"keys":[)", text, "]}"), jwt::Secrets::accept, "test");
  REQUIRE_MESSAGE(read, read.text());
  return read->keys.at(0);
}
std::string refused_jwk(const std::string& text) {
  const auto read =
      jwt::read_key_set(concat(R"({"keys":[)", text, "]}"), jwt::Secrets::accept, "test");
  CHECK(!read);
  return std::string(read.text());
}
jwt::Token parts(const std::string& text) {
  jwt::Refusal why;
  const auto token = jwt::read_token(text, 65'535, why);
  REQUIRE_MESSAGE(token, why.text);
  return *token;
}
bool verifies(const Key& key, const std::string& text) {
  const jwt::Token token = parts(text);
  return key.verify(token.algorithm, token.signed_text, token.signature);
}
std::string changed(std::string token, std::size_t back = 20) {
  char& letter = token[token.size() - back];
  letter = letter == 'A' ? 'B' : 'A';
  return token;
}

}  // namespace

TEST_CASE("the examples of RFC 7515 and RFC 8037") {
  struct Example {
    const char* name;
    std::string jwk, token;
  };
  const Example examples[] = {
      {"A.1 HS256",
       R"({"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcg)"
       R"(UuTwjAzZr1Z9CAow"})",
       concat("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.", kClaims,
              ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")},
      {"A.2 RS256",
       R"({"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4)"
       R"(qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OM)"
       R"(g0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3)"
       R"(qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4F)"
       R"(RWyuXpoQ","e":"AQAB"})",
       concat("eyJhbGciOiJSUzI1NiJ9.", kClaims,
              ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5Y"
              "Kt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBA"
              "rLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7"
              "noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlU"
              "PQGe77Rw")},
      {"A.3 ES256",
       R"({"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
       R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})",
       concat("eyJhbGciOiJFUzI1NiJ9.", kClaims,
              ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6"
              "NU1Q")},
      {"A.4 ES512",
       R"({"kty":"EC","crv":"P-521","x":"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_N)"
       R"(jFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk","y":"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1)"
       R"(WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2"})",
       "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc"
       "-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnw"
       "NrmxYbSW9ERBXukOXolLzeO_Jn"},
      {"8037 A.4 EdDSA",
       R"({"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})",
       "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcv"
       "Mg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"}};
  for (const Example& example : examples) {
    CAPTURE(example.name);
    const Key key = jwk(example.jwk);
    CHECK(verifies(key, example.token));
    CHECK(!verifies(key, changed(example.token)));
  }
}

TEST_CASE("every algorithm verifies with its key and with no other") {
  const std::string secret(64, 's');
  const auto rsa = mint::rsa(), p256 = mint::curve("P-256"), p384 = mint::curve("P-384"),
             p521 = mint::curve("P-521"), ed = mint::ed25519();
  struct Case {
    Algorithm algorithm;
    mint::Pkey pkey;
  };
  const Case cases[] = {
      {Algorithm::hs256, nullptr}, {Algorithm::hs384, nullptr}, {Algorithm::hs512, nullptr},
      {Algorithm::rs256, rsa},     {Algorithm::rs384, rsa},     {Algorithm::rs512, rsa},
      {Algorithm::ps256, rsa},     {Algorithm::ps384, rsa},     {Algorithm::ps512, rsa},
      {Algorithm::es256, p256},    {Algorithm::es384, p384},    {Algorithm::es512, p521},
      {Algorithm::eddsa, ed}};
  const auto key_of = [&](const mint::Pkey& pkey) {
    auto key = pkey ? Key::from_pem(mint::public_pem(pkey)) : Key::from_secret(secret);
    REQUIRE_MESSAGE(key, key.text());
    return *key;
  };
  for (const Case& one : cases) {
    CAPTURE(jwt::algorithm_name(one.algorithm));
    const std::string token = one.pkey ? mint::token(one.algorithm, one.pkey, R"({"sub":"x"})")
                                       : mint::hs(one.algorithm, secret, R"({"sub":"x"})");
    for (const mint::Pkey& other : {mint::Pkey(), rsa, p256, p384, p521, ed}) {
      CHECK(verifies(key_of(other), token) == (other == one.pkey));
    }
    // Another key of the same kind, another text, another length.
    CHECK(!verifies(key_of(one.pkey), changed(token)));
    const jwt::Token good = parts(token);
    CHECK(!key_of(one.pkey).verify(one.algorithm, good.signed_text + " ", good.signature));
    CHECK(!key_of(one.pkey).verify(one.algorithm, good.signed_text, good.signature + '\0'));
    CHECK(!key_of(one.pkey).verify(one.algorithm, good.signed_text,
                                   good.signature.substr(0, good.signature.size() - 1)));
    CHECK(!key_of(one.pkey).verify(one.algorithm, good.signed_text, ""));
    // Said to be by an algorithm of the same key.
    for (const Case& lie : cases) {
      if (lie.algorithm == one.algorithm) continue;
      CHECK(!key_of(one.pkey).verify(lie.algorithm, good.signed_text, good.signature));
    }
  }
}

TEST_CASE("a public key is never a secret") {
  const auto rsa = mint::rsa();
  const std::string pem = mint::public_pem(rsa);
  // The classic: signed with HS256 and the public key's text as the secret.
  const Key key = *Key::from_pem(pem);
  CHECK(!verifies(key, mint::hs256(pem, "{}")));
  CHECK(!key.algorithms().has(Algorithm::hs256));
  const auto secret = Key::from_secret(pem);
  CHECK(!secret);
  CHECK(secret.text().find("PEM") != std::string_view::npos);
  CHECK(!Key::from_secret(""));
}

TEST_CASE("ECDSA: DER and zeros are no signature") {
  const auto p256 = mint::curve("P-256");
  const Key key = *Key::from_pem(mint::public_pem(p256));
  CHECK(!key.verify(Algorithm::es256, "text", std::string(64, '\0')));
  CHECK(!key.verify(Algorithm::es256, "text", std::string(64, '\xff')));
  CHECK(!key.verify(Algorithm::es256, "text", std::string(70, '\x30')));
}

TEST_CASE("keys in PEM") {
  const auto refused = [](const std::string& pem) {
    const auto key = Key::from_pem(pem);
    CHECK(!key);
    return std::string(key.text());
  };
  CHECK(refused("").find("no public key") != std::string::npos);
  CHECK(refused("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n").find("no public") !=
        std::string::npos);
  CHECK(refused(mint::private_pem(mint::ed25519())).find("private") != std::string::npos);
  CHECK(refused(mint::public_pem(mint::rsa(1024))).find("2048") != std::string::npos);
  CHECK(refused(mint::public_pem(mint::curve("secp256k1"))).find("serves no") != std::string::npos);
  CHECK(Key::from_pem(mint::public_pem(mint::rsa(3072)))->kind() == "RSA 3072");
  CHECK(Key::from_pem(mint::public_pem(mint::curve("P-384")))->kind() == "P-384");
  Key rsa = *Key::from_pem(mint::public_pem(mint::rsa()));
  CHECK(!rsa.pin({Algorithm::hs256, Algorithm::es256}));
  CHECK(rsa.algorithms().has(Algorithm::rs512));
  CHECK(rsa.pin({Algorithm::rs256}));
  CHECK(rsa.algorithms().text() == "RS256");
}

TEST_CASE("keys of a JSON Web Key Set") {
  const auto rsa = mint::rsa(), p384 = mint::curve("P-384"), ed = mint::ed25519();
  CHECK(verifies(jwk(mint::rsa_jwk(rsa)), mint::token(Algorithm::ps384, rsa, "{}")));
  CHECK(verifies(jwk(mint::curve_jwk(p384, "P-384")), mint::token(Algorithm::es384, p384, "{}")));
  CHECK(verifies(jwk(mint::ed25519_jwk(ed)), mint::token(Algorithm::eddsa, ed, "{}")));
  const Key pinned = jwk(mint::rsa_jwk(rsa, R"(,"alg":"RS512","kid":"a","use":"sig")"));
  CHECK(pinned.algorithms() == jwt::Algorithms{Algorithm::rs512});
  CHECK(pinned.kid() == "a");
  CHECK(!verifies(pinned, mint::token(Algorithm::rs256, rsa, "{}")));

  struct Case {
    std::string jwk;
    const char* why;
  };
  const Case cases[] = {
      {R"({})", "kty"},
      {R"([])", "not a JSON object"},
      {R"({"kty":"RSA"})", "missing"},
      {R"({"kty":"RSA","n":"AQAB","e":"AQAB"})", "2048"},
      {R"({"kty":"RSA","n":"A===","e":"AQAB"})", "base64url"},
      {R"({"kty":"oct","k":""})", "missing"},
      {R"({"kty":"OKP","crv":"X25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})",
       "curve"},
      {R"({"kty":"OKP","crv":"Ed25519","x":"AAAA"})", "Ed25519"},
      {R"({"kty":"EC","crv":"P-192","x":"AAAA","y":"AAAA"})", "curve"},
      {R"({"kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA"})", "size"},
      {R"({"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
       R"("y":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"})",
       "point"},
      {mint::rsa_jwk(rsa, R"(,"use":"enc")"), "checking"},
      {mint::rsa_jwk(rsa, R"(,"key_ops":["sign"])"), "checking"},
      {mint::rsa_jwk(rsa, R"(,"alg":"RSA-OAEP")"), "alg"},
      {mint::rsa_jwk(rsa, R"(,"alg":"ES256")"), "does not fit"},
      {mint::rsa_jwk(rsa, R"(,"alg":"none")"), "alg"},
      {mint::rsa_jwk(rsa, R"(,"kid":7)"), "kid"},
  };
  for (const Case& one : cases) {
    CAPTURE(one.jwk);
    CHECK(refused_jwk(one.jwk).find(one.why) != std::string::npos);
  }
}

TEST_CASE("a key set keeps what it can use, and says what it cannot") {
  const auto ed = mint::ed25519();
  const std::string text = concat(R"({"keys":[{"kty":"XY","kid":"odd"},)",
                                  mint::ed25519_jwk(ed, R"(,"kid":"good")"), "]}");
  const auto read = jwt::read_key_set(text, jwt::Secrets::refuse, "url");
  REQUIRE(read);
  CHECK(read->keys.size() == 1);
  CHECK(read->keys[0].source() == "url");
  REQUIRE(read->left_out.size() == 1);
  CHECK(read->left_out[0].find("'odd'") != std::string::npos);

  const auto refused = [](const std::string& set) {
    return std::string(jwt::read_key_set(set, jwt::Secrets::refuse, "url").text());
  };
  CHECK(refused("").find("not JSON") != std::string::npos);
  CHECK(refused("<html>").find("not JSON") != std::string::npos);
  CHECK(refused("[]").find("object") != std::string::npos);
  CHECK(refused(R"({"keys":{}})").find("no list") != std::string::npos);
  CHECK(refused(R"({"keys":[]})").find("no key") != std::string::npos);
  CHECK(refused(R"({"keys":[],"keys":[]})").find("twice") != std::string::npos);
  CHECK(refused(R"({"keys":[{"kty":"oct","k":"c2VjcmV0"}]})").find("URL") != std::string::npos);
  CHECK(refused(std::string(300'000, ' ')).find("larger") != std::string::npos);
}

TEST_CASE("which keys a token is tried with") {
  const auto ed = mint::ed25519();
  const auto key = [&](const char* kid) {
    Key out = *Key::from_pem(mint::public_pem(ed));
    out.set_kid(kid);
    return out;
  };
  const jwt::KeySet set({key("a"), key("b"), key(""), *Key::from_secret("secret")});
  const auto tried = [&](Algorithm algorithm, const char* kid) {
    std::string out;
    for (const Key* one : set.candidates(algorithm, kid)) {
      out += one->kid().empty() ? "-" : one->kid();
    }
    return out;
  };
  CHECK(tried(Algorithm::eddsa, "a") == "a");
  CHECK(tried(Algorithm::eddsa, "c") == "-");
  CHECK(tried(Algorithm::eddsa, "") == "ab-");
  CHECK(tried(Algorithm::hs256, "") == "-");
  CHECK(tried(Algorithm::hs256, "a") == "");
  CHECK(tried(Algorithm::rs256, "") == "");
  std::vector<Key> many(40, key("x"));
  CHECK(jwt::KeySet(many).candidates(Algorithm::eddsa, "x").size() == jwt::kMaxCandidates);
}
