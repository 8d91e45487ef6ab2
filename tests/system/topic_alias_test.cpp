// Topic aliases of MQTT 5, from clients and to clients.
#include <map>
#include <set>

#include "tests/system/support/system.hpp"

namespace keel::test {

namespace {

Publish aliased(const std::string& topic, std::uint32_t alias, const std::string& payload = "x") {
  return {.topic = topic, .payload = payload, .props = Props{}.num(prop::kTopicAlias, alias)};
}

}  // namespace

TEST_SUITE_BEGIN("topic_alias");

TEST_CASE("a client's alias stands for its topic, and may be set anew") {
  BrokerProcess broker;
  Client subscriber = broker.connect("s", Version::v5);
  subscriber.subscribe("#", 1);
  Client publisher = broker.connect("p", Version::v5);
  publisher.publish(aliased("first/topic", 1, "a"));
  publisher.publish(aliased("", 1, "b"));
  publisher.publish(aliased("other", 2, "c"));
  publisher.publish(aliased("", 1, "d"));
  publisher.publish(aliased("second", 1, "e"));
  publisher.publish(aliased("", 1, "f"));
  Publish qos1 = aliased("", 2, "g");
  qos1.qos = 1;
  publisher.publish(qos1);
  subscriber.take("first/topic", "a");
  subscriber.take("first/topic", "b");
  subscriber.take("other", "c");
  subscriber.take("first/topic", "d");
  subscriber.take("second", "e");
  subscriber.take("second", "f");
  const Packet last = subscriber.take("other", "g", 1);
  CHECK_FALSE(last.props.has(prop::kTopicAlias));  // this subscriber allows none
}

TEST_CASE("aliases do not outlive the connection") {
  BrokerProcess broker;
  Client first = broker.connect(persistent("p", Version::v5));
  first.publish(aliased("t", 1));
  first.ping();
  first.reset();
  Client second = broker.connect(persistent("p", Version::v5));
  second.send(aliased("", 1));
  second.expect_ended(0x82);
}

TEST_CASE("wrong aliases end the connection") {
  BrokerProcess broker{"mqtt.max_topic_alias = 5"};
  struct Row {
    std::string topic;
    std::uint32_t alias;
    std::uint8_t reason;
  };
  const std::vector<Row> rows = {
      {"", 1, 0x82}, {"t", 0, 0x94}, {"t", 6, 0x94}, {"t", 65535, 0x94}, {"", 6, 0x94}};
  for (const Row& row : rows) {
    CAPTURE(row.topic);
    CAPTURE(row.alias);
    Client client = broker.connect("p", Version::v5);
    client.send(aliased(row.topic, row.alias));
    client.expect_ended(row.reason);
  }
  Client client = broker.connect("p", Version::v5);
  client.publish(aliased("t", 5));
  client.ping();
}

TEST_CASE("max_topic_alias 0 turns aliases off") {
  BrokerProcess broker{"mqtt.max_topic_alias = 0"};
  Client client = broker.connect("p", Version::v5);
  CHECK(client.connack().props.get(prop::kTopicAliasMaximum, 0) == 0);
  client.send(aliased("t", 1));
  client.expect_ended(0x94);
}

TEST_CASE("the broker uses aliases within what the client allows") {
  BrokerProcess broker;
  Connect connect{.client_id = "s", .version = Version::v5};
  connect.props.num(prop::kTopicAliasMaximum, 2);
  Client subscriber = broker.connect(connect);
  subscriber.subscribe("#", 1);
  Client publisher = broker.connect("p", Version::v5);
  std::map<std::uint32_t, std::string> known;
  std::set<std::string> abbreviated;
  for (int round = 0; round < 5; ++round) {
    for (const std::string topic : {"a/long/topic/one", "a/long/topic/two", "a/long/topic/three"}) {
      const auto qos = static_cast<std::uint8_t>(round % 2);
      publisher.publish(topic, "x", qos);
      const Packet packet = subscriber.expect(Type::publish);
      subscriber.acknowledge(packet);
      std::string name = packet.topic;
      if (packet.props.has(prop::kTopicAlias)) {
        const std::uint32_t alias = packet.props.get(prop::kTopicAlias);
        CHECK(alias >= 1);
        CHECK(alias <= 2);
        if (name.empty()) {
          name = known[alias];
          abbreviated.insert(name);
        } else {
          known[alias] = name;
        }
      }
      CHECK(name == topic);
    }
  }
  CHECK_FALSE(abbreviated.empty());
}

TEST_CASE("what is sent again after a reconnect carries the whole topic") {
  BrokerProcess broker;
  Connect connect = persistent("s", Version::v5);
  connect.props.num(prop::kTopicAliasMaximum, 10);
  Client first = broker.connect(connect);
  first.subscribe("t", 1);
  Client publisher = broker.connect("p", Version::v5);
  publisher.publish("t", "1", 1);
  publisher.publish("t", "2", 1);
  first.expect(Type::publish);
  first.expect(Type::publish);
  first.reset();
  Client second = broker.connect(connect);
  CHECK(second.expect(Type::publish).topic == "t");
}

TEST_SUITE_END();

}  // namespace keel::test
