// The plugin on a fake host: no broker, no threads, no waiting.
#include <doctest/doctest.h>

#include <keel/fake.hpp>

extern "C" const keel_plugin_entry keel_plugin_entry_v1;

TEST_CASE("messages below the topic are changed, others are not") {
  keel::FakeHost host;
  REQUIRE(host.load(keel_plugin_entry_v1));
  CHECK(host.publish({.topic = "@NAME@/a", .payload = "42"}).message.payload == "checked: 42");
  CHECK(host.publish({.topic = "other/a", .payload = "42"}).message.payload == "42");
  CHECK(host.unload());
}

TEST_CASE("topic and text come from the settings") {
  keel::FakeHost host;
  host.set("topic", "demo/");
  host.set("text", "> ");
  REQUIRE(host.load(keel_plugin_entry_v1));
  const keel::FakeMessage message =
      host.publish({.topic = "demo/a", .payload = "42", .qos = 1, .retain = true}).message;
  CHECK(message.payload == "> 42");
  CHECK(message.topic == "demo/a");
  CHECK(message.qos == 1);
  CHECK(message.retain);
}
