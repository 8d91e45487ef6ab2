// The built plugin in the real broker, against a real web server.
#include <doctest/doctest.h>

#include "user_store/tests/logins.hpp"
#include "web_server.hpp"

namespace {

using keel::concat;

constexpr int kBadCredentials = 4, kNotAuthorized = 5, kUnavailable = 3;

std::string auth_only(const web::Server& server) {
  return concat("auth.http.auth_req.url = \"", server.url(), "\"\n");
}
std::string all_three(const web::Server& server) {
  return concat(auth_only(server), "auth.http.super_req.url = \"", server.url("/mqtt/superuser"),
                "\"\nauth.http.acl_req.url = \"", server.url("/mqtt/acl"), "\"\n");
}
// No second attempts, no breaker: each login is one request.
constexpr const char* kOnce = "auth.http.request.retry_times = 0\nauth.http.breaker.failures = 0\n";

int login(const keel::KernelFixture& kernel, const std::string& user,
          const std::string& password = "secret", const std::string& id = "c") {
  keel::test::MqttClient client(kernel.port());
  return client.connect({.client_id = id, .username = user, .password = password});
}

// mosquitto_pub's exit code; 0: it has connected, and published.
int publish(const keel::KernelFixture& kernel, const std::vector<std::string>& options) {
  std::vector<std::string> command{"mosquitto_pub",       "-h", "127.0.0.1", "-p",
                                   concat(kernel.port()), "-m", "x"};
  command.insert(command.end(), options.begin(), options.end());
  keel::test::Process process(command, kernel.path(), kernel.path("mosquitto.log"));
  return process.wait(web::kPatienceMs);
}

// What tests/connects.js prints.
std::string storm(const keel::KernelFixture& kernel, int rate, int count) {
  const std::string out = kernel.path("connects.log");
  keel::test::write_file(out, "");
  keel::test::Process clients(
      {"node", CONNECTS_JS, concat(kernel.port()), concat(rate), concat(count)}, kernel.path(),
      out);
  if (clients.wait(web::kPatienceMs) != 0)
    keel::test::fail("connects.js: " + keel::test::read_file(out));
  return keel::test::read_file(out);
}
std::int64_t number(std::string_view text, std::string_view name) {
  const std::size_t at = text.find(concat('"', name, "\":"));
  return at == std::string_view::npos ? -1 : std::atoll(text.data() + at + name.size() + 3);
}

}  // namespace

TEST_CASE("the server's answer decides who may connect") {
  const web::Server server;
  keel::KernelFixture kernel({.settings = concat(auth_only(server), kOnce)});
  CHECK(login(kernel, "ann") == 0);
  CHECK(login(kernel, "ann", "wrong") == kBadCredentials);
  CHECK(login(kernel, "forbidden") == kNotAuthorized);
  CHECK(login(kernel, "ignore") != 0);  // nobody else knows it
  CHECK(login(kernel, "chunked") == 0);
  CHECK(login(kernel, "continued") == 0);
  CHECK(login(kernel, "closing") == 0);
  CHECK(server.count("\"method\":\"POST\",\"path\":\"/mqtt/auth\"") == 7);
  CHECK(
      server.await("\"params\":{\"clientid\":\"c\",\"username\":\"ann\",\"password\":\"wrong\"}"));

  const std::size_t asked = server.count("/mqtt/auth");
  keel::test::MqttClient anonymous(kernel.port());
  CHECK(anonymous.connect({.client_id = "nobody"}) == 0);  // the listener's allow_anonymous
  CHECK(server.count("/mqtt/auth") == asked);
  const keel::Status unloaded = kernel.unload();
  CHECK_MESSAGE(unloaded, unloaded.text());
  CHECK(!kernel.maps_contains("emqx_auth_http"));
  CHECK(anonymous.quiet());
  CHECK(kernel.log().find("secret") == std::string::npos);
  CHECK(kernel.stop() == 0);
}

TEST_CASE("mosquitto_pub: what users send cannot become another parameter") {
  const web::Server server;
  keel::KernelFixture kernel({.settings = auth_only(server)});
  CHECK(publish(kernel, {"-u", "ann", "-P", "secret", "-t", "a"}) == 0);
  CHECK(publish(kernel, {"-u", "eve&username=ann", "-P", "wrong&password=secret", "-t", "a"}) != 0);
  CHECK(server.await("\"username\":\"eve&username=ann\",\"password\":\"wrong&password=secret\""));
}

TEST_CASE("superusers skip the access list, everybody else is asked about") {
  const web::Server server;
  keel::KernelFixture kernel({.settings = all_three(server)});
  auto root = kernel.connect_with({.client_id = "r", .username = "root", .password = "secret"});
  CHECK(root.subscribe("closed/#") == 0);
  CHECK(server.count("/mqtt/acl") == 0);
  auto ann = kernel.connect_with({.client_id = "a", .username = "ann", .password = "secret"});
  CHECK(ann.subscribe("open/#") == 0);
  CHECK(ann.subscribe("closed/#") == 0x80);
  CHECK(ann.subscribe("ignored/#") == 0);  // acl_nomatch
  ann.publish("closed/x", "no", 1);
  ann.publish("open/x", "yes", 1);
  ann.expect("open/x", "yes");
  root.publish("closed/y", "root", 1);
  root.expect("closed/y", "root");
  CHECK(
      server.await("\"params\":{\"access\":\"1\",\"username\":\"ann\",\"clientid\":\"a\","
                   "\"ipaddr\":\"127.0.0.1\",\"topic\":\"open/#\"}"));
  CHECK(server.await("\"params\":{\"access\":\"2\""));
  // Anonymous clients have no password to check, but topics.
  auto nobody = kernel.connect("nobody");
  CHECK(nobody.subscribe("closed/#") == 0x80);
}

TEST_CASE("ctl auth_http recheck removes what is allowed no longer") {
  web::Server server;
  keel::KernelFixture kernel({.settings = all_three(server)});
  auto root = kernel.connect_with({.client_id = "r", .username = "root", .password = "secret"});
  auto ann = kernel.connect_with({.client_id = "a", .username = "ann", .password = "secret"});
  CHECK(ann.subscribe("open/#") == 0);
  CHECK(kernel.ctl({"auth_http", "recheck"}).output == "1 subscriptions checked, 0 removed.\n");
  server.restart({"--closed", "yes"});
  CHECK(kernel.ctl({"auth_http", "recheck"}).output == "1 subscriptions checked, 1 removed.\n");
  root.publish("open/x", "secret plans", 1);
  CHECK(ann.quiet());
}

TEST_CASE("what is no proper answer is a no, and stalls nobody") {
  const web::Server server;
  keel::KernelFixture kernel(
      {.settings = concat(auth_only(server), kOnce, "auth.http.request.timeout = \"500ms\"\n")});
  for (const char* user :
       {"error", "moved", "empty", "slow", "garbage", "half", "vanish", "headers", "huge"}) {
    CAPTURE(user);
    const std::int64_t began = keel::test::now_ms();
    CHECK(login(kernel, user) == kUnavailable);
    CHECK(keel::test::now_ms() - began < 4'500);
    CHECK(login(kernel, "ann") == 0);
  }
  // A second response that nobody asked for is not taken for the next one's.
  CHECK(login(kernel, "trailing") == 0);
  CHECK(login(kernel, "ann", "wrong") == kBadCredentials);
  CHECK(kernel.await_log("auth request: http://127.0.0.1:"));
}

TEST_CASE("on_failure = ignore passes the question on") {
  const web::Server server;
  keel::KernelFixture kernel(
      {.settings = concat(all_three(server), kOnce, "auth.http.on_failure = \"ignore\"\n")});
  CHECK(login(kernel, "error") != 0);  // nobody else knows the user
  auto nobody = kernel.connect("nobody");
  CHECK(nobody.subscribe("error/#") == 0);  // acl_nomatch
}

TEST_CASE("a server that is killed and comes back") {
  web::Server server;
  keel::KernelFixture kernel({.settings = concat(auth_only(server),
                                                 "auth.http.request.retry_times = 0\n"
                                                 "auth.http.breaker.failures = 3\n"
                                                 "auth.http.breaker.open = \"300ms\"\n"),
                              .shards = 1});
  CHECK(login(kernel, "ann") == 0);
  server.restart();  // the kept connection is dead: a new one is made, nobody notices
  CHECK(login(kernel, "ann") == 0);
  server.kill();
  for (int i = 0; i < 3; ++i) CHECK(login(kernel, "ann") == kUnavailable);
  CHECK(kernel.await_log("does not work and is left alone"));
  CHECK(kernel.ctl({"auth_http", "status"}).output.find("left alone by 1 of 1") !=
        std::string::npos);
  const std::int64_t began = keel::test::now_ms();
  CHECK(login(kernel, "ann") == kUnavailable);
  CHECK(keel::test::now_ms() - began < 2'000);
  server.restart();
  const std::int64_t until = keel::test::now_ms() + web::kPatienceMs;
  while (login(kernel, "ann") != 0 && keel::test::now_ms() < until) keel::test::pause_ms(20);
  CHECK(kernel.await_log("answers again"));
  CHECK(login(kernel, "ann") == 0);
}

TEST_CASE("a request that failed is sent again while there is time") {
  web::Server server;
  keel::KernelFixture kernel({.settings = concat(auth_only(server),
                                                 "auth.http.request.retry_interval = \"300ms\"\n"
                                                 "auth.http.request.retry_times = 20\n"
                                                 "auth.http.request.retry_backoff = 1.0\n"
                                                 "auth.http.breaker.failures = 0\n")});
  server.kill();
  keel::test::Process waiting({"mosquitto_pub", "-h", "127.0.0.1", "-p", concat(kernel.port()),
                               "-u", "ann", "-P", "secret", "-t", "a", "-m", "x"},
                              kernel.path(), kernel.path("mosquitto.log"));
  CHECK(kernel.await_log("auth request: "));  // the first attempt has failed
  server.restart();
  CHECK(waiting.wait(web::kPatienceMs) == 0);
}

TEST_CASE("connections are kept, and one closed by the server costs nobody anything") {
  const web::Server server({"--idle", "20"});
  keel::KernelFixture kernel({.settings = concat(auth_only(server), kOnce)});
  for (int i = 0; i < 60; ++i) {
    CHECK(login(kernel, "ann") == 0);
    keel::test::pause_ms(i % 2 ? 0 : 19);  // about when the server closes
  }
  CHECK(server.count("\"path\":\"/mqtt/auth\"") >= 60);
}

TEST_CASE("EMQ X's own file works as it is") {
  const web::Server server;
  keel::KernelFixture kernel(
      {.settings = concat("## Authentication request.\n"
                          "auth.http.auth_req = ",
                          server.url(),
                          "\n"
                          "auth.http.auth_req.method = get\n"
                          "auth.http.auth_req.params = clientid=%c,username=%u,password=%P\n"
                          "auth.http.super_req = ",
                          server.url("/mqtt/superuser"),
                          "\n"
                          "auth.http.super_req.method = post\n"
                          "auth.http.acl_req = ",
                          server.url("/mqtt/acl"),
                          "\n"
                          "auth.http.acl_req.method = get\n"
                          "auth.http.header.Accept = */*\n"
                          "auth.http.request.connect_timout = 1s\n"
                          "auth.http.request.retry_times = 3\n"
                          "auth.http.request.retry_backoff = 2.0\n")});
  CHECK(login(kernel, "ann") == 0);
  CHECK(login(kernel, "ann", "wrong") == kBadCredentials);
  CHECK(server.await("\"method\":\"GET\""));
  CHECK(server.await("\"accept\":\"*/*\""));
  CHECK(kernel.await_log("puts passwords into the address"));
}

TEST_CASE("https: the server's certificate is checked") {
  const web::Authority authority, stranger;
  authority.sign("good", "IP:127.0.0.1");
  authority.sign("other", "DNS:auth.test");
  authority.sign("client", "DNS:broker");
  const auto serve = [&](const std::string& name, bool ask_client = false) {
    std::vector<std::string> options{"--cert", authority.cert(name), "--key", authority.key(name)};
    if (ask_client) options.insert(options.end(), {"--ca", authority.ca()});
    return std::make_unique<web::Server>(options);
  };
  const auto try_login = [&](const web::Server& server, const std::string& more) {
    keel::KernelFixture kernel({.settings = concat("auth.http.auth_req.url = \"https://127.0.0.1:",
                                                   server.port(), "/mqtt/auth\"\n", kOnce, more)});
    const int code = login(kernel, "ann");
    if (code != 0) CHECK(kernel.await_log("auth request: "));
    return code;
  };
  const std::string ours = concat("auth.http.ssl.cacertfile = \"", authority.ca(), "\"\n");
  const auto good = serve("good");
  CHECK(try_login(*good, ours) == 0);
  CHECK(try_login(*good, "") == kUnavailable);  // the system does not know this authority
  CHECK(try_login(*good, concat("auth.http.ssl.cacertfile = \"", stranger.ca(), "\"\n")) ==
        kUnavailable);
  CHECK(try_login(*good, "auth.http.ssl.verify = false\n") == 0);
  const auto other = serve("other");
  CHECK(try_login(*other, ours) == kUnavailable);
  CHECK(try_login(*other, ours + "auth.http.ssl.server_name = \"auth.test\"\n") == 0);
  const auto strict = serve("good", true);
  CHECK(try_login(*strict, ours) == kUnavailable);
  CHECK(try_login(*strict,
                  concat(ours, "auth.http.ssl.certfile = \"", authority.cert("client"),
                         "\"\nauth.http.ssl.keyfile = \"", authority.key("client"), "\"\n")) == 0);
}

TEST_CASE("a client with a certificate and no user name is asked about by its name") {
  const web::Authority authority;
  authority.sign("broker", "IP:127.0.0.1");
  authority.sign("sensor-7", "DNS:sensor");
  const web::Server server;
  keel::KernelFixture kernel(
      {.settings = concat(auth_only(server),
                          "auth.http.auth_req.params = \"username=%cn,dn=%d,"
                          "password=secret\"\n"),
       .kernel_settings = concat(
           "[listener.mqtts]\nbind = \"127.0.0.1:0\"\ntls = \"test\"\n[tls.test]\ncertfile = \"",
           authority.cert("broker"), "\"\nkeyfile = \"", authority.key("broker"), "\"\ncafile = \"",
           authority.ca(), "\"\nverify = \"require\"\n")});
  const std::string listeners = kernel.ctl({"listeners", "--json"}).output;
  constexpr std::string_view kMark = "\"listen_on\":\"127.0.0.1:";
  const std::size_t at = listeners.rfind(kMark);
  REQUIRE(at != std::string::npos);
  const int port = std::atoi(listeners.c_str() + at + kMark.size());
  REQUIRE(port != kernel.port());
  std::vector<std::string> command{"mosquitto_pub",
                                   "-h",
                                   "127.0.0.1",
                                   "-p",
                                   concat(port),
                                   "-t",
                                   "a",
                                   "-m",
                                   "x",
                                   "--cafile",
                                   authority.ca(),
                                   "--cert",
                                   authority.cert("sensor-7"),
                                   "--key",
                                   authority.key("sensor-7")};
  keel::test::Process process(command, kernel.path(), kernel.path("mosquitto.log"));
  CHECK(process.wait(web::kPatienceMs) == 0);
  CHECK(server.await("\"params\":{\"username\":\"sensor-7\",\"dn\":\"CN=sensor-7\""));
}

TEST_CASE("JSON, headers, and a cache of logins that were allowed") {
  const web::Server server;
  keel::KernelFixture kernel({.settings = concat(auth_only(server),
                                                 "auth.http.auth_req.content_type = \"json\"\n"
                                                 "auth.http.header.x-key = \"from keel\"\n"
                                                 "auth.http.cache.ttl = \"1h\"\n"),
                              .shards = 1});
  for (int i = 0; i < 3; ++i) CHECK(login(kernel, "ann") == 0);
  CHECK(server.count("/mqtt/auth") == 1);
  for (int i = 0; i < 2; ++i) CHECK(login(kernel, "ann", "wrong") == kBadCredentials);
  CHECK(server.count("/mqtt/auth") == 3);
  CHECK(server.await("\"x-key\":\"from keel\""));
  CHECK(server.await("\"content-type\":\"application/json\""));
}

TEST_CASE("an upgrade and a reload lose no client") {
  const web::Server server({"--delay", "1000"});
  keel::KernelFixture kernel({.settings = auth_only(server)});
  auto ann = kernel.connect_with({.client_id = "a", .username = "ann", .password = "secret"});
  keel::test::Process waiting({"mosquitto_pub", "-h", "127.0.0.1", "-p", concat(kernel.port()),
                               "-u", "closing", "-P", "secret", "-t", "a", "-m", "x"},
                              kernel.path(), kernel.path("mosquitto.log"));
  CHECK(server.await("\"username\":\"closing\""));  // and is not answered for a second
  const keel::Status upgraded = kernel.upgrade(KEEL_TEST_PLUGIN);
  CHECK_MESSAGE(upgraded, upgraded.text());
  CHECK(waiting.wait(web::kPatienceMs) == 0);
  kernel.put_settings(concat(auth_only(server), "auth.http.auth_req.method = \"put\"\n"));
  const keel::Status reloaded = kernel.reload();
  CHECK_MESSAGE(reloaded, reloaded.text());
  CHECK(login(kernel, "ann") == 0);
  CHECK(server.await("\"method\":\"PUT\""));
  CHECK(ann.quiet());
}

TEST_CASE("upgraded, unloaded and loaded while clients log in") {
  const web::Server server({"--delay", "5"});
  keel::KernelFixture kernel(
      {.settings = auth_only(server), .kernel_settings = "[auth]\nmax_failures = 0\n"});
  user_store::replace_while_clients_log_in(
      kernel, [&] { return login(kernel, "ann", "secret", "right"); },
      [&] { return login(kernel, "ann", "wrong", "wrong"); });
}

TEST_CASE("thousands of connects: bounded, and everybody has an answer") {
  constexpr int kRate = 2'000, kCount = 6'000;
  web::Server server({"--delay", "5"});
  // As many may wait as come, so that a slow machine refuses nobody.
  keel::KernelFixture kernel(
      {.settings = concat(auth_only(server), "auth.http.max_pending = ", kCount, "\n")});
  auto reader = kernel.connect("reader");
  const std::string fine = storm(kernel, kRate, kCount);
  MESSAGE(fine);
  CHECK(number(fine, "0") == kCount);
  CHECK(number(fine, "unanswered") == 0);
  std::string status = kernel.ctl({"auth_http", "status", "--json"}).output;
  MESSAGE(status);
  CHECK(number(status, "connections") <= 16);
  CHECK(number(status, "connects") <= 64);  // they were kept
  CHECK(number(status, "pending") == 0);

  // Nobody answers: what waits is bounded, nobody waits for more than the kernel's five seconds.
  server.freeze();
  kernel.put_settings(concat(auth_only(server), "auth.http.max_pending = 200\n"));
  const keel::Status reloaded = kernel.reload();
  CHECK_MESSAGE(reloaded, reloaded.text());
  const std::string frozen = storm(kernel, kRate, kCount);
  MESSAGE(frozen);
  CHECK(number(frozen, "0") == -1);
  CHECK(number(frozen, "slowest_ms") < 10'000);  // 4.5 s, and what the clients themselves need
  CHECK(reader.quiet());
  status = kernel.ctl({"auth_http", "status", "--json"}).output;
  CHECK(number(status, "connections") <= 16);
  server.thaw();
}
