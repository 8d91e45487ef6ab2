// QoS 0, 1 and 2 in both directions: levels, packet ids, DUP, order, and exactly once across
// reconnects.
#include "tests/system/support/system.hpp"

namespace keel::test {

TEST_SUITE_BEGIN("publish_qos");

TEST_CASE_TEMPLATE("a message is delivered at the lower of both QoS", V, V31, V311, V5) {
  BrokerProcess broker;
  Client subscriber = broker.connect("s", V::value);
  Client publisher = broker.connect("p", V::value);
  for (std::uint8_t wanted = 0; wanted < 3; ++wanted) {
    const std::string topic = "q" + std::to_string(wanted);
    CHECK(subscriber.subscribe(topic, wanted).codes[0] == wanted);
    for (std::uint8_t sent = 0; sent < 3; ++sent) {
      publisher.publish(topic, "m" + std::to_string(sent), sent);
      subscriber.take(topic, "m" + std::to_string(sent), std::min(wanted, sent));
    }
  }
}

TEST_CASE_TEMPLATE("upgrade_qos delivers at the higher of both", V, V311, V5) {
  BrokerProcess broker{"mqtt.upgrade_qos = true"};
  Client subscriber = broker.connect("s", V::value);
  Client publisher = broker.connect("p", V::value);
  subscriber.subscribe("t", 1);
  for (std::uint8_t sent = 0; sent < 3; ++sent) {
    publisher.publish("t", "m", sent);
    subscriber.take("t", "m", std::max<std::uint8_t>(1, sent));
  }
}

TEST_CASE_TEMPLATE("each acknowledgement carries its packet id", V, V31, V311, V5) {
  BrokerProcess broker;
  Client client = broker.connect("c", V::value);
  for (const std::uint16_t id : {1, 2, 300, 65535}) {
    client.send(Publish{.topic = "t", .payload = "x", .qos = 1, .id = id});
    CHECK(client.expect(Type::puback).id == id);
    client.send(Publish{.topic = "t", .payload = "x", .qos = 2, .id = id});
    CHECK(client.expect(Type::pubrec).id == id);
    client.send_ack(Type::pubrel, id);
    CHECK(client.expect(Type::pubcomp).id == id);
  }
}

TEST_CASE_TEMPLATE("a repeated QoS 2 PUBLISH is delivered once", V, V31, V311, V5) {
  BrokerProcess broker;
  Client subscriber = broker.connect("s", V::value);
  subscriber.subscribe("t", 2);
  Client publisher = broker.connect("p", V::value);
  publisher.send(Publish{.topic = "t", .payload = "once", .qos = 2, .id = 5});
  CHECK(publisher.expect(Type::pubrec).id == 5);
  publisher.send(Publish{.topic = "t", .payload = "once", .qos = 2, .dup = true, .id = 5});
  CHECK(publisher.expect(Type::pubrec).id == 5);
  publisher.send_ack(Type::pubrel, 5);
  CHECK(publisher.expect(Type::pubcomp).id == 5);
  subscriber.take("t", "once", 2);
  subscriber.expect_nothing_from(publisher);
  // The id is free again: the next message under it is a new one.
  publisher.publish({.topic = "t", .payload = "new", .qos = 2, .id = 5});
  subscriber.take("t", "new", 2);
}

TEST_CASE_TEMPLATE("the publisher's QoS 2 handshake survives a reconnect", V, V31, V311, V5) {
  BrokerProcess broker;
  Client subscriber = broker.connect("s", V::value);
  subscriber.subscribe("t", 2);
  const Connect connect = persistent("p", V::value);
  Client first = broker.connect(connect);
  first.send(Publish{.topic = "t", .payload = "once", .qos = 2, .id = 9});
  first.expect(Type::pubrec);
  first.reset();
  Client second = broker.connect(connect);
  second.send(Publish{.topic = "t", .payload = "once", .qos = 2, .dup = true, .id = 9});
  CHECK(second.expect(Type::pubrec).id == 9);
  second.reset();
  Client third = broker.connect(connect);
  third.send_ack(Type::pubrel, 9);
  CHECK(third.expect(Type::pubcomp).id == 9);
  subscriber.take("t", "once", 2);
  subscriber.expect_nothing_from(third);
}

TEST_CASE_TEMPLATE("the subscriber's QoS 2 handshake survives a reconnect", V, V31, V311, V5) {
  BrokerProcess broker;
  const Connect connect = persistent("s", V::value);
  Client first = broker.connect(connect);
  first.subscribe("t", 2);
  Client publisher = broker.connect("p", V::value);
  publisher.publish("t", "once", 2);
  const Packet original = first.expect_publish("t", "once");
  CHECK_FALSE(original.dup);
  first.reset();

  Client second = broker.connect(connect);
  const Packet repeated = second.expect_publish("t", "once");
  CHECK(repeated.dup);
  CHECK(repeated.id == original.id);
  second.send_ack(Type::pubrec, repeated.id);
  CHECK(second.expect(Type::pubrel).id == original.id);
  second.reset();

  // After PUBREC only the PUBREL is repeated, never the message.
  Client third = broker.connect(connect);
  CHECK(third.expect(Type::pubrel).id == original.id);
  third.send_ack(Type::pubcomp, original.id);
  third.expect_nothing();
  third.reset();

  Client fourth = broker.connect(connect);
  fourth.expect_nothing();
}

TEST_CASE_TEMPLATE("unacknowledged messages come again in their order", V, V31, V311, V5) {
  BrokerProcess broker;
  const Connect connect = persistent("s", V::value);
  Client first = broker.connect(connect);
  first.subscribe("t", 2);
  Client publisher = broker.connect("p", V::value);
  std::vector<std::uint16_t> ids;
  for (int i = 0; i < 10; ++i) publisher.publish("t", std::to_string(i), 1 + i % 2);
  for (int i = 0; i < 10; ++i) ids.push_back(first.expect_publish("t", std::to_string(i)).id);
  first.reset();
  broker.await_gone("s");
  publisher.publish("t", "10", 1);
  Client second = broker.connect(connect);
  for (int i = 0; i < 10; ++i) {
    const Packet packet = second.expect_publish("t", std::to_string(i));
    CHECK(packet.dup);
    CHECK(packet.id == ids[static_cast<std::size_t>(i)]);
  }
  const Packet fresh = second.expect_publish("t", "10");
  CHECK_FALSE(fresh.dup);
}

TEST_CASE_TEMPLATE("nothing is repeated on a living connection", V, V311, V5) {
  BrokerProcess broker;
  Client subscriber = broker.connect("s", V::value);
  subscriber.subscribe("t", 1);
  Client publisher = broker.connect("p", V::value);
  publisher.publish("t", "x", 1);
  subscriber.expect_publish("t", "x");
  for (int i = 0; i < 5; ++i) subscriber.expect_nothing();
}

TEST_CASE_TEMPLATE("DUP of the publisher is not passed on", V, V31, V311, V5) {
  BrokerProcess broker;
  Client subscriber = broker.connect("s", V::value);
  subscriber.subscribe("t", 2);
  Client publisher = broker.connect("p", V::value);
  for (std::uint8_t qos = 1; qos < 3; ++qos) {
    publisher.publish({.topic = "t", .payload = "x", .qos = qos, .dup = true});
    const Packet packet = subscriber.expect_publish("t", "x");
    CHECK_FALSE(packet.dup);
    subscriber.acknowledge(packet);
  }
}

TEST_CASE_TEMPLATE("messages stay in order per topic and QoS", V, V31, V311, V5) {
  BrokerProcess broker;
  Client subscriber = broker.connect("s", V::value);
  subscriber.subscribe("t/#", 2);
  Client publisher = broker.connect("p", V::value);
  constexpr int kCount = 300;
  for (std::uint8_t qos = 0; qos < 3; ++qos) {
    CAPTURE(int{qos});
    const std::string topic = "t/" + std::to_string(qos);
    for (int i = 0; i < kCount; ++i) publisher.publish(topic, std::to_string(i), qos);
    for (int i = 0; i < kCount; ++i) subscriber.take(topic, std::to_string(i), qos);
  }
}

TEST_CASE_TEMPLATE("packet ids in use are not handed out twice", V, V311, V5) {
  BrokerProcess broker;
  Client subscriber = broker.connect("s", V::value);
  subscriber.subscribe("t", 1);
  Client publisher = broker.connect("p", V::value);
  publisher.publish("t", "held", 1);
  const Packet held = subscriber.expect_publish("t", "held");
  for (int i = 0; i < 2000; ++i) {
    publisher.publish("t", "x", 1);
    const Packet packet = subscriber.expect_publish("t", "x");
    if (packet.id == held.id) FAIL("a packet id in use came again");
    subscriber.acknowledge(packet);
  }
}

TEST_CASE_TEMPLATE("acknowledgements nobody waits for do no harm", V, V31, V311, V5) {
  BrokerProcess broker;
  Client client = broker.connect("c", V::value);
  client.send_ack(Type::puback, 77);
  client.send_ack(Type::pubcomp, 77);
  client.expect_nothing();
  client.send_ack(Type::pubrel, 78);
  const Packet pubcomp = client.expect(Type::pubcomp);
  CHECK(pubcomp.id == 78);
  CHECK(pubcomp.reason == (client.v5() ? 0x92 : 0));
  client.ping();
}

TEST_CASE("v5: a PUBREC for an unknown id is answered with PUBREL 0x92") {
  BrokerProcess broker;
  Client client = broker.connect("c", Version::v5);
  client.send_ack(Type::pubrec, 79);
  const Packet pubrel = client.expect(Type::pubrel);
  CHECK(pubrel.id == 79);
  CHECK(pubrel.reason == 0x92);
}

TEST_CASE_TEMPLATE("a large message passes at every QoS", V, V31, V311, V5) {
  BrokerProcess broker;
  Client subscriber = broker.connect("s", V::value);
  subscriber.subscribe("t", 2);
  Client publisher = broker.connect("p", V::value);
  for (const std::size_t size : {127u, 128u, 4095u, 4097u, 16384u, 65536u, 900'000u}) {
    std::string payload(size, '\0');
    for (std::size_t i = 0; i < size; ++i) payload[i] = static_cast<char>(i * 131);
    for (std::uint8_t qos = 0; qos < 3; ++qos) {
      publisher.publish("t", payload, qos);
      const Packet packet = subscriber.expect(Type::publish);
      CHECK((packet.payload == payload));
      subscriber.acknowledge(packet);
    }
  }
}

TEST_CASE_TEMPLATE("empty payloads pass", V, V31, V311, V5) {
  BrokerProcess broker;
  Client client = broker.connect("c", V::value);
  client.subscribe("t", 2);
  for (std::uint8_t qos = 0; qos < 3; ++qos) {
    client.publish("t", "", qos);
    client.take("t", "", qos);
  }
}

TEST_CASE_TEMPLATE("many subscribers each get every message once and in order", V, V31, V311, V5) {
  BrokerProcess broker{"limits.connect_rate = 0"};
  std::vector<Client> subscribers;
  for (int i = 0; i < 60; ++i) {
    subscribers.push_back(broker.connect("s" + std::to_string(i), V::value));
    subscribers.back().subscribe(i % 3 == 0 ? "fan/#" : "fan/out",
                                 static_cast<std::uint8_t>(i % 3));
  }
  Client publisher = broker.connect("p", V::value);
  for (int i = 0; i < 30; ++i) publisher.publish("fan/out", std::to_string(i), 2);
  for (std::size_t s = 0; s < subscribers.size(); ++s) {
    for (int i = 0; i < 30; ++i) {
      subscribers[s].take("fan/out", std::to_string(i), static_cast<std::uint8_t>(s % 3));
    }
    subscribers[s].expect_nothing();
  }
}

TEST_SUITE_END();

}  // namespace keel::test
