#include <doctest/doctest.h>

#include <keel/fake.hpp>

extern "C" const keel_plugin_entry keel_plugin_entry_v1;

TEST_CASE("messages are counted, shown and measured") {
  keel::FakeHost host;
  REQUIRE(host.load(keel_plugin_entry_v1));
  host.publish({"a", "123"});
  host.publish({"b", "12345"});
  CHECK(host.ctl("traffic show").output == "2 messages, the largest with 5 bytes\n");
  CHECK(host.ctl("traffic show --json").output == "{\"messages\":2,\"largest\":5}\n");
  CHECK(host.metric("traffic_messages_total") == 2);
  CHECK(host.metric("traffic_payload_bytes") == 8);
  CHECK(host.metric("traffic_largest_bytes") == 5);
  CHECK(host.ctl("traffic reset").exit == KEEL_EXIT_OK);
  CHECK(host.ctl("traffic show").output == "0 messages, the largest with 0 bytes\n");
  CHECK(host.ctl("traffic").exit == KEEL_EXIT_USAGE);
  CHECK(host.ctl("traffic dance").exit == KEEL_EXIT_USAGE);
  CHECK(host.unload());
}
