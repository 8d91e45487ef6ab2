// $SYS: the tree that Mosquitto's users know, the one of EMQ X, and presence events.
#include <algorithm>
#include <map>

#include "tests/system/support/json.hpp"
#include "tests/system/support/system.hpp"

namespace keel::test {

namespace {

const std::string kFast = "sys.interval = \"1s\"\nsys.heartbeat = \"1s\"";
const std::string kNode = "$SYS/brokers/keel@127.0.0.1/";

// Reads until each of the topics has come; answers the last payload of each.
std::map<std::string, std::string> collect(Client& client, const std::vector<std::string>& topics) {
  std::map<std::string, std::string> found;
  const Deadline deadline{kPatience * 2};
  const auto complete = [&] {
    return std::all_of(topics.begin(), topics.end(),
                       [&](const std::string& topic) { return found.contains(topic); });
  };
  while (!complete()) {
    if (deadline.passed()) break;
    const Packet packet = client.expect(Type::publish);
    client.acknowledge(packet);
    found[packet.topic] = packet.payload;
  }
  for (const std::string& topic : topics) CHECK_MESSAGE(found.contains(topic), topic);
  return found;
}

bool is_number(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789.") == std::string::npos;
}

}  // namespace

TEST_SUITE_BEGIN("sys_topics");

TEST_CASE_TEMPLATE("$SYS/broker, the tree of Mosquitto", V, V31, V311, V5) {
  BrokerProcess broker{kFast};
  Client client = broker.connect("c", V::value);
  client.subscribe("$SYS/broker/#", 0);
  const auto found = collect(
      client,
      {"$SYS/broker/version", "$SYS/broker/uptime", "$SYS/broker/clients/connected",
       "$SYS/broker/clients/total", "$SYS/broker/clients/maximum", "$SYS/broker/messages/received",
       "$SYS/broker/messages/sent", "$SYS/broker/publish/messages/received",
       "$SYS/broker/bytes/received", "$SYS/broker/bytes/sent", "$SYS/broker/subscriptions/count",
       "$SYS/broker/retained messages/count", "$SYS/broker/load/messages/received/1min",
       "$SYS/broker/metrics/packets/received"});
  CHECK(contains(found.at("$SYS/broker/version"), "keel"));
  CHECK(is_number(found.at("$SYS/broker/clients/connected")));
  CHECK(is_number(found.at("$SYS/broker/metrics/packets/received")));
}

TEST_CASE_TEMPLATE("$SYS/broker/metrics/packets/received and $SYS/broker/metrics/# by themselves",
                   V, V311, V5) {
  BrokerProcess broker{kFast};
  Client exact = broker.connect("exact", V::value);
  exact.subscribe("$SYS/broker/metrics/packets/received", 0);
  const Packet packet = exact.expect(Type::publish);
  CHECK(packet.topic == "$SYS/broker/metrics/packets/received");
  CHECK(is_number(packet.payload));
  Client all = broker.connect("all", V::value);
  all.subscribe("$SYS/broker/metrics/#", 0);
  collect(all, {"$SYS/broker/metrics/packets/received", "$SYS/broker/metrics/bytes/sent",
                "$SYS/broker/metrics/messages/dropped"});
}

TEST_CASE_TEMPLATE("the tree of Mosquitto is retained", V, V311, V5) {
  BrokerProcess broker{kFast};
  Client first = broker.connect("first", V::value);
  first.subscribe("$SYS/broker/version", 0);
  first.expect(Type::publish);
  Client late = broker.connect("late", V::value);
  late.subscribe("$SYS/broker/version", 0);
  CHECK(late.expect(Type::publish).retain);
}

TEST_CASE_TEMPLATE("$SYS/brokers/<node>, the tree of EMQ X", V, V31, V311, V5) {
  BrokerProcess broker{kFast};
  Client client = broker.connect("c", V::value);
  client.subscribe_to({{"$SYS/brokers"}, {"$SYS/brokers/#"}});
  const auto found = collect(
      client,
      {"$SYS/brokers", kNode + "version", kNode + "sysdescr", kNode + "uptime", kNode + "datetime",
       kNode + "stats/connections/count", kNode + "stats/connections/max",
       kNode + "stats/sessions/count", kNode + "stats/subscriptions/shared/count",
       kNode + "stats/retained/max", kNode + "metrics/bytes/received",
       kNode + "metrics/packets/connect/received", kNode + "metrics/packets/publish/sent",
       kNode + "metrics/messages/qos2/dropped", kNode + "metrics/auth/mqtt/anonymous"});
  CHECK(found.at("$SYS/brokers") == "keel@127.0.0.1");
  CHECK(contains(found.at(kNode + "uptime"), "seconds"));
  CHECK(found.at(kNode + "datetime").size() == 19);
  // The first round may be older than this client.
  eventually(
      [&] {
        const std::string topic = kNode + "stats/connections/count";
        return collect(client, {topic}).at(topic) == "1";
      },
      "the client is counted");
}

TEST_CASE_TEMPLATE("presence events", V, V31, V311, V5) {
  BrokerProcess broker;
  Client watcher = broker.connect("watcher", V::value);
  watcher.subscribe(kNode + "clients/+/+", 1);
  Client guest = broker.connect({.client_id = "guest", .version = V::value, .keep_alive = 33});
  const Packet connected = watcher.expect(Type::publish);
  watcher.acknowledge(connected);
  CHECK(connected.topic == kNode + "clients/guest/connected");
  CHECK(connected.qos == 1);
  CHECK(valid_json(connected.payload));
  for (const std::string part :
       {"\"clientid\":\"guest\"", "\"username\"", "\"ipaddress\":\"127.0.0.1", "\"connack\":0",
        "\"ts\":", "\"proto_ver\":", "\"proto_name\":", "\"clean_start\":", "\"keepalive\":33"}) {
    CAPTURE(part);
    CHECK(contains(connected.payload, part));
  }
  guest.disconnect();
  const Packet disconnected = watcher.expect(Type::publish);
  CHECK(disconnected.topic == kNode + "clients/guest/disconnected");
  CHECK(valid_json(disconnected.payload));
  for (const std::string part : {"\"clientid\":\"guest\"", "\"reason\":\"", "\"ts\":"}) {
    CAPTURE(part);
    CHECK(contains(disconnected.payload, part));
  }
}

TEST_CASE("presence = false turns the events off") {
  BrokerProcess broker{"sys.presence = false"};
  Client watcher = broker.connect("watcher", Version::v5);
  watcher.subscribe(kNode + "clients/#", 1);
  Client guest = broker.connect("guest", Version::v5);
  watcher.expect_nothing_from(guest);
}

TEST_CASE_TEMPLATE("leading wildcards see nothing of $SYS", V, V311, V5) {
  BrokerProcess broker{kFast};
  Client proper = broker.connect("proper", V::value);
  Client greedy = broker.connect("greedy", V::value);
  greedy.subscribe_to({{"#"}, {"+/broker/#"}, {"+/#"}});
  proper.subscribe("$SYS/broker/uptime", 0);
  proper.expect(Type::publish);  // one round of $SYS has been published
  greedy.publish("t", "x");
  greedy.take("t", "x");
}

TEST_CASE("interval 0 turns $SYS off") {
  BrokerProcess broker{"sys.interval = 0\nsys.heartbeat = \"1s\"\nsys.presence = false"};
  Client client = broker.connect("c", Version::v5);
  client.subscribe("$SYS/#", 0);
  Client timer = broker.connect({.client_id = "timer", .version = Version::v5, .keep_alive = 1});
  timer.expect_ended(0x8D);  // 1.5 s pass
  client.expect_nothing();
}

TEST_SUITE_END();

}  // namespace keel::test
