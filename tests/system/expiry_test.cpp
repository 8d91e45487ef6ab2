// Message expiry and session expiry. The shortest intervals that the protocol knows are one second;
// the tests wait on what expiry causes, never for a fixed time.
#include "tests/system/support/system.hpp"

namespace keel::test {

namespace {

Publish expiring(const std::string& payload, std::uint32_t seconds, bool retain = false) {
  return {.topic = "t",
          .payload = payload,
          .qos = 1,
          .retain = retain,
          .props = Props{}.num(prop::kMessageExpiry, seconds)};
}

// Waits until a message with an expiry of `seconds` that is sent now has expired in the broker's
// eyes: a retained message of the same interval is gone.
void outlive(BrokerProcess& broker, std::uint32_t seconds) {
  Client client = broker.connect("outlive", Version::v5);
  client.publish({.topic = "clock",
                  .payload = "tick",
                  .qos = 1,
                  .retain = true,
                  .props = Props{}.num(prop::kMessageExpiry, seconds)});
  eventually(
      [&] {
        client.subscribe("clock", 0);
        client.publish("clock", "probe");
        const bool gone = client.expect(Type::publish).payload == "probe";
        if (!gone) client.expect_publish("clock", "probe");
        client.unsubscribe({"clock"});
        return gone;
      },
      "a retained message expires");
}

}  // namespace

TEST_SUITE_BEGIN("expiry");

TEST_CASE("the message expiry is passed on") {
  BrokerProcess broker;
  Client client = broker.connect("c", Version::v5);
  client.subscribe("t", 1);
  client.publish(expiring("x", 100));
  const std::uint32_t left = client.take("t", "x", 1).props.get(prop::kMessageExpiry);
  CHECK(left <= 100);
  CHECK(left >= 95);
  client.publish("t", "y", 1);
  CHECK_FALSE(client.take("t", "y", 1).props.has(prop::kMessageExpiry));
}

TEST_CASE("the expiry counts down while a message waits, and drops it at the end") {
  BrokerProcess broker;
  broker.connect(persistent("s", Version::v5)).subscribe("t", 1);
  broker.await_gone("s");
  Client publisher = broker.connect("p", Version::v5);
  publisher.publish(expiring("short", 1));
  publisher.publish(expiring("long", 100));
  publisher.publish("t", "eternal", 1);
  outlive(broker, 2);
  Client back = broker.connect(persistent("s", Version::v5));
  const std::uint32_t left = back.take("t", "long", 1).props.get(prop::kMessageExpiry);
  CHECK(left <= 99);
  CHECK(left >= 80);
  back.take("t", "eternal", 1);
}

TEST_CASE("the expiry counts down in the retained store") {
  BrokerProcess broker;
  Client publisher = broker.connect("p", Version::v5);
  publisher.publish(expiring("x", 100, true));
  outlive(broker, 1);
  Client late = broker.connect("late", Version::v5);
  late.subscribe("t", 1);
  CHECK(late.take("t", "x", 1).props.get(prop::kMessageExpiry) <= 99);
}

TEST_CASE("expired messages are dropped for v3 subscribers too") {
  BrokerProcess broker;
  broker.connect(persistent("s", Version::v311)).subscribe("t", 1);
  broker.await_gone("s");
  Client publisher = broker.connect("p", Version::v5);
  publisher.publish(expiring("short", 1));
  publisher.publish("t", "eternal", 1);
  outlive(broker, 2);
  broker.connect(persistent("s", Version::v311)).take("t", "eternal", 1);
}

TEST_CASE("a message waiting behind a full window expires there") {
  BrokerProcess broker;
  Connect connect{.client_id = "s", .version = Version::v5};
  connect.props.num(prop::kReceiveMaximum, 1);
  Client narrow = broker.connect(connect);
  narrow.subscribe("t", 1);
  Client publisher = broker.connect("p", Version::v5);
  publisher.publish("t", "first", 1);
  publisher.publish(expiring("short", 1));
  publisher.publish("t", "last", 1);
  const Packet first = narrow.expect_publish("t", "first");
  outlive(broker, 2);
  narrow.acknowledge(first);
  narrow.take("t", "last", 1);
}

TEST_CASE("a session expires after its interval") {
  BrokerProcess broker;
  Client watcher = broker.connect("w", Version::v5);
  broker.connect(persistent("gone", Version::v5, 1)).disconnect();
  broker.connect(persistent("stays", Version::v5, 100)).disconnect();
  eventually(
      [&] {
        return broker.ctl({"sessions", "show", "gone"}).exit != 0;
      },
      "the session expires");
  CHECK_FALSE(broker.connect(persistent("gone", Version::v5)).connack().session_present);
  CHECK(broker.connect(persistent("stays", Version::v5)).connack().session_present);
}

TEST_CASE("expiry 0 ends the session with its connection") {
  BrokerProcess broker;
  Connect connect{.client_id = "c", .version = Version::v5, .clean = false};
  broker.connect(connect).disconnect();
  eventually([&] { return broker.ctl({"sessions", "show", "c"}).exit != 0; }, "the session ends");
  CHECK_FALSE(broker.connect(connect).connack().session_present);
}

TEST_CASE("v3 sessions expire after mqtt.session_expiry") {
  BrokerProcess broker{"mqtt.session_expiry = \"1s\""};
  broker.connect(persistent("c", Version::v311)).disconnect();
  eventually(
      [&] {
        return broker.ctl({"sessions", "show", "c"}).exit != 0;
      },
      "the session expires");
  CHECK_FALSE(broker.connect(persistent("c", Version::v311)).connack().session_present);
}

TEST_CASE("reconnecting stops the clock of the session") {
  BrokerProcess broker;
  broker.connect(persistent("c", Version::v5, 1)).disconnect();
  Client back = broker.connect(persistent("c", Version::v5, 1));
  CHECK(back.connack().session_present);
  back.subscribe("t", 1);
  outlive(broker, 2);
  back.publish("t", "still here", 1);
  back.take("t", "still here", 1);
}

TEST_CASE("mqtt.max_message_expiry caps what publishers ask for") {
  BrokerProcess broker{"mqtt.max_message_expiry = \"50s\""};
  Client client = broker.connect("c", Version::v5);
  client.subscribe("t", 1);
  client.publish(expiring("x", 1000));
  CHECK(client.take("t", "x", 1).props.get(prop::kMessageExpiry) <= 50);
}

TEST_SUITE_END();

}  // namespace keel::test
