// The gateway on FakeHost: peers, clients on both shards, letters between them.
#include <set>

#include "gateway_fixture.hpp"

using namespace sn_test;

TEST_CASE("a client of either shard connects, publishes, subscribes and leaves") {
  for (const char* const id : {"c1", "c2"}) {
    CAPTURE(id);
    Gateway g;
    CHECK(g.say(connect(id)) == "40001: 03 05 00");
    const auto* const session = g.host.session(id);
    REQUIRE(session);
    CHECK(session->open);
    CHECK(session->clean);
    CHECK(session->username == "sensor");
    CHECK(session->password == "secret");
    CHECK(session->protocol == "mqtt-sn");
    CHECK(session->listener_name == "emqx_sn:udp:1884");
    CHECK(session->peer == kA);
    CHECK(session->keep_alive_s == 60);
    CHECK(session->receive_maximum == 1);
    CHECK(g.say(hex("09 0A 00 00 00 01 61 2F 62")) == "40001: 07 0B 01 00 00 01 00");
    CHECK(g.say(hex("09 0C 20 01 00 00 02 68 69")) == "40001: 07 0D 01 00 00 02 00");
    REQUIRE(session->published.size() == 1);
    CHECK(session->published[0].topic == "a/b");
    CHECK(session->published[0].payload == "hi");
    CHECK(session->published[0].qos == 1);
    CHECK(g.say(hex("08 12 20 00 05 61 2F 62")) == "40001: 08 13 20 01 00 00 05 00");
    g.host.deliver(id, {"a/b", "x", 1});
    CHECK(g.heard() == "40001: 08 0C 20 01 00 00 01 78");
    CHECK(g.say(hex("07 0D 01 00 00 01 00")).empty());
    CHECK(session->acked.size() == 1);
    CHECK(g.say(hex("02 16")) == "40001: 02 17");
    CHECK(g.say(hex("02 18")) == "40001: 02 18");
    CHECK(session->closed);
    CHECK(session->close_reason == 0);
    CHECK(g.host.handles("session") == 0);
    CHECK(g.say(hex("02 16")) == "40001: 02 18");
    CHECK(g.host.unload());
  }
}

TEST_CASE("strangers get an answer, and leave nothing behind") {
  struct Case {
    const char *says, *hears;
  };
  static constexpr Case kCases[] = {
      {"03 01 00", "40001: 03 02 01"},        // SEARCHGW
      {"01 00 05 01 00", "40001: 03 02 01"},  // the same with a long header
      {"02 18", "40001: 02 18"},              // DISCONNECT
      {"04 18 01 2C", "40001: 02 18"},        // that goes to sleep
      {"02 16", "40001: 02 18"},              // PINGREQ
      {"04 16 63 31", "40001: 02 18"},        // of a client id that nobody has
      {"04 16 63 32", "40001: 02 18"},        // on the other shard
      {"09 0A 00 00 00 01 61 2F 62", "40001: 02 18"},
      {"09 0C 20 01 00 00 02 68 69", "40001: 02 18"},
      {"08 12 20 00 05 61 2F 23", "40001: 02 18"},
      {"07 0D 01 00 00 01 00", "40001: 02 18"},
      {"06 07 20 77 2F 74", "40001: 02 18"},  // WILLTOPIC
      {"05 00 01 03 84", ""},                 // ADVERTISE
      {"03 02 01", ""},                       // GWINFO
      {"03 05 00", ""},                       // CONNACK
      {"02 06", ""},                          // WILLTOPICREQ
      {"08 13 20 00 00 00 05 00", ""},        // SUBACK
      {"", ""},
      {"00", ""},
      {"02", ""},
      {"01 00 03", ""},
      {"02 03", ""},                    // reserved
      {"03 18 00", ""},                 // malformed DISCONNECT
      {"08 0C 61 00 01 00 00 78", ""},  // QoS -1, which is off
  };
  Gateway g;
  for (const Case& each : kCases) {
    CAPTURE(each.says);
    g.host.advance(1000);
    CHECK(g.say(hex(each.says)) == each.hears);
  }
  CHECK(g.host.session("c1") == nullptr);
  CHECK(g.host.health().second.ends_with("0 clients"));
  CHECK(g.host.unload());
  CHECK(g.heard().empty());
}

TEST_CASE("answers to strangers are bounded in each second") {
  Gateway g;
  std::size_t answers = 0;
  for (int i = 0; i < 100; ++i) answers += g.say(hex("02 16")).empty() ? 0u : 1u;
  CHECK(answers == 10);
  CHECK(g.say(hex("02 16"), kC) == "5: 02 18");           // another source
  CHECK(g.say(hex("02 16"), "127.0.0.1:50000").empty());  // the same, another port
  g.host.advance(1000);
  CHECK(g.say(hex("02 16")) == "40001: 02 18");
  answers = 0;
  for (int i = 0; i < 5000; ++i) {
    answers +=
        g.say(hex("02 16"), keel::concat("10.1.", i / 250, '.', i % 250, ":7")).empty() ? 0u : 1u;
  }
  CHECK(answers <= 1000);
}

TEST_CASE("what is no CONNECT to take seriously is refused") {
  Gateway g(Settings{{"mqtt.sn.max_connections", "2"}});
  CHECK(g.say(hex("08 04 04 02 00 3C 63 31")) == "40001: 03 05 03");  // protocol 2
  CHECK(g.say(connect("", 0x00)) == "40001: 03 05 03");               // no id, not clean
  CHECK(g.say(connect("a\xff")) == "40001: 03 05 03");
  CHECK(g.say(connect(std::string_view("a\0b", 3))) == "40001: 03 05 03");
  CHECK(g.say(connect(std::string(1025, 'a'))) == "40001: 03 05 03");
  CHECK(g.say(connect(std::string(100, 'a'))) == "40001: 03 05 00");
  CHECK(g.say(connect("c2"), kB) == "40002: 03 05 00");
  CHECK(g.say(connect("c3"), kC) == "5: 03 05 01");
  CHECK(g.say(connect("c4"), kC) == "5: 03 05 01");
  CHECK(g.say(connect("c2"), kB) == "40002: 03 05 00");  // known: no new client
  CHECK(g.say(hex("02 16"), kC) == "5: 02 18");          // nothing is left of the refused
  CHECK(g.say(hex("02 18"), kB) == "40002: 02 18");
  CHECK(g.say(connect("c3"), kC) == "5: 03 05 00");
}

TEST_CASE("the rate of new clients is bounded") {
  Gateway g(Settings{{"mqtt.sn.max_conn_rate", "4"}});  // two on each shard
  std::string heard;
  for (int i = 1; i < 10; i += 2)
    heard += g.say(connect(keel::concat('c', i)), keel::concat("127.0.0.1:", i));
  CHECK(heard == "1: 03 05 003: 03 05 005: 03 05 017: 03 05 019: 03 05 01");
  g.host.advance(1000);
  CHECK(g.say(connect("c5"), "127.0.0.1:5") == "5: 03 05 00");
}

TEST_CASE("a session that the broker refuses is told, and forgotten") {
  for (const char* const id : {"c1", "c2"}) {
    CAPTURE(id);
    Gateway g;
    g.host.session_open = [](const auto&) { return std::uint8_t{0x87}; };
    CHECK(g.say(connect(id)) == "40001: 03 05 03");
    CHECK(g.say(hex("02 16")) == "40001: 02 18");
    g.host.session_open = [](const auto&) { return std::uint8_t{0}; };
    g.host.fail_next("session.open", KEEL_E_LIMIT);
    CHECK(g.say(connect(id)).empty());
    g.host.advance(200);
    CHECK(g.heard() == "40001: 03 05 01");
    CHECK(g.say(hex("02 16")) == "40001: 02 18");
    CHECK(g.say(connect(id)) == "40001: 03 05 00");
    CHECK(g.host.health().second.ends_with("1 clients"));
  }
}

TEST_CASE("whether anonymous clients get in follows the setting, else the address") {
  struct Case {
    const char *port, *setting;
    bool as_on_loopback;
  };
  for (const Case& each : {Case{"127.0.0.1:1884", nullptr, true},
                           {"0.0.0.0:1884", nullptr, false},
                           {"127.0.0.1:1884", "false", false},
                           {"0.0.0.0:1884", "true", true}}) {
    CAPTURE(each.port);
    Settings settings{{"mqtt.sn.port", each.port}, {"mqtt.sn.enable_qos3", "true"}};
    if (each.setting) settings.emplace_back("mqtt.sn.allow_anonymous", each.setting);
    Gateway g(settings);
    g.to = each.port;
    CHECK(g.say(connect("c1")) == "40001: 03 05 00");
    g.say(hex("08 0C 62 74 65 00 00 78"), kB);
    for (const char* const id : {"c1", "NegQoS-Client"}) {
      CAPTURE(id);
      REQUIRE(g.host.session(id));
      CHECK(g.host.session(id)->loopback_only == each.as_on_loopback);
    }
  }
}

TEST_CASE("without a client id of its own a client gets one, and keeps it") {
  Gateway g;
  std::set<std::string> ids;
  g.host.session_open = [&](const auto& session) {
    ids.insert(session.client_id);
    return std::uint8_t{0};
  };
  CHECK(g.say(connect("")) == "40001: 03 05 00");
  CHECK(g.say(connect("")) == "40001: 03 05 00");  // a retransmission
  CHECK(ids.size() == 1);
  CHECK(g.say(connect(""), kB) == "40002: 03 05 00");
  CHECK(ids.size() == 2);
  CHECK(g.say(connect("c1")) == "40001: 03 05 00");
  CHECK(g.say(connect("")) == "40001: 03 05 00");
  CHECK(ids.size() == 4);
  CHECK_FALSE(g.is_open("c1"));
}

TEST_CASE("a peer that becomes another client ends the first one without its will") {
  for (const auto& pair : {std::pair("c1", "c2"), {"c2", "c1"}, {"c1", "c3"}, {"c2", "c4"}}) {
    const std::string_view first = pair.first, second = pair.second;
    CAPTURE(first);
    CAPTURE(second);
    Gateway g;
    CHECK(g.say(connect(first)) == "40001: 03 05 00");
    CHECK(g.say(connect(second)) == "40001: 03 05 00");
    CHECK_FALSE(g.is_open(first));
    CHECK(g.host.session(first)->close_reason == 0);
    CHECK(g.is_open(second));
    CHECK(g.say(hex("02 16")) == "40001: 02 17");
    CHECK(g.host.health().second.ends_with("1 clients"));
    CHECK(g.say(connect(first)) == "40001: 03 05 00");
    CHECK(g.is_open(first));
    CHECK_FALSE(g.is_open(second));
    CHECK(g.say(hex("02 18")) == "40001: 02 18");
    CHECK(g.host.handles("session") == 0);
  }
}

TEST_CASE("a client id that connects from elsewhere is taken over") {
  for (const char* const id : {"c1", "c2"}) {
    CAPTURE(id);
    Gateway g;
    CHECK(g.say(connect(id)) == "40001: 03 05 00");
    const std::string heard = g.say(connect(id), kB);
    CHECK(heard == "40001: 02 18; 40002: 03 05 00");
    CHECK(g.is_open(id));
    CHECK(g.say(hex("02 16"), kB) == "40002: 02 17");
    CHECK(g.say(hex("02 16"), kA) == "40001: 02 18");
    CHECK(g.host.health().second.ends_with("1 clients"));
  }
}

TEST_CASE("the broker's taking over, and its kicking, are told the client") {
  for (const char* const id : {"c1", "c2"}) {
    Gateway g;
    g.say(connect(id));
    g.host.session_end(id, 0x8e, "taken over");
    CHECK(g.heard() == "40001: 02 18");
    CHECK(g.say(hex("02 16")) == "40001: 02 18");
    CHECK(g.host.health().second.ends_with("0 clients"));
  }
}

TEST_CASE("a sleeping client that polls from another address is there from now on") {
  for (const char* const id : {"c1", "c2"}) {
    CAPTURE(id);
    Gateway g;
    g.say(connect(id));
    g.say(hex("08 12 20 00 05 61 2F 62"));
    CHECK(g.say(pingreq(id), kB) == "40002: 02 18");  // it is not asleep: who is this?
    CHECK(g.say(hex("04 18 01 2C")) == "40001: 02 18");
    g.host.deliver(id, {"a/b", "x", 1});
    CHECK(g.heard().empty());
    CHECK(g.say(pingreq(id), kB) == "40002: 08 0C 20 01 00 00 01 78");
    CHECK(g.say(hex("07 0D 01 00 00 01 00"), kB) == "40002: 02 17");
    CHECK(g.say(hex("02 16"), kB) == "40002: 02 17");
    CHECK(g.say(hex("02 16"), kA) == "40001: 02 18");
    CHECK(g.is_open(id));
  }
}

TEST_CASE("not with rebind off") {
  Gateway g(Settings{{"mqtt.sn.rebind", "false"}});
  g.say(connect("c2"));
  g.say(hex("04 18 01 2C"));
  CHECK(g.say(pingreq("c2"), kB) == "40002: 02 18");
  CHECK(g.say(pingreq("c2"), kA) == "40001: 02 17");
}

TEST_CASE("an address that belongs to a client and polls for another one does not change hands") {
  Gateway g;
  g.say(connect("c1"), kA);
  g.say(connect("c2"), kB);
  g.say(hex("04 18 01 2C"), kB);
  CHECK(g.say(pingreq("c2"), kA).find("02 17") == std::string::npos);
  CHECK(g.say(hex("02 16"), kA) == "40001: 02 17");
  CHECK(g.say(hex("02 16"), kB) == "40002: 02 17");
}

TEST_CASE("nodes behind one forwarder are clients of their own") {
  Gateway g;
  CHECK(g.say(wrapped("\xaa\xbb", connect("c1"))) == "40001: 05 FE 00 AA BB 03 05 00");
  CHECK(g.say(wrapped("\xaa\xbc", connect("c2"))) == "40001: 05 FE 00 AA BC 03 05 00");
  CHECK(g.say(connect("c3")) == "40001: 03 05 00");
  CHECK(g.host.health().second.ends_with("3 clients"));
  CHECK(g.say(wrapped("\xaa\xbc", hex("02 18"))) == "40001: 05 FE 00 AA BC 02 18");
  CHECK(g.say(wrapped("\xaa\xbb", hex("02 16"))) == "40001: 05 FE 00 AA BB 02 17");
  CHECK(g.say(hex("02 16")) == "40001: 02 17");
  CHECK(g.say(wrapped("\xaa\xbc", hex("02 16"))) == "40001: 05 FE 00 AA BC 02 18");
  CHECK(g.say(hex("04 FE 02 07 03 01 00")) == "40001: 04 FE 02 07 03 02 01");  // the radius
  CHECK(g.say(wrapped("\xaa\xbb", wrapped("\xaa", hex("02 16")))).empty());
  CHECK(g.say(hex("02 FE")).empty());
  CHECK(g.say(hex("09 FE 00 AA BB")).empty());
  CHECK(g.say(wrapped("", connect("c4"))) == "40001: 03 FE 00 03 05 00");  // no node address
  CHECK(g.say(wrapped("", hex("02 16"))) == "40001: 03 FE 00 02 17");
  CHECK_FALSE(g.is_open("c2"));
  g.host.deliver("c1", {"te", "x", 0});
  CHECK(g.heard() == "40001: 05 FE 00 AA BB 08 0C 02 74 65 00 00 78");
}

TEST_CASE("with the forwarder off, its messages are malformed") {
  Gateway g(Settings{{"mqtt.sn.forwarder", "false"}});
  CHECK(g.say(wrapped("\xaa\xbb", connect("c1"))).empty());
  CHECK(g.host.session("c1") == nullptr);
}

TEST_CASE("messages without a session are published in one client's name") {
  Gateway g(Settings{{"mqtt.sn.enable_qos3", "true"},
                     {"mqtt.sn.predefined.topic.1", "pre/one"},
                     {"mqtt.sn.mountpoint", "sn/"}});
  CHECK(g.say(hex("08 0C 61 00 01 00 00 78")).empty());  // pre-defined
  const auto* const nobody = g.host.session("NegQoS-Client");
  REQUIRE(nobody);
  CHECK(nobody->username == "sensor");
  CHECK(g.say(hex("08 0C 72 74 65 00 00 79"), kB).empty());          // short, retained
  CHECK(g.say(hex("0C 0C 60 00 03 00 00 61 2F 62 68 69")).empty());  // Paho's, with the name
  REQUIRE(nobody->published.size() == 3);
  CHECK(nobody->published[0].topic == "sn/pre/one");
  CHECK(nobody->published[0].payload == "x");
  CHECK_FALSE(nobody->published[0].retain);
  CHECK(nobody->published[1].topic == "sn/te");
  CHECK(nobody->published[1].retain);
  CHECK(nobody->published[2].topic == "sn/a/b");
  CHECK(nobody->published[2].payload == "hi");
  for (const char* const bad :
       {"08 0C 61 00 02 00 00 78", "08 0C 62 61 23 00 00 78", "08 0C 62 2B 62 00 00 78",
        "08 0C 62 61 00 00 00 78", "08 0C 62 FF FE 00 00 78", "08 0C 63 00 01 00 00 78",
        "08 0C 60 00 00 00 00 78", "08 0C 60 00 02 00 00 78", "09 0C 60 00 02 00 00 61 23"}) {
    CAPTURE(bad);
    CHECK(g.say(hex(bad)).empty());
  }
  CHECK(nobody->published.size() == 3);
  CHECK(g.host.health().second.ends_with("0 clients"));
  g.host.session_end("NegQoS-Client", 0x98, "kicked");
  CHECK(g.say(hex("08 0C 61 00 01 00 00 78")).empty());  // not at once
  CHECK_FALSE(g.is_open("NegQoS-Client"));
  g.host.advance(6000);
  CHECK(g.say(hex("08 0C 61 00 01 00 00 7A")).empty());
  CHECK(g.is_open("NegQoS-Client"));
  CHECK(g.host.session("NegQoS-Client")->published.back().payload == "z");
  CHECK(g.host.unload());
}

TEST_CASE("a refused client without a session says so once in a while, to the log only") {
  Gateway g(Settings{{"mqtt.sn.enable_qos3", "true"}});
  g.host.session_open = [](const auto&) { return std::uint8_t{0x87}; };
  for (int i = 0; i < 1000; ++i) CHECK(g.say(hex("08 0C 62 74 65 00 00 78")).empty());
  CHECK(g.host.logged("NegQoS-Client is refused with reason 135"));
  CHECK(g.host.calls("session.open") == 1);
}

TEST_CASE("from a connected peer it is a message of that client") {
  Gateway g(Settings{{"mqtt.sn.enable_qos3", "true"}});
  g.say(connect("c2"));
  CHECK(g.say(hex("08 0C 62 74 65 00 00 78")).empty());
  CHECK(g.host.session("c2")->published.size() == 1);
  CHECK(g.host.session("NegQoS-Client") == nullptr);
}

TEST_CASE("DTLS: the proved identity is the user, and stays with the client") {
  Gateway g(Settings{{"mqtt.sn.dtls.port", "127.0.0.1:8884"},
                     {"mqtt.sn.dtls.psk_file", "/tmp/keys.psk"},
                     {"mqtt.sn.dtls.peer_identity_as_username", "psk"}});
  const keel::FakeVerified anna{.psk_identity = "anna"}, bert{.psk_identity = "bert"};
  g.to = "127.0.0.1:8884";
  for (const char* const id : {"c1", "c2"}) {
    CAPTURE(id);
    CHECK(g.say(connect(id), kA, anna) == "40001: 03 05 00");
    CHECK(g.host.session(id)->username.empty());  // the broker takes it from what is proved
    CHECK(g.host.session(id)->password.empty());
    CHECK(g.host.session(id)->listener_name == "emqx_sn:dtls:8884");
    SUBCASE("others do not get its place") {
      CHECK(g.say(connect(id), kB, bert) == "40002: 03 05 03");
      g.to = "127.0.0.1:1884";
      CHECK(g.say(connect(id), kB) == "40002: 03 05 03");
      g.to = "127.0.0.1:8884";
      CHECK(g.say(hex("02 16"), kA, anna) == "40001: 02 17");
    }
    SUBCASE("nor by waking it") {
      g.say(hex("04 18 01 2C"), kA, anna);
      CHECK(g.say(pingreq(id), kB, bert) == "40002: 02 18");
      g.to = "127.0.0.1:1884";
      CHECK(g.say(pingreq(id), kB) == "40002: 02 18");
      g.to = "127.0.0.1:8884";
      CHECK(g.say(pingreq(id), kB, anna) == "40002: 02 17");
      CHECK(g.say(pingreq(id), kB, anna) == "40002: 02 17");
    }
    SUBCASE("another association at its address is a stranger") {
      CHECK(g.say(hex("02 16"), kA, bert) == "40001: 02 18");
      CHECK_FALSE(g.is_open(id));
    }
    SUBCASE("it moves to another address itself") {
      CHECK(g.say(connect(id), kB, anna) == "40001: 02 18; 40002: 03 05 00");
      CHECK(g.say(hex("02 16"), kB, anna) == "40002: 02 17");
    }
    g.say(hex("02 18"), kA, anna);
    g.say(hex("02 18"), kB, anna);
    g.host.advance(2000);
  }
}

TEST_CASE("DTLS: the common name is the user, and admitted where nothing else decides") {
  Gateway g(Settings{{"mqtt.sn.dtls.port", "127.0.0.1:8884"},
                     {"mqtt.sn.dtls.certfile", "/tmp/c.pem"},
                     {"mqtt.sn.dtls.keyfile", "/tmp/k.pem"},
                     {"mqtt.sn.dtls.cacertfile", "/tmp/ca.pem"},
                     {"mqtt.sn.dtls.verify", "verify_peer"},
                     {"mqtt.sn.dtls.peer_identity_as_username", "cn"}});
  const keel::FakeVerified anna{.cn = "anna", .dn = "CN=anna"}, key{.psk_identity = "bert"};
  g.to = "127.0.0.1:8884";
  CHECK(g.say(connect("c2"), kA, anna) == "40001: 03 05 00");
  CHECK(g.host.session("c2")->username == "anna");
  CHECK(g.host.session("c2")->password.empty());
  g.say(connect("c4"), kB, key);
  g.host.advance(200);
  CHECK(g.heard() == "40002: 03 05 03");  // has no common name
  CHECK(g.host.session("c4") == nullptr);
  keel::FakeClient client{.username = "anna", .listener = "emqx_sn:dtls:8884", .verified = anna};
  CHECK(g.host.authenticate(client).verdict == KEEL_ALLOW);
  client.username = "bert";
  CHECK(g.host.authenticate(client).verdict == KEEL_NEXT);
  client.username = "anna";
  client.password = "guessed";
  CHECK(g.host.authenticate(client).verdict == KEEL_NEXT);
  client.password.clear();
  client.listener = "mqtts:default";
  CHECK(g.host.authenticate(client).verdict == KEEL_NEXT);
  client.listener = "emqx_sn:dtls:8884";
  client.verified.reset();
  CHECK(g.host.authenticate(client).verdict == KEEL_NEXT);
  CHECK(g.host.reload({{"mqtt.sn.dtls.peer_identity_as_username", "none"}}));
  CHECK(g.host.handles("hook") == 0);
}

TEST_CASE("a DTLS listener that cannot be opened leaves the plain one alone") {
  Gateway g;
  CHECK(g.host.health().first == KEEL_HEALTH_GOOD);
  g.say(connect("c1"));
  g.host.fail_next("udp.bind", KEEL_E_IO);
  CHECK(g.host.reload(
      {{"mqtt.sn.dtls.port", "127.0.0.1:8884"}, {"mqtt.sn.dtls.psk_file", "/tmp/keys.psk"}}));
  CHECK(g.host.logged("sn:dtls is not started"));
  CHECK(g.host.health().first == KEEL_HEALTH_DEGRADED);
  CHECK(g.say(hex("02 16")) == "40001: 02 17");
}
