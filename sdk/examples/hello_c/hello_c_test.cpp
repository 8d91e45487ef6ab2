#include <doctest/doctest.h>

#include <keel/fake.hpp>

extern "C" const keel_plugin_entry keel_plugin_entry_v1;

TEST_CASE("a line becomes a message, in C, too") {
  keel::FakeHost host;
  REQUIRE(host.load(keel_plugin_entry_v1));
  for (const char* line : {"a/b 1", "", "x", "a/# refused"}) host.datagram(line);
  REQUIRE(host.published.size() == 1);
  CHECK(host.published[0].topic == "a/b");
  CHECK(host.unload());
}

TEST_CASE("a kernel without UDP is refused, not crashed") {
  keel::FakeHost host;
  host.hide_table(KEEL_EXT_UDP);
  CHECK(host.load(keel_plugin_entry_v1) == KEEL_E_UNSUPPORTED);
}
