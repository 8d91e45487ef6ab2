// SCRAM-SHA-256 through the hook, on a fake host.
#include "user_store/crypto.hpp"
#include "user_store/tests/loaded.hpp"
#include "user_store/text.hpp"

namespace {

using namespace user_store;

constexpr const char* kMethod = "SCRAM-SHA-256";

struct Scram {
  Loaded p{"auth.user", {{"scram", "true"}, {"scram_iterations", "4096"}}};
  keel::FakeClient client{.client_id = "c1", .username = "ann", .version = 5};

  keel::FakeAnswer first(const std::string& name = "ann") {
    return p.host.authenticate(client, kMethod, "n,,n=" + name + ",r=abc");
  }
  // What a client that believes in `password` answers.
  static std::string proof(const std::string& server_first, const std::string& password,
                           const std::string& name = "ann") {
    const auto parts = split(server_first, ',');
    const std::string nonce(parts.at(0).substr(2)), salt = *from_base64(parts.at(1).substr(2));
    const auto iterations = static_cast<std::uint32_t>(*number(parts.at(2).substr(2)));
    const std::string salted = pbkdf2(Digest::sha256, password, salt, iterations, 32);
    const std::string without = "c=biws,r=" + nonce;
    const std::string message = "n=" + name + ",r=abc," + server_first + ',' + without;
    std::string key = hmac_sha256(salted, "Client Key");
    const std::string signature = hmac_sha256(hash(Digest::sha256, key), message);
    for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<char>(key[i] ^ signature[i]);
    return without + ",p=" + to_base64(key);
  }
  keel::FakeAnswer final(const std::string& data) {
    return p.host.authenticate(client, kMethod, data);
  }
  keel::FakeAnswer login(const std::string& password) {
    const keel::FakeAnswer asked = first();
    if (asked.verdict != KEEL_CONTINUE) return asked;
    return final(proof(asked.data, password));
  }
};

}  // namespace

TEST_CASE("who knows the password gets in, and a proof that the server knows it, too") {
  Scram s;
  s.p.must({"users", "add", "ann", "secret"});
  const keel::FakeAnswer asked = s.first();
  REQUIRE(asked.verdict == KEEL_CONTINUE);
  CHECK(asked.data.starts_with("r=abc"));
  CHECK(asked.data.ends_with(",i=4096"));
  const keel::FakeAnswer answer = s.final(Scram::proof(asked.data, "secret"));
  CHECK(answer.verdict == KEEL_ALLOW);
  CHECK(answer.data.starts_with("v="));
  CHECK(s.p.host.metric("auth_scram_total", "result=\"allowed\"") == 1);
  CHECK(s.p.host.jobs() == 0);
  CHECK(s.login("secret").verdict == KEEL_ALLOW);  // again: a re-authentication
}

TEST_CASE("a wrong password, and everything out of turn, is refused") {
  Scram s;
  s.p.must({"users", "add", "ann", "secret"});
  CHECK(s.login("Secret").reason == 0x86);
  const keel::FakeAnswer asked = s.first();
  const std::string right = Scram::proof(asked.data, "secret");
  CHECK(s.final(right).verdict == KEEL_ALLOW);
  CHECK(s.final(right).reason == 0x86);  // a second time
  s.first();
  CHECK(s.final(right).reason == 0x86);  // another exchange's
  CHECK(s.final("c=biws").reason == 0x86);
  CHECK(s.final("").reason == 0x86);
  CHECK(s.p.host.authenticate(s.client, kMethod, "p=tls-unique,,n=ann,r=abc").reason == 0x86);
  CHECK(s.p.host.authenticate(s.client, kMethod, "n,a=root,n=ann,r=abc").reason == 0x86);
  CHECK(s.p.host.logged("channel binding is not supported"));
  CHECK(s.p.host.metric("auth_scram_total", "result=\"refused\"") == 7);
}

TEST_CASE("the name that is proved must be the one that CONNECT states") {
  Scram s;
  s.p.must({"users", "add", "ann", "secret"});
  s.client.username = "admin";
  CHECK(s.first().reason == 0x86);
  s.client.username = "";
  CHECK(s.first().reason == 0x86);
  CHECK(s.p.host.logged("CONNECT must have the user name"));
}

TEST_CASE("a name that nobody has goes the same way, to a no") {
  Scram s;
  s.client.username = "eve";
  const keel::FakeAnswer one = s.first("eve");
  REQUIRE(one.verdict == KEEL_CONTINUE);
  const auto salt = [](const std::string& data) { return std::string(split(data, ',').at(1)); };
  CHECK(salt(one.data) == salt(s.first("eve").data));
  CHECK(one.data.ends_with(",i=4096"));
  CHECK(s.final(Scram::proof(one.data, "secret", "eve")).reason == 0x86);
  // The salt stays across restarts.
  REQUIRE(s.p.host.unload());
  REQUIRE(s.p.host.load(keel_plugin_entry_v1));
  CHECK(salt(one.data) == salt(s.first("eve").data));
}

TEST_CASE("an imported hash proves nothing, until the password was seen") {
  Scram s;
  keel::test::write_file(s.p.dir.path("f"),
                         "ann:$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n");
  s.p.must({"users", "import", s.p.dir.path("f")});
  CHECK(s.login("secret").reason == 0x86);
  CHECK(s.p.host.logged("user ann has no SCRAM verifier"));
  CHECK(s.p.login({.username = "ann", .password = "secret"}).verdict == KEEL_ALLOW);
  CHECK(s.login("secret").verdict == KEEL_ALLOW);
}

TEST_CASE("verifiers follow the settings at the next login, also when SCRAM is off") {
  Scram s;
  s.p.must({"users", "add", "ann", "secret"});
  const std::string path = s.p.dir.path("users.txt");
  CHECK(keel::test::read_file(path).find(":4096,") != std::string::npos);
  REQUIRE(s.p.host.unload());
  s.p.set("scram_iterations", "5000");
  REQUIRE(s.p.host.load(keel_plugin_entry_v1));
  CHECK(s.p.login({.username = "ann", .password = "secret"}).verdict == KEEL_ALLOW);
  CHECK(s.first().data.ends_with(",i=5000"));
  CHECK(s.login("secret").verdict == KEEL_ALLOW);
  REQUIRE(s.p.host.unload());
  s.p.set("scram", "false");
  REQUIRE(s.p.host.load(keel_plugin_entry_v1));
  CHECK(s.p.login({.username = "ann", .password = "secret"}).verdict == KEEL_ALLOW);
  CHECK(s.p.ctl({"users", "list", "--json"}).output.find("\"scram\":false") != std::string::npos);
}

TEST_CASE("a user who was changed during the exchange is refused") {
  Scram s;
  s.p.must({"users", "add", "ann", "secret"});
  const std::string right = Scram::proof(s.first().data, "secret");
  s.p.must({"users", "update", "ann", "secret"});
  CHECK(s.final(right).reason == 0x86);
  CHECK(s.p.host.logged("the user was changed meanwhile"));
}

TEST_CASE("exchanges end with their connection, and in time") {
  Scram s;
  s.p.must({"users", "add", "ann", "secret"});
  std::string right = Scram::proof(s.first().data, "secret");
  s.p.host.notify(KEEL_HOOK_CLIENT_DISCONNECTED, &s.client);
  CHECK(s.final(right).reason == 0x86);
  right = Scram::proof(s.first().data, "secret");
  s.p.host.advance(30'000);
  CHECK(s.final(right).reason == 0x86);
  right = Scram::proof(s.first().data, "secret");
  s.client.peer = "127.0.0.1:50001";  // another connection that claims the same client id
  CHECK(s.final(right).reason == 0x86);
}

TEST_CASE("other methods are somebody else's; without scram all of them") {
  Scram s;
  CHECK(s.p.host.authenticate(s.client, "SCRAM-SHA-1", "n,,n=ann,r=abc").verdict == KEEL_NEXT);
  CHECK(s.p.host.authenticate(s.client, "GS2-KRB5", "x").verdict == KEEL_NEXT);
  Loaded off("auth.user");
  CHECK(off.host.authenticate(s.client, kMethod, "n,,n=ann,r=abc").verdict == KEEL_NEXT);
}
