// What travels with a message unaltered, reason codes of PUBLISH, and topics that are refused.
#include "tests/system/support/system.hpp"

namespace keel::test {

TEST_SUITE_BEGIN("publish_properties");

TEST_CASE("v5 properties of a message are forwarded unaltered") {
  BrokerProcess broker;
  Client subscriber = broker.connect("s", Version::v5);
  subscriber.subscribe("t", 2);
  Client publisher = broker.connect("p", Version::v5);
  const std::string binary{"\x00\xff\x01", 3};
  for (std::uint8_t qos = 0; qos < 3; ++qos) {
    publisher.publish({.topic = "t",
                       .payload = "text",
                       .qos = qos,
                       .props = Props{}
                                    .num(prop::kPayloadFormat, 1)
                                    .str(prop::kContentType, "text/plain")
                                    .str(prop::kResponseTopic, "reply/here")
                                    .str(prop::kCorrelationData, binary)
                                    .user("b", "1")
                                    .user("a", "2")
                                    .user("b", "1")});
    const Packet packet = subscriber.take("t", "text", qos);
    CHECK(packet.props.get(prop::kPayloadFormat) == 1);
    CHECK(packet.props.text(prop::kContentType) == "text/plain");
    CHECK(packet.props.text(prop::kResponseTopic) == "reply/here");
    CHECK((packet.props.text(prop::kCorrelationData) == binary));
    const std::vector<std::pair<std::string, std::string>> users = {
        {"b", "1"}, {"a", "2"}, {"b", "1"}};
    CHECK((packet.props.users() == users));
    CHECK(packet.props.size() == 7);
  }
}

TEST_CASE("v5 properties survive the queue of an absent client and the retained store") {
  BrokerProcess broker;
  Client absent = broker.connect(persistent("s", Version::v5));
  absent.subscribe("t", 1);
  absent.disconnect();
  Client publisher = broker.connect("p", Version::v5);
  publisher.publish({.topic = "t",
                     .payload = "x",
                     .qos = 1,
                     .retain = true,
                     .props = Props{}.str(prop::kContentType, "c").user("k", "v")});
  Client back = broker.connect(persistent("s", Version::v5));
  CHECK(back.take("t", "x", 1).props.text(prop::kContentType) == "c");
  Client late = broker.connect("late", Version::v5);
  late.subscribe("t", 1);
  const Packet retained = late.take("t", "x", 1);
  CHECK(retained.retain);
  CHECK(retained.props.text(prop::kContentType) == "c");
  CHECK(retained.props.users().size() == 1);
}

TEST_CASE("v3 clients get the message without its properties") {
  BrokerProcess broker;
  Client subscriber = broker.connect("s", Version::v311);
  subscriber.subscribe("t", 1);
  Client publisher = broker.connect("p", Version::v5);
  publisher.publish({.topic = "t", .payload = "x", .qos = 1, .props = Props{}.user("k", "v")});
  subscriber.take("t", "x", 1);
}

TEST_CASE("reason code 0x10 when nobody listens") {
  BrokerProcess broker;
  Client client = broker.connect("c", Version::v5);
  CHECK(client.publish("nobody", "x", 1).reason == 0x10);
  CHECK(client.publish("nobody", "x", 2).reason == 0x10);
  client.subscribe("somebody");
  CHECK(client.publish("somebody", "x", 1).reason == 0x00);
  client.take("somebody", "x");
  CHECK(client.publish("somebody", "x", 2).reason == 0x00);
}

TEST_CASE_TEMPLATE("publishing to a wildcard topic is refused", V, V31, V311, V5) {
  BrokerProcess broker;
  for (const std::string topic : {"a/#", "a/+", "+", "#", "a+b", "a#"}) {
    CAPTURE(topic);
    Client client = broker.connect("c", V::value);
    client.send(Publish{topic, "x"});
    client.expect_ended(0x90);
  }
}

TEST_CASE_TEMPLATE("an empty topic is refused", V, V31, V311, V5) {
  BrokerProcess broker;
  Client client = broker.connect("c", V::value);
  client.send(Publish{"", "x"});
  if (V::value == Version::v5) {
    const Packet packet = client.expect(Type::disconnect);
    // No topic and no alias: protocol error, or the name is invalid [MQTT5 3.3.4, 4.7.3].
    CHECK((packet.reason == 0x82 || packet.reason == 0x90));
  }
  client.expect_closed();
}

TEST_CASE_TEMPLATE("topic names are compared byte by byte", V, V311, V5) {
  BrokerProcess broker;
  Client client = broker.connect("c", V::value);
  client.subscribe("A/b", 0);
  for (const std::string other : {"a/b", "A/b/", "/A/b", "A/B", "A"}) client.publish(other, "no");
  client.publish("A/b", "yes");
  client.take("A/b", "yes");
}

TEST_CASE_TEMPLATE("unusual but legal topics work", V, V31, V311, V5) {
  BrokerProcess broker;
  Client client = broker.connect("c", V::value);
  for (const std::string topic :
       {"/", "//", "/a", "a/", "a//b", " ", "a b", "\xE2\x82\xAC/\xF0\x9F\x98\x80", "$own/x"}) {
    CAPTURE(topic);
    client.subscribe(topic, 1);
    client.publish(topic, "x", 1);
    client.take(topic, "x", 1);
  }
}

TEST_CASE("v5: property faults in PUBLISH end the connection") {
  BrokerProcess broker;
  struct Row {
    std::string what;
    Props props;
    std::uint8_t reason;
  };
  const std::vector<Row> rows = {
      {"payload format twice", Props{}.num(prop::kPayloadFormat, 0).num(prop::kPayloadFormat, 0),
       0x82},
      {"content type twice", Props{}.str(prop::kContentType, "a").str(prop::kContentType, "a"),
       0x82},
      {"subscription id from a client", Props{}.num(prop::kSubscriptionId, 1), 0x82},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    Client client = broker.connect("c", Version::v5);
    client.send(Publish{.topic = "t", .payload = "x", .props = row.props});
    client.expect_ended(row.reason);
  }
}

TEST_CASE("v5: a response topic with wildcards is refused") {
  BrokerProcess broker;
  Client client = broker.connect("c", Version::v5);
  client.send(
      Publish{.topic = "t", .payload = "x", .props = Props{}.str(prop::kResponseTopic, "a/#")});
  const Packet packet = client.expect(Type::disconnect);
  CHECK((packet.reason == 0x82 || packet.reason == 0x90 || packet.reason == 0x81));
  client.expect_closed();
}

TEST_SUITE_END();

}  // namespace keel::test
