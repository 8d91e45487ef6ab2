// The built plugin in the real broker, with mosquitto's clients and tokens made by others.
#include <doctest/doctest.h>

#include <ctime>
#include <keel/test.hpp>

#include "emqx_auth_jwt/tests/mint.hpp"
#include "user_store/tests/logins.hpp"

namespace {

using jwt::Algorithm;
using keel::concat;
using keel::KernelFixture;

constexpr const char* kSecret = "0123456789abcdef0123456789abcdef";
const std::string kSettings = concat("auth.jwt.secret = \"", kSecret, "\"\n");

std::string expiring(std::int64_t in_s, std::string_view more = {}) {
  return concat("{\"exp\":", std::time(nullptr) + in_s, more, "}");
}

std::uint8_t code(KernelFixture& kernel, const std::string& token, std::string client_id = "c1") {
  keel::test::MqttClient client(kernel.port());
  return client.connect({.client_id = std::move(client_id), .username = "ann", .password = token});
}

// Runs a program in the broker's directory; its output, or what it said instead.
std::string output(const KernelFixture& kernel, const std::vector<std::string>& words,
                   int wanted_exit = 0) {
  const std::string to = kernel.path("program.out");
  keel::test::write_file(to, "");
  keel::test::Process program(words, kernel.path(), to);
  const int exit = program.wait(30'000);
  std::string text = keel::test::read_file(to);
  CHECK_MESSAGE(exit == wanted_exit, concat(words[0], " ended with ", exit, ": ", text));
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

}  // namespace

TEST_CASE("a right token lets in, a wrong one does not, no token is nobody's") {
  KernelFixture kernel({.settings = kSettings});
  CHECK(code(kernel, mint::hs256(kSecret, expiring(60))) == 0);
  CHECK(code(kernel, mint::hs256("wrong", expiring(60))) == 4);
  CHECK(code(kernel, mint::hs256(kSecret, expiring(-60))) == 4);
  CHECK(code(kernel, mint::hs256(kSecret, R"({"acl":1})")) == 5);
  CHECK(code(kernel, "password") != 0);
  CHECK(kernel.ctl({"hooks", "list"}).output.find("emqx_auth_jwt") != std::string::npos);
  CHECK(kernel.log().find(kSecret) == std::string::npos);
  const keel::Status unloaded = kernel.unload();
  CHECK_MESSAGE(unloaded, unloaded.text());
  CHECK(!kernel.maps_contains("emqx_auth_jwt"));
  CHECK(code(kernel, mint::hs256(kSecret, expiring(60))) != 0);
  CHECK(kernel.stop() == 0);
}

TEST_CASE("tokens made by node and keys made by openssl, with mosquitto's clients") {
  KernelFixture kernel({.load = false});
  output(kernel, {"openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256",
                  "-out", "private.pem"});
  output(kernel, {"openssl", "pkey", "-in", "private.pem", "-pubout", "-out", "etc/public.pem"});
  kernel.put_settings(concat("auth.jwt.pubkey = \"", kernel.path("etc/public.pem"),
                             "\"\nauth.jwt.verify_claims.username = \"%u\"\n"));
  const keel::Status loaded = kernel.load();
  REQUIRE_MESSAGE(loaded, loaded.text());
  const auto minted = [&](const std::string& user) {
    return output(kernel,
                  {"node", "-e",
                   "const c=require('crypto'),b=x=>Buffer.from(JSON.stringify(x)).toString("
                   "'base64url');const t=b({alg:'ES256'})+'.'+b({username:process.argv[1],exp:"
                   "Math.floor(Date.now()/1000)+60});console.log(t+'.'+c.sign('sha256',t,{key:"
                   "require('fs').readFileSync('private.pem'),dsaEncoding:'ieee-p1363'})"
                   ".toString('base64url'))",
                   user});
  };
  const std::string port = concat(kernel.port());
  const std::string token = minted("ann");
  auto reader = kernel.connect("reader");
  CHECK(reader.subscribe("t") == 0);
  for (const char* version : {"mqttv311", "mqttv5"}) {
    output(kernel, {"mosquitto_pub", "-V", version, "-p", port, "-h", "127.0.0.1", "-u", "ann",
                    "-P", token, "-t", "t", "-m", "hello"});
    reader.expect("t", "hello");
  }
  const auto refused = [&](const char* version, const char* user, const std::string& password,
                           int exit) {
    return output(kernel,
                  {"mosquitto_pub", "-V", version, "-p", port, "-h", "127.0.0.1", "-u", user, "-P",
                   password, "-t", "t", "-m", "x"},
                  exit);
  };
  // The codes of MQTT 5: bad user name or password, not authorized.
  CHECK(refused("mqttv5", "ann", token.substr(0, token.size() - 4), 134).size() > 0);
  CHECK(refused("mqttv5", "bob", token, 135).size() > 0);
  CHECK(refused("mqttv311", "bob", token, 5).size() > 0);
  CHECK(reader.quiet());
  CHECK(kernel.stop() == 0);
}

TEST_CASE("the connection ends when the token does, with a reason") {
  KernelFixture kernel({.settings = kSettings});
  const std::string token = mint::hs256(kSecret, expiring(2));
  const std::string log = kernel.path("sub.out");
  keel::test::Process subscriber(
      {"stdbuf", "-oL", "mosquitto_sub", "-d", "-V", "mqttv5", "-p", concat(kernel.port()), "-h",
       "127.0.0.1", "-i", "five", "-u", "ann", "-P", token, "-t", "t"},
      kernel.path(), log);
  keel::test::MqttClient client(kernel.port());
  REQUIRE(client.connect({.client_id = "three", .username = "ann", .password = token}) == 0);
  CHECK(client.closed_by_broker());
  const std::int64_t until = keel::test::now_ms() + 20'000;
  // 0xa0, maximum connect time.
  while (keel::test::read_file(log).find("Received DISCONNECT (160)") == std::string::npos &&
         keel::test::now_ms() < until) {
    keel::test::pause_ms(10);
  }
  CHECK(keel::test::read_file(log).find("Received DISCONNECT (160)") != std::string::npos);
  CHECK(kernel.await_log("credential_expired"));
  CHECK(code(kernel, token) == 4);
}

TEST_CASE("what a token allows: publish, subscribe, will; kept over an upgrade") {
  KernelFixture kernel({.settings = kSettings});
  const std::string claims = expiring(600, R"(,"acl":{"pub":["up/%c"],"sub":["down/%c/#"]})");
  const std::string token = mint::hs256(kSecret, claims);
  auto reader = kernel.connect("reader");
  CHECK(reader.subscribe("#") == 0);
  auto client = kernel.connect_with({.client_id = "dev1", .username = "ann", .password = token});
  const auto check = [&](const char* payload) {
    client.publish("up/dev1", payload, 1);
    reader.expect("up/dev1", payload);
    client.publish("up/dev2", payload, 1);
    CHECK(reader.quiet());
    CHECK(client.subscribe("down/dev1/+") == 0);
    CHECK(client.subscribe("down/+/x") == 0x80);
    CHECK(client.subscribe("#") == 0x80);
  };
  check("1");
  const keel::Status upgraded = kernel.upgrade(KEEL_TEST_PLUGIN);
  REQUIRE_MESSAGE(upgraded, upgraded.text());
  check("2");
  CHECK(kernel.reload());
  check("3");
  // The will passes the same rules.
  output(kernel,
         {"mosquitto_pub", "-p", concat(kernel.port()), "-h", "127.0.0.1", "-i", "dev1", "-u",
          "ann", "-P", token, "-t", "up/dev1", "-m", "bye", "--will-topic", "up/dev2"},
         5);
  // Another token of the same client takes over, with its own rules.
  auto again = kernel.connect_with(
      {.client_id = "dev1",
       .username = "ann",
       .password = mint::hs256(kSecret, expiring(600, R"(,"acl":{"all":["other"]})"))});
  again.publish("up/dev1", "4", 1);
  again.publish("other", "5", 1);
  reader.expect("other", "5");
  again.disconnect();
  CHECK(kernel.stop() == 0);
}

TEST_CASE("upgraded, unloaded and loaded while clients log in") {
  KernelFixture kernel({.settings = kSettings, .kernel_settings = "[auth]\nmax_failures = 0\n"});
  const std::string right = mint::hs256(kSecret, expiring(600));
  const std::string wrong = mint::hs256("wrong", expiring(600));
  user_store::replace_while_clients_log_in(
      kernel, [&] { return code(kernel, right, "right"); },
      [&] { return code(kernel, wrong, "wrong"); });
}

TEST_CASE("a session that goes on loses what its new token does not allow") {
  KernelFixture kernel({.settings = kSettings});
  const auto connect = [&](const char* acl) {
    return kernel.connect_with({.client_id = "dev1",
                                .username = "ann",
                                .password = mint::hs256(kSecret, expiring(600, acl)),
                                .clean = false});
  };
  const auto subscribed = [&](std::string_view filter) {
    return kernel.ctl({"subscriptions", "show", "dev1"}).output.find(filter) != std::string::npos;
  };
  auto first = connect(R"(,"acl":{"sub":["old","both"]})");
  CHECK(first.subscribe("old", 1) == 1);
  CHECK(first.subscribe("both", 1) == 1);
  first.disconnect();
  auto second = connect(R"(,"acl":{"sub":["new","both"]})");
  const std::int64_t until = keel::test::now_ms() + 10'000;
  while (subscribed("old") && keel::test::now_ms() < until) keel::test::pause_ms(10);
  CHECK(!subscribed("old"));
  CHECK(subscribed("both"));
  second.disconnect();
}

TEST_CASE("without a key it does not start, and says what to do") {
  KernelFixture kernel({.load = false});
  const keel::Status loaded = kernel.load();
  CHECK(!loaded);
  CHECK(loaded.text().find("auth.jwt.secret") != std::string_view::npos);
  CHECK(loaded.text().find("auth.jwt.jwks") != std::string_view::npos);
  // As an EMQ X file has it: no quotes, a switch beside its section.
  kernel.put_settings(
      "auth.jwt.secret = emqxsecret\nauth.jwt.from = password\nauth.jwt.verify_claims = on\n"
      "auth.jwt.verify_claims.username = %u\n");
  const keel::Status again = kernel.load();
  CHECK_MESSAGE(again, again.text());
  CHECK(code(kernel, mint::hs256("emqxsecret", expiring(60, R"(,"username":"ann")"))) == 0);
  CHECK(code(kernel, mint::hs256("emqxsecret", expiring(60, R"(,"username":"bob")"))) == 5);
}

TEST_CASE("ctl jwt") {
  KernelFixture kernel({.settings = kSettings});
  CHECK(kernel.ctl({"jwt", "keys"}).output ==
        "-  secret of 32 bytes  HS256, HS384, HS512  auth.jwt.secret\n");
  const std::string token = mint::hs256(kSecret, expiring(60));
  CHECK(kernel.ctl({"jwt", "check", token}).exit == 0);
  CHECK(kernel.ctl({"jwt", "check", mint::hs256("wrong", "{}")}).exit == 1);
  CHECK(kernel.ctl({"plugins", "show", "emqx_auth_jwt"}).output.find("good 1 key") !=
        std::string::npos);
}

TEST_CASE("the sample file has every setting, with the defaults in force") {
  std::string sample_path = __FILE__;
  sample_path.replace(sample_path.rfind("tests/"), std::string::npos, "emqx_auth_jwt.conf");
  const std::string sample = keel::test::read_file(sample_path);
  KernelFixture kernel({.settings = concat(sample, kSettings)});
  // As `plugins show` prints them: "  setting     : KEY = VALUE  (PLACE)".
  const std::string shown = kernel.ctl({"plugins", "show", "emqx_auth_jwt"}).output;
  std::size_t settings = 0;
  for (std::size_t at = 0; (at = shown.find("setting     : ", at)) != std::string::npos; ++at) {
    const std::string line = shown.substr(at + 14, shown.find('\n', at) - at - 14);
    const std::string key = line.substr(0, line.find(' '));
    CHECK_MESSAGE(sample.find(concat(key, " = ")) != std::string::npos, key);
    ++settings;
  }
  CHECK(settings >= 16);
  const std::string described = kernel.ctl({"plugins", "describe", "emqx_auth_jwt"}).output;
  for (std::size_t at = 0; (at = described.find("auth.jwt.", at)) != std::string::npos; ++at) {
    if (at > 0 && described[at - 1] != '\n') continue;
    std::string key = described.substr(at, described.find(' ', at) - at);
    if (key == "auth.jwt.verify_claims.*") key = "auth.jwt.verify_claims.username";
    if (const std::size_t star = key.find('*'); star != std::string::npos) key[star] = '1';
    CHECK_MESSAGE(sample.find(concat(key, " = ")) != std::string::npos, key);
  }
  // The values that are not commented out are the defaults: without the file nothing else holds.
  KernelFixture bare({.settings = kSettings});
  const auto values = [](std::string text) {
    std::string out;
    for (std::size_t at = 0; (at = text.find("setting     : ", at)) != std::string::npos; ++at) {
      const std::string line = text.substr(at, text.find('\n', at) - at);
      out += line.substr(0, line.find("  (")) + '\n';
    }
    return out;
  };
  CHECK(values(shown) == values(bare.ctl({"plugins", "show", "emqx_auth_jwt"}).output));
}
