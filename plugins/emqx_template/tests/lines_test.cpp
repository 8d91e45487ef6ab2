// The plugin on a fake host.
#include <doctest/doctest.h>

#include <keel/fake.hpp>

extern "C" const keel_plugin_entry keel_plugin_entry_v1;

TEST_CASE("a line becomes a message") {
  keel::FakeHost host;
  REQUIRE(host.load(keel_plugin_entry_v1));
  CHECK(host.udp_addresses() == std::vector<std::string>{"127.0.0.1:7777"});
  host.datagram("kitchen/temp 21 degrees\r\n");
  REQUIRE(host.published.size() == 1);
  CHECK(host.published[0].topic == "kitchen/temp");
  CHECK(host.published[0].payload == "21 degrees");
  CHECK(host.metric("template_lines_total") == 1);
  CHECK(host.unload());
}

TEST_CASE("what is no line is dropped") {
  keel::FakeHost host;
  REQUIRE(host.load(keel_plugin_entry_v1));
  for (const char* line : {"", "\n", "word", " leading", "a/# payload"}) host.datagram(line);
  CHECK(host.published.empty());
  CHECK(host.logged("no line 'topic payload'"));
  CHECK(host.logged("cannot publish to a/#"));
}

TEST_CASE("the address comes from the settings; one that is taken stops the start") {
  keel::FakeHost host;
  host.set("template.address", "127.0.0.1:9000");
  host.fail_next("udp.bind", KEEL_E_IO);
  CHECK(host.load(keel_plugin_entry_v1) == KEEL_E_IO);
  REQUIRE(host.load(keel_plugin_entry_v1));
  CHECK(host.datagram("a b", "127.0.0.1:40000", "127.0.0.1:9000"));
  CHECK(host.published.size() == 1);
}

TEST_CASE("an upgrade loses no line") {
  keel::FakeHost host;
  REQUIRE(host.load(keel_plugin_entry_v1));
  host.datagram("a 1");
  REQUIRE(host.upgrade(keel_plugin_entry_v1));
  host.datagram("a 2");
  CHECK(host.published.size() == 2);
}
