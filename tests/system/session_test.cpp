// Sessions that outlive their connection: the queue and its bounds, takeover, clean start, expiry.
#include "tests/system/support/system.hpp"

namespace keel::test {

namespace {

void leave_subscribed(BrokerProcess& broker, Version version, std::uint8_t qos = 2) {
  Client client = broker.connect(persistent("s", version));
  client.subscribe("t/#", qos);
  client.disconnect();
}

}  // namespace

TEST_SUITE_BEGIN("session");

TEST_CASE_TEMPLATE("QoS 1 and 2 wait for an absent client, in order", V, V31, V311, V5) {
  BrokerProcess broker;
  leave_subscribed(broker, V::value);
  Client publisher = broker.connect("p", V::value);
  for (int i = 0; i < 100; ++i) publisher.publish("t/x", std::to_string(i), 1 + i % 2);
  Client back = broker.connect(persistent("s", V::value));
  for (int i = 0; i < 100; ++i) {
    back.take("t/x", std::to_string(i), static_cast<std::uint8_t>(1 + i % 2));
  }
  back.expect_nothing_from(publisher);
}

TEST_CASE_TEMPLATE("QoS 0 does not wait, unless configured", V, V31, V311, V5) {
  for (const bool queued : {false, true}) {
    CAPTURE(queued);
    BrokerProcess broker{std::string{"mqtt.queue_qos0 = "} + (queued ? "true" : "false")};
    leave_subscribed(broker, V::value);
    Client publisher = broker.connect("p", V::value);
    publisher.publish("t/x", "zero", 0);
    publisher.publish("t/x", "one", 1);
    Client back = broker.connect(persistent("s", V::value));
    if (queued) back.take("t/x", "zero", 0);
    back.take("t/x", "one", 1);
    back.expect_nothing_from(publisher);
  }
}

TEST_CASE_TEMPLATE("subscriptions stay with the session", V, V31, V311, V5) {
  BrokerProcess broker;
  leave_subscribed(broker, V::value);
  Client back = broker.connect(persistent("s", V::value));
  back.publish("t/x", "x", 2);
  back.take("t/x", "x", 2);
  back.reset();
  Client clean = broker.connect("s", V::value);
  clean.publish("t/x", "x", 2);
  clean.expect_nothing();
}

TEST_CASE_TEMPLATE("a clean session drops what waited", V, V31, V311, V5) {
  BrokerProcess broker;
  leave_subscribed(broker, V::value);
  Client publisher = broker.connect("p", V::value);
  publisher.publish("t/x", "lost", 1);
  Client clean = broker.connect("s", V::value);
  clean.expect_nothing_from(publisher);
  clean.disconnect();
  Client back = broker.connect(persistent("s", V::value));
  back.expect_nothing_from(publisher);
}

TEST_CASE_TEMPLATE("the queue is bounded by count: the oldest go first", V, V31, V311, V5) {
  BrokerProcess broker{"limits.max_queued = 10"};
  leave_subscribed(broker, V::value);
  Client publisher = broker.connect("p", V::value);
  for (int i = 0; i < 25; ++i) publisher.publish("t/x", std::to_string(i), 1);
  CHECK(contains(broker.ctl_ok({"sessions", "show", "s"}), "mqueue_len=10"));
  CHECK(contains(broker.ctl_ok({"sessions", "show", "s"}), "mqueue_dropped=15"));
  eventually([&] { return contains(broker.log(), "client=s: its queue is full at 10 messages"); },
             "the log says so");
  Client back = broker.connect(persistent("s", V::value));
  for (int i = 15; i < 25; ++i) back.take("t/x", std::to_string(i), 1);
  back.expect_nothing_from(publisher);
}

TEST_CASE_TEMPLATE("QoS 0 messages are dropped before others", V, V311, V5) {
  BrokerProcess broker{"limits.max_queued = 4\nmqtt.queue_qos0 = true"};
  leave_subscribed(broker, V::value);
  Client publisher = broker.connect("p", V::value);
  publisher.publish("t/x", "a", 1);
  publisher.publish("t/x", "zero", 0);
  publisher.publish("t/x", "b", 1);
  publisher.publish("t/x", "c", 1);
  publisher.publish("t/x", "d", 1);
  Client back = broker.connect(persistent("s", V::value));
  for (const std::string payload : {"a", "b", "c", "d"}) back.take("t/x", payload, 1);
  back.expect_nothing_from(publisher);
}

TEST_CASE_TEMPLATE("the queue is bounded by bytes", V, V31, V311, V5) {
  BrokerProcess broker{"limits.max_queued_bytes = 50000"};
  leave_subscribed(broker, V::value);
  Client publisher = broker.connect("p", V::value);
  for (int i = 0; i < 20; ++i) {
    publisher.publish("t/x", std::to_string(100 + i) + std::string(10'000, 'x'), 1);
  }
  Client back = broker.connect(persistent("s", V::value));
  back.subscribe("end", 1);
  back.publish("end", "end", 1);
  std::vector<std::string> got;
  for (;;) {
    const Packet packet = back.expect(Type::publish);
    back.acknowledge(packet);
    if (packet.topic == "end") break;
    got.push_back(packet.payload.substr(0, 3));
  }
  CHECK(got.size() >= 2);
  CHECK(got.size() <= 5);
  CHECK(got.back() == "119");  // the newest stayed
}

TEST_CASE_TEMPLATE("a global budget bounds all queues together", V, V311, V5) {
  BrokerProcess broker{"limits.max_total_queued_bytes = 200000\nlimits.max_queued_bytes = 1000000"};
  for (int i = 0; i < 10; ++i) {
    Client client = broker.connect(persistent("s" + std::to_string(i), V::value));
    client.subscribe("t", 1);
    client.disconnect();
  }
  Client publisher = broker.connect("p", V::value);
  for (int i = 0; i < 100; ++i) publisher.publish("t", std::string(10'000, 'x'), 1);
  int total = 0;
  for (int i = 0; i < 10; ++i) {
    Client client = broker.connect(persistent("s" + std::to_string(i), V::value));
    client.subscribe("end", 1);
    client.publish("end", "end", 1);
    for (;;) {
      const Packet packet = client.expect(Type::publish);
      client.acknowledge(packet);
      if (packet.topic == "end") break;
      ++total;
    }
    client.disconnect();
  }
  // A message that several sessions wait for may be held, and counted, once or for each of them.
  CHECK(total < 1000);
}

TEST_CASE_TEMPLATE("a takeover resumes the session and ends the old connection", V, V31, V311, V5) {
  BrokerProcess broker;
  Client first = broker.connect(persistent("s", V::value));
  first.subscribe("t", 1);
  Client publisher = broker.connect("p", V::value);
  publisher.publish("t", "in flight", 1);
  const Packet original = first.expect_publish("t", "in flight");
  Client second = broker.connect(persistent("s", V::value));
  if (V::value != Version::v31) CHECK(second.connack().session_present);
  first.expect_ended(0x8E);
  const Packet repeated = second.expect_publish("t", "in flight");
  CHECK(repeated.dup);
  CHECK(repeated.id == original.id);
  second.acknowledge(repeated);
  publisher.publish("t", "next", 1);
  second.take("t", "next", 1);
}

TEST_CASE("sessions move between protocol versions") {
  BrokerProcess broker;
  leave_subscribed(broker, Version::v311);
  Client publisher = broker.connect("p", Version::v5);
  publisher.publish({.topic = "t/x", .payload = "x", .qos = 1, .props = Props{}.user("k", "v")});
  Client newer = broker.connect(persistent("s", Version::v5));
  CHECK(newer.connack().session_present);
  CHECK(newer.take("t/x", "x", 1).props.users().size() == 1);
  newer.ping();  // the acknowledgement has arrived
  newer.reset();
  Client older = broker.connect(persistent("s", Version::v311));
  CHECK(older.connack().session_present);
  publisher.publish("t/x", "y", 1);
  older.take("t/x", "y", 1);
}

TEST_CASE("v5: clean start with an expiry begins a new session that stays") {
  BrokerProcess broker;
  Connect connect = persistent("s", Version::v5);
  connect.clean = true;
  broker.connect(connect).disconnect();
  CHECK(broker.connect(persistent("s", Version::v5)).connack().session_present);
}

TEST_CASE("v5: DISCONNECT may change the expiry") {
  BrokerProcess broker;
  broker.connect(persistent("ends", Version::v5, 100))
      .disconnect(0, Props{}.num(prop::kSessionExpiry, 0));
  eventually(
      [&] {
        return broker.ctl({"sessions", "show", "ends"}).exit != 0;
      },
      "the session ends");
  broker.connect(persistent("longer", Version::v5, 1))
      .disconnect(0, Props{}.num(prop::kSessionExpiry, 500));
  CHECK(contains(broker.ctl_ok({"sessions", "show", "longer"}), "expiry_interval=500"));
}

TEST_CASE("v5: an expiry of 0 cannot be raised at DISCONNECT") {
  BrokerProcess broker;
  Client client = broker.connect("c", Version::v5);
  client.send(encode_disconnect(Version::v5, 0, Props{}.num(prop::kSessionExpiry, 100)));
  client.expect_ended(0x82);
  CHECK_FALSE(broker.connect(persistent("c", Version::v5)).connack().session_present);
}

TEST_CASE_TEMPLATE("what is in flight when a client leaves is kept for it", V, V31, V311, V5) {
  BrokerProcess broker{"limits.max_inflight = 3"};
  Client first = broker.connect(persistent("s", V::value));
  first.subscribe("t", 1);
  Client publisher = broker.connect("p", V::value);
  for (int i = 0; i < 10; ++i) publisher.publish("t", std::to_string(i), 1);
  for (int i = 0; i < 3; ++i) first.expect_publish("t", std::to_string(i));
  first.expect_nothing();
  first.disconnect();
  Client second = broker.connect(persistent("s", V::value));
  for (int i = 0; i < 10; ++i) {
    const Packet packet = second.expect_publish("t", std::to_string(i));
    CHECK(packet.dup == (i < 3));
    second.acknowledge(packet);
  }
}

TEST_CASE_TEMPLATE("limits.max_sessions refuses new sessions, not known ones", V, V311, V5) {
  BrokerProcess broker{"limits.max_sessions = 2"};
  broker.connect(persistent("a", V::value)).disconnect();
  broker.connect(persistent("b", V::value)).disconnect();
  Client refused = broker.open(V::value);
  CHECK(refused.connect(persistent("c", V::value)).reason != 0);
  refused.expect_closed();
  broker.connect(persistent("a", V::value)).ping();
}

TEST_SUITE_END();

}  // namespace keel::test
