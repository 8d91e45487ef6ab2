// What is different with client ids; the rest is tested with user names.
#include "user_store/tests/loaded.hpp"

using user_store::Loaded;

TEST_CASE("the client id and its password, whatever the user name") {
  Loaded p("auth.client");
  p.must({"clientid", "add", "sensor-1", "secret"});
  CHECK(p.login({.client_id = "sensor-1", .password = "secret"}).verdict == KEEL_ALLOW);
  CHECK(p.login({.client_id = "sensor-1", .username = "x", .password = "secret"}).verdict ==
        KEEL_ALLOW);
  CHECK(p.login({.client_id = "sensor-1", .username = "x", .password = "wrong"}).reason == 0x86);
  CHECK(p.login({.client_id = "sensor-2", .username = "sensor-1", .password = "secret"}).reason ==
        0x86);  // nobody knows it
  CHECK(p.login({.client_id = "sensor-1"}).verdict == KEEL_NEXT);
  CHECK(p.login({.client_id = "sensor-1", .username = "x"}).verdict == KEEL_NEXT);
}

TEST_CASE("client ids of the settings") {
  Loaded p("auth.client", {{"1.clientid", "id"}, {"1.password", "public"}});
  CHECK(p.login({.client_id = "id", .password = "public"}).verdict == KEEL_ALLOW);
  CHECK(p.login({.client_id = "id", .password = "Public"}).reason == 0x86);
}

TEST_CASE("commands, and who they disconnect") {
  Loaded p("auth.client");
  CHECK(p.ctl({"clientid", "add", "c1", "one"}).output == "ok\n");
  CHECK(p.ctl({"clientid", "update", "c1", "two"}).output == "ok\n");
  CHECK(p.ctl({"clientid", "del", "c2"}).output == "there is no client id c2\n");
  CHECK(p.ctl({"clientid", "list", "--json"}).output ==
        "[\n{\"clientid\":\"c1\",\"source\":\"store\",\"hash\":\"argon2id\",\"scram\":false}]\n");
  CHECK(p.ctl({"clientid", "del", "c1"}).output == "ok\n");
  CHECK(p.host.kicked_users.empty());
  REQUIRE(p.host.kicked.size() == 2);
  CHECK(p.host.kicked[1].first == "c1");
}

TEST_CASE("import takes the column clientid") {
  Loaded p("auth.client");
  const std::string file = p.dir.path("f");
  keel::test::write_file(file, "clientid,password\nc1,one\n");
  CHECK(p.ctl({"clientid", "import", file}).exit == KEEL_EXIT_OK);
  keel::test::write_file(file, "clientid,password\nc1,two\n");
  p.host.clients = {{.client_id = "c1", .username = "x"}, {.client_id = "c2", .username = "c1"}};
  CHECK(p.ctl({"clientid", "import", file, "--replace"}).exit == KEEL_EXIT_OK);
  REQUIRE(p.host.kicked.size() == 1);
  CHECK(p.host.kicked[0].first == "c1");
}

TEST_CASE("no enhanced authentication here") {
  Loaded p("auth.client");
  CHECK(p.host.authenticate({.client_id = "c1"}, "SCRAM-SHA-256", "n,,n=c1,r=x").verdict ==
        KEEL_NEXT);
}
