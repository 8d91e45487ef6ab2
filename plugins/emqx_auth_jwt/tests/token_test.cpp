// Tokens taken apart: what is one, and every way of not being one.
#include <doctest/doctest.h>

#include "emqx_auth_jwt/base64url.hpp"
#include "emqx_auth_jwt/json_text.hpp"
#include "emqx_auth_jwt/tests/mint.hpp"
#include "emqx_auth_jwt/token.hpp"

namespace {

using jwt::Cause;
using keel::concat;

std::string with_header(std::string_view header) {
  return concat(jwt::to_base64url(header), ".e30.AAAA");
}

}  // namespace

TEST_CASE("base64url has one text for each sequence of bytes") {
  struct Case {
    std::string_view text, bytes;
  };
  for (const Case& one : {Case{"", ""},
                          {"Zg", "f"},
                          {"Zm8", "fo"},
                          {"Zm9v", "foo"},
                          {"Zm9vYmFy", "foobar"},
                          {"-_8", "\xfb\xff"}}) {
    CHECK(jwt::from_base64url(one.text) == std::string(one.bytes));
    CHECK(jwt::to_base64url(one.bytes) == one.text);
  }
  for (const char* wrong :
       {"Z", "Zm9vY", "Zg==", "Zm8=", "Zh", "Zm9", "Z g", "Zm9v\n", "+/8", "Zm.v", "\xc3\xa4"}) {
    CAPTURE(wrong);
    CHECK(!jwt::from_base64url(wrong));
  }
}

TEST_CASE("JSON: one object, no name twice, not too deep") {
  const auto wrong = [](std::string_view text) {
    std::string why;
    return jwt::read_object(text, why) ? std::string() : why;
  };
  CHECK(wrong(R"({"a":1,"b":{"a":[{"a":2}]},"c":"\":\\","d:":"{\"a\":1}"})") == "");
  CHECK(wrong("{}") == "");
  CHECK(wrong(R"({"a":1,"a":2})") == "it has a name twice");
  CHECK(wrong(R"({"a":1,"\u0061":2})") == "it has a name twice");
  CHECK(wrong(R"({"b":[{"a":1,"a":1}]})") == "it has a name twice");
  CHECK(wrong(R"({"b":{"a":1},"b":2})") == "it has a name twice");
  for (const char* text : {"", "x", "{", "{}x", "{'a':1}", "{\"a\":1,}", "{\"a\":01}",
                           "{\"a\":NaN}", "{\"a\":\"\xff\"}", "{\"a\" 1}", "\xef\xbb\xbf{}"}) {
    CAPTURE(text);
    CHECK(wrong(text) == "it is not JSON");
  }
  CHECK(wrong("[]") == "it is not a JSON object");
  CHECK(wrong("1") == "it is not a JSON object");
  CHECK(wrong(concat("{\"a\":", std::string(20, '['), std::string(20, ']'), "}")) ==
        "it is nested too deep");
}

TEST_CASE("what looks like a token, and what is a password") {
  for (const char* text :
       {"eyJhbGciOiJIUzI1NiJ9.e30.AAAA", "eyJhbGciOiJub25lIn0.e30.",
        "eyJhbGciOiJIUzI1NiJ9.e30.A.B.C", "ewogImFsZyI6.x.y", "eyAi.x.y", "e30.e30.AAAA"}) {
    CAPTURE(text);
    CHECK(jwt::looks_like_token(text));
  }
  for (const char* text :
       {"", "a", "a.b.c", "my.secret.word", "extra.horse.battery", "eyJhbGciOiJ",
        "eyJhbGciOiJIUzI1NiJ9.e30", "eyes.on.me", "eyJ...", "e\xff.x.y", "...."}) {
    CAPTURE(text);
    CHECK(!jwt::looks_like_token(text));
  }
}

TEST_CASE("a token in its parts") {
  jwt::Refusal why;
  const auto token = jwt::read_token(
      mint::hs256("s", R"({"sub":"ann"})", R"({"alg":"HS256","kid":"k1","typ":"JWT","x":{}})"),
      1000, why);
  REQUIRE(token);
  CHECK(token->algorithm == jwt::Algorithm::hs256);
  CHECK(token->kid == "k1");
  CHECK(token->payload == R"({"sub":"ann"})");
  CHECK(token->signature.size() == 32);
  CHECK(
      token->signed_text ==
      mint::unsigned_part(R"({"alg":"HS256","kid":"k1","typ":"JWT","x":{}})", R"({"sub":"ann"})"));
}

TEST_CASE("every refusal") {
  const std::string good = mint::hs256("s", "{}");
  struct Case {
    std::string token;
    Cause cause;
    const char* why;
  };
  const std::string header = jwt::to_base64url(R"({"alg":"HS256"})");
  const Case cases[] = {
      {concat(header, ".e30"), Cause::malformed, "three parts"},
      {concat(good, ".AAAA"), Cause::malformed, "three parts"},
      {concat(good, ".AAAA.AAAA"), Cause::malformed, "JWE"},
      {concat(good, ".A.A.A"), Cause::malformed, "three parts"},
      {concat(header, ".e30."), Cause::malformed, "not signed"},
      {concat(header, "..AAAA"), Cause::malformed, ""},
      {concat(header, ".e30.AAA="), Cause::malformed, "signature is no base64url"},
      {concat(header, ".e30.AAB"), Cause::malformed, "signature is no base64url"},
      {concat(header, ".e3 0.AAAA"), Cause::malformed, "claims are no base64url"},
      {concat(header, "=.e30.AAAA"), Cause::malformed, "header is no base64url"},
      {concat(header.substr(0, 13), ".e30.AAAA"), Cause::malformed, "header"},
      {concat(good, '\n'), Cause::malformed, "signature"},
      {with_header("{}"), Cause::malformed, "no algorithm"},
      {with_header(R"({"alg":1})"), Cause::malformed, "no algorithm"},
      {with_header(R"({"alg":null})"), Cause::malformed, "no algorithm"},
      {with_header(R"({"alg":"none"})"), Cause::algorithm, "known"},
      {with_header(R"({"alg":"None"})"), Cause::algorithm, "known"},
      {with_header(R"({"alg":""})"), Cause::algorithm, "known"},
      {with_header(R"({"alg":"hs256"})"), Cause::algorithm, "known"},
      {with_header(R"({"alg":"HS256 "})"), Cause::algorithm, "known"},
      {with_header(R"({"alg":"ES256K"})"), Cause::algorithm, "known"},
      {with_header(R"({"alg":"HS256","alg":"RS256"})"), Cause::malformed, "twice"},
      {with_header(R"({"alg":"HS256","crit":["exp"]})"), Cause::malformed, "crit"},
      {with_header(R"({"alg":"HS256","b64":false})"), Cause::malformed, "b64"},
      {with_header(R"({"alg":"HS256","zip":"DEF"})"), Cause::malformed, "zip"},
      {with_header(R"({"alg":"HS256","enc":"A128GCM"})"), Cause::malformed, "enc"},
      {with_header(R"({"alg":"HS256","kid":5})"), Cause::malformed, "kid"},
      {with_header(concat(R"({"alg":"HS256","kid":")", std::string(257, 'k'), "\"}")),
       Cause::malformed, "kid"},
      {with_header(concat(R"({"alg":"HS256","x":")", std::string(5000, 'x'), "\"}")),
       Cause::malformed, "too large"},
      {with_header(
           concat(R"({"alg":"HS256","x":)", std::string(50, '['), std::string(50, ']'), "}")),
       Cause::malformed, "deep"},
      {with_header("[]"), Cause::malformed, "object"},
      {with_header("{\"alg\":\"HS256\"} {}"), Cause::malformed, "JSON"},
      {concat(header, ".", std::string(20'000, 'A'), ".AAAA"), Cause::malformed, "longer"},
      {"", Cause::malformed, "three parts"},
      {"..", Cause::malformed, "header"},
  };
  for (const Case& one : cases) {
    CAPTURE(one.token);
    jwt::Refusal why;
    const auto token = jwt::read_token(one.token, 16'384, why);
    if (std::string_view(one.why).empty()) {  // an empty payload is for check_claims() to refuse
      CHECK(token);
      continue;
    }
    CHECK(!token);
    CHECK(why.cause == one.cause);
    CHECK_MESSAGE(why.text.find(one.why) != std::string::npos, why.text);
  }
  // Cut anywhere, it is no token or another one, never a crash.
  for (std::size_t n = 0; n < good.size(); ++n) {
    jwt::Refusal why;
    const auto token = jwt::read_token(good.substr(0, n), 16'384, why);
    if (token) CHECK(token->signature.size() < 32);
  }
}
