// The plugin on a fake host: no broker, no clients, no waiting.
#include <doctest/doctest.h>

#include <keel/fake.hpp>

extern "C" const keel_plugin_entry keel_plugin_entry_v1;

TEST_CASE("messages are counted, shown and forgotten") {
  keel::FakeHost host;
  host.set("topic", "demo/");
  REQUIRE(host.load(keel_plugin_entry_v1));
  host.publish({.topic = "demo/a", .payload = "1"});
  host.publish({.topic = "demo/b", .payload = "2"});
  host.publish({.topic = "other", .payload = "3"});
  CHECK(host.ctl("@NAME@ show").output == "messages: 2\n");
  CHECK(host.ctl("@NAME@ show --json").output == "{\"messages\":2}\n");
  CHECK(host.metric("@NAME@_messages_total") == 2);
  CHECK(host.ctl("@NAME@ reset").output == "messages: 0\n");
  CHECK(host.metric("@NAME@_messages_total") == 2);
  CHECK(host.unload());
}

TEST_CASE("other words are answered with the usage") {
  keel::FakeHost host;
  REQUIRE(host.load(keel_plugin_entry_v1));
  for (const char* words : {"@NAME@", "@NAME@ nonsense", "@NAME@ show more"}) {
    CAPTURE(words);
    CHECK(host.ctl(words).exit == KEEL_EXIT_USAGE);
  }
}
