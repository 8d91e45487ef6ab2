// The key set from a web server: Node's, plain and TLS, rotated, killed, slow and talking nonsense.
#include <doctest/doctest.h>

#include <algorithm>
#include <ctime>
#include <keel/test.hpp>

#include "emqx_auth_jwt/tests/mint.hpp"

namespace {

using jwt::Algorithm;
using keel::concat;
using keel::KernelFixture;
using keel::test::Process;
using keel::test::read_file;
using keel::test::write_file;

std::string set_of(const mint::Pkey& key, std::string_view kid) {
  return concat(R"({"keys":[)",
                mint::rsa_jwk(key, concat(R"(,"use":"sig","alg":"RS256","kid":")", kid, "\"")),
                "]}");
}
std::string token(const mint::Pkey& key, std::string_view kid) {
  return mint::token(Algorithm::rs256, key, concat("{\"exp\":", std::time(nullptr) + 600, "}"),
                     kid);
}

class Server {
 public:
  explicit Server(bool tls = false) : tls_(tls) {
    if (tls) certificate();
    mode("good");
  }
  void start() {
    std::string script = __FILE__;
    script.replace(script.rfind('/') + 1, std::string::npos, "jwks_server.mjs");
    std::vector<std::string> words{"node", script, dir.path()};
    if (tls_) words.insert(words.end(), {dir.path("cert.pem"), dir.path("key.pem")});
    ::unlink(dir.path("listening").c_str());
    process_ = std::make_unique<Process>(words, dir.path(), dir.path("log"));
    const std::int64_t until = keel::test::now_ms() + 20'000;
    while (::access(dir.path("listening").c_str(), F_OK) != 0) {
      if (keel::test::now_ms() > until)
        keel::test::fail("node does not listen: " + read_file(dir.path("log")));
      keel::test::pause_ms(5);
    }
  }
  void kill() { process_.reset(); }
  void mode(const char* how) { replace("mode", how); }
  void keys(const std::string& text) { replace("jwks.json", text); }
  std::string url() const {
    return concat(tls_ ? "https" : "http", "://127.0.0.1:", read_file(dir.path("port")),
                  "/keys?x=1");
  }
  int requests() const {
    const std::string text = read_file(dir.path("requests"));
    return static_cast<int>(std::count(text.begin(), text.end(), '\n'));
  }
  bool await_requests(int n) const {
    const std::int64_t until = keel::test::now_ms() + 20'000;
    while (requests() < n && keel::test::now_ms() < until) keel::test::pause_ms(5);
    return requests() >= n;
  }
  keel::test::TempDir dir;

 private:
  void replace(const char* name, const std::string& text) const {
    write_file(dir.path("next"), text);
    CHECK(std::rename(dir.path("next").c_str(), dir.path(name).c_str()) == 0);
  }
  void certificate() const {
    Process openssl({"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                     "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
                     "key.pem", "-out", "cert.pem"},
                    dir.path(), dir.path("log"));
    REQUIRE(openssl.wait(30'000) == 0);
  }
  bool tls_;
  std::unique_ptr<Process> process_;
};

std::string settings(const Server& server, const char* more = "") {
  return concat("auth.jwt.jwks = \"", server.url(), "\"\n", more);
}

std::uint8_t code(const KernelFixture& kernel, const std::string& password) {
  keel::test::MqttClient client(kernel.port());
  return client.connect({.client_id = "c1", .username = "ann", .password = password});
}

std::string health(const KernelFixture& kernel) {
  const std::string shown = kernel.ctl({"plugins", "show", "emqx_auth_jwt"}).output;
  const std::size_t at = shown.find("health      : ");
  return at == std::string::npos ? shown : shown.substr(at + 14, shown.find('\n', at) - at - 14);
}
bool await_health(const KernelFixture& kernel, std::string_view part) {
  const std::int64_t until = keel::test::now_ms() + 20'000;
  while (health(kernel).find(part) == std::string::npos) {
    if (keel::test::now_ms() > until) return false;
    keel::test::pause_ms(20);
  }
  return true;
}

}  // namespace

TEST_CASE("fetched at start, rotated, and the old keys kept while the server is down") {
  const auto one = mint::rsa(), two = mint::rsa();
  Server server;
  server.keys(set_of(one, "one"));
  server.start();
  KernelFixture kernel({.settings = settings(server)});
  CHECK(code(kernel, token(one, "one")) == 0);  // waits for the first fetch, if need be
  CHECK(await_health(kernel, "good 1 key"));
  CHECK(read_file(server.dir.path("requests")) == "GET /keys?x=1\n");
  CHECK(kernel.ctl({"jwt", "keys"}).output ==
        concat("one  RSA 2048  RS256  ", server.url().substr(0, server.url().find('?')), "\n"));
  // The first token of the new key has the set fetched, and its client waits for it.
  server.keys(set_of(two, "two"));
  CHECK(code(kernel, token(two, "two")) == 0);
  CHECK(server.requests() == 2);
  CHECK(code(kernel, token(one, "one")) == 4);  // gone from the set
  // Made-up kids do not get the server asked each time.
  for (int i = 0; i < 20; ++i) CHECK(code(kernel, token(one, concat("x", i))) == 4);
  CHECK(server.requests() == 2);

  server.kill();
  CHECK(kernel.reload());
  CHECK(await_health(kernel, "degraded"));
  CHECK(code(kernel, token(two, "two")) == 0);
  // An upgrade with the server down goes on with what the old version knew.
  const keel::Status upgraded = kernel.upgrade(KEEL_TEST_PLUGIN);
  CHECK_MESSAGE(upgraded, upgraded.text());
  CHECK(code(kernel, token(two, "two")) == 0);
  server.start();
  CHECK(kernel.reload());
  CHECK(await_health(kernel, "good"));
  CHECK(kernel.stop() == 0);
}

TEST_CASE("looked at again after each interval") {
  const auto one = mint::rsa(), two = mint::rsa();
  Server server;
  server.keys(set_of(one, ""));
  server.start();
  KernelFixture kernel({.settings = settings(server, "auth.jwt.jwks_refresh = \"1s\"\n")});
  CHECK(code(kernel, token(one, "")) == 0);
  server.keys(set_of(two, ""));
  const int before = server.requests();
  CHECK(server.await_requests(before + 2));
  CHECK(code(kernel, token(two, "")) == 0);
  CHECK(code(kernel, token(one, "")) == 4);
}

TEST_CASE("a server that is not there, or talks nonsense: unavailable, and nobody is let in") {
  const auto one = mint::rsa();
  struct Case {
    const char *mode, *why;
  };
  for (const Case& one_case : {Case{"garbage", ""},
                               {"html", "not JSON"},
                               {"huge", ""},
                               {"error", "500"},
                               {"redirect", "302"},
                               {"broken", ""},
                               {"down", ""}}) {
    CAPTURE(one_case.mode);
    Server server;
    server.keys(set_of(one, "one"));
    server.mode(one_case.mode);
    server.start();
    const std::string text = settings(server);
    if (std::string_view(one_case.mode) == "down") server.kill();
    KernelFixture kernel({.settings = text});
    CHECK(code(kernel, token(one, "one")) == 3);  // server unavailable
    CHECK(await_health(kernel, "bad 0 keys"));
    CHECK(health(kernel).find(one_case.why) != std::string::npos);
    CHECK(kernel.log().find("key set http://") != std::string::npos);
    // The others are served meanwhile.
    auto client = kernel.connect("anonymous");
    client.ping();
    // And it comes right by a reload at the latest.
    server.mode("good");
    if (std::string_view(one_case.mode) == "down") server.start();
    CHECK(kernel.reload());
    CHECK(await_health(kernel, "good"));
    CHECK(code(kernel, token(one, "one")) == 0);
    CHECK(kernel.stop() == 0);
  }
}

TEST_CASE("a slow or silent server keeps nobody longer than five seconds") {
  const auto one = mint::rsa();
  for (const char* mode : {"slow", "silent"}) {
    CAPTURE(mode);
    Server server;
    server.keys(set_of(one, "one"));
    server.mode(mode);
    server.start();
    KernelFixture kernel({.settings = settings(server)});
    const std::int64_t before = keel::test::now_ms();
    CHECK(code(kernel, token(one, "one")) == 3);
    CHECK(keel::test::now_ms() - before < 6'000);
    const keel::Status unloaded = kernel.unload();
    CHECK_MESSAGE(unloaded, unloaded.text());
    CHECK(!kernel.maps_contains("emqx_auth_jwt"));
  }
}

TEST_CASE("unloaded while clients wait for the key set") {
  const auto one = mint::rsa();
  Server server;
  server.mode("silent");
  server.start();
  KernelFixture kernel({.settings = settings(server)});
  CHECK(server.await_requests(1));
  Process waiting({"mosquitto_pub", "-p", concat(kernel.port()), "-h", "127.0.0.1", "-u", "ann",
                   "-P", token(one, "one"), "-t", "t", "-m", "x"},
                  kernel.path(), kernel.path("pub.out"));
  const std::int64_t until = keel::test::now_ms() + 20'000;
  const auto pending = [&] {
    return kernel.ctl({"metrics", "--prometheus"})
               .output.find("keel_auth_jwt_pending{plugin=\"emqx_auth_jwt\"} 1") !=
           std::string::npos;
  };
  while (!pending() && keel::test::now_ms() < until) keel::test::pause_ms(5);
  CHECK(pending());
  const keel::Status unloaded = kernel.unload();
  CHECK_MESSAGE(unloaded, unloaded.text());
  CHECK(waiting.wait(20'000) != 0);
  CHECK(!kernel.maps_contains("emqx_auth_jwt"));
  CHECK(kernel.stop() == 0);
}

TEST_CASE("over TLS: with the right authority, and not without") {
  const auto one = mint::rsa();
  Server server(true);
  server.keys(set_of(one, "one"));
  server.start();
  {
    KernelFixture kernel({.settings = settings(server)});
    CHECK(code(kernel, token(one, "one")) == 3);  // signed by nobody the system knows
    CHECK(await_health(kernel, "bad"));
    CHECK(server.requests() == 0);
  }
  const std::string ca = concat("auth.jwt.jwks_cacert = \"", server.dir.path("cert.pem"), "\"\n");
  KernelFixture kernel({.settings = settings(server, ca.c_str())});
  CHECK(code(kernel, token(one, "one")) == 0);
  CHECK(server.requests() == 1);
}
