#include <doctest/doctest.h>

#include <keel/fake.hpp>

extern "C" const keel_plugin_entry keel_plugin_entry_v1;

TEST_CASE("a line becomes a message") {
  keel::FakeHost host;
  REQUIRE(host.load(keel_plugin_entry_v1));
  host.datagram("kitchen/temp 21 degrees");
  host.datagram("nonsense");
  REQUIRE(host.published.size() == 1);
  CHECK(host.published[0].topic == "kitchen/temp");
  CHECK(host.published[0].payload == "21 degrees");
  CHECK(host.unload());
}
