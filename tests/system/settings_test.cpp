// The settings file, the command line and the environment; checking and reloading.
#include <signal.h>

#include "tests/system/support/system.hpp"

namespace keel::test {

namespace {

// keel --check on this text.
Outcome check(const std::string& text, const std::vector<std::string>& more = {},
              const std::vector<std::string>& environment = {}) {
  const TempDir dir;
  write_file(dir.path() / "keel.conf", text);
  std::vector<std::string> arguments{keel_binary(), "-c", (dir.path() / "keel.conf").string(),
                                     "--check"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return run(arguments, environment);
}

}  // namespace

TEST_SUITE_BEGIN("settings");

TEST_CASE("--version and --help") {
  const Outcome version = run({keel_binary(), "--version"});
  CHECK(version.exit == 0);
  CHECK(contains(said(version), "keel"));
  CHECK(run({keel_binary(), "--help"}).exit == 0);
  CHECK(run({keel_binary(), "--nonsense"}).exit == 2);
}

TEST_CASE("--check accepts what is right, the shipped file too") {
  CHECK(check("").exit == 0);
  CHECK(check("[limits]\nmax_packet_size = \"1MB\"\nconnect_timeout = \"15s\"\n").exit == 0);
  const Outcome shipped =
      run({keel_binary(), "-c", std::string{KEEL_SOURCE_DIR} + "/etc/keel.conf", "--check"});
  CHECK_MESSAGE(shipped.exit == 0, said(shipped));
}

TEST_CASE("mistakes are reported as file:line:column with a remedy") {
  struct Row {
    std::string text, place, hint;
  };
  const std::vector<Row> rows = {
      {"[limits]\nmax_inflght = 3\n", "keel.conf:2:1:", "max_inflight"},
      {"[mqtt]\n\nmax_qos = 7\n", "keel.conf:3:", "max_qos"},
      {"[limits]\nmax_inflight = \"many\"\n", "keel.conf:2:", "max_inflight"},
      {"[limits]\nconnect_timeout = \"15 parsecs\"\n", "keel.conf:2:", "connect_timeout"},
      {"[listener.a]\nbind = \"nonsense:x\"\n", "keel.conf:2:", "bind"},
      {"[listener.a]\nbind = 1883\ntls = \"missing\"\n", "keel.conf:3:", "missing"},
      {"[mqtt]\nshared_strategy = \"best\"\n", "keel.conf:2:", "round_robin"},
      {"[limitz]\n", "keel.conf:1:", "limits"},
      {"this is not TOML\n", "keel.conf:1:", ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const Outcome outcome = check(row.text);
    CHECK(outcome.exit == 1);
    CHECK_MESSAGE(contains(said(outcome), row.place), said(outcome));
    CHECK_MESSAGE(contains(said(outcome), row.hint), said(outcome));
  }
}

TEST_CASE("all mistakes are reported at once") {
  const Outcome outcome = check("[limits]\nmax_inflght = 3\nmax_queud = 4\n");
  CHECK(contains(said(outcome), ":2:"));
  CHECK(contains(said(outcome), ":3:"));
}

TEST_CASE("a missing file is a clear error") {
  const Outcome outcome = run({keel_binary(), "-c", "/nowhere/keel.conf"});
  CHECK(outcome.exit == 1);
  CHECK(contains(said(outcome), "/nowhere/keel.conf"));
}

TEST_CASE("--set and the environment override the file, --set last") {
  BrokerProcess broker{
      "limits.max_packet_size = 1000\nlimits.max_inflight = 5\nmqtt.max_topic_alias = 1",
      {.arguments = {"--set", "limits.max_packet_size=3000"},
       .environment = {"KEEL__LIMITS__MAX_PACKET_SIZE=2000", "KEEL__MQTT__MAX_TOPIC_ALIAS=7"}}};
  const Props props = broker.connect("c", Version::v5).connack().props;
  CHECK(props.get(prop::kMaximumPacketSize) == 3000);
  CHECK(props.get(prop::kTopicAliasMaximum) == 7);
  CHECK(contains(broker.ctl_ok({"conf", "show"}), "limits.max_inflight = 5"));
}

TEST_CASE("wrong --set and environment values are refused by name") {
  CHECK(contains(said(check("", {"--set", "limits.max_inflght=3"})), "max_inflight"));
  CHECK(check("", {"--set", "limits.max_inflight=many"}).exit == 1);
  CHECK(check("", {"--set", "novalue"}).exit != 0);
  const Outcome outcome = check("", {}, {"KEEL__LIMITS__MAX_INFLIGHT=many"});
  CHECK(outcome.exit == 1);
  CHECK(contains(said(outcome), "KEEL__LIMITS__MAX_INFLIGHT"));
}

TEST_CASE("features that come later are refused, never silently ignored") {
  for (const std::string text : {"[bridge.mqtt.a]\naddress = \"x\"\n", "[cluster]\nname = \"x\"\n",
                                 "[module]\nrewrite = true\n"}) {
    CAPTURE(text);
    const Outcome outcome = check(text);
    CHECK(outcome.exit == 1);
    CHECK_MESSAGE(contains(said(outcome), "not part of this version"), said(outcome));
  }
}

TEST_CASE("--check finds what a start would refuse") {
  struct Row {
    std::string text, hint;
  };
  for (const Row& row :
       {Row{"http.bind = \"0.0.0.0:8080\"\n", "not a loopback address"},
        Row{"[listener.s]\nbind = 8883\ntls = \"s\"\n[tls.s]\ncertfile = \"/none.pem\"\nkeyfile = "
            "\"/none.pem\"\n",
            "/none.pem"}}) {
    CAPTURE(row.text);
    const Outcome outcome = check(row.text);
    CHECK(outcome.exit == 1);
    CHECK_MESSAGE(contains(said(outcome), row.hint), said(outcome));
  }
}

TEST_CASE("conf show masks nothing but secrets") {
  BrokerProcess broker{"mqtt.max_qos = 1"};
  CHECK(contains(broker.ctl_ok({"conf", "show"}), "mqtt.max_qos = 1"));
  CHECK(broker.ctl_ok({"conf", "show", "mqtt.max_qos"}) == "mqtt.max_qos = 1\n");
  CHECK(broker.ctl({"conf", "show", "no.such"}).exit == 1);
}

TEST_CASE("conf reload takes changes over and says what changed") {
  BrokerProcess broker{"limits.max_packet_size = 1000"};
  Client before = broker.connect("before", Version::v5);
  broker.write_settings("limits.max_packet_size = 5000\nkernel.pin_shards = true");
  CHECK(contains(broker.ctl_ok({"conf", "check"}), "ok"));
  const std::string answer = broker.ctl_ok({"conf", "reload"});
  CHECK(contains(answer, "limits.max_packet_size"));
  CHECK(contains(answer, "kernel.pin_shards"));
  CHECK(contains(answer, "restart"));
  before.ping();
  Client after = broker.connect("after", Version::v5);
  CHECK(after.connack().props.get(prop::kMaximumPacketSize) == 5000);
  after.publish("t", std::string(4000, 'x'), 1);
}

TEST_CASE("a reload opens, closes and keeps listeners") {
  BrokerProcess broker{"listener.a.bind = \"127.0.0.1:${port:a}\""};
  Client kept = broker.connect("kept", Version::v5);
  broker.write_settings("listener.b.bind = \"127.0.0.1:${port:b}\"");
  broker.ctl_ok({"conf", "reload"});
  Client::accepted(broker.endpoint("b"), {.client_id = "b"}).ping();
  CHECK_THROWS_AS(Socket{broker.endpoint("a")}, ConnectFailure);
  kept.ping();
}

TEST_CASE("a bad file changes nothing") {
  BrokerProcess broker{"limits.max_packet_size = 1000"};
  broker.write_settings("limits.max_packet_size = 5000\nlimits.max_inflght = 3");
  const Outcome checked = broker.ctl({"conf", "check"});
  CHECK(checked.exit == 1);
  CHECK(contains(said(checked), ":2:"));
  const Outcome outcome = broker.ctl({"conf", "reload"});
  CHECK(outcome.exit == 1);
  CHECK(contains(said(outcome), "keel.conf:2:"));
  CHECK(broker.connect("c", Version::v5).connack().props.get(prop::kMaximumPacketSize) == 1000);
}

TEST_CASE("a listener that cannot be opened makes a reload change nothing") {
  BrokerProcess broker{"limits.max_packet_size = 1000"};
  broker.write_settings("limits.max_packet_size = 5000\nlistener.b.bind = \"192.0.2.1:1\"");
  CHECK(broker.ctl({"conf", "reload"}).exit == 1);
  CHECK(broker.connect("c", Version::v5).connack().props.get(prop::kMaximumPacketSize) == 1000);
}

TEST_CASE("SIGHUP reloads") {
  BrokerProcess broker{"limits.max_packet_size = 1000"};
  Client kept = broker.connect("kept", Version::v5);
  broker.write_settings("limits.max_packet_size = 5000");
  broker.signal(SIGHUP);
  eventually(
      [&] {
        return broker.connect("c", Version::v5).connack().props.get(prop::kMaximumPacketSize) ==
               5000;
      },
      "the new limit holds");
  kept.ping();
}

TEST_SUITE_END();

}  // namespace keel::test
