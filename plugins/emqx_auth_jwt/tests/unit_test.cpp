// The plugin on a fake host: no broker, no sockets, a clock that the test moves.
#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdio>
#include <keel/fake.hpp>

#include "emqx_auth_jwt/tests/mint.hpp"

extern "C" const keel_plugin_entry keel_plugin_entry_v1;

namespace {

using jwt::Algorithm;
using keel::concat;
using keel::FakeAnswer;
using keel::FakeClient;

constexpr const char* kSecret = "0123456789abcdef0123456789abcdef";
constexpr std::int64_t kNowS = 1'800'000'000;

class TempFile {
 public:
  explicit TempFile(std::string_view text) {
    REQUIRE(::close(::mkstemp(path)) == 0);
    write(text);
  }
  TempFile(const TempFile&) = delete;
  TempFile& operator=(const TempFile&) = delete;
  ~TempFile() { ::unlink(path); }
  // As a new file in its place, which is how such files are replaced.
  void write(std::string_view text) {
    const std::string next = concat(path, ".new");
    std::FILE* const file = std::fopen(next.c_str(), "we");
    REQUIRE(file);
    CHECK(std::fwrite(text.data(), 1, text.size(), file) == text.size());
    std::fclose(file);
    CHECK(std::rename(next.c_str(), path) == 0);
  }
  char path[32] = "/tmp/keel-jwt-XXXXXX";
};

// A host with a secret, and questions to it.
struct Broker {
  Broker() {
    host.wall_ms = kNowS * 1000;
    host.set("auth.jwt.secret", kSecret);
  }
  void load() { REQUIRE(host.load(keel_plugin_entry_v1)); }
  FakeAnswer ask(const FakeClient& client) {
    FakeAnswer answer = host.authenticate(client);
    if (answer.verdict != KEEL_PENDING) return answer;
    host.run_jobs();
    const keel_handle ticket = answer.ticket;
    answer = host.answer(ticket);
    answer.ticket = ticket;
    return answer;
  }
  FakeAnswer login(const std::string& token, std::string client_id = "c1") {
    return ask({.client_id = std::move(client_id), .username = "ann", .password = token});
  }
  FakeAnswer login_claims(std::string_view claims, std::string client_id = "c1") {
    return login(mint::hs256(kSecret, claims), std::move(client_id));
  }
  std::int32_t may(int action, const char* topic, const FakeClient& client) {
    return host.authorize(client, action, topic).verdict;
  }
  void connected(const FakeClient& client, std::uint8_t code = 0) {
    host.notify(KEEL_HOOK_CLIENT_CONNECTED, &client, {}, "success", code);
  }
  double refused(const char* cause) {
    return host.metric("auth_jwt_refused_total", concat("cause=\"", cause, '"'));
  }
  keel::FakeHost host;
};

const char* const kAcl = R"({"acl":{"pub":["up/%c"],"sub":["down/#"]}})";

}  // namespace

TEST_CASE("a token that is right lets in, with the time it is good for") {
  Broker broker;
  broker.load();
  const FakeAnswer answer = broker.login_claims(concat(R"({"exp":)", kNowS + 60, "}"));
  CHECK(answer.verdict == KEEL_ALLOW);
  CHECK(answer.expiry_s == 60);
  CHECK(!answer.superuser);
  CHECK(answer.ticket == 0);  // a secret keeps nobody waiting
  CHECK(broker.login_claims("{}").expiry_s == 0);
  CHECK(broker.login_claims(concat(R"({"exp":)", kNowS, ".01}")).expiry_s == 1);
  CHECK(broker.login_claims(R"({"exp":900000000000})").expiry_s == UINT32_MAX);
  CHECK(broker.host.metric("auth_jwt_accepted_total") == 4);
  broker.host.wall_ms += 60'000;
  CHECK(broker.login_claims(concat(R"({"exp":)", kNowS + 60, "}")).reason == 0x86);
  CHECK(broker.host.unload());
  CHECK(broker.host.misuse().empty());
}

TEST_CASE("what is no token is left to others; what is a bad one is refused") {
  Broker broker;
  broker.load();
  CHECK(broker.ask({}).verdict == KEEL_NEXT);
  CHECK(broker.ask({.username = "ann"}).verdict == KEEL_NEXT);
  CHECK(broker.login("secret").verdict == KEEL_NEXT);
  CHECK(broker.login("a.b.c").verdict == KEEL_NEXT);
  CHECK(broker.ask({.username = mint::hs256(kSecret, "{}"), .password = "x"}).verdict == KEEL_NEXT);

  struct Case {
    std::string token;
    const char* cause;
    int reason;
  };
  const std::string good = mint::hs256(kSecret, "{}");
  const Case cases[] = {
      {mint::hs256("another secret", "{}"), "signature", 0x86},
      {concat(mint::unsigned_part(R"({"alg":"none"})", "{}"), "."), "algorithm", 0x86},
      {mint::hs256(kSecret, "{}", R"({"alg":"none"})"), "algorithm", 0x86},
      {mint::hs256(kSecret, "{}", R"({"alg":"RS256"})"), "key", 0x86},
      {mint::hs256(kSecret, "{}", R"({"alg":"HS512"})"), "signature", 0x86},
      {mint::hs256(kSecret, R"({"exp":1})"), "time", 0x86},
      {mint::hs256(kSecret, "[]"), "malformed", 0x86},
      {mint::hs256(kSecret, R"({"acl":7})"), "acl", 0x87},
      {good.substr(0, good.size() - 2), "malformed", 0x86},
      {good.substr(0, good.size() - 3), "signature", 0x86},
      {concat(good, ".x"), "malformed", 0x86},
      {mint::hs256(kSecret, concat(R"({"x":")", std::string(9'000, 'x'), "\"}")), "malformed",
       0x86},
  };
  for (const Case& one : cases) {
    CAPTURE(one.token);
    const double before = broker.refused(one.cause);
    const FakeAnswer answer = broker.login(one.token);
    CHECK(answer.verdict == KEEL_DENY);
    CHECK(answer.reason == one.reason);
    CHECK(broker.refused(one.cause) == before + 1);
  }
}

TEST_CASE("nothing of a token gets into the log") {
  Broker broker;
  broker.load();
  const std::string token = mint::hs256("another secret", R"({"private":"words"})");
  broker.login(token);
  broker.login_claims(R"({"exp":1})");
  CHECK(broker.host.logged("token refused"));
  CHECK(!broker.host.logged(token.substr(token.rfind('.') + 1)));
  CHECK(!broker.host.logged("words"));
  CHECK(!broker.host.logged(kSecret));
}

TEST_CASE("the token as user name") {
  Broker broker;
  broker.host.set("auth.jwt.from", "username");
  broker.load();
  CHECK(broker.ask({.username = mint::hs256(kSecret, "{}")}).verdict == KEEL_ALLOW);
  CHECK(broker.ask({.username = "ann", .password = mint::hs256(kSecret, "{}")}).verdict ==
        KEEL_NEXT);
  // The user name is the token, so rules cannot go by it.
  CHECK(broker.ask({.username = mint::hs256(kSecret, R"({"acl":{"pub":["%u"]}})")}).reason == 0x87);
  CHECK(broker.host.logged("tokens show wherever user names do"));
}

TEST_CASE("public keys are checked by workers, with a bound") {
  const auto rsa = mint::rsa();
  const TempFile pem(mint::public_pem(rsa));
  Broker broker;
  broker.host.unset("auth.jwt.secret");
  broker.host.set("auth.jwt.pubkey", pem.path);
  broker.host.set("auth.jwt.max_pending", "2");
  broker.load();
  const std::string token = mint::token(Algorithm::rs256, rsa, R"({"exp":1800000060})");
  const FakeAnswer answer = broker.login(token);
  CHECK(answer.ticket != 0);
  CHECK(answer.verdict == KEEL_ALLOW);
  CHECK(answer.expiry_s == 60);
  CHECK(broker.login(mint::token(Algorithm::rs256, mint::rsa(), "{}")).reason == 0x86);
  CHECK(broker.refused("signature") == 1);
  // The confusion of key and secret.
  CHECK(broker.login(mint::hs256(mint::public_pem(rsa), "{}")).reason == 0x86);
  CHECK(broker.refused("key") == 1);

  const FakeClient client{.username = "u", .password = token};
  const FakeAnswer first = broker.host.authenticate(client),
                   second = broker.host.authenticate(client);
  CHECK(broker.host.metric("auth_jwt_pending") == 2);
  const FakeAnswer third = broker.host.authenticate(client);
  CHECK(third.verdict == KEEL_DENY);
  CHECK(third.reason == 0x88);
  broker.host.run_jobs();
  CHECK(broker.host.answer(first.ticket).verdict == KEEL_ALLOW);
  CHECK(broker.host.answer(second.ticket).verdict == KEEL_ALLOW);
  CHECK(broker.host.metric("auth_jwt_pending") == 0);
  broker.host.fail_next("worker.run", KEEL_E_LIMIT);
  CHECK(broker.login(token).reason == 0x88);
  CHECK(broker.host.metric("auth_jwt_pending") == 0);
  // Unloaded while a worker is at it: a no.
  const FakeAnswer open = broker.host.authenticate(client);
  CHECK(open.verdict == KEEL_PENDING);
  CHECK(broker.host.unload());
  CHECK(broker.host.answer(open.ticket).verdict == KEEL_DENY);
  CHECK(broker.host.misuse().empty());
}

TEST_CASE("several keys, told apart by kid and algorithm") {
  const auto old_key = mint::rsa(), new_key = mint::rsa(), ec = mint::curve("P-256");
  const TempFile old_pem(mint::public_pem(old_key)), new_pem(mint::public_pem(new_key)),
      ec_pem(mint::public_pem(ec)), secret("a secret in a file, with a newline behind it\n");
  Broker broker;
  broker.host.unset("auth.jwt.secret");
  broker.host.set_all(concat("auth.jwt.key.old.file = ", old_pem.path,
                             "\nauth.jwt.key.old.kid = old\nauth.jwt.key.new.file = ", new_pem.path,
                             "\nauth.jwt.key.new.kid = new\nauth.jwt.key.new.algorithm = RS256\n"
                             "auth.jwt.key.ec.file = ",
                             ec_pem.path, "\nauth.jwt.key.hs.file = ", secret.path,
                             "\nauth.jwt.key.hs.algorithm = HS384\n"));
  broker.load();
  const auto verdict = [&](Algorithm algorithm, const mint::Pkey& key, const char* kid) {
    return broker.login(mint::token(algorithm, key, "{}", kid)).verdict;
  };
  CHECK(verdict(Algorithm::rs256, old_key, "old") == KEEL_ALLOW);
  CHECK(verdict(Algorithm::ps512, old_key, "old") == KEEL_ALLOW);
  CHECK(verdict(Algorithm::rs256, new_key, "new") == KEEL_ALLOW);
  CHECK(verdict(Algorithm::ps256, new_key, "new") == KEEL_DENY);  // pinned to RS256
  CHECK(verdict(Algorithm::rs256, old_key, "new") == KEEL_DENY);
  CHECK(verdict(Algorithm::rs256, new_key, "") == KEEL_ALLOW);  // tried with both
  CHECK(verdict(Algorithm::rs256, old_key, "other") == KEEL_DENY);
  CHECK(verdict(Algorithm::es256, ec, "") == KEEL_ALLOW);
  CHECK(verdict(Algorithm::es256, ec, "any") == KEEL_ALLOW);  // that key has no kid
  CHECK(verdict(Algorithm::es256, ec, "old") == KEEL_DENY);
  const char* const text = "a secret in a file, with a newline behind it";
  CHECK(broker.login(mint::hs(Algorithm::hs384, text, "{}")).verdict == KEEL_ALLOW);
  CHECK(broker.login(mint::hs(Algorithm::hs256, text, "{}")).verdict == KEEL_DENY);

  const auto keys = broker.host.ctl("jwt keys");
  CHECK(keys.exit == KEEL_EXIT_OK);
  CHECK(keys.output.find("old  RSA 2048  RS256, RS384, RS512, PS256, PS384, PS512") !=
        std::string::npos);
  CHECK(keys.output.find("new  RSA 2048  RS256  ") != std::string::npos);
  CHECK(keys.output.find("-  P-256  ES256") != std::string::npos);
  CHECK(keys.output.find("newline") == std::string::npos);
  CHECK(broker.host.ctl("jwt keys --json").output.starts_with(R"([{"kid":"old",)"));
  CHECK(broker.host.metric("auth_jwt_keys") == 4);
  CHECK(broker.host.health().second == "4 keys");
}

TEST_CASE("algorithms that the settings leave out") {
  Broker broker;
  broker.host.set("auth.jwt.algorithms", R"(["HS512"])");
  broker.load();
  CHECK(broker.login(mint::hs(Algorithm::hs512, kSecret, "{}")).verdict == KEEL_ALLOW);
  CHECK(broker.login(mint::hs(Algorithm::hs256, kSecret, "{}")).reason == 0x86);
  CHECK(broker.refused("algorithm") == 1);
}

TEST_CASE("settings that cannot work are refused, and say what to do") {
  const auto rsa = mint::rsa();
  const TempFile pem(mint::public_pem(rsa)), own(mint::private_pem(rsa)),
      weak(mint::public_pem(mint::rsa(1024))), garbage("garbage");
  struct Case {
    const char* settings;
    std::string file;  // put in for @
    const char* why;
  };
  const Case cases[] = {
      {"", "", "there is no key"},
      {"auth.jwt.secret = \"\"", "", "empty"},
      {"auth.jwt.secret = -----BEGIN PUBLIC KEY-----", "", "PEM"},
      {"auth.jwt.pubkey = /nonexistent/key.pem", "", "No such file"},
      {"auth.jwt.pubkey = /dev/zero", "", "no file"},
      {"auth.jwt.pubkey = @", own.path, "private key"},
      {"auth.jwt.pubkey = @", weak.path, "2048"},
      {"auth.jwt.pubkey = @", garbage.path, "no public key"},
      {"auth.jwt.key.a.kid = x", "", "either a file or a secret"},
      {"auth.jwt.key.a.secret = xxxxxxxx\nauth.jwt.key.a.file = @", pem.path, "either a file or"},
      {"auth.jwt.key.a.file = @\nauth.jwt.key.a.algorithm = ES256", pem.path,
       "cannot be used with"},
      {"auth.jwt.key.a.file = @\nauth.jwt.key.a.algorithm = HS256", pem.path, "PEM"},
      {"auth.jwt.key.a.secret = s\nauth.jwt.key.a.algorithm = RS256", "", "cannot be used with"},
      {"auth.jwt.key.a.secret = s\nauth.jwt.key.a.algorithm = none", "", "one of"},
      {"auth.jwt.secret = s\nauth.jwt.algorithms = [\"RS256\"]", "", "leaves nothing"},
      {"auth.jwt.secret = s\nauth.jwt.algorithms = [\"none\"]", "", "'none' is none of"},
      {"auth.jwt.secret = s\nauth.jwt.algorithms = []", "", "no algorithm is left"},
      {"auth.jwt.jwks = /nonexistent/keys.json", "", "No such file"},
      {"auth.jwt.jwks = @", garbage.path, "not JSON"},
      {"auth.jwt.jwks = ftp://127.0.0.1/x", "", "neither a path nor"},
      {"auth.jwt.jwks = https://user:pw@127.0.0.1/x", "", "auth.jwt.jwks"},
      {"auth.jwt.secret = s\nauth.jwt.from = username\nauth.jwt.verify_claims.sub = %u", "",
       "the user name is the token"},
      {"auth.jwt.secret = s\nauth.jwt.max_token_size = 1GB", "", "between"},
  };
  for (const Case& one : cases) {
    std::string settings = one.settings;
    if (const std::size_t at = settings.find('@'); at != std::string::npos && !one.file.empty()) {
      settings.replace(at, 1, one.file);
    }
    CAPTURE(settings);
    keel::FakeHost host;
    host.set_all(settings);
    const keel::Status loaded = host.load(keel_plugin_entry_v1);
    CHECK(!loaded);
    CHECK_MESSAGE(loaded.text().find(one.why) != std::string_view::npos, loaded.text());
    CHECK(loaded.text().find("user:pw") == std::string_view::npos);
  }
  keel::FakeHost host;
  host.set("auth.jwt.secret", "emqxsecret");
  CHECK(host.load(keel_plugin_entry_v1));
  CHECK(host.logged("a secret of 10 bytes can be guessed"));
  CHECK(!host.logged("emqxsecret"));
}

TEST_CASE("required claims, and their switch") {
  Broker broker;
  broker.host.set("auth.jwt.verify_claims.username", "%u");
  broker.host.set("auth.jwt.verify_claims.client", "%c");
  broker.load();
  CHECK(broker.login_claims(R"({"username":"ann","client":"c1"})").verdict == KEEL_ALLOW);
  CHECK(broker.login_claims(R"({"username":"ann","client":"c1"})", "c2").reason == 0x87);
  CHECK(broker.login_claims(R"({"username":"bob","client":"c1"})").reason == 0x87);
  CHECK(broker.login_claims("{}").reason == 0x87);
  CHECK(broker.host.reload({{"auth.jwt.verify_claims", "false"}}));
  CHECK(broker.login_claims("{}").verdict == KEEL_ALLOW);
  CHECK(broker.host.logged("auth.jwt.verify_claims is off"));
}

TEST_CASE("the rest of the settings arrive") {
  Broker broker;
  broker.host.set_all(
      "auth.jwt.audience = [\"mqtt\"]\nauth.jwt.issuer = [\"joe\"]\nauth.jwt.leeway = 10s\n"
      "auth.jwt.require_exp = true\nauth.jwt.disconnect_at_expiry = false\n"
      "auth.jwt.superuser = true\n");
  broker.load();
  const auto claims = [](std::int64_t exp, const char* aud, const char* iss) {
    return concat(R"({"is_superuser":true,"exp":)", exp, R"(,"aud":")", aud, R"(","iss":")", iss,
                  "\"}");
  };
  const FakeAnswer answer = broker.login_claims(claims(kNowS - 9, "mqtt", "joe"));
  CHECK(answer.verdict == KEEL_ALLOW);
  CHECK(answer.superuser);
  CHECK(answer.expiry_s == 0);
  CHECK(broker.login_claims(claims(kNowS - 10, "mqtt", "joe")).reason == 0x86);
  CHECK(broker.login_claims(claims(kNowS + 9, "web", "joe")).reason == 0x87);
  CHECK(broker.login_claims(claims(kNowS + 9, "mqtt", "jim")).reason == 0x87);
  CHECK(broker.login_claims(R"({"aud":"mqtt","iss":"joe"})").reason == 0x86);
}

TEST_CASE("the token's rules count while its session lasts") {
  Broker broker;
  broker.load();
  const FakeClient client{.client_id = "c1", .username = "ann"};
  CHECK(broker.may(KEEL_PUBLISH, "up/c1", client) == KEEL_NEXT);
  CHECK(broker.login_claims(kAcl).verdict == KEEL_ALLOW);
  CHECK(broker.may(KEEL_PUBLISH, "up/c1", client) == KEEL_ALLOW);  // its will
  broker.connected(client);
  CHECK(broker.may(KEEL_PUBLISH, "up/c1", client) == KEEL_ALLOW);
  CHECK(broker.may(KEEL_PUBLISH, "up/c2", client) == KEEL_DENY);
  CHECK(broker.may(KEEL_SUBSCRIBE, "down/x", client) == KEEL_ALLOW);
  CHECK(broker.may(KEEL_SUBSCRIBE, "#", client) == KEEL_DENY);
  CHECK(broker.may(KEEL_PUBLISH, "up/c1", {.client_id = "c2"}) == KEEL_NEXT);
  // While the client is away the kernel asks about its subscriptions without an address.
  CHECK(broker.may(KEEL_SUBSCRIBE, "down/x", {.client_id = "c1", .peer = ""}) == KEEL_ALLOW);
  broker.host.notify(KEEL_HOOK_SESSION_TERMINATED, &client);
  CHECK(broker.may(KEEL_PUBLISH, "up/c2", client) == KEEL_NEXT);
}

TEST_CASE("two connections of one client id have their own rules") {
  Broker broker;
  broker.load();
  const FakeClient first{.client_id = "c1", .username = "ann", .peer = "127.0.0.1:1"};
  const auto log_in = [&](const char* claims, const char* peer) {
    return broker
        .ask({.client_id = "c1",
              .username = "ann",
              .password = mint::hs256(kSecret, claims),
              .peer = peer})
        .verdict;
  };
  CHECK(log_in(R"({"acl":{"all":["one"]}})", "127.0.0.1:1") == KEEL_ALLOW);
  broker.connected(first);
  // Another one is let in by the token, but not yet, or never, by the kernel.
  const FakeClient second{.client_id = "c1", .username = "ann", .peer = "127.0.0.1:2"};
  CHECK(log_in(R"({"acl":{"all":["two"]}})", "127.0.0.1:2") == KEEL_ALLOW);
  CHECK(broker.may(KEEL_PUBLISH, "one", first) == KEEL_ALLOW);
  CHECK(broker.may(KEEL_PUBLISH, "two", first) == KEEL_DENY);
  CHECK(broker.may(KEEL_PUBLISH, "two", second) == KEEL_ALLOW);
  broker.connected(second, 0x87);
  CHECK(broker.may(KEEL_PUBLISH, "one", first) == KEEL_ALLOW);
  CHECK(broker.may(KEEL_PUBLISH, "two", second) == KEEL_NEXT);
  // Again, and now it takes over; the first session ends in the middle of that.
  CHECK(log_in(R"({"acl":{"all":["two"]}})", "127.0.0.1:2") == KEEL_ALLOW);
  broker.host.notify(KEEL_HOOK_SESSION_TERMINATED, &first);
  broker.connected(second);
  CHECK(broker.may(KEEL_PUBLISH, "two", second) == KEEL_ALLOW);
  CHECK(broker.may(KEEL_PUBLISH, "one", second) == KEEL_DENY);
  // A token without rules, or another plugin's yes: the old rules are gone.
  const FakeClient third{.client_id = "c1", .username = "ann", .peer = "127.0.0.1:3"};
  CHECK(log_in("{}", "127.0.0.1:3") == KEEL_ALLOW);
  CHECK(broker.may(KEEL_PUBLISH, "one", third) == KEEL_NEXT);
  broker.connected(third);
  CHECK(broker.may(KEEL_PUBLISH, "one", third) == KEEL_NEXT);
  CHECK(broker.may(KEEL_PUBLISH, "one", {.client_id = "c1", .peer = ""}) == KEEL_NEXT);
}

TEST_CASE("other rules for a session that goes on: its subscriptions are asked about again") {
  Broker broker;
  broker.load();
  const FakeClient client{.client_id = "c1", .username = "ann"};
  const auto come_back = [&](std::string_view claims, bool resumed) {
    CHECK(broker.login_claims(claims).verdict == KEEL_ALLOW);
    if (resumed) broker.host.notify(KEEL_HOOK_SESSION_RESUMED, &client);
    broker.connected(client);
    return broker.host.rechecks.size();
  };
  CHECK(come_back(kAcl, false) == 0);
  CHECK(come_back(kAcl, true) == 0);
  CHECK(come_back(R"({"acl":{"pub":["other"]}})", false) == 0);
  CHECK(come_back(kAcl, true) == 1);
  CHECK(broker.host.rechecks[0].client_id == "c1");
  CHECK(come_back("{}", true) == 2);
  CHECK(come_back("{}", true) == 2);
}

TEST_CASE("a client that never comes is forgotten") {
  Broker broker;
  broker.load();
  const FakeClient client{.client_id = "c1", .username = "ann"};
  CHECK(broker.login_claims(kAcl).verdict == KEEL_ALLOW);
  broker.host.advance(30'000);
  CHECK(broker.may(KEEL_PUBLISH, "up/c1", client) == KEEL_ALLOW);
  CHECK(broker.login_claims(kAcl, "c2").verdict == KEEL_ALLOW);
  CHECK(broker.may(KEEL_PUBLISH, "up/c1", client) == KEEL_NEXT);
  // One whose question nobody waits for leaves nothing either.
  const auto ed = mint::ed25519();
  const TempFile pem(mint::public_pem(ed));
  CHECK(broker.host.reload({{"auth.jwt.pubkey", pem.path}}));
  const FakeAnswer late = broker.host.authenticate(
      {.client_id = "c3", .username = "u", .password = mint::token(Algorithm::eddsa, ed, kAcl)});
  CHECK(late.verdict == KEEL_PENDING);
  broker.host.advance(6'000);
  broker.host.run_jobs();
  CHECK(broker.host.answer(late.ticket).verdict == KEEL_DENY);
  CHECK(broker.may(KEEL_PUBLISH, "up/c3", {.client_id = "c3"}) == KEEL_NEXT);
}

TEST_CASE("an upgrade keeps the rules; a reload takes new settings, or none") {
  Broker broker;
  broker.load();
  const FakeClient client{.client_id = "c1", .username = "ann"};
  CHECK(broker.login_claims(kAcl).verdict == KEEL_ALLOW);
  broker.connected(client);
  REQUIRE(broker.host.upgrade(keel_plugin_entry_v1));
  broker.host.hook_shard = [&] {
    std::uint32_t sum = 0;
    for (const char c : client.client_id) sum = sum * 31 + static_cast<unsigned char>(c);
    return sum % 2;
  }();
  CHECK(broker.may(KEEL_PUBLISH, "up/c1", client) == KEEL_ALLOW);
  CHECK(broker.may(KEEL_PUBLISH, "up/c2", client) == KEEL_DENY);

  CHECK(broker.host.reload({{"auth.jwt.secret", "another secret of thirty-two bytes"}}));
  CHECK(broker.login_claims("{}").reason == 0x86);
  CHECK(broker.login(mint::hs256("another secret of thirty-two bytes", "{}")).verdict ==
        KEEL_ALLOW);
  CHECK(broker.may(KEEL_PUBLISH, "up/c2", client) == KEEL_DENY);
  CHECK(!broker.host.reload({{"auth.jwt.pubkey", "/nonexistent"}}));
  CHECK(broker.login(mint::hs256("another secret of thirty-two bytes", "{}")).verdict ==
        KEEL_ALLOW);
  CHECK(broker.host.unload());
  CHECK(broker.host.misuse().empty());
}

TEST_CASE("a key set in a file: looked at again, and at once for an unknown key") {
  const auto one = mint::ed25519(), two = mint::ed25519(), three = mint::ed25519();
  const auto set = [](const mint::Pkey& key, const char* kid) {
    return concat(R"({"keys":[)", mint::ed25519_jwk(key, concat(R"(,"kid":")", kid, "\"")), "]}");
  };
  TempFile file(set(one, "one"));
  Broker broker;
  broker.host.unset("auth.jwt.secret");
  broker.host.set("auth.jwt.jwks", file.path);
  broker.host.set("auth.jwt.jwks_refresh", "60s");
  broker.load();
  const auto verdict = [&](const mint::Pkey& key, const char* kid) {
    FakeAnswer answer = broker.host.authenticate(
        {.username = "u", .password = mint::token(Algorithm::eddsa, key, "{}", kid)});
    const keel_handle ticket = answer.ticket;
    for (int i = 0; i < 3 && answer.verdict == KEEL_PENDING; ++i) {
      broker.host.run_jobs();
      answer = broker.host.answer(ticket);
    }
    return answer.verdict;
  };
  CHECK(verdict(one, "one") == KEEL_ALLOW);
  CHECK(verdict(two, "one") == KEEL_DENY);
  CHECK(broker.refused("signature") == 1);
  // Rotated: the first token with the new key has it read.
  file.write(set(two, "two"));
  CHECK(verdict(two, "two") == KEEL_ALLOW);
  CHECK(verdict(one, "one") == KEEL_DENY);
  // Not more than once in half a minute, though.
  file.write(set(three, "three"));
  CHECK(verdict(three, "three") == KEEL_DENY);
  CHECK(broker.refused("key") >= 1);
  broker.host.advance(30'000);
  CHECK(verdict(three, "three") == KEEL_ALLOW);
  // Without anybody asking: each minute.
  file.write(set(one, "one"));
  broker.host.advance(60'000);
  broker.host.run_jobs();
  CHECK(verdict(one, "one") == KEEL_ALLOW);
  // Damaged: the keys it had remain, and health says so.
  file.write("{");
  broker.host.advance(60'000);
  broker.host.run_jobs();
  CHECK(verdict(one, "one") == KEEL_ALLOW);
  CHECK(broker.host.health().first == KEEL_HEALTH_DEGRADED);
  CHECK(broker.host.health().second.find("not JSON") != std::string::npos);
  CHECK(broker.host.metric("auth_jwt_key_set_failures_total") == 1);
  CHECK(!broker.host.reload({}));
  file.write(set(two, "two"));
  CHECK(broker.host.reload({}));
  CHECK(verdict(two, "two") == KEEL_ALLOW);
  CHECK(broker.host.health().first == KEEL_HEALTH_GOOD);
  CHECK(broker.host.metric("auth_jwt_key_set_age_seconds") == 0);
  CHECK(broker.host.unload());
  CHECK(broker.host.misuse().empty());
}

TEST_CASE("who waits for a key set that a reload takes away is answered") {
  const auto ed = mint::ed25519();
  const TempFile pem(mint::public_pem(ed)),
      set(concat(R"({"keys":[)", mint::ed25519_jwk(mint::ed25519(), R"(,"kid":"a")"), "]}"));
  Broker broker;
  broker.host.set("auth.jwt.jwks", set.path);
  broker.load();
  const FakeAnswer asked = broker.host.authenticate(
      {.username = "u", .password = mint::token(Algorithm::eddsa, ed, "{}", "b")});
  REQUIRE(asked.verdict == KEEL_PENDING);
  CHECK(broker.host.metric("auth_jwt_pending") == 1);
  const TempFile other(concat(R"({"keys":[)", mint::ed25519_jwk(ed, R"(,"kid":"b")"), "]}"));
  CHECK(broker.host.reload({{"auth.jwt.jwks", other.path}}));
  broker.host.run_jobs();
  CHECK(broker.host.answer(asked.ticket).verdict == KEEL_ALLOW);
  CHECK(broker.host.metric("auth_jwt_pending") == 0);
}

TEST_CASE("ctl jwt check explains") {
  Broker broker;
  broker.host.set("auth.jwt.verify_claims.sub", "%c");
  broker.load();
  const auto check = [&](std::string_view words) {
    return broker.host.ctl(concat("jwt check ", words));
  };
  const std::string good =
      mint::hs256(kSecret, R"({"sub":"c1","exp":1800000060,"acl":{"pub":["up/%c"]}})");
  const auto accepted = check(concat("client=c1 ", good));
  CHECK(accepted.exit == KEEL_EXIT_OK);
  CHECK(accepted.output.find("signed with HS256 by the key of auth.jwt.secret") !=
        std::string::npos);
  CHECK(accepted.output.find("expires in 60 s") != std::string::npos);
  CHECK(accepted.output.find("allow publish up/c1") != std::string::npos);
  const auto refused = check(concat("client=c2 ", good));
  CHECK(refused.exit == KEEL_EXIT_ERROR);
  CHECK(refused.output.find("refused (claims): its claim 'sub' is not %c") != std::string::npos);
  CHECK(check(mint::hs256("other", "{}")).output.find("signature") != std::string::npos);
  CHECK(check("password").output.find("no JSON Web Token") != std::string::npos);
  CHECK(check("").exit == KEEL_EXIT_PROMPT);
  CHECK(check(concat(good, " ", good)).exit == KEEL_EXIT_USAGE);
  CHECK(broker.host.ctl("jwt").exit == KEEL_EXIT_USAGE);
}
