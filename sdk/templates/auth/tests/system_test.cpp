// The built plugin in a real broker.
#include <doctest/doctest.h>

#include <keel/test.hpp>

namespace {

// The code that the broker answers: 0 admits.
int try_to_connect(const keel::KernelFixture& kernel, const char* name, const char* password) {
  keel::test::MqttClient client(kernel.port());
  return client.connect({.client_id = "client", .username = name, .password = password});
}

}  // namespace

TEST_CASE("only who is known and has the password gets in") {
  keel::KernelFixture kernel({.settings = "[users]\nalice = \"secret\"\n"});
  CHECK(try_to_connect(kernel, "alice", "secret") == 0);
  CHECK(try_to_connect(kernel, "alice", "wrong") != 0);
  CHECK(try_to_connect(kernel, "bob", "secret") != 0);
}

TEST_CASE("who is in stays in when the plugin goes") {
  keel::KernelFixture kernel({.settings = "[users]\nalice = \"secret\"\n"});
  auto client =
      kernel.connect_with({.client_id = "client", .username = "alice", .password = "secret"});
  REQUIRE(kernel.unload());
  CHECK_FALSE(kernel.maps_contains("@NAME@"));
  client.ping();
  CHECK(try_to_connect(kernel, "alice", "secret") != 0);
}
