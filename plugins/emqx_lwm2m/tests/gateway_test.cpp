// The gateway on FakeHost: strangers, registrations and their sessions, commands, who is where.
#include "gateway_fixture.hpp"

using namespace gateway_test;

TEST_CASE("the Register of the specification's vectors") {
  Gateway g;
  const std::string heard = g.send(coap_test::hex(
      "42 02 7D 34 A1 B2 B2 72 64 11 28 39 6C 77 6D 32 6D 3D 31 2E 30 06 65 70 3D 65 70 31 "
      "05 6C 74 3D 36 30 03 62 3D 55 FF 3C 2F 31 2F 30 3E 2C 3C 2F 33 2F 30 3E"));
  CAPTURE(heard);
  REQUIRE(heard.starts_with("40001: ACK 2.01 #32052 xa1b2 loc=rd loc="));
  const std::string location = heard.substr(heard.rfind('=') + 1);
  CHECK(location.size() == 10);
  CHECK(location.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                   "0123456789-_") == location.npos);
  const keel::fake::SessionPeer* const session = g.host.session("ep1");
  REQUIRE(session);
  CHECK(session->open);
  CHECK(session->protocol == "lwm2m");
  CHECK(session->listener_name == "emqx_lwm2m:udp:5683");
  CHECK(session->username == "devices");
  CHECK(session->password == "secret");
  CHECK(session->peer == kA);
  CHECK(session->clean);
  REQUIRE(session->subscriptions.size() == 2);
  CHECK(session->subscriptions.contains("lwm2m/ep1/command"));
  CHECK(session->subscriptions.contains("lwm2m/ep1/dn/#"));
  const std::string event = g.published("ep1");
  CHECK(event.starts_with("lwm2m/ep1/up/resp {\"msgType\":\"register\""));
  CHECK(contains(event, "\"objectList\":[\"/1/0\",\"/3/0\"]"));
  CHECK(g.health().ends_with("1 devices"));
}

TEST_CASE("an Update, a deregistration, and what follows") {
  for (const std::string endpoint : {"c1", "c2"}) {
    Gateway g;
    CAPTURE(endpoint);
    const std::string location = g.join(endpoint);
    CHECK(contains(g.published(endpoint), "register"));
    CHECK(g.update(location) == "2.04");
    CHECK(contains(g.published(endpoint), "\"update\""));
    const std::string gone = g.say("CON DELETE #7 xAA /rd /" + location);
    CHECK(gone == "40001: ACK 2.02 #7 xaa");
    CHECK(contains(g.published(endpoint), "\"deregister\""));
    CHECK(g.say("CON DELETE #7 xAA /rd /" + location) == gone);  // it did not hear that
    CHECK_FALSE(g.is_open(endpoint));
    CHECK(g.host.session(endpoint)->closed);
    CHECK(g.say("CON DELETE #8 xAB /rd /" + location) == "40001: ACK 4.04 #8 xab");
    CHECK(g.update(location) == "4.04");
    CHECK(g.health().ends_with("0 devices"));
  }
}

TEST_CASE("a Register that comes again is answered again, and happens once") {
  for (const std::string endpoint : {"c1", "c2"}) {
    Gateway g;
    const std::string text = "CON POST #1 xA1 /rd ?ep=" + endpoint + " ?lt=60 ct=40 '</1/0>";
    const std::string first = g.say(text);
    CHECK(contains(first, "2.01"));
    CHECK(g.say(text) == first);
    const std::string events = g.published(endpoint);
    CHECK(contains(events, "register"));
    CHECK_FALSE(contains(events, "\n"));
    CHECK(g.host.calls("session.open") == 2);  // with the stand-in's
  }
}

TEST_CASE("a NON Register has a NON answer") {
  Gateway g;
  const std::string heard = g.say("NON POST #1 xA1 /rd ?ep=c1 ?lt=60 ct=40 '</1/0>");
  CHECK(heard.starts_with("40001: NON 2.01 #"));
  CHECK(contains(heard, " xa1 loc=rd loc="));
}

TEST_CASE("strangers are answered without anything being remembered") {
  Gateway g;
  const std::pair<std::string, std::string> kCases[] = {
      {"CON 0.00 #4660", "RST 0.00 #4660"},
      {"NON 0.00 #4660", ""},
      {"ACK 0.00 #1", ""},
      {"RST 0.00 #1", ""},
      {"CON 2.05 #1 xAA 'x", "RST 0.00 #1"},
      {"NON 2.05 #1 xAA 'x", ""},
      {"ACK 2.05 #1 xAA 'x", ""},
      {"ACK GET #1 xAA /rd", ""},
      {"RST POST #1 xAA /rd ?ep=c1", ""},
      {"ACK POST #1 xAA /rd ?ep=c1 ct=40 '</1/0>", ""},
      {"ACK POST #1 xAA /rd /nobody", ""},
      {"CON GET #1 xAA /rd", "ACK 4.05 #1 xaa"},
      {"CON PUT #1 xAA /rd", "ACK 4.05 #1 xaa"},
      {"CON DELETE #1 xAA /rd", "ACK 4.05 #1 xaa"},
      {"CON POST #1 xAA /rd", "ACK 4.00 #1 xaa"},
      {"CON POST #1 xAA /rd ?ep=", "ACK 4.00 #1 xaa"},
      {"CON POST #1 /rd /nobody", "ACK 4.04 #1"},
      {"CON DELETE #1 /rd /nobody", "ACK 4.04 #1"},
      {"CON GET #1 /rd /nobody", "ACK 4.05 #1"},
      {"CON POST #1 /rd /a /b", "ACK 4.04 #1"},
      {"CON POST #1 /dp ct=110 '[]", "ACK 4.04 #1"},
      {"CON GET #1 /dp", "ACK 4.05 #1"},
      {"CON POST #1 /bs ?ep=x", "ACK 4.04 #1"},
      {"CON GET #1", "ACK 4.04 #1"},
      {"CON POST #1 /rd ?ep=c1 o2049=x", "ACK 4.02 #1"},
      {"CON GET #1 o35=coap://x", "ACK 5.05 #1"},
      {"NON POST #1 /rd ?ep=c1 o2049=x", ""},
  };
  for (const auto& each : kCases) {
    const std::string& said = each.first;
    CAPTURE(said);
    CHECK(g.say(each.first) == (each.second.empty() ? "" : "40001: " + each.second));
  }
  const std::string core = g.say("CON GET #9 x0102030405060708 /.well-known /core");
  CHECK(core == "40001: ACK 2.05 #9 x0102030405060708 ct=40 '</rd>;rt=\"core.rd\",</dp>");
  CHECK(g.host.calls("session.open") == 1);  // the stand-in's
}

TEST_CASE("malformed datagrams") {
  Gateway g;
  CHECK(g.send("") == "");
  CHECK(g.send("\x40\x01\x02") == "");
  CHECK(g.send(coap_test::hex("00 01 00 01")) == "");
  CHECK(g.send(coap_test::hex("49 01 12 34")) == "40001: RST 0.00 #4660");
  CHECK(g.send(coap_test::hex("59 01 12 34")) == "");
  CHECK(g.send(coap_test::hex("40 01 12 34 FF")) == "40001: RST 0.00 #4660");
  CHECK(g.join("c1").size() == 10);
}

TEST_CASE("strangers are not answered without end") {
  Gateway g;
  int answers = 0;
  for (int i = 0; i < 1000; ++i) answers += g.say("CON 0.00 #1").empty() ? 0 : 1;
  CHECK(answers == 200);
  CHECK(g.join("c1").size() == 10);  // registrations are not their business
  g.host.advance(1000);
  CHECK(g.say("CON 0.00 #1") == "40001: RST 0.00 #1");
}

TEST_CASE("what the broker says of a device is what the device hears") {
  const std::pair<std::uint8_t, std::string> kCases[] = {
      {0x86, "4.03"}, {0x87, "4.03"}, {0x8a, "4.03"}, {0x85, "4.03"},
      {0x88, "5.03"}, {0x89, "5.03"}, {0x97, "5.03"}, {0x9f, "5.03"}};
  for (const std::string endpoint : {"c1", "c2"}) {
    for (const auto& each : kCases) {
      Gateway g;
      const unsigned reason = each.first;
      CAPTURE(reason);
      g.host.session_open = [&](const auto&) { return each.first; };
      const std::string heard = g.join(endpoint);
      CHECK(contains(heard, "ACK " + each.second));
      CHECK(contains(heard, "age=30") == (each.second == "5.03"));
      CHECK(g.published(endpoint).empty());
      CHECK(g.health().ends_with("0 devices"));
    }
  }
}

TEST_CASE("whether anonymous devices get in follows the setting, else the address") {
  struct Case {
    const char *port, *setting;
    bool as_on_loopback;
  };
  for (const Case& each : {Case{"127.0.0.1:5683", nullptr, true},
                           {"0.0.0.0:5683", nullptr, false},
                           {"127.0.0.1:5683", "false", false},
                           {"0.0.0.0:5683", "true", true}}) {
    CAPTURE(each.port);
    Settings settings{{"lwm2m.port", each.port}};
    if (each.setting) settings.emplace_back("lwm2m.allow_anonymous", each.setting);
    Gateway g(settings);
    g.to = each.port;
    CHECK(g.join("c1").size() == 10);
    REQUIRE(g.host.session("c1"));
    CHECK(g.host.session("c1")->loopback_only == each.as_on_loopback);
  }
}

TEST_CASE("one that was refused may try again") {
  for (const std::string endpoint : {"c1", "c2"}) {
    Gateway g;
    g.host.session_open = [](const auto&) { return std::uint8_t{0x87}; };
    CHECK(contains(g.join(endpoint), "4.03"));
    g.host.session_open = [](const auto&) { return std::uint8_t{0}; };
    CHECK(g.join(endpoint).size() == 10);
    CHECK(g.update(g.join(endpoint)) == "2.04");
  }
}

TEST_CASE("a session that cannot be asked for at once") {
  Gateway g;
  g.host.fail_next("session.open", KEEL_E_LIMIT);
  CHECK(contains(g.join("c1"), "5.03"));
  CHECK(g.join("c1").size() == 10);
}

TEST_CASE("bad parameters") {
  const std::pair<std::string, std::string> kCases[] = {{"?ep=c1 ?lt=abc", "4.00"},
                                                        {"?ep=c1 ?lt=99999999999", "4.00"},
                                                        {"?ep=c1 ?lwm2m=2.0", "4.12"},
                                                        {"?ep=c1 ?lwm2m=x", "4.12"},
                                                        {"?ep=" + std::string(257, 'x'), "4.00"},
                                                        {"?ep=\xff", "4.00"}};
  for (const auto& each : kCases) {
    Gateway g;
    const std::string& queries = each.first;
    CAPTURE(queries);
    CHECK(contains(g.say("CON POST #1 /rd " + queries + " ct=40 '</1/0>"), "ACK " + each.second));
    CHECK(g.host.calls("session.open") == 1);
  }
  Gateway g;
  CHECK(contains(g.say("CON POST #1 /rd ?ep=c1 ct=11542 '</1/0>"), "ACK 4.15"));
}

TEST_CASE("registering again from the same address") {
  for (const std::string endpoint : {"c1", "c2"}) {
    Gateway g;
    const std::string first = g.join(endpoint);
    const int asked = g.host.calls("session.open");
    g.published(endpoint);
    const std::string second = g.join(endpoint);
    CHECK(second.size() == 10);
    CHECK(second != first);
    CHECK(g.host.calls("session.open") == asked);  // the broker knows it
    const std::string events = g.published(endpoint);
    CHECK(contains(events, "\"register\""));
    CHECK_FALSE(contains(events, "deregister"));
    CHECK(g.update(first) == "4.04");
    CHECK(g.update(second) == "2.04");
    CHECK(g.health().ends_with("1 devices"));
  }
}

TEST_CASE("registering again from another address") {
  for (const std::string endpoint : {"c1", "c2"}) {
    Gateway g;
    const std::string first = g.join(endpoint, kA);
    const keel_handle session = g.host.session(endpoint)->handle;
    g.published(endpoint);
    const std::string second = g.join(endpoint, kB);
    CHECK(second.size() == 10);
    CHECK(g.host.session(endpoint)->handle != session);
    CHECK_FALSE(g.host.session(endpoint)->clean);  // what is subscribed to stays
    CHECK(contains(g.published(endpoint), "\"register\""));
    CHECK(g.update(first, kA) == "4.04");
    CHECK(g.health().ends_with("1 devices"));
    // The old address is a stranger's, and hears nothing of commands.
    CHECK(g.say("CON 2.05 #9 xAA 'x", kA) == "40001: RST 0.00 #9");
    g.command(endpoint, R"({"reqID":1,"msgType":"read","data":{"path":"/3/0/0"}})");
    CHECK(g.heard().starts_with("40002: CON GET"));
    CHECK(g.update(second, kB) == "2.04");
  }
}

TEST_CASE("a refused replacement leaves the registration alone") {
  for (const std::string endpoint : {"c1", "c2"}) {
    Gateway g;
    const std::string location = g.join(endpoint, kA);
    g.host.session_open = [](const auto&) { return std::uint8_t{0x87}; };
    CHECK(contains(g.join(endpoint, kB), "4.03"));
    CHECK(g.is_open(endpoint) == false);  // the newest session is the refused one
    CHECK(g.update(location, kA) == "2.04");
    CHECK(g.health().ends_with("1 devices"));
  }
}

TEST_CASE("an Update from another port") {
  for (const std::string endpoint : {"c1", "c2"}) {
    Gateway g;
    const std::string location = g.join(endpoint, kA);
    CHECK(g.update(location, kB) == "2.04");
    g.command(endpoint, R"({"reqID":1,"msgType":"read","data":{"path":"/3/0/0"}})");
    const std::string heard = g.heard();
    CHECK(heard.starts_with("40002: CON GET"));
    // Notifications of the old place are nobody's, those of the new one are the device's.
    CHECK(g.say("CON 2.05 #9 xAA 'x", kA) == "40001: RST 0.00 #9");
    CHECK(g.update(location, kB) == "2.04");
    CHECK(g.update(location, kA) == "2.04");
    CHECK(g.say("CON DELETE #8 /rd /" + location, kB) == "40002: ACK 2.02 #8");
    CHECK(g.health().ends_with("0 devices"));
  }
}

TEST_CASE("two devices at one address: the last one that spoke of itself is there") {
  for (const auto& [one, other] : {std::pair("c1", "c2"), {"c2", "c1"}, {"c1", "c4"}}) {
    Gateway g;
    const std::string first = g.join(one), second = g.join(other);
    CHECK(g.health().ends_with("2 devices"));
    g.command(one, R"({"reqID":1,"msgType":"read","data":{"path":"/3/0/0"}})");
    CHECK(g.heard().empty());
    CHECK(g.update(second) == "2.04");
    CHECK(g.update(first) == "2.04");
    g.command(other, R"({"reqID":1,"msgType":"read","data":{"path":"/3/0/0"}})");
    CHECK_FALSE(contains(g.heard(), "/3"));
    CHECK(g.say("CON DELETE #8 /rd /" + first) == "40001: ACK 2.02 #8");
    CHECK(g.update(second) == "2.04");
    CHECK(g.health().ends_with("1 devices"));
  }
}

TEST_CASE("commands of every QoS are carried out, and acknowledged to the broker") {
  for (const std::string endpoint : {"c1", "c2"}) {
    Gateway g;
    g.join(endpoint);
    for (const std::uint8_t qos : {0, 1, 2}) {
      g.published(endpoint);
      g.command(endpoint, R"({"reqID":1,"msgType":"read","data":{"path":"/3/0/0"}})", qos);
      const std::string heard = g.heard();
      REQUIRE(contains(heard, "CON GET #"));
      const std::string id =
          heard.substr(heard.find('#') + 1, heard.find(" t") - heard.find('#') - 1);
      const std::string token = heard.substr(heard.find(" t") + 1, 2);
      g.say("ACK 2.05 #" + id + " " + token + " ct=0 'EMQ");
      CHECK(contains(g.published(endpoint), "\"value\":\"EMQ\""));
      CHECK(g.host.session(endpoint)->inflight.empty());
    }
    CHECK(g.host.session(endpoint)->acked.size() == 2);
  }
}

TEST_CASE("retained commands are ignored") {
  Gateway g;
  g.join("c1");
  keel::FakeMessage retained{"lwm2m/c1/command",
                             R"({"reqID":1,"msgType":"read","data":{"path":"/3/0/0"}})", 1};
  retained.retain = true;
  g.published("c1");
  g.host.deliver("c1", retained);
  CHECK(g.heard().empty());
  CHECK(g.published("c1").empty());
  CHECK(g.host.session("c1")->acked.size() == 1);
}

TEST_CASE("commands of the pair dn and up are answered there") {
  Gateway g;
  g.join("c1");
  g.published("c1");
  g.host.deliver("c1", {"lwm2m/c1/dn/a/b", "{}", 0});
  CHECK(g.published("c1").starts_with("lwm2m/c1/up/resp {"));
  g.host.deliver("c1", {"lwm2m/c1/command", "{}", 0});
  CHECK(g.published("c1").starts_with("lwm2m/c1/response {"));
}

TEST_CASE("commands above lwm2m.max_command_size") {
  Gateway g(Settings{{"lwm2m.max_command_size", "1KB"}});
  g.join("c1");
  g.published("c1");
  g.command("c1", "{\"reqID\":\"" + std::string(2000, 'x') + "\"}");
  CHECK(contains(g.published("c1"), "4.13"));
  CHECK(g.heard().empty());
}

TEST_CASE("a device that may not hear its commands is registered all the same") {
  Gateway g;
  g.host.session_subscribe = [](const std::string&, std::uint8_t) { return std::uint8_t{0x87}; };
  CHECK(g.join("c1").size() == 10);
  CHECK(g.host.logged("may not subscribe"));
}

TEST_CASE("endpoint names with what means something in topics") {
  Gateway g;
  CHECK(g.join("a/b+c#d").size() == 10);
  CHECK(g.host.session("a/b+c#d")->subscriptions.contains("lwm2m/a%2Fb%2Bc%23d/command"));
  CHECK(g.published("a/b+c#d").starts_with("lwm2m/a%2Fb%2Bc%23d/up/resp {"));
  g.host.deliver("a/b+c#d", {"lwm2m/a%2Fb%2Bc%23d/command", "{}", 0});
  CHECK(g.published("a/b+c#d").starts_with("lwm2m/a%2Fb%2Bc%23d/response {"));
}

TEST_CASE("a lifetime that is over") {
  for (const std::string endpoint : {"c1", "c2"}) {
    Gateway g;
    const std::string location = g.join(endpoint);
    g.host.advance(58'000);
    CHECK(g.is_open(endpoint));
    g.published(endpoint);
    g.host.advance(3'000);
    CHECK_FALSE(g.is_open(endpoint));
    CHECK(contains(g.published(endpoint), "\"expired\""));
    CHECK(g.update(location) == "4.04");
  }
}

TEST_CASE("a Register in blocks") {
  for (const std::string endpoint : {"c1", "c2"}) {
    Gateway g;
    const std::string head = " xA1 /rd ?ep=" + endpoint + " ?lt=60 ct=40 ";
    CHECK(g.say("CON POST #1" + head + "b1=0+/16 '</1/0>,</3/0>,</") ==
          "40001: ACK 2.31 #1 xa1 b1=0+/16");
    CHECK(g.say("CON POST #2" + head + "b1=1+/16 '5/0>,</3303/0>,<") ==
          "40001: ACK 2.31 #2 xa1 b1=1+/16");
    CHECK(g.published(endpoint).empty());
    CHECK(contains(g.say("CON POST #3" + head + "b1=2/16 '/9>"), "ACK 2.01 #3 xa1 loc=rd loc="));
    CHECK(contains(g.published(endpoint), R"("objectList":["/1/0","/3/0","/5/0","/3303/0","/9"])"));
  }
  Gateway g;
  const std::string head = " /rd ?ep=c1 ct=40 ";
  CHECK(contains(g.say("CON POST #1" + head + "b1=0+/16 '</1/0>,</3/0>,</"), "2.31"));
  CHECK(contains(g.say("CON POST #2" + head + "b1=2/16 '/9>"), "4.08"));
  CHECK(contains(g.say("CON POST #3" + head + "b1=7+/16 '0123456789abcdef"), "4.08"));
}

TEST_CASE("newcomers that never end are forgotten") {
  Gateway g;
  for (int i = 0; i < 40; ++i) {
    g.say("CON POST #1 /rd ?ep=c" + std::to_string(i) + " b1=0+/16 '</1/0>,</3/0>,</",
          "10.0.0.1:" + std::to_string(1000 + i));
  }
  g.host.advance(300'000);
  CHECK(contains(g.say("CON POST #2 /rd ?ep=c0 b1=1/16 '5>", "10.0.0.1:1000"), "4.08"));
  CHECK(g.health().ends_with("0 devices"));
}

TEST_CASE("lwm2m.max_devices") {
  Gateway g(Settings{{"lwm2m.max_devices", "2"}});
  CHECK(g.join("c1", "10.0.0.1:1").size() == 10);
  CHECK(g.join("c2", "10.0.0.1:2").size() == 10);
  const std::string heard = g.join("c3", "10.0.0.1:3");
  CHECK(contains(heard, "ACK 5.03"));
  CHECK(contains(heard, "age=30"));
  CHECK(g.join("c1", "10.0.0.1:4").size() == 10);  // it has its place
  CHECK(g.host.logged("lwm2m.max_devices is reached"));
}

TEST_CASE("lwm2m.max_register_rate") {
  Gateway g(Settings{{"lwm2m.max_register_rate", "2"}});
  int in = 0;
  for (int i = 0; i < 10; ++i)
    in += g.join("c" + std::to_string(i), "10.0.0.1:" + std::to_string(i + 1)).size() == 10 ? 1 : 0;
  CHECK(in == 4);  // on two shards
  g.host.advance(1000);
  CHECK(g.join("c9", "10.0.0.1:9").size() == 10);
}

TEST_CASE("one source cannot take the places of all newcomers") {
  Gateway g(Settings{{"lwm2m.max_devices", "100"}});
  g.host.session_open = [](const auto&) { return std::uint8_t{0x87}; };
  int refused = 0, turned_away = 0;
  for (int i = 0; i < 200; ++i) {
    const std::string heard = g.join("c" + std::to_string(i), "10.0.0.1:" + std::to_string(1 + i));
    refused += contains(heard, "4.03") ? 1 : 0;
    turned_away += contains(heard, "5.03") ? 1 : 0;
  }
  CHECK(refused == 128);
  CHECK(turned_away == 72);
  g.host.advance(11'000);
  CHECK(contains(g.join("c1", "10.0.0.1:9"), "4.03"));
}
