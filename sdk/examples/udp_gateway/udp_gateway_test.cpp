#include <doctest/doctest.h>

#include <keel/fake.hpp>

extern "C" const keel_plugin_entry keel_plugin_entry_v1;

namespace {

struct Gateway {
  Gateway() { REQUIRE(host.load(keel_plugin_entry_v1)); }
  // What the device hears, lines joined.
  std::string say(std::string_view line, std::string_view from = "10.0.0.1:1") {
    host.datagram(line, from);
    return heard();
  }
  std::string heard() {
    std::string out;
    for (const keel::FakeDatagram& sent : host.datagrams_sent) out += sent.bytes + '|';
    host.datagrams_sent.clear();
    return out;
  }
  keel::FakeHost host;
};

}  // namespace

TEST_CASE("a device says hello, publishes, subscribes, hears and leaves") {
  Gateway g;
  CHECK(g.say("pub a b") == "no hello first|");
  CHECK(g.say("hello dev1") == "ok hello|");
  CHECK(g.say("pub up/1 21 degrees") == "ok pub|");
  const auto& published = g.host.session("dev1")->published;
  REQUIRE(published.size() == 1);
  CHECK(published[0].payload == "21 degrees");
  CHECK(g.say("pub a/# x") == "no session.publish: not a topic, or QoS above 2|");
  CHECK(g.say("sub down/#") == "ok sub|");
  g.host.deliver("dev1", {"down/x", "hi", 1});
  CHECK(g.heard() == "msg down/x hi|");
  CHECK(g.host.session("dev1")->acked.size() == 1);
  CHECK(g.say("dance") == "no such word|");
  CHECK(g.say("bye") == "bye|");
  CHECK(g.host.session("dev1")->closed);
  CHECK(g.say("pub a b") == "no hello first|");
  CHECK(g.host.unload());
}

TEST_CASE("refusals are told, and leave nothing behind") {
  Gateway g;
  g.host.session_open = [](const auto&) { return std::uint8_t{0x87}; };
  CHECK(g.say("hello dev1") == "no hello 135|");
  CHECK(g.say("hello ") == "no session.open: no client id|");
  g.host.session_open = [](const auto&) { return std::uint8_t{0}; };
  g.say("hello dev1");
  g.host.session_end("dev1", 0x8e, "taken over");
  CHECK(g.heard() == "bye|");
  CHECK(g.host.health().second == "0 devices");
  CHECK(g.host.handles("session") == 0);
}

TEST_CASE("the table of devices is bounded") {
  keel::FakeHost host;
  host.set("udp_gateway.max_devices", "2");
  REQUIRE(host.load(keel_plugin_entry_v1));
  for (const char* from : {"10.0.0.1:1", "10.0.0.1:2", "10.0.0.1:3", "10.0.0.1:1"}) {
    host.datagram(keel::concat("hello d", from[9]), from);
  }
  CHECK(host.datagrams_sent.at(2).bytes == "no room");
  CHECK(host.handles("session") == 2);
}

TEST_CASE("a new version goes on where the old one was") {
  Gateway g;
  g.say("hello dev1");
  g.say("sub down/#");
  REQUIRE(g.host.upgrade(keel_plugin_entry_v1));
  CHECK(g.heard().empty());  // no goodbyes
  g.host.deliver("dev1", {"down/x", "hi", 1});
  CHECK(g.heard() == "msg down/x hi|");
  CHECK(g.say("pub up/1 x") == "ok pub|");
  CHECK(g.host.unload());
  CHECK(g.heard() == "bye|");
}
