// Who is let in, on a fake host.
#include "user_store/tests/loaded.hpp"

namespace {

using user_store::Loaded;

keel::FakeClient client(const std::string& user, const std::string& password) {
  return {.username = user, .password = password};
}

constexpr const char* kBcrypt =
    "ann:$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n";  // secret

}  // namespace

TEST_CASE("the right password is let in, everything else is not") {
  Loaded p("auth.user");
  p.must({"users", "add", "ann", "secret"});
  p.must({"users", "add", "J\xc3\xb6rg", "p\xc3\xa4ss: word"});
  CHECK(p.login(client("ann", "secret")).verdict == KEEL_ALLOW);
  CHECK(p.login(client("J\xc3\xb6rg", "p\xc3\xa4ss: word")).verdict == KEEL_ALLOW);
  CHECK(!p.login(client("ann", "secret")).superuser);
  for (const char* wrong : {"Secret", "secret ", "secre", "\xff"}) {
    CAPTURE(wrong);
    const keel::FakeAnswer answer = p.login(client("ann", wrong));
    CHECK(answer.verdict == KEEL_DENY);
    CHECK(answer.reason == 0x86);
  }
  CHECK(p.checks("allowed") == 3);
  CHECK(p.checks("wrong") == 4);
  CHECK(p.checks("unknown") == 0);
}

TEST_CASE("clients without the credentials it cares about are somebody else's") {
  Loaded p("auth.user");
  p.must({"users", "add", "ann", "secret"});
  CHECK(p.login({}).verdict == KEEL_NEXT);
  CHECK(p.login({.username = "ann"}).verdict == KEEL_NEXT);  // no password: the kernel refuses it
  CHECK(p.login({.password = "secret"}).verdict == KEEL_NEXT);  // a token, perhaps
  CHECK(p.login({.client_id = "ann", .password = "secret"}).verdict == KEEL_NEXT);
  CHECK(p.host.jobs() == 0);
}

TEST_CASE("an empty password is a wrong one") {
  Loaded p("auth.user");
  p.must({"users", "add", "ann", "secret"});
  CHECK(p.login({.username = "ann", .has_password = true}).reason == 0x86);
}

TEST_CASE("a name that nobody knows: the same answer, after the same work") {
  Loaded p("auth.user");
  p.must({"users", "add", "ann", "secret"});
  const keel::FakeAnswer asked = p.host.authenticate(client("eve", "secret"));
  CHECK(asked.verdict == KEEL_PENDING);
  CHECK(p.host.jobs() == 1);
  p.host.run_jobs();
  CHECK(p.host.answer(asked.ticket).verdict == KEEL_DENY);
  CHECK(p.host.answer(asked.ticket).reason == 0x86);
  CHECK(p.checks("unknown") == 1);
}

TEST_CASE("with hide_unknown off, unknown names are passed on at once") {
  Loaded p("auth.user", {{"hide_unknown", "false"}});
  CHECK(p.login(client("eve", "secret")).verdict == KEEL_NEXT);
  CHECK(p.host.jobs() == 0);
  CHECK(p.host.handles("hook") == 2);
}

TEST_CASE("users of the settings") {
  Loaded p("auth.user", {{"1.username", "admin"},
                         {"1.password", "public"},
                         {"two.username", "bob"},
                         {"two.password", "pw2"}});
  CHECK(p.login(client("admin", "public")).verdict == KEEL_ALLOW);
  CHECK(p.login(client("bob", "pw2")).verdict == KEEL_ALLOW);
  CHECK(p.host.jobs() == 0);
  const keel::FakeAnswer asked = p.host.authenticate(client("admin", "pw2"));
  CHECK(asked.verdict == KEEL_PENDING);  // as slow as a wrong password of the store
  p.host.run_jobs();
  CHECK(p.host.answer(asked.ticket).reason == 0x86);
}

TEST_CASE("settings that cannot be") {
  struct Case {
    std::vector<std::pair<std::string, std::string>> settings;
    const char* part;
  };
  for (const Case& one : std::initializer_list<Case>{
           {{{"auth.user.1.username", "admin"}}, "has no auth.user.1.password beside it"},
           {{{"auth.user.1.password", "x"}}, "has no auth.user.1.username beside it"},
           {{{"auth.user.password_hash", "rot13"}}, "is none of plain, md5"},
           {{{"auth.user.file", "/nonexistent/users.txt"}}, "No such file"}}) {
    CAPTURE(one.part);
    keel::FakeHost host;
    const keel::test::TempDir dir;
    host.state_dir = dir.path();
    for (const auto& [key, value] : one.settings) host.set(key, value);
    CHECK(!host.load(keel_plugin_entry_v1));
    CHECK(host.logged(one.part));
  }
}

TEST_CASE("new settings are taken while it runs") {
  Loaded p("auth.user", {{"1.username", "admin"}, {"1.password", "public"}});
  p.host.clients = {{.client_id = "c1", .username = "admin"},
                    {.client_id = "c2", .username = "ann"}};
  CHECK(p.host.reload({{"auth.user.1.password", "other"}, {"auth.user.max_pending", "1"}}));
  CHECK(p.login(client("admin", "public")).reason == 0x86);
  CHECK(p.login(client("admin", "other")).verdict == KEEL_ALLOW);
  REQUIRE(p.host.kicked.size() == 1);  // a changed password ends what it had opened
  CHECK(p.host.kicked[0].first == "c1");
  p.must({"users", "add", "ann", "secret"});
  CHECK(p.host.authenticate(client("ann", "1")).verdict == KEEL_PENDING);
  CHECK(p.host.authenticate(client("ann", "2")).reason == 0x89);
  CHECK(!p.host.reload({{"auth.user.password_hash", "rot13"}}));
}

TEST_CASE("too many checks: the server is busy, and stays so only as long as needed") {
  Loaded p("auth.user", {{"max_pending", "3"}, {"parallel", "2"}});
  p.must({"users", "add", "ann", "secret"});
  std::vector<keel_handle> tickets;
  for (int i = 0; i < 3; ++i) {
    tickets.push_back(p.host.authenticate(client("ann", std::to_string(i))).ticket);
  }
  CHECK(p.host.jobs() == 2);  // the pool is for others, too
  CHECK(p.host.metric("auth_pending") == 3);
  const keel::FakeAnswer more = p.host.authenticate(client("ann", "secret"));
  CHECK(more.verdict == KEEL_DENY);
  CHECK(more.reason == 0x89);
  CHECK(p.host.authenticate(client("eve", "secret")).reason == 0x89);  // unknown ones no less
  CHECK(p.checks("busy") == 2);
  CHECK(p.host.health().first == KEEL_HEALTH_DEGRADED);
  p.host.run_jobs();
  for (const keel_handle ticket : tickets) CHECK(p.host.answer(ticket).reason == 0x86);
  CHECK(p.host.metric("auth_pending") == 0);
  CHECK(p.host.health().first == KEEL_HEALTH_GOOD);
  CHECK(p.login(client("ann", "secret")).verdict == KEEL_ALLOW);
}

TEST_CASE("the same question is asked once, and everybody gets the answer") {
  Loaded p("auth.user", {{"max_pending", "1"}});
  p.must({"users", "add", "ann", "secret"});
  std::vector<keel_handle> tickets;
  for (int i = 0; i < 50; ++i) {
    tickets.push_back(p.host.authenticate(client("ann", "secret")).ticket);
  }
  CHECK(p.host.jobs() == 1);
  p.host.run_jobs();
  for (const keel_handle ticket : tickets) CHECK(p.host.answer(ticket).verdict == KEEL_ALLOW);
  CHECK(p.checks("allowed") == 50);
}

TEST_CASE("what waited too long is not hashed any more") {
  Loaded p("auth.user");
  p.must({"users", "add", "ann", "secret"});
  const keel::FakeAnswer first = p.host.authenticate(client("ann", "secret"));
  p.host.advance(4'000);
  p.host.run_jobs();
  CHECK(p.host.answer(first.ticket).reason == 0x89);
  CHECK(p.login(client("ann", "secret")).verdict == KEEL_ALLOW);
}

TEST_CASE("a pool that takes no more is a no") {
  Loaded p("auth.user");
  p.must({"users", "add", "ann", "secret"});
  p.host.fail_next("worker.run", KEEL_E_LIMIT);
  CHECK(p.host.authenticate(client("ann", "secret")).reason == 0x89);
  CHECK(p.login(client("ann", "secret")).verdict == KEEL_ALLOW);
}

TEST_CASE("recent successes are remembered, until something changes") {
  Loaded p("auth.user", {{"cache_ttl", "1m"}});
  p.must({"users", "add", "ann", "secret"});
  CHECK(p.login(client("ann", "secret")).verdict == KEEL_ALLOW);
  CHECK(p.host.authenticate(client("ann", "secret")).verdict == KEEL_ALLOW);
  CHECK(p.host.metric("auth_cache_hits_total") == 1);
  CHECK(p.login(client("ann", "Secret")).verdict == KEEL_DENY);
  p.host.advance(60'001);
  CHECK(p.host.authenticate(client("ann", "secret")).verdict == KEEL_PENDING);
  p.host.run_jobs();
  CHECK(p.host.authenticate(client("ann", "secret")).verdict == KEEL_ALLOW);
  p.must({"users", "update", "ann", "other"});
  CHECK(p.login(client("ann", "secret")).verdict == KEEL_DENY);
  CHECK(p.login(client("ann", "other")).verdict == KEEL_ALLOW);
  p.must({"users", "update", "ann", "other"});  // the same again is another hash
  CHECK(p.host.authenticate(client("ann", "other")).verdict == KEEL_PENDING);
  p.host.run_jobs();
  p.must({"users", "del", "ann"});
  CHECK(p.login(client("ann", "other")).reason == 0x86);
}

TEST_CASE("the cache is bounded, and can be off") {
  Loaded p("auth.user", {{"cache_size", "2"}});
  for (const char* user : {"a", "b", "c"}) {
    p.must({"users", "add", user, "secret"});
    CHECK(p.login(client(user, "secret")).verdict == KEEL_ALLOW);
  }
  CHECK(p.host.authenticate(client("a", "secret")).verdict == KEEL_PENDING);  // fell out
  CHECK(p.host.authenticate(client("b", "secret")).verdict == KEEL_ALLOW);
  CHECK(p.host.authenticate(client("c", "secret")).verdict == KEEL_ALLOW);
  p.host.run_jobs();
  CHECK(p.host.reload({{"auth.user.cache_size", "0"}}));
  CHECK(p.login(client("c", "secret")).verdict == KEEL_ALLOW);
  CHECK(p.host.authenticate(client("c", "secret")).verdict == KEEL_PENDING);
}

TEST_CASE("an old hash is replaced when the password is known") {
  Loaded p("auth.user");
  keel::test::write_file(p.dir.path("import"), kBcrypt);
  p.must({"users", "import", p.dir.path("import")});
  const std::string path = p.dir.path("users.txt");
  CHECK(keel::test::read_file(path).find("argon2id") == std::string::npos);
  CHECK(p.login(client("ann", "wrong")).verdict == KEEL_DENY);
  CHECK(keel::test::read_file(path).find("argon2id") == std::string::npos);
  CHECK(p.login(client("ann", "secret")).verdict == KEEL_ALLOW);
  CHECK(keel::test::read_file(path).find("ann:$argon2id$") != std::string::npos);
  CHECK(p.host.metric("auth_upgraded_hashes_total") == 1);
  CHECK(p.host.authenticate(client("ann", "secret")).verdict == KEEL_ALLOW);  // still remembered
  CHECK(p.host.reload({{"auth.user.cache_size", "0"}}));
  CHECK(p.login(client("ann", "secret")).verdict == KEEL_ALLOW);
  CHECK(p.login(client("ann", "wrong")).verdict == KEEL_DENY);
  CHECK(p.host.metric("auth_upgraded_hashes_total") == 1);
}

TEST_CASE("a user who is changed while being let in is disconnected") {
  Loaded p("auth.user");
  p.must({"users", "add", "ann", "secret"});
  p.must({"users", "add", "bob", "secret"});
  keel::FakeClient ann = client("ann", "secret"), bob = client("bob", "secret");
  ann.client_id = "a", bob.client_id = "b";
  CHECK(p.login(ann).verdict == KEEL_ALLOW);
  CHECK(p.login(bob).verdict == KEEL_ALLOW);
  p.must({"users", "del", "ann"});
  p.host.kicked.clear();
  p.host.notify(KEEL_HOOK_CLIENT_CONNECTED, &bob);
  CHECK(p.host.kicked.empty());
  p.host.notify(KEEL_HOOK_CLIENT_CONNECTED, &ann);
  REQUIRE(p.host.kicked.size() == 1);
  CHECK(p.host.kicked[0].first == "a");
}

TEST_CASE("a user who is deleted while waiting is refused") {
  Loaded p("auth.user");
  p.must({"users", "add", "ann", "secret"});
  const keel::FakeOutput removed = p.host.ctl({"users", "del", "ann"});
  CHECK(removed.exit == KEEL_EXIT_LATER);
  const keel::FakeAnswer asked = p.host.authenticate(client("ann", "secret"));
  CHECK(asked.verdict == KEEL_PENDING);
  p.host.run_jobs();
  CHECK(p.host.answer(asked.ticket).reason == 0x86);
}

TEST_CASE("users survive an upgrade and a restart; open questions are refused") {
  Loaded p("auth.user");
  p.must({"users", "add", "ann", "secret"});
  const keel::FakeAnswer asked = p.host.authenticate(client("ann", "secret"));
  const keel::Status upgraded = p.host.upgrade(keel_plugin_entry_v1);
  CHECK_MESSAGE(upgraded, upgraded.text());
  CHECK(p.host.answer(asked.ticket).verdict == KEEL_DENY);
  CHECK(p.login(client("ann", "secret")).verdict == KEEL_ALLOW);
  CHECK(p.host.metric("auth_users") == 1);
  REQUIRE(p.host.unload());
  REQUIRE(p.host.load(keel_plugin_entry_v1));
  CHECK(p.login(client("ann", "secret")).verdict == KEEL_ALLOW);
}

TEST_CASE("a change under way is on the disk before the plugin goes") {
  Loaded p("auth.user");
  p.must({"users", "add", "ann", "secret"});
  CHECK(p.host.ctl({"users", "del", "ann"}).exit == KEEL_EXIT_LATER);
  p.host.run_jobs();
  REQUIRE(p.host.unload());
  CHECK(p.host.drained);
  REQUIRE(p.host.load(keel_plugin_entry_v1));
  CHECK(p.host.metric("auth_users") == 0);
}

TEST_CASE("a damaged store stops the start") {
  keel::FakeHost host;
  const keel::test::TempDir dir;
  host.state_dir = dir.path();
  keel::test::write_file(dir.path("users.txt"), "ann:secret\n");
  CHECK(!host.load(keel_plugin_entry_v1));
  CHECK(host.logged("users.txt:1: this is no user store"));
}

TEST_CASE("no password gets into the log") {
  Loaded p("auth.user", {{"1.username", "admin"}, {"1.password", "Tr0ub4dor"}});
  p.must({"users", "add", "ann", "Tr0ub4dor"});
  p.login(client("ann", "Tr0ub4dor"));
  p.login(client("ann", "Tr0ub4dor-wrong"));
  p.login(client("admin", "Tr0ub4dor-wrong"));
  p.login(client("eve", "Tr0ub4dor-wrong"));
  CHECK(!p.host.logged("Tr0ub4dor"));
  CHECK(p.ctl({"users", "list"}).output.find("argon2id") == std::string::npos);
}
