// SCRAM-SHA-256: the exchange of RFC 7677, section 3, and what has to be refused.
#include <doctest/doctest.h>

#include "user_store/crypto.hpp"
#include "user_store/scram.hpp"
#include "user_store/scram_exchanges.hpp"
#include "user_store/text.hpp"

using namespace user_store;

namespace {

constexpr const char* kClientFirst = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
constexpr const char* kServerNonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
constexpr const char* kServerFirst =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
constexpr const char* kClientFinal =
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
    "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
constexpr const char* kServerFinal = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

ScramVerifier pencil() {
  return ScramVerifier::make("pencil", *from_base64("W22ZaJ0SNY7soEsUEjb6gQ=="), 4096);
}

// A client that knows the password.
std::string client_final(const std::string& header, const std::string& bare,
                         const std::string& server_first, const std::string& password) {
  const std::string nonce = server_first.substr(2, server_first.find(',') - 2);
  const std::size_t salt_at = server_first.find(",s=") + 3, count_at = server_first.find(",i=");
  const std::string salt = *from_base64(server_first.substr(salt_at, count_at - salt_at));
  const auto iterations = static_cast<std::uint32_t>(std::stoul(server_first.substr(count_at + 3)));
  const std::string salted = pbkdf2(Digest::sha256, password, salt, iterations, 32);
  const std::string key = hmac_sha256(salted, "Client Key");
  const std::string without_proof = "c=" + to_base64(header) + ",r=" + nonce;
  const std::string signature =
      hmac_sha256(hash(Digest::sha256, key), bare + ',' + server_first + ',' + without_proof);
  std::string proof = key;
  for (std::size_t i = 0; i < proof.size(); ++i)
    proof[i] = static_cast<char>(proof[i] ^ signature[i]);
  return without_proof + ",p=" + to_base64(proof);
}

ScramExchange begun() {
  ScramExchange exchange;
  CHECK(exchange.begin(kClientFirst).problem.empty());
  exchange.challenge(pencil(), kServerNonce);
  return exchange;
}

}  // namespace

TEST_CASE("the exchange of RFC 7677") {
  REQUIRE(crypto_ready());
  ScramExchange exchange;
  const ScramExchange::First first = exchange.begin(kClientFirst);
  CHECK(first.problem.empty());
  CHECK(first.name == "user");
  CHECK(exchange.challenge(pencil(), kServerNonce) == kServerFirst);
  CHECK(exchange.finish(kClientFinal) == kServerFinal);
}

TEST_CASE("a verifier survives being written down, and is no password") {
  REQUIRE(crypto_ready());
  const std::string text = pencil().to_text();
  CHECK(text ==
        "4096,W22ZaJ0SNY7soEsUEjb6gQ==,WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,"
        "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=");
  const auto again = ScramVerifier::parse(text);
  REQUIRE(again);
  CHECK(again->to_text() == text);
  for (const char* wrong :
       {"", "4096", "0,YQ==,YQ==,YQ==", "x,YQ==,YQ==,YQ==", "4096,,,",
        "4096,W22ZaJ0SNY7soEsUEjb6gQ==,WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY="}) {
    CAPTURE(wrong);
    CHECK(!ScramVerifier::parse(wrong));
  }
}

TEST_CASE("names, flags and headers of a first message") {
  REQUIRE(crypto_ready());
  const auto begin = [](const char* text) { return ScramExchange().begin(text); };
  CHECK(begin("n,,n=a=2Cb=3Dc,r=x").name == "a,b=c");
  CHECK(begin("y,,n=user,r=x").name == "user");  // could bind, sees no -PLUS here
  CHECK(begin("n,a=user,n=user,r=x").name == "user");
  CHECK(begin("n,,n=user,r=x,ext=1").name == "user");
  CHECK(begin("n,,n=J\xc3\xb6rg,r=x").name == "J\xc3\xb6rg");
  struct Case {
    const char* text;
    const char* part;
  };
  for (const Case& one :
       std::initializer_list<Case>{{"", "not a client-first"},
                                   {"hello", "not a client-first"},
                                   {"x,,n=user,r=x", "not a client-first"},
                                   {"p=tls-unique,,n=user,r=x", "channel binding"},
                                   {"n,a=admin,n=user,r=x", "somebody else"},
                                   {"n,user,n=user,r=x", "somebody else"},
                                   {"n,,m=ext,n=user,r=x", "extension"},
                                   {"n,,n=,r=x", "user name"},
                                   {"n,,n=a=2cb,r=x", "user name"},
                                   {"n,,n=a=,r=x", "user name"},
                                   {"n,,u=user,r=x", "user name"},
                                   {"n,,n=\xff,r=x", "user name"},
                                   {"n,,n=user,r=", "nonce"},
                                   {"n,,n=user,x=y", "nonce"},
                                   {"n,,n=user,r=a\x01", "nonce"}}) {
    CAPTURE(one.text);
    CHECK(begin(one.text).problem.find(one.part) != std::string::npos);
  }
  CHECK(!ScramExchange().begin("n,,n=" + std::string(9000, 'a') + ",r=x").problem.empty());
}

TEST_CASE("a final message that is not exactly right proves nothing") {
  REQUIRE(crypto_ready());
  const std::string nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
  const std::string proof = "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
  CHECK(begun().finish(kClientFinal));
  for (const std::string& wrong :
       {std::string(), std::string("c=biws"), "c=biws,r=" + nonce,
        "c=biws,r=" + nonce + ",p=", "c=biws,r=" + nonce + ",p=AAAA",
        "c=biws,r=" + nonce + "x," + proof, "c=biws,r=rOprNGfwEbeRWgbNEkqO," + proof,
        "c=eSws,r=" + nonce + ',' + proof, "c=,r=" + nonce + ',' + proof,
        "r=" + nonce + ",c=biws," + proof, "c=biws,r=" + nonce + ",x=y," + proof,
        "c=biws,r=" + nonce + ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVU="}) {
    CAPTURE(wrong);
    CHECK(!begun().finish(wrong));
  }
  CHECK(!ScramExchange().finish(kClientFinal));  // before the beginning
}

TEST_CASE("only who knows the password can prove it") {
  REQUIRE(crypto_ready());
  for (const std::string header : {"n,,", "y,,", "n,a=ann,"}) {
    for (const bool right : {true, false}) {
      ScramExchange exchange;
      const std::string bare = "n=ann,r=clientnonce";
      REQUIRE(exchange.begin(header + bare).problem.empty());
      const std::string server_first =
          exchange.challenge(ScramVerifier::make("se,cr=et", "0123456789abcdef", 4096), "srv");
      const std::string final = client_final(header, bare, server_first, right ? "se,cr=et" : "x");
      CHECK(exchange.finish(final).has_value() == right);
    }
  }
}

TEST_CASE("a name that nobody has looks like one, and always the same") {
  REQUIRE(crypto_ready());
  const auto one = ScramVerifier::fake("secret", "eve", 4096);
  CHECK(one.salt.size() == 16);
  CHECK(one.salt == ScramVerifier::fake("secret", "eve", 4096).salt);
  CHECK(one.salt != ScramVerifier::fake("secret", "eva", 4096).salt);
  CHECK(one.salt != ScramVerifier::fake("secret2", "eve", 4096).salt);
  CHECK(one.stored_key != ScramVerifier::fake("secret", "eve", 4096).stored_key);
}

TEST_CASE("exchanges are bounded, end once, and run out") {
  REQUIRE(crypto_ready());
  ScramExchanges waiting;
  CHECK(waiting.put("a", begun(), 0));
  CHECK(!waiting.take("b", 1));
  CHECK(waiting.take("a", 1));
  CHECK(!waiting.take("a", 1));
  CHECK(waiting.put("a", begun(), 0));
  CHECK(!waiting.take("a", ScramExchanges::kTimeoutMs));
  CHECK(waiting.put("a", begun(), 0));
  waiting.forget("a");
  CHECK(waiting.size() == 0);
  for (std::size_t i = 0; i < ScramExchanges::kMost; ++i) {
    REQUIRE(waiting.put(std::to_string(i), ScramExchange(), 0));
  }
  CHECK(!waiting.put("one more", ScramExchange(), 1));
  CHECK(waiting.put("one more", ScramExchange(), ScramExchanges::kTimeoutMs));
  CHECK(waiting.size() == 1);
}
