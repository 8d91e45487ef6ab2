// Retained messages: kept, replaced, cleared, found by wildcards, limited, expired, and delivered
// in full however narrow the client's window is.
#include <algorithm>
#include <map>
#include <set>

#include "tests/system/support/system.hpp"

namespace keel::test {

TEST_SUITE_BEGIN("retained");

TEST_CASE_TEMPLATE("set, replace and clear", V, V31, V311, V5) {
  BrokerProcess broker;
  Client publisher = broker.connect("p", V::value);
  const auto seen = [&]() -> std::string {
    Client client = broker.connect("s", V::value);
    client.subscribe("t", 2);
    client.publish("t", "live");
    const Packet packet = client.expect(Type::publish);
    if (packet.payload == "live") return "";
    CHECK(packet.retain);
    client.acknowledge(packet);
    client.expect_publish("t", "live");
    return packet.payload + "/" + std::to_string(packet.qos);
  };
  CHECK(seen() == "");
  publisher.publish("t", "one", 1, true);
  CHECK(seen() == "one/1");
  publisher.publish("t", "two", 2, true);
  CHECK(seen() == "two/2");
  publisher.publish("t", "three", 0, true);
  publisher.ping();
  CHECK(seen().substr(0, 5) == "three");
  publisher.publish("t", "not retained", 1, false);
  CHECK(seen().substr(0, 5) == "three");
  publisher.publish("t", "", 1, true);
  CHECK(seen() == "");
}

TEST_CASE_TEMPLATE("the clearing message itself reaches subscribers, without the flag", V, V31,
                   V311, V5) {
  BrokerProcess broker;
  Client client = broker.connect("c", V::value);
  client.subscribe("t", 1);
  client.publish("t", "x", 1, true);
  CHECK_FALSE(client.take("t", "x", 1).retain);
  client.publish("t", "", 1, true);
  CHECK_FALSE(client.take("t", "", 1).retain);
}

TEST_CASE_TEMPLATE("retained messages come at the lower of both QoS", V, V311, V5) {
  BrokerProcess broker;
  Client publisher = broker.connect("p", V::value);
  for (std::uint8_t sent = 0; sent < 3; ++sent) {
    publisher.publish("q" + std::to_string(sent), "x", sent, true);
    publisher.ping();  // QoS 0 has no acknowledgement to wait for
    for (std::uint8_t wanted = 0; wanted < 3; ++wanted) {
      Client client = broker.connect("s", V::value);
      client.subscribe("q" + std::to_string(sent), wanted);
      CHECK(client.take("q" + std::to_string(sent), "x", std::min(sent, wanted)).retain);
      client.disconnect();
    }
  }
}

TEST_CASE_TEMPLATE("wildcards find exactly what they match", V, V31, V311, V5) {
  BrokerProcess broker;
  Client publisher = broker.connect("p", V::value);
  const std::vector<std::string> topics = {"a", "a/b", "a/b/c", "a//c", "/a", "b/b", "$x/y", "a/"};
  for (const std::string& topic : topics) publisher.publish(topic, "x", 1, true);
  struct Row {
    std::string filter;
    std::set<std::string> found;
  };
  const std::vector<Row> rows = {
      {"#", {"a", "a/b", "a/b/c", "a//c", "/a", "b/b", "a/"}},
      {"+", {"a"}},
      {"a/#", {"a", "a/b", "a/b/c", "a//c", "a/"}},
      {"a/+", {"a/b", "a/"}},
      {"+/b", {"a/b", "b/b"}},
      {"a/+/c", {"a/b/c", "a//c"}},
      {"$x/#", {"$x/y"}},
      {"+/y", {}},
      {"nothing/#", {}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.filter);
    Client client = broker.connect("s", V::value);
    client.subscribe(row.filter, 1);
    std::set<std::string> found;
    for (std::size_t i = 0; i < row.found.size(); ++i) {
      const Packet packet = client.expect(Type::publish);
      CHECK(packet.retain);
      client.acknowledge(packet);
      CHECK(found.insert(packet.topic).second);
    }
    CHECK((found == row.found));
    client.expect_nothing_from(publisher);
    client.disconnect();
  }
}

TEST_CASE_TEMPLATE("subscribing again brings them again", V, V311, V5) {
  BrokerProcess broker;
  Client client = broker.connect("c", V::value);
  client.publish("t", "x", 1, true);
  for (int i = 0; i < 3; ++i) {
    client.subscribe("t", 1);
    CHECK(client.take("t", "x", 1).retain);
  }
}

TEST_CASE_TEMPLATE("a large result arrives completely through any window", V, V311, V5) {
  constexpr int kCount = 1500;
  BrokerProcess broker{"limits.max_queued = 100\nlimits.max_inflight = 20"};
  Client publisher = broker.connect("p", V::value);
  for (int i = 0; i < kCount; ++i) {
    publisher.send(Publish{.topic = "many/" + std::to_string(i),
                           .payload = "x",
                           .qos = 1,
                           .retain = true,
                           .id = static_cast<std::uint16_t>(i + 1)});
    if (i % 10 == 9) {
      for (int k = 0; k < 10; ++k) publisher.expect(Type::puback);
    }
  }
  for (const std::uint32_t window : {1u, 3u, 500u}) {
    CAPTURE(window);
    Connect connect{.client_id = "s", .version = V::value};
    if (V::value == Version::v5) connect.props.num(prop::kReceiveMaximum, window);
    Client client = broker.connect(connect);
    client.subscribe("many/#", 1);
    std::set<std::string> found;
    for (int i = 0; i < kCount; ++i) {
      const Packet packet = client.expect(Type::publish);
      client.acknowledge(packet);
      if (!packet.retain || !found.insert(packet.topic).second) FAIL(describe(packet));
    }
    client.expect_nothing_from(publisher);
    client.disconnect();
  }
}

TEST_CASE_TEMPLATE("a large QoS 0 result arrives completely", V, V31, V311, V5) {
  constexpr int kCount = 3000;
  BrokerProcess broker{"limits.max_output_bytes = 65536"};
  Client publisher = broker.connect("p", V::value);
  const std::string payload(1000, 'x');
  for (int i = 0; i < kCount; ++i) publisher.publish("many/" + std::to_string(i), payload, 0, true);
  publisher.ping();
  Client client = broker.connect("s", V::value);
  client.send(encode_subscribe(V::value, 1, {{"many/+", 0}}));
  std::set<std::string> found;
  while (found.size() < kCount) {
    const Packet packet = client.receive();
    if (packet.type == Type::suback) continue;
    found.insert(packet.topic);
  }
  client.expect_nothing_from(publisher);
}

TEST_CASE_TEMPLATE("retain.expiry removes them on the server's side", V, V31, V311, V5) {
  BrokerProcess broker{"retain.expiry = \"1s\""};
  Client client = broker.connect("c", V::value);
  client.publish("t", "x", 1, true);
  eventually(
      [&] {
        return !contains("\n" + broker.ctl_ok({"retainer", "topics"}), "\nt\n");
      },
      "the retained message expires");
  client.subscribe("t", 1);
  client.expect_nothing();
}

TEST_CASE_TEMPLATE("limits by count and payload size", V, V31, V311, V5) {
  BrokerProcess broker{
      "sys.interval = 0\nlimits.max_retained = 2\nlimits.max_retained_payload = 10"};
  Client client = broker.connect("c", V::value);
  client.publish("a", "1", 1, true);
  client.publish("b", "2", 1, true);
  const Packet third = client.publish("c", "3", 1, true);
  if (V::value == Version::v5) CHECK((third.reason == 0x97 || third.reason < 0x80));
  client.publish("a", "replaced", 1, true);  // no new topic: fits
  client.publish("b", std::string(11, 'x'), 1, true);
  client.subscribe("#", 1);
  std::map<std::string, std::string> found;
  for (int i = 0; i < 2; ++i) {
    const Packet packet = client.expect(Type::publish);
    client.acknowledge(packet);
    found[packet.topic] = packet.payload;
  }
  client.expect_nothing();
  CHECK(found["a"] == "replaced");
  CHECK(found["b"] == "2");
}

TEST_CASE_TEMPLATE("limit by bytes", V, V311, V5) {
  BrokerProcess broker{"sys.interval = 0\nlimits.max_retained_bytes = 20000"};
  Client client = broker.connect("c", V::value);
  for (int i = 0; i < 100; ++i)
    client.publish("t/" + std::to_string(i), std::string(1000, 'x'), 1, true);
  client.subscribe("t/+", 0);
  int count = 0;
  client.publish("t/end", "end");
  while (client.expect(Type::publish).payload != "end") ++count;
  CHECK(count > 5);
  CHECK(count < 21);
}

TEST_CASE_TEMPLATE("a message refused by the store is still delivered", V, V311) {
  BrokerProcess broker{"limits.max_retained_payload = 10"};
  Client client = broker.connect("c", V::value);
  client.subscribe("t", 1);
  client.publish("t", std::string(50, 'x'), 1, true);
  client.take("t", std::string(50, 'x'), 1);
}

TEST_CASE_TEMPLATE("an absent subscriber gets the message without the retain flag", V, V31, V311,
                   V5) {
  BrokerProcess broker;
  Client first = broker.connect(persistent("s", V::value));
  first.subscribe("t", 1);
  first.disconnect();
  Client publisher = broker.connect("p", V::value);
  publisher.publish("t", "x", 1, true);
  Client second = broker.connect(persistent("s", V::value));
  CHECK_FALSE(second.take("t", "x", 1).retain);
  second.expect_nothing();  // resuming does not bring retained messages
}

TEST_SUITE_END();

}  // namespace keel::test
