// Keep alive: who is silent for too long is sent away, who is not stays.
#include "tests/system/support/system.hpp"

namespace keel::test {

namespace {

Connect with_keep_alive(Version version, std::uint16_t seconds) {
  return {.client_id = "c", .version = version, .keep_alive = seconds};
}

Milliseconds time_until_ended(Client& client) {
  const auto start = Clock::now();
  client.expect_ended(0x8D);
  return std::chrono::duration_cast<Milliseconds>(Clock::now() - start);
}

}  // namespace

TEST_SUITE_BEGIN("keepalive");

TEST_CASE_TEMPLATE("a silent client is closed after 1.5 times its keep alive", V, V31, V311, V5) {
  BrokerProcess broker;
  Client client = broker.connect(with_keep_alive(V::value, 1));
  const Milliseconds took = time_until_ended(client);
  CHECK(took >= Milliseconds{1400});
  CHECK(took < Milliseconds{3000 * kSlowdown});
}

TEST_CASE_TEMPLATE("any packet keeps a client alive", V, V311, V5) {
  BrokerProcess broker;
  Client client = broker.connect(with_keep_alive(V::value, 1));
  Client clock = broker.connect({.client_id = "clock", .version = V::value, .keep_alive = 1});
  client.subscribe("t", 1);
  // The silent `clock` lives for 1.5 s; longer than that the client publishes and stays.
  bool over = false;
  std::string bytes;
  while (!over) {
    client.publish("t", "x", 0);
    client.take("t", "x");
    over = clock.socket().receive(bytes, Deadline{Milliseconds{200}}) != Socket::Read::timeout;
  }
  client.ping();
}

TEST_CASE_TEMPLATE("keep alive 0 means never", V, V311, V5) {
  BrokerProcess broker;
  Client eternal = broker.connect({.client_id = "e", .version = V::value, .keep_alive = 0});
  Client mortal = broker.connect(with_keep_alive(V::value, 1));
  time_until_ended(mortal);
  eternal.ping();
}

TEST_CASE("mqtt.keepalive_multiplier stretches it") {
  BrokerProcess broker{"mqtt.keepalive_multiplier = 2.5"};
  Client client = broker.connect(with_keep_alive(Version::v5, 1));
  CHECK(time_until_ended(client) >= Milliseconds{2400});
}

TEST_CASE("v5: the server keep alive is what counts") {
  BrokerProcess broker{"mqtt.server_keepalive = \"1s\""};
  Client client = broker.connect(with_keep_alive(Version::v5, 600));
  CHECK(client.connack().props.get(prop::kServerKeepAlive) == 1);
  const Milliseconds took = time_until_ended(client);
  CHECK(took >= Milliseconds{1400});
  CHECK(took < Milliseconds{3000 * kSlowdown});
}

TEST_CASE("v5: mqtt.max_keepalive caps what clients ask for, 0 included") {
  BrokerProcess broker{"mqtt.max_keepalive = \"100s\""};
  const auto told = [&](std::uint16_t wanted) {
    return broker.connect(with_keep_alive(Version::v5, wanted))
        .connack()
        .props.get(prop::kServerKeepAlive);
  };
  CHECK(told(600) == 100);
  CHECK(told(0) == 100);
  CHECK(told(50) == 0);  // granted as asked for
}

TEST_SUITE_END();

}  // namespace keel::test
