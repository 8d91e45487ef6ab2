// Claims and rules, on a clock that the test holds.
#include <doctest/doctest.h>

#include "emqx_auth_jwt/claims.hpp"
#include "keel/text.hpp"

namespace {

using jwt::Action;
using jwt::Cause;
using jwt::ClaimRules;
using keel::concat;

constexpr std::int64_t kNow = 1'000'000'000'000;  // 1e9 s
const jwt::Asker kAnn{"c1", "ann", true};

struct Verdict {
  std::optional<jwt::Accepted> accepted;
  jwt::Refusal why;
};
Verdict check(std::string_view payload, const ClaimRules& rules = {},
              const jwt::Asker& asker = kAnn) {
  Verdict out;
  out.accepted = jwt::check_claims(payload, rules, asker, kNow, out.why);
  return out;
}
bool accepts(std::string_view payload, const ClaimRules& rules = {}) {
  return check(payload, rules).accepted.has_value();
}
// The cause of a refusal, or nothing.
std::optional<Cause> refused(std::string_view payload, const ClaimRules& rules = {},
                             const jwt::Asker& asker = kAnn) {
  const Verdict verdict = check(payload, rules, asker);
  if (verdict.accepted) return std::nullopt;
  CHECK(!verdict.why.text.empty());
  return verdict.why.cause;
}

}  // namespace

TEST_CASE("times, with their edges") {
  CHECK(accepts("{}"));
  CHECK(accepts(R"({"exp":1000000001})"));
  CHECK(accepts(R"({"exp":1000000000.5})"));
  CHECK(accepts(R"({"exp":1.0000000005e9})"));
  CHECK(refused(R"({"exp":1000000000})") == Cause::time);
  CHECK(refused(R"({"exp":999999999})") == Cause::time);
  CHECK(refused(R"({"exp":0})") == Cause::time);
  CHECK(refused(R"({"exp":-5})") == Cause::time);
  CHECK(accepts(R"({"nbf":1000000000,"iat":1000000000})"));
  CHECK(refused(R"({"nbf":1000000001})") == Cause::time);
  CHECK(refused(R"({"iat":1000000001})") == Cause::time);
  const ClaimRules leeway{.leeway_ms = 5'000};
  CHECK(accepts(R"({"exp":999999996})", leeway));
  CHECK(refused(R"({"exp":999999995})", leeway) == Cause::time);
  CHECK(accepts(R"({"nbf":1000000005,"iat":1000000005})", leeway));
  CHECK(refused(R"({"nbf":1000000006})", leeway) == Cause::time);
  CHECK(refused(R"({"iat":1000000005.001})", leeway) == Cause::time);
  CHECK(refused("{}", {.require_exp = true}) == Cause::time);
  CHECK(accepts(R"({"exp":1000000009})", {.require_exp = true}));

  CHECK(check(R"({"exp":1000000009})").accepted->expires_ms == kNow + 9'000);
  CHECK(check(R"({"exp":1000000009})", leeway).accepted->expires_ms == kNow + 14'000);
  CHECK(!check("{}").accepted->expires_ms);
}

TEST_CASE("times that are none") {
  for (const char* value : {"\"1000000009\"", "null", "true", "[]", "{}", "1e999", "1e300",
                            "-1e300", "1700000000000000", "18446744073709551615"}) {
    for (const char* name : {"exp", "nbf", "iat"}) {
      CAPTURE(value);
      CHECK(refused(concat("{\"", name, "\":", value, "}")) == Cause::malformed);
    }
  }
}

TEST_CASE("claims that are no claims") {
  for (const char* payload :
       {"", "x", "[]", "1", "{\"exp\":1,\"exp\":2}", "{\"a\":{\"b\":1,\"b\":1}}"}) {
    CAPTURE(payload);
    CHECK(refused(payload) == Cause::malformed);
  }
}

TEST_CASE("audience and issuer") {
  const ClaimRules rules{.audiences = {"mqtt", "iot"}, .issuers = {"joe"}};
  CHECK(accepts(R"({"iss":"joe","aud":"mqtt"})", rules));
  CHECK(accepts(R"({"iss":"joe","aud":["web","iot"]})", rules));
  for (const char* payload :
       {R"({"iss":"joe"})", R"({"iss":"joe","aud":"web"})", R"({"iss":"joe","aud":[]})",
        R"({"iss":"joe","aud":["web"]})", R"({"iss":"joe","aud":7})", R"({"iss":"joe","aud":[7]})",
        R"({"iss":"joe","aud":{"mqtt":1}})", R"({"iss":"joe","aud":"MQTT"})", R"({"aud":"mqtt"})",
        R"({"iss":"jo","aud":"mqtt"})", R"({"iss":["joe"],"aud":"mqtt"})",
        R"({"iss":null,"aud":"mqtt"})"}) {
    CAPTURE(payload);
    CHECK(refused(payload, rules) == Cause::claims);
  }
}

TEST_CASE("required claims") {
  const ClaimRules rules{.required = {{"username", "%u"}, {"sub", "dev-%c-%u"}, {"org", "acme"}}};
  CHECK(accepts(R"({"username":"ann","sub":"dev-c1-ann","org":"acme"})", rules));
  for (const char* payload : {R"({"sub":"dev-c1-ann","org":"acme"})",
                              R"({"username":"ANN","sub":"dev-c1-ann","org":"acme"})",
                              R"({"username":"ann","sub":"dev-c2-ann","org":"acme"})",
                              R"({"username":"ann","sub":"dev-c1-ann","org":"acme "})",
                              R"({"username":"ann","sub":"dev-c1-ann","org":["acme"]})",
                              R"({"username":"%u","sub":"dev-c1-ann","org":"acme"})"}) {
    CAPTURE(payload);
    CHECK(refused(payload, rules) == Cause::claims);
  }
  // Without a user name %u is nothing, not even an empty one.
  CHECK(refused(R"({"username":""})", {.required = {{"username", "%u"}}}, {"c1", "", false}) ==
        Cause::claims);
  CHECK(accepts(R"({"n":42,"yes":true,"p":"100%"})",
                {.required = {{"n", "42"}, {"yes", "true"}, {"p", "100%"}}}));
  CHECK(refused(R"({"n":42.0})", {.required = {{"n", "42"}}}) == Cause::claims);
  CHECK(refused(R"({"n":null})", {.required = {{"n", "null"}}}) == Cause::claims);
}

TEST_CASE("superuser only where the settings let it") {
  CHECK(!check(R"({"is_superuser":true})").accepted->superuser);
  const ClaimRules rules{.superuser = true};
  CHECK(check(R"({"is_superuser":true})", rules).accepted->superuser);
  for (const char* payload :
       {"{}", R"({"is_superuser":false})", R"({"is_superuser":1})", R"({"is_superuser":"true"})"}) {
    CHECK(!check(payload, rules).accepted->superuser);
  }
}

TEST_CASE("acl: three lists") {
  const auto verdict = check(R"({"acl":{"pub":["up/%c/#"],"sub":["down/%u"],"all":["chat/+"]}})");
  REQUIRE(verdict.accepted);
  const jwt::Acl& acl = *verdict.accepted->acl;
  CHECK(acl.allows(Action::publish, "up/c1/x/y"));
  CHECK(acl.allows(Action::publish, "up/c1"));
  CHECK(!acl.allows(Action::publish, "up/c2/x"));
  CHECK(!acl.allows(Action::subscribe, "up/c1/x"));
  CHECK(acl.allows(Action::subscribe, "down/ann"));
  CHECK(!acl.allows(Action::publish, "down/ann"));
  CHECK(!acl.allows(Action::subscribe, "down/+"));
  CHECK(!acl.allows(Action::subscribe, "#"));
  CHECK(acl.allows(Action::publish, "chat/a"));
  CHECK(acl.allows(Action::subscribe, "chat/+"));
  CHECK(!acl.allows(Action::subscribe, "chat/#"));
  CHECK(!acl.allows(Action::publish, "chat/a/b"));
  // A claim that allows nothing.
  CHECK(!check(R"({"acl":{}})").accepted->acl->allows(Action::publish, "a"));
  CHECK(!check(R"({"acl":[]})").accepted->acl->allows(Action::subscribe, "a"));
  CHECK(!check("{}").accepted->acl);
  CHECK(!check(R"({"acl":{}})", {.acl_claim = ""}).accepted->acl);
  CHECK(check(R"({"rights":{}})", {.acl_claim = "rights"}).accepted->acl);
}

TEST_CASE("acl: rules in order") {
  const auto verdict = check(R"({"acl":[
      {"permission":"deny","action":"subscribe","topic":"a/secret/#"},
      {"permission":"allow","action":"all","topic":"a/#"},
      {"permission":"allow","action":"publish","topic":"b"},
      {"permission":"deny","action":"all","topic":"b"},
      {"permission":"allow","action":"subscribe","topic":"b"}]})");
  REQUIRE(verdict.accepted);
  const jwt::Acl& acl = *verdict.accepted->acl;
  CHECK(acl.allows(Action::publish, "a/secret/x"));
  CHECK(!acl.allows(Action::subscribe, "a/secret/x"));
  CHECK(acl.allows(Action::subscribe, "a/open"));
  // What would bring in a denied topic is denied as a whole.
  CHECK(!acl.allows(Action::subscribe, "a/#"));
  CHECK(!acl.allows(Action::subscribe, "a/+/x"));
  CHECK(acl.allows(Action::subscribe, "a/b/#"));
  CHECK(acl.allows(Action::publish, "b"));
  CHECK(!acl.allows(Action::subscribe, "b"));
  CHECK(!acl.allows(Action::publish, "c"));
}

TEST_CASE("acl: claims that make no sense") {
  std::string many = R"({"acl":{"all":["a")", deep = R"({"acl":)";
  for (int i = 0; i < 256; ++i) many += R"(,"a")";
  many += "]}}";
  for (const std::string& payload :
       {std::string(R"({"acl":"all"})"), std::string(R"({"acl":null})"),
        std::string(R"({"acl":{"publish":["a"]}})"), std::string(R"({"acl":{"pub":"a"}})"),
        std::string(R"({"acl":{"pub":[1]}})"), std::string(R"({"acl":{"pub":[""]}})"),
        std::string(R"({"acl":{"pub":["a/#/b"]}})"), std::string(R"({"acl":{"pub":["a+"]}})"),
        std::string(R"({"acl":["a"]})"), std::string(R"({"acl":[{"permission":"allow"}]})"),
        std::string(R"({"acl":[{"permission":"maybe","action":"all","topic":"a"}]})"),
        std::string(R"({"acl":[{"permission":"allow","action":"read","topic":"a"}]})"),
        std::string(R"({"acl":[{"permission":"allow","action":"all","topic":["a"]}]})"),
        std::string(R"({"acl":[{"permission":"allow","action":"all","topic":"a","qos":1}]})"),
        many}) {
    CAPTURE(payload);
    CHECK(refused(payload) == Cause::acl);
  }
}

TEST_CASE("acl: placeholders cannot widen a filter") {
  const char* const by_client = R"({"acl":{"pub":["d/%c/#"]}})";
  const char* const by_user = R"({"acl":{"pub":["d/%u"]}})";
  for (const char* id : {"", "+", "#", "a/b", "a#", "/"}) {
    CAPTURE(id);
    CHECK(refused(by_client, {}, {id, "ann", true}) == Cause::acl);
    CHECK(refused(by_user, {}, {"c", id, true}) == Cause::acl);
  }
  CHECK(refused(by_user, {}, {"c", "", false}) == Cause::acl);
  CHECK(!refused(by_client, {}, {"%u", "ann", true}));
  // Many long ids are more than a client may cost.
  const std::string many = [] {
    std::string out = R"({"acl":{"pub":["%c")";
    for (int i = 0; i < 100; ++i) out += R"(,"%c")";
    return out + "]}}";
  }();
  CHECK(refused(many, {}, {std::string(1000, 'c'), "", false}) == Cause::acl);
}
