// `ctl users ...` on a fake host.
#include "user_store/tests/loaded.hpp"

using user_store::Loaded;

namespace {

// `expected`: part of the output.
void check(Loaded& p, const std::vector<std::string>& words, int exit, std::string_view expected) {
  const keel::FakeOutput out = p.ctl(words);
  CAPTURE(words.back());
  CHECK(out.exit == exit);
  CHECK_MESSAGE(out.output.find(expected) != std::string::npos, out.output);
}

}  // namespace

TEST_CASE("add, update, del, list") {
  Loaded p("auth.user");
  CHECK(p.ctl({"users", "list"}).output == "");
  CHECK(p.ctl({"users", "add", "bob", "one"}).output == "ok\n");
  CHECK(p.ctl({"users", "add", "ann", "two"}).output == "ok\n");
  CHECK(p.ctl({"users", "list"}).output == "ann\nbob\n");
  CHECK(p.host.kicked_users.empty());
  CHECK(p.ctl({"users", "update", "ann", "three"}).output == "ok\n");
  CHECK(p.ctl({"users", "passwd", "ann", "four"}).output == "ok\n");
  REQUIRE(p.host.kicked_users.size() == 2);
  CHECK(p.host.kicked_users[0].first == "ann");
  CHECK(p.ctl({"users", "del", "bob"}).output == "ok\n");
  CHECK(p.host.kicked_users.back().first == "bob");
  CHECK(p.ctl({"users", "list"}).output == "ann\n");
  CHECK(p.login({.username = "ann", .password = "four"}).verdict == KEEL_ALLOW);
}

TEST_CASE("JSON") {
  Loaded p("auth.user", {{"1.username", "admin"}, {"1.password", "x"}});
  CHECK(p.ctl({"users", "add", "a\"b", "one", "--json"}).output == "{\"result\":\"ok\"}\n");
  CHECK(p.ctl({"users", "list", "--json"}).output ==
        "[\n{\"username\":\"a\\\"b\",\"source\":\"store\",\"hash\":\"argon2id\",\"scram\":false},"
        "\n{\"username\":\"admin\",\"source\":\"settings\",\"hash\":\"settings\",\"scram\":false}]"
        "\n");
}

TEST_CASE("a password that is not given is asked for") {
  Loaded p("auth.user");
  const keel::FakeOutput out = p.host.ctl({"users", "add", "ann"});
  CHECK(out.exit == KEEL_EXIT_PROMPT);
  CHECK(out.output == "Password for ann: ");
  CHECK(p.host.ctl({"users", "add", "a\nb"}).exit == KEEL_EXIT_ERROR);
  p.must({"users", "add", "ann", "what was typed"});  // the call that follows
  CHECK(p.host.ctl({"users", "update", "ann"}).exit == KEEL_EXIT_PROMPT);
  CHECK(p.host.ctl({"users", "passwd", "ann"}).exit == KEEL_EXIT_PROMPT);
  CHECK(p.host.ctl({"users", "add", "ann"}).exit == KEEL_EXIT_ERROR);  // before asking
  CHECK(p.host.ctl({"users", "update", "eve"}).exit == KEEL_EXIT_ERROR);
  CHECK(p.login({.username = "ann", .password = "what was typed"}).verdict == KEEL_ALLOW);
}

TEST_CASE("refusals name the cause") {
  Loaded p("auth.user", {{"1.username", "admin"}, {"1.password", "x"}});
  p.must({"users", "add", "ann", "secret"});
  check(p, {"users", "add", "ann", "x"}, KEEL_EXIT_ERROR,
        "`users update ann` changes the password");
  check(p, {"users", "update", "eve", "x"}, KEEL_EXIT_ERROR, "there is no user eve");
  check(p, {"users", "del", "eve"}, KEEL_EXIT_ERROR, "there is no user eve");
  check(p, {"users", "add", "eve", ""}, KEEL_EXIT_ERROR, "the password is empty");
  check(p, {"users", "add", "eve", std::string(65'536, 'x')}, KEEL_EXIT_ERROR, "longer than MQTT");
  check(p, {"users", "add", "", "x"}, KEEL_EXIT_ERROR, "the name is empty");
  check(p, {"users", "add", "e\x01", "x"}, KEEL_EXIT_ERROR, "control characters");
  check(p, {"users", "add", "e\xff", "x"}, KEEL_EXIT_ERROR, "not UTF-8");
  for (const char* verb : {"add", "update", "del"}) {
    std::vector<std::string> words{"users", verb, "admin"};
    if (std::string_view(verb) != "del") words.push_back("x");
    check(p, words, KEEL_EXIT_ERROR, "stands in the settings");
  }
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"users"},
                                             {"users", "show"},
                                             {"users", "add"},
                                             {"users", "add", "a", "b", "c"},
                                             {"users", "del"},
                                             {"users", "del", "a", "b"},
                                             {"users", "list", "x"},
                                             {"users", "import"},
                                             {"users", "import", "f", "--force"}}) {
    check(p, words, KEEL_EXIT_USAGE, "users import");
  }
  p.host.fail_next("worker.run", KEEL_E_LIMIT);
  check(p, {"users", "add", "joe", "x"}, KEEL_EXIT_ERROR, "too much to do");
  p.host.fail_next("worker.run", KEEL_E_LIMIT);
  check(p, {"users", "del", "ann"}, KEEL_EXIT_ERROR, "too much to do");
  p.host.fail_next("worker.run", KEEL_E_LIMIT);
  check(p, {"users", "list"}, KEEL_EXIT_ERROR, "too much to do");
  CHECK(p.ctl({"users", "list"}).output == "admin\nann\n");
}

TEST_CASE("two at once: the second is told") {
  Loaded p("auth.user");
  const keel::FakeOutput one = p.host.ctl({"users", "add", "ann", "one"}),
                         two = p.host.ctl({"users", "add", "ann", "two"});
  REQUIRE(two.exit == KEEL_EXIT_LATER);
  p.host.run_jobs();
  CHECK(p.host.ctl_answer(one.reply).output == "ok\n");
  CHECK(p.host.ctl_answer(two.reply).output == "ann exists already\n");
  CHECK(p.login({.username = "ann", .password = "one"}).verdict == KEEL_ALLOW);
}

TEST_CASE("import") {
  Loaded p("auth.user");
  const std::string file = p.dir.path("import");
  keel::test::write_file(file, "username,password\nann,one\nbob,two\n");
  check(p, {"users", "import", file}, KEEL_EXIT_OK, "2 added, 0 replaced, 0 kept as they are\n");
  CHECK(p.login({.username = "ann", .password = "one"}).verdict == KEEL_ALLOW);
  keel::test::write_file(file, "username,password\nann,three\neve,four\n");
  check(p, {"users", "import", file}, KEEL_EXIT_OK,
        "1 added, 0 replaced, 1 kept as they are (--replace");
  CHECK(p.login({.username = "ann", .password = "one"}).verdict == KEEL_ALLOW);
  p.host.clients = {{.client_id = "c1", .username = "ann"}, {.client_id = "c2", .username = "joe"}};
  check(p, {"users", "import", file, "--replace", "--json"}, KEEL_EXIT_OK,
        "{\"added\":0,\"replaced\":2,\"kept\":0}\n");
  p.host.run();
  REQUIRE(p.host.kicked.size() == 1);
  CHECK(p.host.kicked[0].first == "c1");
  CHECK(p.login({.username = "ann", .password = "three"}).verdict == KEEL_ALLOW);
  check(p, {"users", "import", p.dir.path("none")}, KEEL_EXIT_ERROR, "No such file");
  keel::test::write_file(file, "hello\n");
  check(p, {"users", "import", file}, KEEL_EXIT_ERROR, ":1: not of the form name:hash");
}

TEST_CASE("the hashes of an export are read as the settings say") {
  Loaded p("auth.user", {{"password_hash", "salt,md5"}});
  const std::string file = p.dir.path("import");
  keel::test::write_file(
      file, "username,password_hash,salt\nann,6ad8112672f4474853ab6656fad94b76,abcd\n");
  p.must({"users", "import", file});
  CHECK(p.login({.username = "ann", .password = "secret"}).verdict == KEEL_ALLOW);
  CHECK(p.login({.username = "ann", .password = "abcdsecret"}).verdict == KEEL_DENY);
}
