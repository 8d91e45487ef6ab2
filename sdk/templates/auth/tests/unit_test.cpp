// The plugin on a fake host: no broker, no clients, no waiting.
#include <doctest/doctest.h>

#include <keel/fake.hpp>

extern "C" const keel_plugin_entry keel_plugin_entry_v1;

TEST_CASE("a known user needs the right password") {
  keel::FakeHost host;
  host.set("users.alice", "secret");
  REQUIRE(host.load(keel_plugin_entry_v1));
  const auto verdict = [&](const char* name, const char* password) {
    return host.authenticate({.username = name, .password = password}).verdict;
  };
  CHECK(verdict("alice", "secret") == KEEL_ALLOW);
  CHECK(verdict("alice", "Secret") == KEEL_DENY);
  CHECK(verdict("alice", "secret ") == KEEL_DENY);
  CHECK(verdict("alice", "") == KEEL_DENY);
  CHECK(host.unload());
}

TEST_CASE("about others it has no opinion") {
  keel::FakeHost host;
  host.set("users.alice", "secret");
  REQUIRE(host.load(keel_plugin_entry_v1));
  CHECK(host.authenticate({.username = "bob", .password = "secret"}).verdict == KEEL_NEXT);
  CHECK(host.authenticate({}).verdict == KEEL_NEXT);
}
