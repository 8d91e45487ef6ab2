// `ctl sn ...` and the metrics, on a fake host with clients on both shards.
#include <doctest/doctest.h>

#include <keel/fake.hpp>
#include <keel/plugin.hpp>

#include "emqx_sn/tests/messages.hpp"

extern "C" const keel_plugin_entry keel_plugin_entry_v1;

namespace {

using sn_test::hex;

struct Gateway {
  explicit Gateway(std::string_view settings = {}) {
    host.set("mqtt.sn.port", "127.0.0.1:1884");
    host.set("mqtt.sn.advertise_duration", "0");
    host.set_all(settings);
    const keel::Status loaded = host.load(keel_plugin_entry_v1);
    REQUIRE_MESSAGE(loaded, loaded.text());
  }
  ~Gateway() {
    for (const std::string& each : host.misuse()) FAIL_CHECK(each);
  }
  // The message in hexadecimal comes from a port of 127.0.0.1.
  void say(std::string_view octets, int port, std::string_view from = "127.0.0.1:") {
    REQUIRE(host.datagram(hex(octets), keel::concat(from, port)));
  }
  void connect(std::string_view id, int port) {
    std::string body = hex("04 01 00 3c");
    REQUIRE(host.datagram(sn_test::message(sn::Type::connect, body.append(id)),
                          keel::concat("127.0.0.1:", port)));
  }
  std::string ok(std::string_view line) {
    const keel::FakeOutput out = host.ctl(line);
    CHECK_MESSAGE(out.exit == KEEL_EXIT_OK, out.output);
    return out.output;
  }
  std::string refused(std::string_view line) {
    const keel::FakeOutput out = host.ctl(line);
    CHECK(out.exit == KEEL_EXIT_ERROR);
    return out.output;
  }
  double counted(const char* name, std::string_view labels = {}) {
    host.advance(1000);
    return host.metric(name, std::string(labels));
  }
  keel::FakeHost host;
};

std::size_t lines(std::string_view text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace

TEST_CASE("nobody is listed where nobody is") {
  Gateway g;
  CHECK(g.ok("sn list") == "");
  CHECK(g.ok("sn list --json") == "[]\n");
  CHECK(g.ok("sn list asleep") == "");
}

TEST_CASE("clients of both shards are listed, also by state") {
  Gateway g;
  g.connect("c1", 40001);
  g.connect("c2", 40002);
  g.say("04 18 01 2c", 40002);  // falls asleep for 300 s
  const std::string all = g.ok("sn list");
  CHECK(lines(all) == 2);
  const char* const kFirst =
      "SnClient(c1, peername=127.0.0.1:40001, state=active, keepalive=60, sleep=0, topics=0, "
      "queue=0)\n";
  const char* const kSecond =
      "SnClient(c2, peername=127.0.0.1:40002, state=asleep, keepalive=60, sleep=300, topics=0, "
      "queue=0)\n";
  CHECK(all == keel::concat(kFirst, kSecond));
  CHECK(g.ok("sn list active") == kFirst);
  CHECK(g.ok("sn list asleep") == kSecond);
  CHECK(g.ok("sn list away") == "");
  const std::string json = g.ok("sn list --json");
  CHECK(json.starts_with(R"([{"clientid":"c1",)"));
  CHECK(json.ends_with("}]\n"));
  CHECK(json.find(R"("state":"asleep")") != std::string::npos);
  CHECK(g.refused("sn list sleepy") ==
        "'sleepy' is no state; there are connecting, active, asleep, awake, closing and away\n");
}

TEST_CASE("a thousand clients are listed once each") {
  Gateway g;
  for (int i = 0; i < 1000; ++i) g.connect(keel::concat("client-", i), 10'000 + i);
  const std::string all = g.ok("sn list");
  CHECK(lines(all) == 1000);
  for (int i = 0; i < 1000; ++i) {
    CHECK(all.find(keel::concat("SnClient(client-", i, ", ")) != std::string::npos);
  }
}

TEST_CASE("a client is shown with what waits for it in the broker") {
  Gateway g;
  g.connect("c2", 40002);
  g.say("08 12 20 00 05 61 2f 62", 40002);  // subscribes to a/b with QoS 1
  const std::string page = g.ok("sn show c2");
  CHECK(page.starts_with("SnClient(c2, peername=127.0.0.1:40002, state=active"));
  CHECK(page.find("  listener      : sn:default\n") != std::string::npos);
  CHECK(page.find("  session       : clean\n") != std::string::npos);
  CHECK(page.find("  waiting       : 0 messages in the broker\n") != std::string::npos);
  CHECK(page.find("  subscriptions : 1\n") != std::string::npos);
  const std::string json = g.ok("sn show c2 --json");
  CHECK(json.find(R"("broker":{"waiting":0,"inflight":0,"subscriptions":1,"dropped":0}})") !=
        std::string::npos);
  CHECK(g.refused("sn show nobody") == "there is no client 'nobody' here; see ctl sn list\n");
}

TEST_CASE("a client behind a forwarder is shown with its node, one on DTLS with its identity") {
  Gateway g("mqtt.sn.dtls.port = 127.0.0.1:8884\nmqtt.sn.dtls.psk_file = /p\n");
  g.say("05 fe 00 aa bb 08 04 04 01 00 3c 63 31", 40001);
  CHECK(g.ok("sn list").find("peername=127.0.0.1:40001/aabb,") != std::string::npos);
  keel::FakeVerified verified;
  verified.psk_identity = "key-7";
  const std::string peer = "127.0.0.1:40002";
  g.host.dtls_session(peer, verified, true, "127.0.0.1:8884");
  REQUIRE(g.host.datagram(hex("08 04 04 01 00 3c 63 32"), peer, "127.0.0.1:8884", verified));
  const std::string page = g.ok("sn show c2");
  CHECK(page.find("  listener      : sn:dtls\n") != std::string::npos);
  CHECK(page.find("  identity      : key-7\n") != std::string::npos);
}

TEST_CASE("a client that has left but not for good is away") {
  Gateway g;
  g.say("08 04 00 01 00 3c 63 31", 40001);  // not clean
  g.say("02 18", 40001);
  CHECK(g.ok("sn list") ==
        "SnClient(c1, peername=unknown, state=away, keepalive=60, sleep=0, topics=0, "
        "queue=unknown)\n");
  CHECK(g.ok("sn show c1").find("unknown; it has no connection to the broker") !=
        std::string::npos);
  CHECK(g.refused("sn kick c1") == "client 'c1' is not connected\n");
}

TEST_CASE("topic ids are shown with what is known of them") {
  Gateway g;
  g.connect("c2", 40002);
  const auto topics = [&](std::string_view line) {
    const keel::FakeOutput asked = g.host.ctl(line);
    REQUIRE(asked.exit == KEEL_EXIT_LATER);
    g.host.run_jobs();
    return g.host.ctl_answer(asked.reply).output;
  };
  CHECK(topics("sn topics c2") == "it has no topic ids\n");
  CHECK(topics("sn topics c2 --json") == "[]\n");
  g.say("09 0a 00 00 00 01 61 2f 62", 40002);  // registers a/b
  g.say("08 12 20 00 05 61 2f 63", 40002);     // subscribes to a/c
  CHECK(topics("sn topics c2") == "  256  a/b  (known)\n  257  a/c  (subscribed)\n");
  CHECK(
      topics("sn topics c2 --json") ==
      R"([{"id":256,"topic":"a/b","state":"known"},{"id":257,"topic":"a/c","state":"subscribed"}])"
      "\n");
  CHECK(g.refused("sn topics nobody") == "there is no client 'nobody' here; see ctl sn list\n");
}

TEST_CASE("a kicked client hears DISCONNECT and is gone") {
  Gateway g;
  g.connect("c2", 40002);
  g.host.datagrams_sent.clear();
  CHECK(g.ok("sn kick c2") == "ok\n");
  g.host.run();
  REQUIRE(g.host.datagrams_sent.size() == 1);
  CHECK(g.host.datagrams_sent[0].bytes == hex("02 18"));
  CHECK(g.ok("sn list") == "");
  CHECK(g.host.logged("client=c2 kicked"));
  CHECK(g.refused("sn kick c2") == "there is no client 'c2' here; see ctl sn list\n");
}

TEST_CASE("the pre-defined topics are those of the settings in force") {
  Gateway g("mqtt.sn.predefined.topic.1 = a\n");
  CHECK(g.ok("sn predefined") == "*  1  a\n");
  CHECK(g.host.reload({{"mqtt.sn.predefined.client.c1.2", "b"}}));
  CHECK(g.ok("sn predefined") == "*  1  a\nc1  2  b\n");
  CHECK(g.ok("sn predefined --json").starts_with(R"([{"clientid":null,"id":1,"topic":"a"},)"));
}

TEST_CASE("what was counted is in the metrics within a second, and in sn stats") {
  Gateway g;
  g.connect("c1", 40001);
  g.connect("c2", 40002);
  g.say("02 16", 40002);
  g.say("03", 40009);  // nonsense
  CHECK(g.counted("sn_packets_in_total", "type=\"connect\"") == 2);
  CHECK(g.counted("sn_packets_in_total", "type=\"pingreq\"") == 1);
  CHECK(g.counted("sn_packets_out_total", "type=\"connack\"") == 2);
  CHECK(g.counted("sn_packets_out_total", "type=\"pingresp\"") == 1);
  CHECK(g.counted("sn_malformed_total") == 1);
  CHECK(g.counted("sn_sleeps_total") == 0);
  CHECK(g.counted("sn_clients", "state=\"active\"") == 2);
  g.say("04 18 01 2c", 40002);
  CHECK(g.counted("sn_sleeps_total") == 1);
  CHECK(g.counted("sn_clients", "state=\"active\"") == 1);
  CHECK(g.counted("sn_clients", "state=\"asleep\"") == 1);

  const std::string stats = g.ok("sn stats");
  for (const char* line :
       {"clients.active                  : 1\n", "clients.asleep                  : 1\n",
        "packets_in.connect              : 2\n", "packets_out.pingresp            : 1\n",
        "events.malformed                : 1\n", "events.sleeps                   : 1\n"}) {
    CHECK_MESSAGE(stats.find(line) != std::string::npos, line);
  }
  CHECK(stats.find("packets_in.publish") == std::string::npos);  // there was none
  const std::string json = g.ok("sn stats --json");
  CHECK(json.find(R"("packets_in":{"connect":2)") != std::string::npos);
  CHECK(json.find(R"("sn:default":{"datagrams_in":)") != std::string::npos);

  g.say("02 18", 40001);
  CHECK(g.counted("sn_clients", "state=\"active\"") == 0);
  g.say("02 18", 40002);
  CHECK(g.counted("sn_clients", "state=\"asleep\"") == 0);
}

TEST_CASE("words that make no sense get the usage") {
  Gateway g;
  for (const char* line :
       {"sn", "sn nothing", "sn list active more", "sn show", "sn show a b", "sn topics",
        "sn topics a b", "sn kick", "sn kick a b", "sn predefined x", "sn stats x"}) {
    CAPTURE(line);
    const keel::FakeOutput out = g.host.ctl(line);
    CHECK(out.exit == KEEL_EXIT_USAGE);
    CHECK(out.output.find("sn topics <ClientId>") != std::string::npos);
  }
}
