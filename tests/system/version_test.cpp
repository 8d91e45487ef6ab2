// Protocol levels: three on one port, others answered as each version demands.
#include "tests/system/support/system.hpp"

namespace keel::test {

namespace {

std::string connect_with(const std::string& name, std::uint8_t level) {
  std::string body = mqtt_string(name) + static_cast<char>(level) + '\x02' + u16(60);
  if (level >= 5) body += '\0';
  return frame(0x10, body + mqtt_string("c"));
}

}  // namespace

TEST_SUITE_BEGIN("version");

TEST_CASE("all three versions talk to each other on one port") {
  BrokerProcess broker;
  const std::vector<Version> versions = {Version::v31, Version::v311, Version::v5};
  for (const Version from : versions) {
    for (const Version to : versions) {
      for (std::uint8_t qos = 0; qos < 3; ++qos) {
        Client subscriber = broker.connect("s", to);
        Client publisher = broker.connect("p", from);
        subscriber.subscribe("t/+", qos);
        publisher.publish("t/a", "payload", qos);
        subscriber.take("t/a", "payload", qos);
        subscriber.disconnect();
        publisher.disconnect();
      }
    }
  }
}

TEST_CASE("levels below 5 that nobody knows get 0x01") {
  BrokerProcess broker;
  const std::vector<std::pair<std::string, int>> rows = {{"MQTT", 0}, {"MQTT", 1},   {"MQTT", 2},
                                                         {"MQTT", 3}, {"MQIsdp", 4}, {"MQIsdp", 2}};
  for (const auto& row : rows) {
    const auto& name = row.first;
    const int level = row.second;
    CAPTURE(name);
    CAPTURE(level);
    Client client = broker.open();
    client.send(connect_with(name, static_cast<std::uint8_t>(level)));
    const Packet connack = client.expect(Type::connack);
    CHECK(connack.reason == 0x01);
    CHECK_FALSE(connack.session_present);
    client.expect_closed();
  }
}

TEST_CASE("levels above 5 get 0x84") {
  BrokerProcess broker;
  for (const int level : {6, 7, 127, 255}) {
    CAPTURE(level);
    Client client = broker.open(Version::v5);
    client.send(connect_with("MQTT", static_cast<std::uint8_t>(level)));
    CHECK(client.expect(Type::connack).reason == 0x84);
    client.expect_closed();
  }
}

TEST_CASE("an unknown protocol name ends the connection") {
  BrokerProcess broker;
  for (const std::string name : {"", "mqtt", "MQTTX", "HTTP"}) {
    CAPTURE(name);
    Client client = broker.open();
    client.send(connect_with(name, 4));
    // An answer is allowed, acceptance is not [MQTT5 3.1.2.1].
    std::string answer;
    while (client.socket().receive(answer, Deadline{}) == Socket::Read::data) {
    }
    CHECK((answer.empty() || (answer.size() >= 4 && answer[3] != '\0')));
  }
  broker.connect("alive", Version::v5).ping();
}

TEST_CASE_TEMPLATE("3.1 client ids above 23 bytes are accepted", V, V31) {
  BrokerProcess broker;
  broker.connect(std::string(60, 'i'), V::value).ping();
}

TEST_SUITE_END();

}  // namespace keel::test
