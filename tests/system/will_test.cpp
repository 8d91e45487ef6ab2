// Wills: what they carry, when they are published, when they are not.
#include "tests/system/support/system.hpp"

namespace keel::test {

namespace {

Connect with_will(const std::string& id, Version version,
                  Will will = {"will", "bye", 1, false, {}}) {
  return {.client_id = id, .version = version, .will = std::move(will)};
}

}  // namespace

TEST_SUITE_BEGIN("will");

TEST_CASE_TEMPLATE("a lost connection publishes the will", V, V31, V311, V5) {
  BrokerProcess broker;
  Client watcher = broker.connect("w", V::value);
  watcher.subscribe("will", 2);
  for (std::uint8_t qos = 0; qos < 3; ++qos) {
    broker.connect(with_will("c", V::value, {"will", "closed", qos, false, {}})).drop();
    watcher.take("will", "closed", qos);
    broker.connect(with_will("c", V::value, {"will", "reset", qos, false, {}})).reset();
    watcher.take("will", "reset", qos);
  }
}

TEST_CASE_TEMPLATE("a normal DISCONNECT discards the will", V, V31, V311, V5) {
  BrokerProcess broker;
  Client watcher = broker.connect("w", V::value);
  watcher.subscribe("will", 1);
  Client client = broker.connect(with_will("c", V::value));
  client.send(encode_disconnect(V::value));
  client.expect_closed();
  Client other = broker.connect("o", V::value);
  watcher.expect_nothing_from(other);
}

TEST_CASE("v5: DISCONNECT 0x04 publishes the will") {
  BrokerProcess broker;
  Client watcher = broker.connect("w", Version::v5);
  watcher.subscribe("will", 1);
  broker.connect(with_will("c", Version::v5)).disconnect(0x04);
  watcher.take("will", "bye", 1);
}

TEST_CASE("v5: DISCONNECT with an error code publishes the will") {
  BrokerProcess broker;
  Client watcher = broker.connect("w", Version::v5);
  watcher.subscribe("will", 1);
  broker.connect(with_will("c", Version::v5)).disconnect(0x80);
  watcher.take("will", "bye", 1);
}

TEST_CASE_TEMPLATE("a silent client's will is published after 1.5 times its keep alive", V, V31,
                   V311, V5) {
  BrokerProcess broker;
  Client watcher = broker.connect("w", V::value);
  watcher.subscribe("will", 1);
  Connect connect = with_will("c", V::value);
  connect.keep_alive = 1;
  const auto start = Clock::now();
  Client silent = broker.connect(connect);
  watcher.take("will", "bye", 1);
  CHECK(Clock::now() - start >= Milliseconds{1400});
  silent.expect_ended(0x8D);
}

TEST_CASE_TEMPLATE("a protocol error publishes the will", V, V31, V311, V5) {
  BrokerProcess broker;
  Client watcher = broker.connect("w", V::value);
  watcher.subscribe("will", 1);
  Client client = broker.connect(with_will("c", V::value));
  client.send(from_hex("00 00"));
  watcher.take("will", "bye", 1);
}

TEST_CASE_TEMPLATE("a takeover publishes the will of the session that ends", V, V31, V311, V5) {
  BrokerProcess broker;
  Client watcher = broker.connect("w", V::value);
  watcher.subscribe("will", 1);
  Client first = broker.connect(with_will("c", V::value));
  Client second = broker.connect("c", V::value);
  watcher.take("will", "bye", 1);
  first.expect_ended(0x8E);
  second.ping();
}

TEST_CASE("v5: a kick publishes the will") {
  BrokerProcess broker;
  Client watcher = broker.connect("w", Version::v5);
  watcher.subscribe("will", 1);
  Client client = broker.connect(with_will("c", Version::v5));
  broker.ctl_ok({"clients", "kick", "c"});
  watcher.take("will", "bye", 1);
  client.expect_ended(0x98);
}

TEST_CASE_TEMPLATE("a retained will is kept", V, V31, V311, V5) {
  BrokerProcess broker;
  Client watcher = broker.connect("w", V::value);
  watcher.subscribe("will", 1);
  broker.connect(with_will("c", V::value, {"will", "gone", 1, true, {}})).reset();
  CHECK_FALSE(watcher.take("will", "gone", 1).retain);
  Client late = broker.connect("late", V::value);
  late.subscribe("will", 1);
  CHECK(late.take("will", "gone", 1).retain);
}

TEST_CASE("v5: every will property is passed on") {
  BrokerProcess broker;
  Client watcher = broker.connect("w", Version::v5);
  watcher.subscribe("will", 1);
  const Props props = Props{}
                          .num(prop::kWillDelay, 0)
                          .num(prop::kPayloadFormat, 1)
                          .num(prop::kMessageExpiry, 77)
                          .str(prop::kContentType, "text/plain")
                          .str(prop::kResponseTopic, "r")
                          .str(prop::kCorrelationData, "cd")
                          .user("k", "v")
                          .user("k", "w");
  broker.connect(with_will("c", Version::v5, {"will", "bye", 1, false, props})).reset();
  const Props got = watcher.take("will", "bye", 1).props;
  CHECK(got.get(prop::kPayloadFormat) == 1);
  CHECK(got.get(prop::kMessageExpiry) <= 77);
  CHECK(got.get(prop::kMessageExpiry) >= 70);
  CHECK(got.text(prop::kContentType) == "text/plain");
  CHECK(got.text(prop::kResponseTopic) == "r");
  CHECK(got.text(prop::kCorrelationData) == "cd");
  CHECK(got.users().size() == 2);
  CHECK_FALSE(got.has(prop::kWillDelay));
}

TEST_CASE("v5: the will waits for its delay") {
  BrokerProcess broker;
  Client watcher = broker.connect("w", Version::v5);
  watcher.subscribe("will", 1);
  Connect connect = persistent("c", Version::v5, 100);
  connect.will = Will{"will", "late", 1, false, Props{}.num(prop::kWillDelay, 1)};
  Client client = broker.connect(connect);
  const auto start = Clock::now();
  client.reset();
  Client other = broker.connect("o", Version::v5);
  watcher.expect_nothing_from(other);
  watcher.take("will", "late", 1);
  CHECK(Clock::now() - start >= Milliseconds{900});
}

TEST_CASE("v5: reconnecting within the delay cancels the will") {
  BrokerProcess broker;
  Client watcher = broker.connect("w", Version::v5);
  watcher.subscribe("will", 1);
  Connect connect = persistent("c", Version::v5, 100);
  connect.will = Will{"will", "never", 1, false, Props{}.num(prop::kWillDelay, 1)};
  broker.connect(connect).reset();
  Client back = broker.connect(persistent("c", Version::v5, 100));
  CHECK(back.connack().session_present);
  // Another client's will with the same delay, lost later, comes first: the cancelled one never
  // does.
  Connect later = persistent("d", Version::v5, 100);
  later.will = Will{"will", "of d", 1, false, Props{}.num(prop::kWillDelay, 2)};
  broker.connect(later).reset();
  watcher.take("will", "of d", 1);
  watcher.expect_nothing_from(back);
}

TEST_CASE("v5: reconnecting with a clean start publishes the delayed will at once") {
  BrokerProcess broker;
  Client watcher = broker.connect("w", Version::v5);
  watcher.subscribe("will", 1);
  Connect connect = persistent("c", Version::v5, 1000);
  connect.will = Will{"will", "bye", 1, false, Props{}.num(prop::kWillDelay, 900)};
  broker.connect(connect).reset();
  Client clean = broker.connect("c", Version::v5);
  watcher.take("will", "bye", 1);
}

TEST_CASE("v5: the will comes with the session's end when that is before the delay") {
  BrokerProcess broker;
  Client watcher = broker.connect("w", Version::v5);
  watcher.subscribe("will", 1);
  Connect connect = persistent("c", Version::v5, 1);
  connect.will = Will{"will", "bye", 1, false, Props{}.num(prop::kWillDelay, 900)};
  broker.connect(connect).reset();
  watcher.take("will", "bye", 1);
}

TEST_CASE("v5: with session expiry 0 the delay does not matter") {
  BrokerProcess broker;
  Client watcher = broker.connect("w", Version::v5);
  watcher.subscribe("will", 1);
  const Will will{"will", "bye", 1, false, Props{}.num(prop::kWillDelay, 900)};
  broker.connect(with_will("c", Version::v5, will)).reset();
  watcher.take("will", "bye", 1);
}

TEST_CASE("v5: a takeover with a delay and a resumed session publishes no will") {
  BrokerProcess broker;
  Client watcher = broker.connect("w", Version::v5);
  watcher.subscribe("will", 1);
  Connect connect = persistent("c", Version::v5, 100);
  connect.will = Will{"will", "never", 1, false, Props{}.num(prop::kWillDelay, 50)};
  Client first = broker.connect(connect);
  Client second = broker.connect(persistent("c", Version::v5, 100));
  CHECK(second.connack().session_present);
  first.expect_ended(0x8E);
  watcher.expect_nothing_from(second);
}

TEST_CASE_TEMPLATE("wills that are not allowed refuse the CONNECT", V, V311, V5) {
  BrokerProcess broker{"mqtt.max_qos = 1\nmqtt.retain_available = false"};
  const std::vector<std::pair<Will, std::uint8_t>> rows = {
      {{"will", "x", 2, false, {}}, 0x9B},
      {{"will", "x", 1, true, {}}, 0x9A},
  };
  for (const auto& [will, reason] : rows) {
    Client client = broker.open(V::value);
    client.send(encode(with_will("c", V::value, will)));
    if (V::value == Version::v5) {
      CHECK(int{client.expect(Type::connack).reason} == int{reason});
      client.expect_closed();
      continue;
    }
    // v3 has no code for this; refusing in any way is right, accepting is not.
    std::string answer;
    while (client.socket().receive(answer, Deadline{}) == Socket::Read::data) {
    }
    CHECK((answer.empty() || answer.at(3) != '\0'));
  }
}

TEST_CASE_TEMPLATE("a will topic with wildcards refuses the CONNECT", V, V31, V311, V5) {
  BrokerProcess broker;
  for (const std::string topic : {"a/#", "+", ""}) {
    CAPTURE(topic);
    Client client = broker.open(V::value);
    client.send(encode(with_will("c", V::value, {topic, "x", 0, false, {}})));
    std::string answer;
    while (client.socket().receive(answer, Deadline{}) == Socket::Read::data) {
    }
    CHECK((answer.empty() || answer.at(3) != '\0'));
    if (V::value == Version::v5) CHECK_FALSE(answer.empty());
  }
}

TEST_SUITE_END();

}  // namespace keel::test
