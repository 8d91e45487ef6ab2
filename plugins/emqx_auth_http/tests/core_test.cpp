// Parameters, answers, breaker, retries and the cache: everything that needs no host.
#include <doctest/doctest.h>

#include <boost/json.hpp>

#include "emqx_auth_http/breaker.hpp"
#include "emqx_auth_http/request_form.hpp"
#include "emqx_auth_http/retry.hpp"
#include "emqx_auth_http/success_cache.hpp"

using namespace auth_http;
using Scope = Params::Scope;

namespace {

Facts facts() {
  Facts out;
  out.username = "ann & co";
  out.password = "p=%1";
  out.client_id = "c\"1";
  out.protocol = "mqtt";
  out.cn = "common";
  out.dn = "CN=common";
  out.address = "::1";
  out.topic = "a/+/\xc3\xa4";
  out.publishing = true;
  return out;
}
Params params(const char* text, Scope scope = Scope::login) {
  auto parsed = Params::parse(text, scope);
  REQUIRE_MESSAGE(parsed, parsed.text());
  return *parsed;
}
RequestForm form(const char* url, const char* method, const char* text, bool json = false) {
  return {.url = *keel::http::parse_url(url),
          .method = method,
          .json = json,
          .params = params(text),
          .headers = {{"X-Key", "1"}}};
}

}  // namespace

TEST_CASE("parameters filled in") {
  const struct {
    const char* text;
    Scope scope;
    const char* filled;
  } cases[] = {
      {"clientid=%c,username=%u,password=%P", Scope::login,
       "clientid=c%221&username=ann%20%26%20co&password=p%3D%251"},
      {" a = %a , r = %r ", Scope::login, "a=%3A%3A1&r=mqtt"},
      {"cn=%C,dn=%d", Scope::login, "cn=common&dn=CN%3Dcommon"},
      {"cn=%cn,dn=%dn", Scope::login, "cn=common&dn=CN%3Dcommon"},
      {"x=%cname", Scope::login, "x=c%221name"},
      {"access=%A,topic=%t", Scope::topic, "access=2&topic=a%2F%2B%2F%C3%A4"},
      {"k&1=fixed,id=dev-%c-%r", Scope::login, "k%261=fixed&id=dev-c%221-mqtt"},
      {"percent=100%%,empty=", Scope::login, "percent=100%25&empty="},
      {"a=b=%r", Scope::login, "a=b%3Dmqtt"},
      {"a=%r,", Scope::login, "a=mqtt"},
  };
  for (const auto& test : cases) {
    CAPTURE(test.text);
    CHECK(params(test.text, test.scope).form(facts()) == test.filled);
  }
  Facts subscribing = facts();
  subscribing.publishing = false;
  CHECK(params("a=%A", Scope::topic).form(subscribing) == "a=1");
  CHECK(params("a=%u%P%c%C").form(Facts{}) == "a=");
  CHECK(params("a=x%P").uses('P'));
  CHECK(!params("a=x%%P").uses('P'));
}

TEST_CASE("parameters that cannot be") {
  const struct {
    const char* text;
    Scope scope;
    const char* error;
  } cases[] = {
      {"", Scope::login, "is empty"},
      {" , ", Scope::login, "no name=value"},
      {"username", Scope::login, "'username' is no name=value"},
      {"=%u", Scope::login, "no name=value"},
      {"a=%u,,b=%c", Scope::login, "no name=value"},
      {"a=%x", Scope::login, "%x, which is not known"},
      {"a=%", Scope::login, "%, which is not known"},
      {"a=%t", Scope::login, "%t, which is not known"},
      {"a=%A", Scope::login, "%A, which is not known"},
      {"a=%P", Scope::topic, "%P, which is not known"},
      {"a=%p", Scope::login, "%p, which is not known"},
  };
  for (const auto& test : cases) {
    CAPTURE(test.text);
    const auto parsed = Params::parse(test.text, test.scope);
    CHECK(!parsed);
    CHECK_MESSAGE(parsed.text().find(test.error) != std::string_view::npos, parsed.text());
  }
  std::string many;
  for (int i = 0; i < 65; ++i) many += "a=b,";
  CHECK(!Params::parse(many, Scope::login));
}

TEST_CASE("the same as JSON") {
  const auto text = params("clientid=%c,username=%u,n=1").json(facts());
  REQUIRE(text);
  CHECK(*text == R"({"clientid":"c\"1","username":"ann & co","n":"1"})");
  Facts odd = facts();
  odd.password = std::string_view("\xff\x00\r\n", 4);
  CHECK(!params("p=%P").json(odd));
  odd.password = std::string_view("\x00\r\n\xc3\xa4", 5);
  const auto escaped = params("p=%P").json(odd);
  REQUIRE(escaped);
  CHECK(boost::json::parse(*escaped).at("p").as_string() == odd.password);
}

TEST_CASE("requests") {
  auto request = *form("http://a/x", "GET", "u=%u").fill(facts());
  CHECK(request.target == "/x?u=ann%20%26%20co");
  CHECK(request.body.empty());
  CHECK(request.headers == keel::http::Headers{{"X-Key", "1"}});
  CHECK(form("http://a/x?k=v", "GET", "u=%u").fill(facts())->target == "/x?k=v&u=ann%20%26%20co");
  request = *form("http://a/x?k=v", "POST", "u=%u").fill(facts());
  CHECK(request.target == "/x?k=v");
  CHECK(request.body == "u=ann%20%26%20co");
  CHECK(request.content_type == "application/x-www-form-urlencoded");
  request = *form("http://a/x", "PUT", "u=%u", true).fill(facts());
  CHECK(request.method == "PUT");
  CHECK(request.body == R"({"u":"ann & co"})");
  CHECK(request.content_type == "application/json");
  CHECK(form("http://a/x?key=hidden", "GET", "u=%u").text() == "GET http://a:80/x");

  Facts long_one = facts();
  const std::string filler(17'000, 'x');
  long_one.password = filler;
  CHECK(!form("http://a/x", "GET", "u=%P").fill(long_one));
  CHECK(!form("http://a/x", "POST", "u=%P").fill(long_one));
  CHECK(!form("http://a/x", "POST", "u=%P", true).fill(long_one));
}

TEST_CASE("what an answer means") {
  const struct {
    int status;
    const char* body;
    Answer answer;
    int reason;
  } cases[] = {
      {200, "", Answer::allow, 0},
      {200, "ok", Answer::allow, 0},
      {200, "ignore", Answer::ignore, 0},
      {200, " ignore\r\n", Answer::ignore, 0},
      {200, "ignored", Answer::allow, 0},
      {200, "IGNORE", Answer::allow, 0},
      {400, "", Answer::deny, 0x86},
      {401, "ignore", Answer::deny, 0x86},
      {403, "", Answer::deny, 0x87},
      {404, "", Answer::deny, 0x86},
      {499, "", Answer::deny, 0x86},
      {201, "", Answer::failure, 0x88},
      {204, "", Answer::failure, 0x88},
      {302, "", Answer::failure, 0x88},
      {500, "ignore", Answer::failure, 0x88},
      {503, "", Answer::failure, 0x88},
      {600, "", Answer::failure, 0x88},
  };
  for (const auto& test : cases) {
    CAPTURE(test.status);
    CAPTURE(test.body);
    const Judgement judged = judge({test.status, {}, test.body});
    CHECK(judged.answer == test.answer);
    CHECK(judged.reason == test.reason);
  }
}

TEST_CASE("the breaker opens after failures in a row and tries with one request") {
  Breaker breaker(3, 1000);
  for (int i = 0; i < 2; ++i) breaker.failure(0);
  breaker.success();
  for (int i = 0; i < 2; ++i) breaker.failure(0);
  CHECK(breaker.admits(0));
  breaker.failure(500);
  CHECK(breaker.state() == Breaker::State::open);
  CHECK(!breaker.admits(1499));
  CHECK(breaker.admits(1500));
  CHECK(breaker.state() == Breaker::State::trying);
  CHECK(!breaker.admits(1500));  // one is enough
  SUBCASE("which fails") {
    breaker.failure(1600);
    CHECK(!breaker.admits(2599));
    CHECK(breaker.admits(2600));
  }
  SUBCASE("which succeeds") {
    breaker.success();
    CHECK(breaker.admits(1600));
    for (int i = 0; i < 2; ++i) breaker.failure(1700);
    CHECK(breaker.admits(1700));
  }
  SUBCASE("which says nothing") {
    breaker.inconclusive();
    CHECK(breaker.admits(1600));
    CHECK(!breaker.admits(1600));
  }
}

TEST_CASE("a breaker that is off never opens") {
  Breaker breaker(0, 1000);
  for (int i = 0; i < 1000; ++i) breaker.failure(i);
  CHECK(breaker.admits(1000));
}

TEST_CASE("retries back off and end before the deadline") {
  const Retry retry{3, 1000, 2.0};
  CHECK(retry.wait_ms(1, 0, 100'000) == 1000);
  CHECK(retry.wait_ms(2, 0, 100'000) == 2000);
  CHECK(retry.wait_ms(3, 0, 100'000) == 4000);
  CHECK(!retry.wait_ms(4, 0, 100'000));
  CHECK(retry.wait_ms(1, 3400, 4500) == 1000);
  CHECK(!retry.wait_ms(1, 3401, 4500));
  CHECK(!retry.wait_ms(1, 9000, 4500));
  CHECK(!Retry{0, 0, 1.0}.wait_ms(1, 0, 4500));
  CHECK(Retry{1, 0, 1.0}.wait_ms(1, 0, 4500) == 0);
  CHECK(!Retry{100, 3'600'000, 100.0}.wait_ms(100, 0, 4500));
}

TEST_CASE("the cache knows a login by all of it, for a while, and only so many") {
  SuccessCache cache(1000, 2);
  const auto key = [&](const char* target, const char* body) {
    return cache.digest({.method = "POST", .target = target, .body = body});
  };
  const auto ann = key("/a", "ann");
  CHECK(!cache.find(ann, 0));
  cache.put(ann, true, 0);
  CHECK(cache.find(ann, 999) == true);
  CHECK(!cache.find(ann, 1000));
  cache.put(ann, false, 2000);
  CHECK(cache.find(ann, 2999) == false);
  CHECK(!cache.find(key("/a", "anna"), 2000));
  CHECK(!cache.find(key("/an", "n"), 2000));
  CHECK(cache.size() == 1);
  cache.put(key("/a", "bob"), false, 2000);
  cache.put(key("/a", "cid"), false, 2000);
  CHECK(cache.size() == 2);
  CHECK(!cache.find(ann, 2000));
  CHECK(cache.find(key("/a", "cid"), 2000));
  // Another run has another key.
  CHECK(SuccessCache(1000, 2).digest({}) != cache.digest({}));
  SuccessCache off(0, 2);
  off.put(ann, true, 0);
  CHECK(!off.on());
  CHECK(off.size() == 0);
}
