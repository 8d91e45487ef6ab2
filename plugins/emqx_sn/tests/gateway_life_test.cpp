// The gateway on FakeHost: listeners, loading, upgrades, unloading, reloads and bounds.
#include "gateway_fixture.hpp"

using namespace sn_test;

TEST_CASE("an address that cannot be bound is an error that names it") {
  keel::FakeHost host;
  host.set("mqtt.sn.port", "127.0.0.1:1884");
  host.fail_next("udp.bind", KEEL_E_IO);
  const keel::Status status = host.load(keel_plugin_entry_v1);
  CHECK_FALSE(status);
  CHECK(status.text().find("mqtt.sn.port: 127.0.0.1:1884") != std::string_view::npos);
}

TEST_CASE("a listener on all addresses answers from where the peer is known") {
  Gateway g(Settings{{"mqtt.sn.port", "0.0.0.0:1884"}});
  for (const char* const id : {"c1", "c2"}) {
    CHECK(g.say(connect(id)) == "40001: 03 05 00");
    CHECK(g.say(hex("02 16")) == "40001: 02 17");
    CHECK(g.say(hex("02 18")) == "40001: 02 18");
    g.host.advance(1000);
  }
}

TEST_CASE("one address is several peers at several listeners") {
  Gateway g(Settings{{"mqtt.sn.listener.1", "127.0.0.1:1885"}});
  CHECK(g.say(connect("c1")) == "40001: 03 05 00");
  g.to = "127.0.0.1:1885";
  CHECK(g.say(hex("02 16")) == "40001: 02 18");
  CHECK(g.say(connect("c3")) == "40001: 03 05 00");
  CHECK(g.is_open("c1"));
  CHECK(g.host.session("c3")->listener_name == "emqx_sn:udp:1885");
}

TEST_CASE("unloading says goodbye to everybody, and waits for it") {
  Gateway g;
  g.say(connect("c1"), kA);
  g.say(connect("c2", 0x00), kB);
  g.say(connect("c4"), kC);
  g.say(hex("04 18 01 2C"), kC);
  REQUIRE(g.host.unload());
  CHECK(g.host.drained);
  std::string heard = g.heard();
  CHECK(heard.find("40001: 02 18") != std::string::npos);
  CHECK(heard.find("40002: 02 18") != std::string::npos);
  CHECK(heard.find("5: 02 18") != std::string::npos);
  for (const char* const id : {"c1", "c2", "c4"}) {
    CHECK(g.host.session(id)->closed);
    CHECK(g.host.session(id)->close_reason == 0);
  }
}

TEST_CASE("a new version goes on where the old one was") {
  Gateway g;
  for (const auto& [id, from] : {std::pair("c1", kA), {"c2", kB}}) {
    g.say(connect(id), from);
    CHECK(g.say(hex("08 12 20 00 05 61 2F 62"), from).ends_with("08 13 20 01 00 00 05 00"));
  }
  CHECK(g.say(wrapped("\x07", connect("c4"))) == "40001: 04 FE 00 07 03 05 00");
  CHECK(g.say(wrapped("\x07", hex("04 18 01 2C"))) == "40001: 04 FE 00 07 02 18");
  REQUIRE(g.host.upgrade(keel_plugin_entry_v1));
  CHECK(g.heard().empty());  // no goodbyes
  CHECK(g.host.health().second.ends_with("3 clients"));
  for (const auto& pair : {std::pair("c1", kA), {"c2", kB}}) {
    const std::string_view id = pair.first, from = pair.second;
    CAPTURE(id);
    CHECK(g.is_open(id));
    g.host.deliver(id, {"a/b", "x", 0});
    CHECK(g.heard().ends_with("08 0C 00 01 00 00 00 78"));
    CHECK(g.say(hex("09 0C 20 01 00 00 02 68 69"), from).ends_with("07 0D 01 00 00 02 00"));
    CHECK(g.host.session(id)->published.size() == 1);
  }
  g.host.deliver("c4", {"te", "x", 0});
  CHECK(g.heard().empty());
  CHECK(g.say(wrapped("\x07", pingreq("c4"))) ==
        "40001: 04 FE 00 07 08 0C 02 74 65 00 00 78; 40001: 04 FE 00 07 02 17");
  g.host.advance(95'000);  // 1.5 times the keep alive
  CHECK_FALSE(g.is_open("c1"));
  CHECK_FALSE(g.is_open("c2"));
  CHECK(g.is_open("c4"));
  g.host.advance(300'000);
  CHECK_FALSE(g.is_open("c4"));
  CHECK(g.host.session("c4")->close_reason != 0);
  CHECK(g.host.unload());
}

TEST_CASE("a new version that cannot start leaves everything to the old one") {
  Gateway g;
  g.say(connect("c1"), kA);
  g.say(connect("c2"), kB);
  g.say(hex("09 0A 00 00 00 01 61 2F 62"), kB);
  g.host.fail_next("udp.bind", KEEL_E_IO);
  CHECK_FALSE(g.host.upgrade(keel_plugin_entry_v1));
  CHECK(g.heard().empty());
  CHECK(g.say(hex("02 16"), kA) == "40001: 02 17");
  CHECK(g.say(hex("09 0C 20 01 00 00 02 68 69"), kB) == "40002: 07 0D 01 00 00 02 00");
  CHECK(g.host.health().second.ends_with("2 clients"));
  CHECK(g.host.unload());
}

TEST_CASE("a session that did not survive the upgrade is told its client") {
  Gateway g;
  for (const auto& [id, from] : {std::pair("c1", kA), {"c2", kB}}) g.say(connect(id), from);
  g.host.fail_next("session.attach", KEEL_E_STALE);
  REQUIRE(g.host.upgrade(keel_plugin_entry_v1));
  g.host.advance(200);
  CHECK(g.heard().ends_with(": 02 18"));
  CHECK(g.host.health().second.ends_with("1 clients"));
}

TEST_CASE("datagrams that come during an upgrade are not lost") {
  Gateway g;
  g.say(connect("c2"));
  g.say(hex("09 0A 00 00 00 01 61 2F 62"));
  REQUIRE(g.host.upgrade(keel_plugin_entry_v1));
  g.say(hex("09 0C 20 01 00 00 02 68 69"));
  CHECK(g.host.session("c2")->published.size() == 1);
}

TEST_CASE("clients that are away keep their ids over an upgrade") {
  Gateway g;
  g.say(connect("c2", 0x00));
  CHECK(g.say(hex("09 0A 00 00 00 01 61 2F 62")) == "40001: 07 0B 01 00 00 01 00");
  g.say(hex("02 18"));
  REQUIRE(g.host.upgrade(keel_plugin_entry_v1));
  CHECK(g.host.health().second.ends_with("0 clients"));
  g.host.session_present = true;
  CHECK(g.say(connect("c2", 0x00), kB) == "40002: 03 05 00");
  CHECK(g.say(hex("09 0C 20 01 00 00 02 68 69"), kB) == "40002: 07 0D 01 00 00 02 00");
}

TEST_CASE("a reload changes listeners, and leaves those that stay alone") {
  Gateway g(Settings{{"mqtt.sn.listener.1", "127.0.0.1:1885"}});
  g.say(connect("c1"));
  g.to = "127.0.0.1:1885";
  g.say(connect("c2"), kB);
  g.say(connect("c3"), kC);
  CHECK(g.host.reload({{"mqtt.sn.listener.1", "127.0.0.1:1886"}, {"mqtt.sn.gateway_id", "9"}}));
  CHECK_FALSE(g.is_open("c2"));
  CHECK_FALSE(g.is_open("c3"));
  CHECK(g.is_open("c1"));
  g.to = "127.0.0.1:1884";
  CHECK(g.say(hex("02 16")) == "40001: 02 17");
  CHECK(g.say(hex("03 01 00")) == "40001: 03 02 09");
  g.to = "127.0.0.1:1886";
  CHECK(g.say(connect("c2"), kB) == "40002: 03 05 00");
  g.host.fail_next("udp.bind", KEEL_E_IO);
  CHECK_FALSE(g.host.reload({{"mqtt.sn.listener.1", "127.0.0.1:1887"}}));
  CHECK(g.say(hex("02 16"), kB) == "40002: 02 17");  // all is as before
  CHECK(g.host.unload());
}

TEST_CASE("other settings of clients hold for those that are there, too") {
  Gateway g(Settings{{"mqtt.sn.predefined.topic.1", "one"}});
  g.say(connect("c2"));
  CHECK(g.say(hex("08 0C 21 00 02 00 07 78")) == "40001: 07 0D 00 02 00 07 02");
  CHECK(g.host.reload({{"mqtt.sn.predefined.topic.2", "two"}}));
  CHECK(g.say(hex("08 0C 21 00 02 00 07 78")) == "40001: 07 0D 00 02 00 07 00");
}

TEST_CASE("malformed datagrams change nothing for the client of that address") {
  Gateway g;
  g.say(connect("c2"));
  for (const char* const bad :
       {"", "00", "01", "01 00", "02", "01 00 03", "03 16", "05 10 00 01 00", "06 0C 00 01 00 00",
        "02 03", "02 11", "02 FD", "02 FF"}) {
    CAPTURE(bad);
    CHECK(g.say(hex(bad)).empty());
  }
  CHECK(g.say(hex("02 16")) == "40001: 02 17");
}

TEST_CASE("clients that are away are bounded, the oldest is forgotten") {
  Gateway g(Settings{{"mqtt.sn.max_connections", "2"}});
  for (const char* const id : {"c1", "c3", "c5", "c7"}) {
    CHECK(g.say(connect(id, 0x00)) == "40001: 03 05 00");
    CHECK(g.say(hex("09 0A 00 00 00 01 61 2F 62")) == "40001: 07 0B 01 00 00 01 00");
    CHECK(g.say(hex("02 18")) == "40001: 02 18");
  }
  g.host.session_present = true;
  g.say(connect("c7", 0x00));
  CHECK(g.say(hex("09 0C 20 01 00 00 02 68 69")) == "40001: 07 0D 01 00 00 02 00");
  g.say(connect("c1", 0x00));
  CHECK(g.say(hex("09 0C 20 01 00 00 02 68 69")) == "40001: 07 0D 01 00 00 02 02");
}

TEST_CASE("a shard that cannot be sent for looks by itself; its mailbox is bounded") {
  Gateway g;
  g.say(connect("c2"));
  g.host.fail_next("shard.post", KEEL_E_LIMIT);
  CHECK(g.say(hex("02 16")).empty());
  g.host.advance(200);
  CHECK(g.heard() == "40001: 02 17");
  g.host.fail_next("shard.post", KEEL_E_LIMIT);
  for (int i = 0; i < 10'000; ++i) g.host.datagram(hex("02 16"), kA);
  g.host.advance(200);
  CHECK(g.host.datagrams_sent.size() == 8192);
}

TEST_CASE("a route that a client has taken anew outlives the end of its last session") {
  Gateway g;
  g.say(connect("c2"));
  // DISCONNECT waits for the other shard, which then cannot send for this one.
  g.host.fail_next("shard.post", KEEL_E_LIMIT, 2);
  CHECK(g.say(hex("02 18")).empty());
  g.host.advance(100);
  CHECK(g.heard() == "40001: 02 18");
  CHECK(g.say(connect("c2")) == "40001: 03 05 00");
  g.host.advance(1000);
  CHECK(g.say(hex("02 16")) == "40001: 02 17");
  CHECK(g.is_open("c2"));
}

TEST_CASE("two CONNECTs that wait for the other shard: the last one counts") {
  Gateway g;
  g.host.fail_next("shard.post", KEEL_E_LIMIT);
  g.host.datagram(connect("c2"), kA);
  g.host.datagram(connect("c4"), kA);
  g.host.advance(200);
  CHECK(g.heard().ends_with("40001: 03 05 00"));
  CHECK_FALSE(g.is_open("c2"));
  CHECK(g.is_open("c4"));
  CHECK(g.say(hex("02 16")) == "40001: 02 17");
  CHECK(g.host.health().second.ends_with("1 clients"));
}
