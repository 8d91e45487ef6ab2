// The built plugin in the real broker, with mosquitto_pub, paho and a client that speaks SCRAM.
#include "user_store/tests/system.hpp"

namespace {

using namespace user_store;

constexpr const char* kCheap = "auth.user.argon2_memory = \"1MB\"\nauth.user.argon2_passes = 1\n";

std::string beside_this(const char* file) {
  const std::string here = __FILE__;
  return here.substr(0, here.rfind('/') + 1) + file;
}

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> out;
  for (std::size_t at = 0, end; (end = text.find('\n', at)) != std::string::npos; at = end + 1) {
    out.push_back(text.substr(at, end - at));
  }
  return out;
}

}  // namespace

TEST_CASE("added, let in, changed, disconnected, upgraded, unloaded") {
  keel::KernelFixture kernel({.settings = kCheap});
  must(kernel, {"users", "add", "ann", "secret"});
  CHECK(mosquitto(kernel, {"-u", "ann", "-P", "secret"}));
  CHECK(!mosquitto(kernel, {"-u", "ann", "-P", "Secret"}));
  CHECK(!mosquitto(kernel, {"-u", "eve", "-P", "secret"}));
  CHECK(!mosquitto(kernel, {"-u", "ann"}));
  CHECK(mosquitto(kernel, {}));  // without credentials: as the listener says
  CHECK(kernel.ctl({"users", "list"}).output == "ann\n");

  auto bystander = kernel.connect("bystander");
  auto ann = kernel.connect_with({.client_id = "a", .username = "ann", .password = "secret"});
  must(kernel, {"users", "passwd", "ann", "other"});
  CHECK(ends_soon(ann));
  CHECK(!mosquitto(kernel, {"-u", "ann", "-P", "secret"}));

  auto again = kernel.connect_with({.client_id = "a", .username = "ann", .password = "other"});
  const keel::Status upgraded = kernel.upgrade(KEEL_TEST_PLUGIN);
  CHECK_MESSAGE(upgraded, upgraded.text());
  CHECK(again.quiet());
  CHECK(mosquitto(kernel, {"-u", "ann", "-P", "other"}));
  must(kernel, {"users", "del", "ann"});
  CHECK(ends_soon(again));
  CHECK(!mosquitto(kernel, {"-u", "ann", "-P", "other"}));

  const keel::Status unloaded = kernel.unload();
  CHECK_MESSAGE(unloaded, unloaded.text());
  CHECK(!kernel.maps_contains("emqx_auth_username"));
  CHECK(bystander.quiet());
  CHECK(kernel.stop() == 0);
}

TEST_CASE("a password that is typed") {
  keel::KernelFixture kernel({.settings = kCheap});
  const auto added = ctl_with_input(kernel, "sec ret", "users add ann");
  CHECK_MESSAGE(added.exit == 0, added.output);
  CHECK(mosquitto(kernel, {"-u", "ann", "-P", "sec ret"}));
  const auto changed = ctl_with_input(kernel, "other", "users update ann");
  CHECK_MESSAGE(changed.exit == 0, changed.output);
  CHECK(mosquitto(kernel, {"-u", "ann", "-P", "other"}));
  const auto there = kernel.ctl({"users", "add", "ann"});  // refused before a question
  CHECK(there.exit == 1);
  CHECK(there.output.find("exists already") != std::string::npos);
  CHECK(kernel.log().find("sec ret") == std::string::npos);
}

TEST_CASE("a settings file of EMQ X as it is") {
  keel::KernelFixture kernel({.settings = "## Value: Username\n"
                                          "auth.user.1.username = admin\n"
                                          "auth.user.1.password = public\n"
                                          "auth.user.2.username = feng@emqx.io\n"
                                          "auth.user.2.password = p@ss w0rd\n"
                                          "## plain | md5 | sha | sha256\n"
                                          "auth.user.password_hash = sha256\n"});
  CHECK(mosquitto(kernel, {"-u", "admin", "-P", "public"}));
  CHECK(mosquitto(kernel, {"-u", "feng@emqx.io", "-P", "p@ss w0rd"}));
  CHECK(!mosquitto(kernel, {"-u", "admin", "-P", "private"}));
  const auto refused = kernel.ctl({"users", "del", "admin"});
  CHECK(refused.exit == 1);
  CHECK(refused.output.find("stands in the settings") != std::string::npos);
  const auto shown = kernel.ctl({"plugins", "show", "emqx_auth_username"}).output;
  CHECK(shown.find("public") == std::string::npos);
}

TEST_CASE("the shipped settings are the defaults") {
  const std::string file = beside_this("../emqx_auth_username.conf");
  keel::KernelFixture kernel({.settings = keel::test::read_file(file)});
  check_settings_file(kernel, file);
}

TEST_CASE("a password file of Mosquitto; the broker restarts") {
  keel::KernelFixture kernel({.settings = kCheap});
  // As mosquitto_passwd 2.0.11 wrote it for ann, "pw-ann", and bob, "pw-bob".
  const std::string file = beside_this("mosquitto_passwords.txt");
  const auto imported = kernel.ctl({"users", "import", file});
  CHECK(imported.exit == 0);
  CHECK(imported.output == "2 added, 0 replaced, 0 kept as they are\n");
  CHECK(mosquitto(kernel, {"-u", "ann", "-P", "pw-ann"}));
  CHECK(!mosquitto(kernel, {"-u", "bob", "-P", "pw-ann"}));
  kernel.restart();
  CHECK(mosquitto(kernel, {"-u", "ann", "-P", "pw-ann"}));
  CHECK(mosquitto(kernel, {"-u", "bob", "-P", "pw-bob"}));
  const std::string store =
      keel::test::read_file(kernel.path("data/plugins/emqx_auth_username/users.txt"));
  CHECK(store.find("ann:$argon2id$") != std::string::npos);  // replaced at its login
}

TEST_CASE("paho, in both versions") {
  keel::KernelFixture kernel({.settings = kCheap});
  must(kernel, {"users", "add", "ann", "secret"});
  const auto paho = [&](const char* version, const char* user, const char* password) {
    return run(kernel, {"/usr/bin/python3", beside_this("paho_client.py"),
                        std::to_string(kernel.port()), version, user, password})
        .output;
  };
  CHECK(paho("4", "ann", "secret") == "reason 0\n");
  CHECK(paho("5", "ann", "secret") == "reason 0\n");
  CHECK(paho("4", "ann", "wrong") == "reason 4\n");
  CHECK(paho("4", "eve", "wrong") == "reason 4\n");
  CHECK(paho("5", "ann", "wrong") == "reason 134\n");
  CHECK(paho("5", "eve", "wrong") == "reason 134\n");
}

TEST_CASE("SCRAM-SHA-256 by AUTH packets, and again by re-authentication") {
  keel::KernelFixture kernel({.settings = keel::concat(kCheap, "auth.user.scram = true\n")});
  must(kernel, {"users", "add", "ann", "secret"});
  const auto scram = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"/usr/bin/python3", beside_this("scram_client.py"),
                                 std::to_string(kernel.port())});
    return run(kernel, words).output;
  };
  CHECK(scram({"ann", "secret", "--again"}) ==
        "connected server proved itself\nre-authenticated\n");
  CHECK(scram({"ann", "wrong"}) == "refused 0x86\n");
  CHECK(scram({"eve", "secret"}) == "refused 0x86\n");
}

TEST_CASE("upgraded, unloaded and loaded while clients log in") {
  keel::KernelFixture kernel({.settings = keel::concat(kCheap, "auth.user.cache_size = 0\n"),
                              .kernel_settings = "[auth]\nmax_failures = 0\n"});
  must(kernel, {"users", "add", "ann", "secret"});
  const std::string stop = kernel.path("stop"), log = kernel.path("logins.log");
  keel::test::Process logins(
      {"/bin/sh", "-c",
       keel::concat("for w in a b c; do (while ! test -e ", stop, "; do mosquitto_pub -p ",
                    kernel.port(), " -i $w -u ann -P secret -t t -m x && echo in || echo out; ",
                    "done) & done; wait")},
      kernel.path(), log);
  for (int i = 0; i < 5; ++i) {
    const keel::Status upgraded = kernel.upgrade(KEEL_TEST_PLUGIN);
    CHECK_MESSAGE(upgraded, upgraded.text());
    const keel::Status unloaded = kernel.unload();
    CHECK_MESSAGE(unloaded, unloaded.text());
    CHECK(!kernel.maps_contains("emqx_auth_username"));
    const keel::Status loaded = kernel.load();
    CHECK_MESSAGE(loaded, loaded.text());
  }
  keel::test::write_file(stop, "");
  CHECK(logins.wait(60'000) == 0);
  CHECK(keel::test::read_file(log).find("in\n") != std::string::npos);
  CHECK(mosquitto(kernel, {"-u", "ann", "-P", "secret"}));
  CHECK(kernel.stop() == 0);
}

TEST_CASE("killed in the middle of additions: what was answered ok is there") {
  const keel::test::TempDir dir;
  const std::string settings =
      keel::concat(kCheap, "auth.user.file = \"", dir.path("users.txt"), "\"\n");
  const std::string acknowledged = dir.path("acknowledged");
  {
    keel::KernelFixture kernel({.settings = settings});
    const std::string ctl =
        keel::concat(ctl_path(), " --socket ", kernel.path("data/ctl.sock"), " users add ");
    const keel::test::Process writers(
        {"/bin/sh", "-c",
         keel::concat("for w in a b c; do (i=0; while ", ctl, "$w$i secret; do echo $w$i >> ",
                      acknowledged, "; i=$((i+1)); done) & done; wait")},
        dir.path(), dir.path("log"));
    const std::int64_t until = keel::test::now_ms() + 60'000;
    while (lines(keel::test::read_file(acknowledged)).size() < 60) {
      REQUIRE(keel::test::now_ms() < until);
      keel::test::pause_ms(1);
    }
    REQUIRE(::kill(kernel.pid(), SIGKILL) == 0);
    CHECK(kernel.stop() == 128 + SIGKILL);
  }
  keel::KernelFixture kernel({.settings = settings});
  const std::string list = "\n" + kernel.ctl({"users", "list"}).output;
  const auto names = lines(keel::test::read_file(acknowledged));
  CHECK(names.size() >= 60);
  for (const std::string& name : names) CHECK(list.find("\n" + name + "\n") != std::string::npos);
  CHECK(mosquitto(kernel, {"-u", "a0", "-P", "secret"}));
}
