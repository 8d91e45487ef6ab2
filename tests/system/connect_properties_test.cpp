// What MQTT 5 negotiates at CONNECT, in both directions.
#include "tests/system/support/system.hpp"

namespace keel::test {

namespace {

Connect v5_connect(const std::string& id, Props props) {
  return {.client_id = id, .version = Version::v5, .props = std::move(props)};
}

}  // namespace

TEST_SUITE_BEGIN("connect_properties");

TEST_CASE("CONNACK says what the broker allows") {
  BrokerProcess broker{
      "limits.max_inflight = 7\nlimits.max_packet_size = 5000\nlimits.max_awaiting_rel = 9\n"
      "mqtt.max_topic_alias = 3\nmqtt.max_qos = 1\nmqtt.retain_available = false\n"
      "mqtt.wildcard_subscription = false\nmqtt.shared_subscription = false\n"};
  const Props props = broker.connect("c", Version::v5).connack().props;
  CHECK(props.get(prop::kMaximumPacketSize) == 5000);
  CHECK(props.get(prop::kTopicAliasMaximum) == 3);
  CHECK(props.get(prop::kMaximumQos, 2) == 1);
  CHECK(props.get(prop::kRetainAvailable, 1) == 0);
  CHECK(props.get(prop::kWildcardAvailable, 1) == 0);
  CHECK(props.get(prop::kSharedAvailable, 1) == 0);
  CHECK(props.get(prop::kReceiveMaximum) > 0);
}

TEST_CASE("CONNACK leaves out what is the protocol's default") {
  BrokerProcess broker;
  const Props props = broker.connect("c", Version::v5).connack().props;
  CHECK(props.get(prop::kMaximumQos, 2) == 2);
  CHECK(props.get(prop::kRetainAvailable, 1) == 1);
  CHECK(props.get(prop::kWildcardAvailable, 1) == 1);
  CHECK(props.get(prop::kSubscriptionIdAvailable, 1) == 1);
  CHECK(props.get(prop::kSharedAvailable, 1) == 1);
  CHECK_FALSE(props.has(prop::kServerKeepAlive));
  CHECK_FALSE(props.has(prop::kAssignedClientId));
  CHECK_FALSE(props.has(prop::kResponseInfo));
}

TEST_CASE("the broker imposes its keep alive") {
  BrokerProcess broker{"mqtt.server_keepalive = 30"};
  CHECK(broker.connect("c", Version::v5).connack().props.get(prop::kServerKeepAlive) == 30);
}

TEST_CASE("the session expiry is capped, and CONNACK says so") {
  BrokerProcess broker{"mqtt.max_session_expiry = \"100s\"\nmqtt.session_expiry = \"100s\""};
  Client capped = broker.connect(v5_connect("a", Props{}.num(prop::kSessionExpiry, 0xFFFFFFFF)));
  CHECK(capped.connack().props.get(prop::kSessionExpiry) == 100);
  Client granted = broker.connect(v5_connect("b", Props{}.num(prop::kSessionExpiry, 50)));
  CHECK(granted.connack().props.get(prop::kSessionExpiry, 50) == 50);
}

TEST_CASE("the client's receive maximum is the broker's window") {
  BrokerProcess broker;
  Client client = broker.connect(v5_connect("narrow", Props{}.num(prop::kReceiveMaximum, 2)));
  client.subscribe("t", 2);
  Client publisher = broker.connect("p", Version::v5);
  for (int i = 0; i < 5; ++i) publisher.publish("t", std::to_string(i), 1 + i % 2);
  const Packet first = client.expect_publish("t", "0");
  const Packet second = client.expect_publish("t", "1");
  client.expect_nothing();
  client.acknowledge(first);
  const Packet third = client.expect_publish("t", "2");
  client.expect_nothing();
  // A PUBREC keeps its place in the window; the PUBCOMP gives it back.
  client.send_ack(Type::pubrec, second.id);
  client.expect(Type::pubrel);
  client.expect_nothing();
  client.send_ack(Type::pubcomp, second.id);
  client.acknowledge(client.expect_publish("t", "3"));
  client.acknowledge(third);
  client.take("t", "4", 1);
}

TEST_CASE("QoS 0 passes a full window") {
  BrokerProcess broker;
  Client client = broker.connect(v5_connect("narrow", Props{}.num(prop::kReceiveMaximum, 1)));
  client.subscribe("t", 1);
  Client publisher = broker.connect("p", Version::v5);
  publisher.publish("t", "held", 1);
  publisher.publish("t", "waiting", 1);
  publisher.publish("t", "free", 0);
  const Packet held = client.expect_publish("t", "held");
  client.take("t", "free");
  client.acknowledge(held);
  client.take("t", "waiting", 1);
}

TEST_CASE("a PUBREC with an error frees the window at once") {
  BrokerProcess broker;
  Client client = broker.connect(v5_connect("narrow", Props{}.num(prop::kReceiveMaximum, 1)));
  client.subscribe("t", 2);
  Client publisher = broker.connect("p", Version::v5);
  publisher.publish("t", "refused", 2);
  publisher.publish("t", "next", 2);
  client.send_ack(Type::pubrec, client.expect_publish("t", "refused").id, 0x97);
  client.take("t", "next", 2);
}

TEST_CASE("a client that exceeds the broker's receive maximum is sent away") {
  BrokerProcess broker{"limits.max_awaiting_rel = 3"};
  Client client = broker.connect("c", Version::v5);
  const std::uint32_t most = client.connack().props.get(prop::kReceiveMaximum, 65535);
  REQUIRE(most <= 3);
  for (std::uint32_t i = 1; i <= most; ++i) {
    client.send(
        Publish{.topic = "t", .payload = "x", .qos = 2, .id = static_cast<std::uint16_t>(i)});
    CHECK(client.expect(Type::pubrec).reason < 0x80);
  }
  client.send(Publish{.topic = "t", .payload = "x", .qos = 2, .id = 100});
  client.expect_ended(0x93);
}

TEST_CASE("messages above the client's maximum packet size are left out") {
  BrokerProcess broker;
  Client client = broker.connect(v5_connect("small", Props{}.num(prop::kMaximumPacketSize, 60)));
  client.subscribe("t", 2);
  Client publisher = broker.connect("p", Version::v5);
  for (std::uint8_t qos = 0; qos < 3; ++qos) publisher.publish("t", std::string(200, 'x'), qos);
  publisher.publish("t", "fits", 1);
  client.take("t", "fits", 1);
}

TEST_CASE("a packet exactly at the client's maximum size is sent") {
  BrokerProcess broker;
  Client client = broker.connect(v5_connect("small", Props{}.num(prop::kMaximumPacketSize, 30)));
  client.subscribe("t", 0);
  Client publisher = broker.connect("p", Version::v5);
  const std::size_t head = 2 + 3 + 1;  // fixed header, topic "t", no properties
  publisher.publish("t", std::string(30 - head + 1, 'a'));
  publisher.publish("t", std::string(30 - head, 'b'));
  client.take("t", std::string(30 - head, 'b'));
}

TEST_CASE("a packet above the broker's maximum size ends the connection") {
  BrokerProcess broker{"limits.max_packet_size = 1000"};
  Client client = broker.connect("c", Version::v5);
  client.send(Publish{"t", std::string(1000, 'x')});
  client.expect_ended(0x95);
}

TEST_CASE("without request problem information no reason string comes") {
  BrokerProcess broker;
  Client client = broker.connect(v5_connect("c", Props{}.num(prop::kRequestProblemInfo, 0)));
  const Packet suback = client.subscribe_to({{"bad/#/filter"}});
  CHECK(suback.codes[0] == 0x8F);
  CHECK_FALSE(suback.props.has(prop::kReasonString));
  CHECK_FALSE(suback.props.has(prop::kUserProperty));
  CHECK_FALSE(client.publish("nobody/listens", "x", 1).props.has(prop::kReasonString));
}

TEST_CASE("response information is given to those who ask") {
  BrokerProcess broker{"mqtt.response_information = \"replies/\""};
  Client asks = broker.connect(v5_connect("a", Props{}.num(prop::kRequestResponseInfo, 1)));
  CHECK(asks.connack().props.text(prop::kResponseInfo) == "replies/");
  Client silent = broker.connect("b", Version::v5);
  CHECK_FALSE(silent.connack().props.has(prop::kResponseInfo));
}

TEST_CASE("user properties and every other property of CONNECT are accepted") {
  BrokerProcess broker;
  Client client = broker.connect(v5_connect("c", Props{}
                                                     .num(prop::kSessionExpiry, 10)
                                                     .num(prop::kReceiveMaximum, 10)
                                                     .num(prop::kMaximumPacketSize, 1000)
                                                     .num(prop::kTopicAliasMaximum, 10)
                                                     .num(prop::kRequestResponseInfo, 0)
                                                     .num(prop::kRequestProblemInfo, 1)
                                                     .user("k", "v")
                                                     .user("k", "v")));
  client.ping();
}

TEST_CASE("CONNECT properties out of their range are refused with a code") {
  BrokerProcess broker;
  struct Row {
    Props props;
    std::uint8_t reason;
  };
  const std::vector<Row> rows = {
      {Props{}.num(prop::kReceiveMaximum, 0), 0x82},
      {Props{}.num(prop::kMaximumPacketSize, 0), 0x82},
      {Props{}.num(prop::kRequestProblemInfo, 2), 0x82},
      {Props{}.num(prop::kRequestResponseInfo, 2), 0x82},
      {Props{}.num(prop::kSessionExpiry, 1).num(prop::kSessionExpiry, 1), 0x82},
      {Props{}.num(prop::kReceiveMaximum, 1).num(prop::kReceiveMaximum, 1), 0x82},
      {Props{}.str(prop::kAuthData, "data"), 0x82},
  };
  for (const Row& row : rows) {
    Client client = broker.open(Version::v5);
    const Packet connack = client.connect(v5_connect("c", row.props));
    CHECK(int{connack.reason} == int{row.reason});
    client.expect_closed();
  }
}

TEST_SUITE_END();

}  // namespace keel::test
