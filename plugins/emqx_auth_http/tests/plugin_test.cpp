// The plugin on a fake host: what is asked, what answers become, and that nobody waits too long.
#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdio>
#include <keel/fake.hpp>
#include <keel/test.hpp>

extern "C" const keel_plugin_entry keel_plugin_entry_v1;

namespace {

using keel::FakeAnswer;
using keel::FakeClient;

const FakeClient kAnn{.client_id = "c1", .username = "ann", .password = "s3cret"};

std::string reply(int status, std::string_view body = {}) {
  return keel::concat("HTTP/1.1 ", status, " X\r\nContent-Length: ", body.size(), "\r\n\r\n", body);
}

struct Bench {
  explicit Bench(std::string_view more = {}, bool all = false) {
    host.set("auth.http.auth_req.url", "http://127.0.0.1:8080/mqtt/auth");
    if (all) {
      host.set("auth.http.super_req.url", "http://127.0.0.1:8080/mqtt/superuser");
      host.set("auth.http.acl_req.url", "http://127.0.0.1:8080/mqtt/acl");
    }
    host.set_all(more);
    const keel::Status loaded = host.load(keel_plugin_entry_v1);
    REQUIRE_MESSAGE(loaded, loaded.text());
  }
  ~Bench() {
    CHECK(host.misuse().empty());
    CHECK(host.exceptions.empty());
    for (const auto& line : host.log()) CHECK(line.text.find("s3cret") == std::string::npos);
  }

  // Asks, and lets the server, over whatever connection, give these answers in turn.
  FakeAnswer login(const FakeClient& client, const std::vector<std::string>& replies) {
    return serve(host.authenticate(client), replies);
  }
  FakeAnswer serve(const FakeAnswer& asked, const std::vector<std::string>& replies) {
    if (asked.verdict != KEEL_PENDING) return asked;
    for (const std::string& text : replies) {
      connect();
      REQUIRE(connection != 0);
      requests.push_back(host.tcp_take(connection));
      host.tcp_send(connection, text);
    }
    return host.answer(asked.ticket);
  }
  void connect() {
    const auto outgoing = host.tcp_outgoing();
    if (outgoing.empty()) return;
    connection = outgoing.front();
    host.tcp_accept(connection);
  }
  // The attempt that is under way comes to nothing.
  void refuse() {
    const auto outgoing = host.tcp_outgoing();
    REQUIRE(!outgoing.empty());
    host.tcp_refuse(outgoing.front(), "connect to 127.0.0.1:8080: Connection refused");
  }
  double requests_total(const char* kind, const char* result) {
    return host.metric("auth_http_requests_total",
                       keel::concat("request=\"", kind, "\",result=\"", result, '"'));
  }
  double unasked(const char* why) {
    return host.metric("auth_http_unasked_total", keel::concat("why=\"", why, '"'));
  }

  keel::FakeHost host{2};
  keel_handle connection = 0;
  std::vector<std::string> requests;
};

}  // namespace

TEST_CASE("a login is asked about, and the answer counts") {
  Bench bench;
  CHECK(bench.login(kAnn, {reply(200)}).verdict == KEEL_ALLOW);
  REQUIRE(bench.requests.size() == 1);
  CHECK(bench.requests[0] ==
        "POST /mqtt/auth HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 40\r\n\r\n"
        "clientid=c1&username=ann&password=s3cret");
  const struct {
    int status;
    const char* body;
    int verdict, reason;
  } cases[] = {{200, "ignore", KEEL_NEXT, 0},
               {401, "", KEEL_DENY, 0x86},
               {403, "", KEEL_DENY, 0x87},
               {404, "", KEEL_DENY, 0x86}};
  for (const auto& test : cases) {
    CAPTURE(test.status);
    const FakeAnswer answer = bench.login(kAnn, {reply(test.status, test.body)});
    CHECK(answer.verdict == test.verdict);
    CHECK(answer.reason == test.reason);
    CHECK(!answer.superuser);
  }
  CHECK(bench.requests_total("auth", "allow") == 1);
  CHECK(bench.requests_total("auth", "deny") == 3);
  CHECK(bench.requests_total("auth", "ignore") == 1);
  CHECK(bench.host.metric("auth_http_connections") == 1);
  CHECK(bench.host.metric("auth_http_pending") == 0);
  CHECK(bench.host.unload());
  CHECK(bench.host.handles() == 0);
}

TEST_CASE("who has no credentials is not asked about, unless it is wanted") {
  for (const bool ask : {false, true}) {
    Bench bench(ask ? "auth.http.ask_anonymous = true" : "");
    CHECK(bench.host.logged("without user name and password") == !ask);
    CHECK(bench.host.authenticate({}).verdict == (ask ? KEEL_PENDING : KEEL_NEXT));
    CHECK(bench.host.authenticate({.username = "ann"}).verdict == KEEL_PENDING);
    CHECK(bench.host.authenticate({.password = "p"}).verdict == KEEL_PENDING);
    CHECK(bench.host.authenticate({.has_username = true}).verdict == KEEL_PENDING);
  }
}

TEST_CASE("superusers: asked after a login that was allowed, and only then") {
  Bench bench({}, true);
  FakeAnswer answer = bench.login(kAnn, {reply(200), reply(200)});
  CHECK(answer.verdict == KEEL_ALLOW);
  CHECK(answer.superuser);
  REQUIRE(bench.requests.size() == 2);
  CHECK(bench.requests[1].starts_with("POST /mqtt/superuser "));
  CHECK(bench.requests[1].ends_with("\r\n\r\nclientid=c1&username=ann"));
  for (const std::string& no : {reply(403), reply(200, "ignore"), reply(404)}) {
    answer = bench.login(kAnn, {reply(200), no});
    CHECK(answer.verdict == KEEL_ALLOW);
    CHECK(!answer.superuser);
  }
  CHECK(bench.login(kAnn, {reply(401)}).verdict == KEEL_DENY);
  CHECK(bench.login(kAnn, {reply(200, "ignore")}).verdict == KEEL_NEXT);
  CHECK(bench.requests.size() == 10);
}

TEST_CASE("a superuser request that fails makes nobody a superuser, and keeps nobody out") {
  Bench bench("auth.http.request.retry_times = 0", true);
  const FakeAnswer answer = bench.login(kAnn, {reply(200), reply(500)});
  CHECK(answer.verdict == KEEL_ALLOW);
  CHECK(!answer.superuser);
}

TEST_CASE("the access list") {
  Bench bench({}, true);
  const auto ask = [&](int action, const char* topic, const std::string& text) {
    return bench.serve(bench.host.authorize(kAnn, action, topic), {text}).verdict;
  };
  CHECK(ask(KEEL_PUBLISH, "a/b", reply(200)) == KEEL_ALLOW);
  CHECK(bench.requests.back().starts_with(
      "GET /mqtt/acl?access=2&username=ann&clientid=c1&ipaddr=127.0.0.1&topic=a%2Fb HTTP/1.1\r\n"));
  CHECK(ask(KEEL_SUBSCRIBE, "#", reply(403)) == KEEL_DENY);
  CHECK(bench.requests.back().starts_with(
      "GET /mqtt/acl?access=1&username=ann&clientid=c1&ipaddr=127.0.0.1&topic=%23 HTTP/1.1\r\n"));
  CHECK(ask(KEEL_PUBLISH, "a", reply(200, "ignore")) == KEEL_NEXT);
  CHECK(bench.serve(bench.host.authorize({}, KEEL_PUBLISH, "a"), {reply(200)}).verdict ==
        KEEL_ALLOW);
}

TEST_CASE("a server that does not work: retries, then no or the next plugin") {
  for (const bool ignore : {false, true}) {
    CAPTURE(ignore);
    Bench bench(ignore ? "auth.http.on_failure = ignore" : "", true);
    const FakeAnswer asked = bench.host.authenticate(kAnn);
    bench.refuse();
    CHECK(bench.host.tcp_outgoing().empty());
    bench.host.advance(1'050);
    bench.refuse();
    bench.host.advance(1'950);
    CHECK(bench.host.tcp_outgoing().empty());
    bench.host.advance(100);
    bench.refuse();  // after 1 and 3 seconds; the next would be too late
    const FakeAnswer answer = bench.host.answer(asked.ticket);
    CHECK(answer.verdict == (ignore ? KEEL_NEXT : KEEL_DENY));
    CHECK(answer.reason == (ignore ? 0 : 0x88));
    CHECK(bench.host.metric("auth_http_retries_total") == 2);
    CHECK(bench.requests_total("auth", "failure") == 3);
    CHECK(
        bench.host.logged("auth request: http://127.0.0.1:8080: connect to 127.0.0.1:8080: "
                          "Connection refused"));

    const FakeAnswer acl = bench.host.authorize(kAnn, KEEL_PUBLISH, "a");
    for (const int wait : {0, 1'050, 2'050}) {
      bench.host.advance(wait);
      bench.refuse();
    }
    CHECK(bench.host.answer(acl.ticket).verdict == (ignore ? KEEL_NEXT : KEEL_DENY));
  }
}

TEST_CASE("a retry may succeed, and 5xx are retried, too") {
  Bench bench("auth.http.request.retry_interval = 100ms");
  const FakeAnswer asked = bench.host.authenticate(kAnn);
  bench.refuse();
  bench.host.advance(150);
  bench.connect();
  bench.host.tcp_send(bench.connection, reply(503));
  bench.host.advance(250);
  bench.host.tcp_send(bench.connection, reply(200));
  CHECK(bench.host.answer(asked.ticket).verdict == KEEL_ALLOW);
}

TEST_CASE("a silent server: everybody has an answer before the kernel gives up") {
  for (const char* settings :
       {"", "auth.http.request.timeout = 0", "auth.http.request.timeout = 1h",
        "auth.http.request.timeout = 1s", "auth.http.request.timeout = 10ms"}) {
    CAPTURE(settings);
    Bench bench(settings);
    const FakeAnswer asked = bench.host.authenticate(kAnn);
    for (int ms = 0; ms < 4'600; ms += 50) {
      bench.connect();
      bench.host.advance(50);
    }
    const FakeAnswer answer = bench.host.answer(asked.ticket);
    CHECK(answer.verdict == KEEL_DENY);
    CHECK(answer.reason == 0x88);  // ours, not the kernel's
    CHECK(bench.host.metric("auth_http_pending") == 0);
  }
}

TEST_CASE("a slow login and a silent superuser request share the time") {
  Bench bench("auth.http.request.timeout = 4s", true);
  const FakeAnswer asked = bench.host.authenticate(kAnn);
  bench.connect();
  bench.host.advance(3'900);
  bench.host.tcp_send(bench.connection, reply(200));
  CHECK(bench.host.answer(asked.ticket).verdict == KEEL_PENDING);
  bench.host.advance(700);
  const FakeAnswer answer = bench.host.answer(asked.ticket);
  CHECK(answer.verdict == KEEL_ALLOW);
  CHECK(!answer.superuser);
}

TEST_CASE("the breaker: answers at once, then tries with one question") {
  Bench bench(
      "auth.http.breaker.failures = 2\nauth.http.breaker.open = 5s\n"
      "auth.http.request.retry_times = 0");
  for (int i = 0; i < 2; ++i) {
    const FakeAnswer asked = bench.host.authenticate(kAnn);
    bench.refuse();
    CHECK(bench.host.answer(asked.ticket).reason == 0x88);
  }
  CHECK(bench.host.logged("does not work and is left alone for 5000 ms"));
  CHECK(bench.host.metric("auth_http_breakers_open") == 1);
  CHECK(bench.host.health().first == KEEL_HEALTH_DEGRADED);
  CHECK(bench.host.health().second.find("Connection refused") != std::string::npos);
  const FakeAnswer refused = bench.host.authenticate(kAnn);
  CHECK(refused.verdict == KEEL_DENY);
  CHECK(refused.reason == 0x88);
  CHECK(bench.unasked("breaker") == 1);
  CHECK(bench.host.tcp_outgoing().empty());
  bench.host.hook_shard = 1;  // shards find out for themselves
  CHECK(bench.host.authenticate(kAnn).verdict == KEEL_PENDING);
  bench.refuse();
  bench.host.hook_shard = 0;

  bench.host.advance(5'000);
  const FakeAnswer probe = bench.host.authenticate(kAnn);
  CHECK(probe.verdict == KEEL_PENDING);
  CHECK(bench.host.authenticate(kAnn).verdict == KEEL_DENY);
  SUBCASE("which succeeds") {
    CHECK(bench.serve(probe, {reply(401)}).verdict == KEEL_DENY);
    CHECK(bench.host.logged("answers again"));
    CHECK(bench.host.metric("auth_http_breakers_open") == 0);
    CHECK(bench.host.health().first == KEEL_HEALTH_GOOD);
    CHECK(bench.login(kAnn, {reply(200)}).verdict == KEEL_ALLOW);
  }
  SUBCASE("which fails") {
    bench.refuse();
    CHECK(bench.host.answer(probe.ticket).reason == 0x88);
    bench.host.advance(4'900);
    CHECK(bench.host.authenticate(kAnn).verdict == KEEL_DENY);
    bench.host.advance(100);
    CHECK(bench.host.authenticate(kAnn).verdict == KEEL_PENDING);
  }
}

TEST_CASE("with on_failure = ignore an open breaker passes on at once") {
  Bench bench(
      "auth.http.breaker.failures = 1\nauth.http.request.retry_times = 0\n"
      "auth.http.on_failure = ignore",
      true);
  bench.host.authenticate(kAnn);
  bench.refuse();
  CHECK(bench.host.authenticate(kAnn).verdict == KEEL_NEXT);
  CHECK(bench.host.authorize(kAnn, KEEL_PUBLISH, "a").verdict == KEEL_NEXT);
}

TEST_CASE("more questions than allowed fail at once") {
  Bench bench("auth.http.max_pending = 3\nauth.http.pool_size = 1");
  std::vector<keel_handle> tickets;
  for (int i = 0; i < 3; ++i) tickets.push_back(bench.host.authenticate(kAnn).ticket);
  const FakeAnswer refused = bench.host.authenticate(kAnn);
  CHECK(refused.verdict == KEEL_DENY);
  CHECK(refused.reason == 0x88);
  CHECK(bench.unasked("overload") == 1);
  bench.connect();
  for (int i = 0; i < 3; ++i) bench.host.tcp_send(bench.connection, reply(200));
  for (const keel_handle ticket : tickets) CHECK(bench.host.answer(ticket).verdict == KEEL_ALLOW);
  CHECK(bench.login(kAnn, {reply(200)}).verdict == KEEL_ALLOW);
}

TEST_CASE("what does not fit into a request is refused without one") {
  Bench bench("auth.http.auth_req.content_type = json", true);
  FakeClient client = kAnn;
  client.password = std::string(20'000, 'x');
  CHECK(bench.host.authenticate(client).reason == 0x86);
  client.password = "\xff";
  CHECK(bench.host.authenticate(client).reason == 0x86);
  CHECK(bench.host.authorize(kAnn, KEEL_PUBLISH, std::string(20'000, 'x')).verdict == KEEL_DENY);
  CHECK(bench.unasked("unfit") == 3);
  CHECK(bench.host.tcp_outgoing().empty());
}

TEST_CASE("the cache answers what was allowed, and nothing else") {
  Bench bench("auth.http.cache.ttl = 10s", true);
  CHECK(bench.login(kAnn, {reply(200), reply(200)}).superuser);
  FakeAnswer again = bench.host.authenticate(kAnn);
  CHECK(again.verdict == KEEL_ALLOW);
  CHECK(again.superuser);
  CHECK(bench.unasked("cached") == 1);
  FakeClient wrong = kAnn;
  wrong.password = "other";
  CHECK(bench.login(wrong, {reply(401)}).verdict == KEEL_DENY);
  CHECK(bench.login(wrong, {reply(401)}).verdict == KEEL_DENY);
  bench.host.advance(10'000);
  CHECK(bench.login(kAnn, {reply(200), reply(403)}).verdict == KEEL_ALLOW);
  CHECK(!bench.host.authenticate(kAnn).superuser);
}

TEST_CASE("a login whose superuser request failed is not remembered") {
  Bench bench("auth.http.cache.ttl = 10s\nauth.http.request.retry_times = 0", true);
  bench.login(kAnn, {reply(200), reply(500)});
  CHECK(bench.login(kAnn, {reply(200), reply(200)}).superuser);
}

TEST_CASE("unloading waits for those who are asked about") {
  Bench bench;
  const FakeAnswer asked = bench.host.authenticate(kAnn);
  bench.connect();
  SUBCASE("and takes no more time than they have") {
    CHECK(bench.host.unload());
    CHECK(bench.host.answer(asked.ticket).verdict == KEEL_DENY);
  }
  SUBCASE("when nobody is, it is done at once") {
    bench.host.tcp_send(bench.connection, reply(200));
    const std::int64_t began = bench.host.now_ms();
    CHECK(bench.host.unload());
    CHECK(bench.host.drained);
    CHECK(bench.host.now_ms() == began);
  }
  CHECK(bench.host.handles() == 0);
}

TEST_CASE("log lines about a server that does not work are few") {
  Bench bench("auth.http.request.retry_times = 0\nauth.http.breaker.failures = 0");
  const auto count = [&] {
    int n = 0;
    for (const auto& line : bench.host.log()) n += line.text.starts_with("auth request: ") ? 1 : 0;
    return n;
  };
  for (int i = 0; i < 20; ++i) {
    bench.host.authenticate(kAnn);
    bench.refuse();
  }
  CHECK(count() == 1);
  bench.host.advance(10'000);
  bench.host.authenticate(kAnn);
  bench.refuse();
  CHECK(count() == 2);
  CHECK(bench.host.logged("(and 19 more since the last such line)"));
}

TEST_CASE("ctl auth_http status") {
  Bench bench({}, true);
  bench.login(kAnn, {reply(200), reply(403)});
  auto shown = bench.host.ctl("auth_http status");
  CHECK(shown.exit == KEEL_EXIT_OK);
  CHECK(shown.output ==
        "auth request: POST http://127.0.0.1:8080/mqtt/auth\n"
        "super request: POST http://127.0.0.1:8080/mqtt/superuser\n"
        "acl request: GET http://127.0.0.1:8080/mqtt/acl\n"
        "http://127.0.0.1:8080: 2 requests, 0 without answer, 1 connections, 0 busy, 0 waiting\n"
        "questions under way: 0\n");
  shown = bench.host.ctl("auth_http status --json");
  CHECK(shown.output.find("\"server\":\"http://127.0.0.1:8080\",\"requests\":2") !=
        std::string::npos);
  CHECK(bench.host.ctl("auth_http").exit == KEEL_EXIT_USAGE);
  CHECK(bench.host.ctl("auth_http status now").exit == KEEL_EXIT_USAGE);
}

TEST_CASE("ctl auth_http recheck") {
  Bench bench("auth.http.breaker.failures = 1\nauth.http.request.retry_times = 0", true);
  bench.host.recheck_asked = 7;
  bench.host.recheck_removed = 2;
  auto shown = bench.host.ctl("auth_http recheck");
  CHECK(shown.exit == KEEL_EXIT_OK);
  CHECK(shown.output == "7 subscriptions checked, 2 removed.\n");
  shown = bench.host.ctl("auth_http recheck c1 --json");
  CHECK(shown.output == "{\"checked\":7,\"removed\":2}\n");
  REQUIRE(bench.host.rechecks.size() == 2);
  CHECK(bench.host.rechecks[0].client_id.empty());
  CHECK(bench.host.rechecks[1].client_id == "c1");
  CHECK(bench.host.ctl("auth_http recheck c1 c2").exit == KEEL_EXIT_USAGE);

  bench.host.fail_next("auth.recheck", KEEL_E_LIMIT);
  shown = bench.host.ctl("auth_http recheck");
  CHECK(shown.exit == KEEL_EXIT_ERROR);
  CHECK(shown.output.find("cannot be checked") != std::string::npos);

  bench.host.authenticate(kAnn);
  bench.refuse();
  shown = bench.host.ctl("auth_http recheck");
  CHECK(shown.exit == KEEL_EXIT_ERROR);
  CHECK(shown.output.find("would be lost") != std::string::npos);
  CHECK(bench.host.rechecks.size() == 2);

  Bench without_acl;
  CHECK(without_acl.host.ctl("auth_http recheck").exit == KEEL_EXIT_ERROR);
}

TEST_CASE("settings that cannot work are refused with their key") {
  const struct {
    const char* settings;
    const char* error;
  } cases[] = {
      {"", "auth.http.auth_req.url: is not set"},
      {"auth.http.auth_req.url = 127.0.0.1:8080", "auth.http.auth_req.url: no address"},
      {"auth.http.auth_req = ftp://a", "auth.http.auth_req: no address"},
      {"auth.http.auth_req = http://a\nauth.http.auth_req.url = http://b", "are both set"},
      {"auth.http.super_req.url = http://a\nauth.http.acl_req.url = http://a",
       "auth.http.super_req.url: asks about clients"},
      {"auth.http.auth_req = http://a\nauth.http.auth_req.params = username=%t",
       "auth.http.auth_req.params: 'username=%t' has %t"},
      {"auth.http.acl_req = http://a\nauth.http.acl_req.params = p=%P",
       "auth.http.acl_req.params: 'p=%P' has %P"},
      {"auth.http.auth_req = http://a\nauth.http.header.Host = b", "auth.http.header.Host: the"},
      {"auth.http.auth_req = http://a\nauth.http.ssl.cacertfile = /nonexistent/ca.pem",
       "auth.http.ssl.cacertfile: /nonexistent/ca.pem cannot be read"},
      {"auth.http.auth_req = http://a\nauth.http.ssl.certfile = /dev/null",
       "auth.http.ssl.certfile: belongs to a pair"},
      {"auth.http.auth_req = http://a\nauth.http.request.retry_backoff = 0.5",
       "auth.http.request.retry_backoff: is not from"},
  };
  for (const auto& test : cases) {
    CAPTURE(test.settings);
    keel::FakeHost host;
    host.set_all(test.settings);
    CHECK(!host.load(keel_plugin_entry_v1));
    REQUIRE(!host.config_failures.empty());
    CHECK_MESSAGE(host.config_failures[0].find(test.error) != std::string::npos,
                  host.config_failures[0]);
  }
}

TEST_CASE("a start that failed leaves nothing in the way of the next one") {
  keel::FakeHost host;
  host.set("auth.http.auth_req", "http://127.0.0.1:8080/mqtt/auth");
  host.fail_next("hooks.add", KEEL_E_NOMEM);
  CHECK(host.load(keel_plugin_entry_v1) == KEEL_E_NOMEM);
  REQUIRE(host.load(keel_plugin_entry_v1));
  CHECK(host.unload());
  CHECK(host.handles() == 0);
}

TEST_CASE("an upgrade answers with the new settings") {
  Bench bench;
  CHECK(bench.login(kAnn, {reply(200)}).verdict == KEEL_ALLOW);
  bench.host.set("auth.http.auth_req.method", "get");
  REQUIRE(bench.host.upgrade(keel_plugin_entry_v1));
  CHECK(bench.login(kAnn, {reply(200)}).verdict == KEEL_ALLOW);
  CHECK(bench.requests.back().starts_with("GET /mqtt/auth?clientid=c1&username=ann&password="));
}

TEST_CASE("what is worth a warning when it is loaded") {
  keel::FakeHost host;
  host.set_all(
      "auth.http.auth_req = https://a/b\nauth.http.auth_req.method = get\n"
      "auth.http.ssl.verify = false");
  REQUIRE(host.load(keel_plugin_entry_v1));
  CHECK(host.logged("puts passwords into the address"));
  CHECK(host.logged("auth.http.ssl.verify is off"));
}

TEST_CASE("only the requests that are set are asked") {
  keel::FakeHost host;
  host.set("auth.http.acl_req", "http://127.0.0.1:8080/mqtt/acl");
  REQUIRE(host.load(keel_plugin_entry_v1));
  CHECK(host.authenticate(kAnn).verdict == KEEL_NEXT);
  CHECK(host.authorize(kAnn, KEEL_PUBLISH, "a").verdict == KEEL_PENDING);
}

TEST_CASE("servers of their own have connections and breakers of their own") {
  keel::FakeHost host;
  host.set_all(
      "auth.http.auth_req = http://127.0.0.1:1/a\nauth.http.acl_req = http://127.0.0.1:2/b\n"
      "auth.http.breaker.failures = 1\nauth.http.request.retry_times = 0");
  REQUIRE(host.load(keel_plugin_entry_v1));
  host.authenticate(kAnn);
  host.tcp_refuse(host.tcp_outgoing().at(0));
  CHECK(host.authenticate(kAnn).verdict == KEEL_DENY);
  CHECK(host.authorize(kAnn, KEEL_PUBLISH, "a").verdict == KEEL_PENDING);
  CHECK(host.tcp_peer(host.tcp_outgoing().at(0)).port == 2);
}

TEST_CASE("the shipped file names every setting with its default") {
  const std::string file = keel::test::read_file(SHIPPED_CONF);
  for (std::uint32_t i = 0; i < keel_plugin_entry_v1.settings_count; ++i) {
    const keel_setting& setting = keel_plugin_entry_v1.settings[i];
    std::string key = setting.key;
    if (key.ends_with("*")) key.replace(key.size() - 1, 1, "x-key");
    CAPTURE(key);
    const std::size_t at = file.find(keel::concat("# ", key, " = "));
    REQUIRE(at != std::string::npos);
    if (!setting.fallback) continue;
    const std::string line = file.substr(at, file.find('\n', at) - at);
    const bool bare = line.ends_with(keel::concat(" = ", setting.fallback));
    const bool quoted = line.ends_with(keel::concat(" = \"", setting.fallback, '"'));
    CHECK_MESSAGE((bare || quoted), line);
  }
}
