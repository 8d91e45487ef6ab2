// The gateway on FakeHost with a store: what it writes, what it does not take back, and clients
// that come back in crowds.
#include "restart_fixture.hpp"

using namespace sn_test;

TEST_CASE("one write for each change, none for messages and signs of life") {
  Run g;
  CHECK(g.writes_of(connect("c1", kPersistent)) == 1);
  CHECK(g.writes_of(hex("08 12 20 00 05 61 2F 62")) == 1);     // SUBSCRIBE
  CHECK(g.writes_of(hex("09 0A 00 00 00 06 61 2F 63")) == 1);  // REGISTER
  CHECK(g.writes_of(hex("09 0A 00 00 00 07 61 2F 63")) == 0);  // the same topic
  for (const char* const publish : {"09 0C 00 01 01 00 00 68 69", "09 0C 20 01 01 00 08 68 69",
                                    "09 0C 40 01 01 00 09 68 69", "04 10 00 09", "02 16"}) {
    CAPTURE(publish);
    CHECK(g.writes_of(hex(publish)) == 0);
  }
  CHECK(g.writes_of(hex("04 18 01 2C")) == 1);  // sleep
  CHECK(g.writes_of(hex("02 16")) == 0);        // a poll soon after
  g.host.advance(75'000);
  CHECK(g.writes_of(hex("02 16")) == 1);  // that it lives is known to a quarter of its sleep
  CHECK(g.writes_of(hex("02 16")) == 0);
  CHECK(g.writes_of(hex("04 18 01 2C")) == 1);
  CHECK(g.writes_of(pingreq("c1"), kC) == 1);  // it is elsewhere
  CHECK(g.writes_of(hex("02 18"), kC) == 1);   // it leaves
  CHECK(g.writes_of(connect("c3", kClean), kB) == 0);
  CHECK(g.writes_of(hex("09 0A 00 00 00 06 61 2F 63"), kB) == 0);
}

TEST_CASE("many changes of one client are one write") {
  Run g;
  g.say(connect("c1", kPersistent));
  g.host.advance(100);
  const int before = g.writes();
  for (int i = 0; i < 50; ++i) {
    std::string name = "topic/" + std::to_string(i);
    std::string packet{static_cast<char>(6 + name.size()), '\x0a', 0, 0, 0, static_cast<char>(i)};
    g.say(packet + name);
  }
  g.host.advance(100);
  CHECK(g.writes() == before + 1);
}

TEST_CASE("a crowd of large clients is written little by little") {
  Run g;
  const std::string name(60'000, 'n');
  const auto size = static_cast<std::uint16_t>(name.size() + 9);
  for (int i = 0; i < 40; ++i) {
    const std::string id = "c" + std::to_string(2 * i + 1);
    const std::string from = "127.0.0.1:" + std::to_string(20'000 + i);
    g.say(connect(id, kPersistent), from);
    std::string packet{
        1, static_cast<char>(size >> 8), static_cast<char>(size & 0xff), '\x0a', 0, 0, 0, 1};
    g.say(packet + std::string(1, 'x') + name, from);
  }
  g.host.advance(100);
  CHECK(g.host.kv->rows.size() < 40);
  g.host.advance(300);
  CHECK(g.host.kv->rows.size() == 40);
}

TEST_CASE("a store that is busy is asked again; nothing is forgotten, and it is said once") {
  Run g;
  g.host.fail_next("kv.put", KEEL_E_LIMIT, 100);
  g.connect_both();
  g.host.advance(1'000);
  CHECK(g.host.kv->rows.empty());
  CHECK(g.lines(KEEL_LOG_WARNING, "the store is behind") == 2);  // each shard
  CHECK(g.host.calls("kv.put") <= 24);                           // no storm
  g.host.advance(10'000);
  CHECK(g.host.kv->rows.size() == 2);
}

TEST_CASE("an erasure that the store does not take is asked for again, before a new record") {
  Run g;
  g.connect_both();
  g.host.advance(100);
  g.host.fail_next("kv.erase", KEEL_E_LIMIT, 1);
  g.say(connect("c1", kClean), kA);
  g.say(hex("02 18"), kA);
  g.say(connect("c1", kPersistent), kA);
  g.host.advance(300);
  CHECK(g.has_record("c1"));
  g.host.fail_next("kv.erase", KEEL_E_LIMIT, 1);
  g.say(connect("c1", kClean), kA);
  g.host.advance(300);
  CHECK_FALSE(g.has_record("c1"));
}

TEST_CASE("without a store nothing is said but once, to those who look for it") {
  Run g{Store()};
  g.connect_both();
  g.say(hex("04 18 01 2C"), kA);
  g.host.advance(1'000);
  CHECK(g.lines(KEEL_LOG_DEBUG, "there is no store") == 2);  // at the start, and at the first write
  CHECK(g.lines(KEEL_LOG_WARNING, "") == 0);
  CHECK(g.lines(KEEL_LOG_ERROR, "") == 0);
  CHECK(g.host.calls("kv.put") <= 6);
  SUBCASE("one that is loaded later gets what changes from then on") {
    g.host.kv = std::make_shared<keel::FakeKv>();
    g.host.advance(1'000);
    CHECK(g.host.kv->rows.empty());
    g.say(hex("09 0A 00 00 00 07 61 2F 64"), kB);
    g.host.advance(100);
    CHECK(g.has_record("c2"));
    CHECK_FALSE(g.has_record("c1"));
  }
  SUBCASE("one that is gone again") {
    g.host.kv = std::make_shared<keel::FakeKv>();
    g.say(hex("09 0A 00 00 00 07 61 2F 64"), kB);
    g.host.advance(100);
    g.host.kv = nullptr;
    g.say(hex("04 18 01 2C"), kB);
    g.host.advance(100);
    CHECK(g.say(pingreq("c2"), kB) == "40002: 02 17");
    CHECK(g.lines(KEEL_LOG_WARNING, "") == 0);
  }
}

TEST_CASE("a broker of before there was such a thing") {
  Gateway g({}, [](keel::FakeHost& host) { host.hide_table(KEEL_EXT_KV); });
  g.say(connect("c1", kPersistent));
  g.say(hex("04 18 01 2C"));
  g.host.advance(1'000);
  CHECK(g.say(pingreq("c1")) == "40001: 02 17");
  for (const auto& line : g.host.log()) CHECK(line.level < KEEL_LOG_WARNING);
}

TEST_CASE("mqtt.sn.persist = false: nothing is written, and nothing is read") {
  Run before;
  before.let_both_sleep();
  const Store store = before.kill();
  Run g(store, {{"mqtt.sn.persist", "false"}});
  g.host.advance(200);
  CHECK(g.say(pingreq("c1"), kA) == "40001: 02 18");
  g.say(connect("c1", kPersistent), kA);
  g.host.advance(200);
  CHECK(g.writes() == 0);
  CHECK(g.host.calls("kv.list") == 0);
  SUBCASE("a reload turns it on, and off again") {
    REQUIRE(g.host.reload({{"mqtt.sn.persist", "true"}}));
    g.host.advance(200);
    CHECK(g.writes() == 1);
    REQUIRE(g.host.reload({{"mqtt.sn.persist", "false"}}));
    g.host.advance(200);
    CHECK_FALSE(g.has_record("c1"));
    const int written = g.writes();
    g.say(hex("04 18 01 2C"), kA);
    g.host.advance(200);
    CHECK(g.writes() == written);
  }
}

TEST_CASE("records that cannot be read are left out, with one warning") {
  Run before;
  before.let_both_sleep();
  const Store store = before.kill();
  store->rows["c1"][0] = 9;
  store->rows["c3"] = "what is this";
  store->rows["c5"] = store->rows["c2"];
  Run g(store);
  g.host.advance(200);
  CHECK(g.lines(KEEL_LOG_WARNING, "3 records") == 1);
  CHECK(g.lines(KEEL_LOG_WARNING, "") == 1);
  CHECK_FALSE(g.is_open("c1"));
  CHECK(g.is_open("c2"));
  CHECK(g.say(pingreq("c1"), kA) == "40001: 02 18");
}

TEST_CASE("a store that cannot be read is an error in the log, and the gateway serves") {
  Run before;
  before.let_both_sleep();
  Gateway g({}, [&](keel::FakeHost& host) {
    host.kv = before.kill();
    host.fail_next("kv.list", KEEL_E_IO);
  });
  CHECK(std::count_if(g.host.log().begin(), g.host.log().end(),
                      [](const auto& line) { return line.level == KEEL_LOG_ERROR; }) == 1);
  CHECK(g.say(connect("c1", kPersistent), kA) == "40001: 03 05 00");
}

TEST_CASE("records that are over are erased") {
  Run before;
  before.let_both_sleep();
  Run g(before.kill(), {}, 300'000 * 7 / 4 + 1000);
  CHECK(g.host.kv->rows.empty());
  g.host.advance(200);
  CHECK(g.host.health().second.ends_with("0 clients"));
  CHECK(g.lines(KEEL_LOG_WARNING, "") == 0);
}

TEST_CASE("no more come back than may be there") {
  Run before;
  for (int i = 0; i < 10; ++i) {
    const std::string from = "127.0.0.1:" + std::to_string(20'000 + i);
    before.say(connect("c" + std::to_string(i), kPersistent), from);
    before.say(hex("04 18 01 2C"), from);
  }
  Run g(before.kill(), {{"mqtt.sn.max_connections", "4"}});
  CHECK(g.lines(KEEL_LOG_WARNING, "6 clients of an earlier run") == 1);
  CHECK(g.host.kv->rows.size() == 4);
  g.host.advance(200);
  CHECK(g.host.health().second.ends_with("4 clients"));
}

TEST_CASE("very many sessions are asked for little by little") {
  Store store = std::make_shared<keel::FakeKv>();
  {
    Run before;
    before.say(connect("c1", kPersistent));
    before.say(hex("04 18 01 2C"));
    std::vector<sn::SavedDevice> one;
    REQUIRE(read_saved(std::string_view(before.kill()->rows.at("c1")).substr(2), one));
    for (int i = 0; i < 1200; ++i) {
      sn::SavedDevice device;
      device.client = one[0].client;
      device.client.client_id = "c" + std::to_string(2 * i + 1);
      store->rows[device.client.client_id] = sn::kept_record(std::move(device), true, {});
    }
  }
  Run g(store);
  g.host.advance(100);
  const int first = g.host.calls("session.open");
  CHECK(first >= 250);
  CHECK(first <= 1000);
  g.host.advance(400);
  CHECK(g.host.calls("session.open") == 1200);
}

TEST_CASE("DTLS clients have to prove the same again, from wherever they come") {
  const Settings dtls{{"mqtt.sn.dtls.port", "127.0.0.1:8884"},
                      {"mqtt.sn.dtls.psk_file", "/psk"},
                      {"mqtt.sn.dtls.peer_identity_as_username", "psk"}};
  const keel::FakeVerified seven{.psk_identity = "seven"}, eight{.psk_identity = "eight"};
  Run before(std::make_shared<keel::FakeKv>(), dtls);
  before.to = "127.0.0.1:8884";
  for (const char* const id : {"c1", "c2", "c3"}) {
    const std::string from = std::string("10.0.0.1:4000") + id[1];
    before.say(connect(id, kPersistent), from, seven);
    if (id[1] != '3') before.say(hex("04 18 01 2C"), from, seven);
  }
  Run g(before.kill(), dtls);
  g.to = "127.0.0.1:8884";
  g.host.advance(200);
  for (const std::string id : {"c1", "c2"}) {
    CAPTURE(id);
    REQUIRE(g.host.session(id));
    REQUIRE(g.host.session(id)->verified);
    CHECK(g.host.session(id)->verified->psk_identity == "seven");
    CHECK(g.host.session(id)->listener_name == "emqx_sn:dtls:8884");
    const std::string from = std::string("10.0.0.1:4000") + id[1];
    CHECK(g.say(pingreq(id), from, eight).ends_with(": 02 18"));
    CHECK(g.say(pingreq(id), std::string("10.0.0.9:") + id[1], seven).ends_with(": 02 17"));
  }
  // An association that is gone: the active one has to connect.
  CHECK(g.host.session("c3") == nullptr);
  CHECK(g.say(hex("02 16"), "10.0.0.1:40003", seven).ends_with(": 02 18"));
  CHECK(g.say(connect("c3", kPersistent), "10.0.0.1:40003", seven).ends_with(": 03 05 00"));
}

TEST_CASE("a client behind a forwarder") {
  Run before;
  before.say(wrapped("\x07", connect("c4", kPersistent)));
  before.say(wrapped("\x07", hex("04 18 01 2C")));
  Run g(before.kill());
  g.host.advance(200);
  CHECK(g.say(hex("02 16")) == "40001: 02 18");
  CHECK(g.say(wrapped("\x07", hex("02 16"))) == "40001: 04 FE 00 07 02 17");
}

TEST_CASE("another client at the place of one of an earlier run") {
  Run before;
  before.let_both_sleep();
  Run g(before.kill());
  g.host.advance(200);
  CHECK(g.say(connect("c3", kClean), kA).ends_with("03 05 00"));
  CHECK(g.say(connect("c5", kClean), kB).ends_with("03 05 00"));
  g.host.advance(200);
  CHECK_FALSE(g.is_open("c1"));
  CHECK_FALSE(g.is_open("c2"));
  CHECK(g.host.health().second.ends_with("2 clients"));
}

TEST_CASE("kicked or displaced before its session is open") {
  Run before;
  before.let_both_sleep();
  Run g(before.kill());
  SUBCASE("kicked") {
    CHECK(g.host.ctl("sn kick c1").exit == 0);
    CHECK(g.host.ctl("sn kick c2").exit == 0);
  }
  SUBCASE("displaced") {
    g.say(connect("c3", kClean), kA);
    g.say(connect("c5", kClean), kB);
  }
  g.host.advance(1'000);
  CHECK_FALSE(g.is_open("c1"));
  CHECK_FALSE(g.is_open("c2"));
  g.host.advance(7'300'000);
  CHECK_FALSE(g.has_record("c1"));
  CHECK_FALSE(g.has_record("c2"));
  CHECK(g.host.unload());
}

TEST_CASE("upgraded before their sessions are open") {
  Run before;
  before.let_both_sleep();
  Run g(before.kill());
  REQUIRE(g.host.upgrade(keel_plugin_entry_v1));
  g.host.advance(200);
  CHECK(g.is_open("c1"));
  CHECK(g.is_open("c2"));
  CHECK(g.say(pingreq("c1"), kA) == "40001: 02 17");
  CHECK(g.say(pingreq("c2"), kB) == "40002: 02 17");
}

TEST_CASE("an upgrade writes what the old version could not, and erases what is over") {
  Run g;
  g.connect_both();
  g.host.advance(100);
  g.host.kv->rows["c9"] = g.host.kv->rows["c1"];
  g.say(hex("04 18 01 2C"), kA);
  REQUIRE(g.host.upgrade(keel_plugin_entry_v1));
  g.host.advance(100);
  CHECK_FALSE(g.has_record("c9"));
  CHECK(g.host.kv->rows.size() == 2);
  Run after(g.kill());
  after.host.advance(200);
  CHECK(after.host.session("c1")->suspended);
  CHECK_FALSE(after.host.session("c2")->suspended);
}

TEST_CASE("restart after restart") {
  auto run = std::make_unique<Run>();
  run->let_both_sleep();
  for (int i = 0; i < 5; ++i) {
    const Store store = i % 2 == 0 ? run->kill() : run->stop();
    run.reset();
    run = std::make_unique<Run>(store, Settings(), 1000 * i);
    run->host.advance(200);
    CHECK(run->say(pingreq("c1"), kA) == "40001: 02 17");
    CHECK(run->say(pingreq("c2"), kB) == "40002: 02 17");
  }
}

TEST_CASE("what is on disk is counted") {
  Run g;
  g.host.kv_commits = false;
  g.connect_both();
  g.host.advance(1'000);
  CHECK(g.host.ctl("sn stats").output.find("kept") != std::string::npos);
  const auto kept = [&] {
    const std::string said = g.host.ctl("sn stats --json").output;
    const std::size_t at = said.find("\"kept\":");
    REQUIRE(at != said.npos);
    return std::stoi(said.substr(at + 7));
  };
  CHECK(kept() == 0);
  g.host.kv_commits = true;
  g.host.commit_kv();
  g.host.advance(1'000);
  CHECK(kept() >= 2);
}
