// The gateway on FakeHost with a store: what of its clients survives a restart of the broker.
#include "restart_fixture.hpp"

using namespace sn_test;

TEST_CASE("sleepers poll after the broker was killed, and find what waits for them") {
  Run before;
  before.let_both_sleep();
  Run g(before.kill());
  g.host.advance(200);
  CHECK(g.heard().empty());
  CHECK(g.host.health().second.ends_with("2 clients"));
  for (const auto& pair : {std::pair("c1", kA), {"c2", kB}}) {
    const std::string_view id = pair.first, from = pair.second;
    CAPTURE(id);
    const auto* const session = g.host.session(id);
    REQUIRE(session);
    CHECK(session->open);
    CHECK(session->suspended);
    CHECK_FALSE(session->clean);
    CHECK(session->username == "sensor");
    CHECK(session->keep_alive_s == 60);
    CHECK(session->loopback_only);
    CHECK(session->listener_name == "emqx_sn:udp:1884");
    g.host.deliver(id, {"a/b", "x", 1});
    CHECK(g.heard().empty());
    CHECK(g.say(pingreq(id), from).ends_with("08 0C 20 01 00 00 01 78"));
    CHECK(g.say(hex("07 0D 01 00 00 01 00"), from).ends_with("02 17"));
    CHECK(g.say(hex("09 0C 20 01 01 00 03 68 69"), from).ends_with("07 0D 01 01 00 03 00"));
    CHECK(g.host.session(id)->published.at(0).topic == "a/c");
  }
}

TEST_CASE("a poll without client id is known by where it comes from") {
  Run before;
  before.let_both_sleep();
  Run g(before.kill());
  g.host.advance(200);
  CHECK(g.say(hex("02 16"), kA) == "40001: 02 17");
  CHECK(g.say(hex("02 16"), kB) == "40002: 02 17");
  CHECK(g.say(hex("02 16"), kC) == "5: 02 18");
}

TEST_CASE("sleepers poll from elsewhere, unless that is forbidden") {
  Run before;
  before.let_both_sleep();
  const Store store = before.kill();
  {
    Run g(std::make_shared<keel::FakeKv>(*store));
    g.host.advance(200);
    CHECK(g.say(pingreq("c1"), kC) == "5: 02 17");
    CHECK(g.say(pingreq("c2"), kA) == "40001: 02 17");
  }
  Run g(store, {{"mqtt.sn.rebind", "false"}});
  g.host.advance(200);
  CHECK(g.say(pingreq("c1"), kC) == "5: 02 18");
  CHECK(g.say(pingreq("c2"), kC) == "5: 02 18");
  CHECK(g.say(pingreq("c1"), kA) == "40001: 02 17");
  CHECK(g.say(pingreq("c2"), kB) == "40002: 02 17");
}

TEST_CASE("CONNECT of a sleeper wakes it up, whatever it says") {
  Run before;
  before.let_both_sleep();
  Run g(before.kill());
  g.host.advance(200);
  for (const auto& pair : {std::pair("c1", kA), {"c2", kB}}) {
    g.host.deliver(pair.first, {"a/b", "x", 0});
    CHECK(g.say(connect(pair.first, kClean), pair.second).find(": 03 05 00") != std::string::npos);
    CHECK_FALSE(g.host.session(pair.first)->suspended);
    CHECK_FALSE(g.host.session(pair.first)->clean);
  }
}

TEST_CASE("what a client says before its session is open is not lost") {
  Run before;
  before.let_both_sleep();
  Run g(before.kill());
  CHECK(g.say(pingreq("c1"), kA) == "40001: 02 17");  // none has been asked for
  CHECK(g.say(connect("c2", kPersistent), kB) == "40002: 03 05 00");
  CHECK(g.host.session("c1")->suspended);
}

TEST_CASE("active clients go on where they were") {
  Run before;
  before.connect_both();
  Run g(before.kill());
  g.host.advance(200);
  CHECK(g.heard().empty());
  for (const auto& pair : {std::pair("c1", kA), {"c2", kB}}) {
    const std::string_view id = pair.first, from = pair.second;
    CAPTURE(id);
    CHECK_FALSE(g.host.session(id)->suspended);
    CHECK(g.say(hex("09 0C 20 01 01 00 03 68 69"), from).ends_with("07 0D 01 01 00 03 00"));
    CHECK(g.host.session(id)->published.at(0).topic == "a/c");
    g.host.deliver(id, {"a/b", "x", 0});
    CHECK(g.heard().ends_with("08 0C 00 01 00 00 00 78"));
    // An id that the client may have got in the last moment is not given out again.
    CHECK(g.say(hex("09 0A 00 00 00 07 61 2F 64"), from).ends_with("07 0B 01 42 00 07 00"));
  }
  g.host.advance(95'000);
  CHECK_FALSE(g.is_open("c1"));  // silent for half as long again as its keep alive
  CHECK(g.host.session("c1")->close_reason != 0);
}

TEST_CASE("clients whose session the broker has lost have to begin anew") {
  Run before;
  before.connect_both();
  before.say(hex("04 18 01 2C"), kA);
  Run g(before.kill());
  g.host.session_present = false;
  g.host.advance(200);
  CHECK(g.heard() == "40002: 02 18");  // the active one; the sleeper does not listen
  CHECK_FALSE(g.is_open("c1"));
  CHECK_FALSE(g.is_open("c2"));
  CHECK(g.say(pingreq("c1"), kA) == "40001: 02 18");
  CHECK(g.host.health().second.ends_with("0 clients"));
  CHECK(g.host.kv->rows.size() == 2);  // their topic ids are known for the time of a session
  g.host.advance(7'300'000);
  CHECK(g.host.kv->rows.empty());
}

TEST_CASE(
    "a session that is refused for good ends it, one that is refused for now is asked again") {
  Run before;
  before.let_both_sleep();
  const Store store = before.kill();
  SUBCASE("for good") {
    Run g(store);
    g.host.session_open = [](auto&) { return std::uint8_t{0x87}; };
    g.host.advance(200);
    CHECK(g.host.health().second.ends_with("0 clients"));
    CHECK(g.say(pingreq("c1"), kA) == "40001: 02 18");
  }
  SUBCASE("for now") {
    Run g(store);
    g.host.session_open = [](auto&) { return std::uint8_t{0x97}; };
    g.host.advance(4'000);
    CHECK_FALSE(g.is_open("c1"));
    g.host.session_open = [](auto&) { return std::uint8_t{0}; };
    g.host.advance(3'000);
    CHECK(g.is_open("c1"));
    CHECK(g.is_open("c2"));
  }
  SUBCASE("not even asked for") {
    Run g(store);
    g.host.fail_next("session.open", KEEL_E_LIMIT, 2);
    g.host.advance(1'000);
    CHECK_FALSE(g.is_open("c1"));
    g.host.advance(6'000);
    CHECK(g.is_open("c1"));
    CHECK(g.is_open("c2"));
  }
}

TEST_CASE("wills are told to the broker again") {
  Run before;
  CHECK(before.say(connect("c1", 0x08)).ends_with("02 06"));
  CHECK(before.say(hex("06 07 30 77 2F 74")).ends_with("02 08"));
  CHECK(before.say(hex("03 09 78")).ends_with("03 05 00"));
  before.say(hex("04 18 01 2C"));
  Run g(before.kill(), {{"mqtt.sn.mountpoint", "m/"}});
  g.host.advance(200);
  const auto& will = g.host.session("c1")->will;
  REQUIRE(will);
  CHECK(will->topic == "m/w/t");
  CHECK(will->payload == "x");
  CHECK(will->qos == 1);
  CHECK(will->retain);
}

TEST_CASE("who was away comes back to its topic ids") {
  Run before;
  before.connect_both();
  before.say(hex("02 18"), kA);
  Run g(before.kill(), {}, 3'600'000);
  g.host.advance(200);
  CHECK(g.host.session("c1") == nullptr);
  CHECK(g.say(connect("c1", kPersistent), kC) == "5: 03 05 00");
  CHECK(g.say(hex("09 0C 20 01 01 00 03 68 69"), kC) == "5: 07 0D 01 01 00 03 00");
}

TEST_CASE("a broker that stops lets sleepers sleep, and says goodbye to the others") {
  Run before;
  before.connect_both();
  before.say(connect("clean"), kC);
  before.say(hex("04 18 01 2C"), kA);
  const Store store = before.stop();
  CHECK(before.host.drained);
  CHECK(before.heard() == "40002: 02 18; 5: 02 18");
  CHECK(store->rows.size() == 2);
  Run g(store, {}, 60'000);
  g.host.advance(200);
  CHECK(g.is_open("c1"));
  CHECK(g.say(pingreq("c1"), kA) == "40001: 02 17");
  CHECK(g.host.session("c2") == nullptr);
  CHECK(g.say(pingreq("c2"), kB) == "40002: 02 18");
  CHECK(g.say(connect("c2", kPersistent), kB) == "40002: 03 05 00");
  // Nothing happened that is not known: ids go on without a gap.
  CHECK(g.say(hex("09 0A 00 00 00 07 61 2F 64"), kB) == "40002: 07 0B 01 02 00 07 00");
}

TEST_CASE("a plugin that is told before the sessions end does the same") {
  Run before;
  before.let_both_sleep();
  before.host.advance(100);
  REQUIRE(before.host.unload(KEEL_DRAIN_STOP));
  CHECK(before.host.drained);
  CHECK(before.heard().empty());
  CHECK(before.host.session("c1")->close_reason == 0);
  CHECK(before.host.session("c1")->closed);
  Run g(before.host.kv);
  g.host.advance(200);
  CHECK(g.say(pingreq("c1"), kA) == "40001: 02 17");
  CHECK(g.say(pingreq("c2"), kB) == "40002: 02 17");
}

TEST_CASE("without a store a broker that stops says goodbye to all") {
  Run before{Store()};
  before.let_both_sleep();
  before.host.advance(100);
  REQUIRE(before.host.unload(KEEL_DRAIN_STOP));
  const std::string heard = before.heard();
  CHECK(heard.find("40001: 02 18") != std::string::npos);
  CHECK(heard.find("40002: 02 18") != std::string::npos);
}

TEST_CASE("unloaded and loaded again: topic ids are known, nobody is asleep") {
  Run before;
  before.let_both_sleep();
  REQUIRE(before.host.unload());
  Run g(before.host.kv);
  g.host.advance(200);
  CHECK(g.host.health().second.ends_with("0 clients"));
  CHECK(g.say(pingreq("c1"), kA) == "40001: 02 18");
  CHECK(g.say(connect("c1", kPersistent), kA) == "40001: 03 05 00");
  CHECK(g.say(hex("09 0C 20 01 01 00 03 68 69"), kA) == "40001: 07 0D 01 01 00 03 00");
}

TEST_CASE("clean sessions are nobody's after a restart, and leave nothing") {
  Run before;
  before.say(connect("c1"), kA);
  before.say(hex("04 18 01 2C"), kA);
  const Store store = before.kill();
  CHECK(store->rows.empty());
  Run g(store);
  g.host.advance(200);
  CHECK(g.say(pingreq("c1"), kA) == "40001: 02 18");
}

TEST_CASE("what is not kept any more is erased") {
  Run g;
  g.connect_both();
  g.host.advance(100);
  REQUIRE(g.has_record("c1"));
  REQUIRE(g.has_record("c2"));
  SUBCASE("a clean session takes its place") {
    g.say(connect("c1", kClean), kA);
    g.host.advance(100);
    CHECK_FALSE(g.has_record("c1"));
  }
  SUBCASE("it was away for too long") {
    g.say(hex("02 18"), kA);
    g.host.advance(100);
    CHECK(g.has_record("c1"));
    g.host.advance(7'200'000);
    CHECK_FALSE(g.has_record("c1"));
  }
  CHECK(g.host.kv->rows.size() <= 1);
}
