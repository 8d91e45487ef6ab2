// The plugin on a fake host: no broker, no sockets, no waiting.
#include <doctest/doctest.h>

#include <keel/fake.hpp>

extern "C" const keel_plugin_entry keel_plugin_entry_v1;

TEST_CASE("a line becomes a message and is answered") {
  keel::FakeHost host;
  REQUIRE(host.load(keel_plugin_entry_v1));
  REQUIRE(host.datagram("kitchen/temp 21.5 degrees"));
  REQUIRE(host.published.size() == 1);
  CHECK(host.published[0].topic == "@NAME@/kitchen/temp");
  CHECK(host.published[0].payload == "21.5 degrees");
  REQUIRE(host.datagrams_sent.size() == 1);
  CHECK(host.datagrams_sent[0].bytes == "ok");
  CHECK(host.unload());
}

TEST_CASE("anything else is answered with what is wrong") {
  keel::FakeHost host;
  REQUIRE(host.load(keel_plugin_entry_v1));
  for (const char* line : {"", "word", " blank first"}) {
    CAPTURE(line);
    host.datagrams_sent.clear();
    REQUIRE(host.datagram(line));
    REQUIRE(host.datagrams_sent.size() == 1);
    CHECK(host.datagrams_sent[0].bytes == "error: send a topic, a blank, and a message");
  }
  CHECK(host.published.empty());
}

TEST_CASE("address and prefix come from the settings") {
  keel::FakeHost host;
  host.set("address", "127.0.0.1:9000");
  host.set("prefix", "");
  REQUIRE(host.load(keel_plugin_entry_v1));
  REQUIRE(host.datagram("a b", "127.0.0.1:40000", "127.0.0.1:9000"));
  CHECK(host.published.at(0).topic == "a");
}
