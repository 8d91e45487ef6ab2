// The built plugin in a real broker.
#include <doctest/doctest.h>

#include <keel/test.hpp>

TEST_CASE("messages change on their way, until the plugin is unloaded") {
  keel::KernelFixture kernel({.settings = "topic = \"demo/\"\ntext = \"> \"\n"});
  auto client = kernel.connect("client");
  client.subscribe("#");
  client.publish("demo/a", "42", 1);
  client.expect("demo/a", "> 42");
  client.publish("other", "42", 1);
  client.expect("other", "42");

  REQUIRE(kernel.unload());
  CHECK_FALSE(kernel.maps_contains("@NAME@"));
  client.publish("demo/a", "42", 1);
  client.expect("demo/a", "42");
}

TEST_CASE("new settings hold after a reload") {
  keel::KernelFixture kernel({.settings = "topic = \"demo/\"\ntext = \"> \"\n"});
  auto client = kernel.connect("client");
  client.subscribe("demo/#");
  kernel.put_settings("topic = \"demo/\"\ntext = \"new: \"\n");
  REQUIRE(kernel.reload());
  client.publish("demo/a", "42", 1);
  client.expect("demo/a", "new: 42");
}
