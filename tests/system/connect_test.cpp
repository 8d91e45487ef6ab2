// CONNECT and CONNACK: client ids, clean start, session present, what comes before and behind
// CONNECT.
#include <set>

#include "tests/system/support/system.hpp"

namespace keel::test {

TEST_SUITE_BEGIN("connect");

TEST_CASE_TEMPLATE("a client connects, pings and leaves", V, V31, V311, V5) {
  BrokerProcess broker;
  Client client = broker.connect("c1", V::value);
  CHECK_FALSE(client.connack().session_present);
  client.ping();
  client.send(encode_disconnect(V::value));
  client.expect_closed();
}

TEST_CASE_TEMPLATE("a single shard serves as well", V, V311, V5) {
  BrokerProcess broker{"", {.shards = 1}};
  Client a = broker.connect("a", V::value);
  Client b = broker.connect("b", V::value);
  a.subscribe("t", 2);
  b.publish("t", "hello", 2);
  a.take("t", "hello", 2);
}

TEST_CASE_TEMPLATE("session present tells whether the broker kept one", V, V31, V311, V5) {
  BrokerProcess broker;
  broker.connect(persistent("kept", V::value)).disconnect();
  Client again = broker.connect(persistent("kept", V::value));
  // 3.1 has no such flag: its CONNACK's first byte is reserved.
  if (V::value != Version::v31) CHECK(again.connack().session_present);
  again.disconnect();
  Client clean = broker.connect("kept", V::value);
  CHECK_FALSE(clean.connack().session_present);
  clean.disconnect();
  Client last = broker.connect(persistent("kept", V::value));
  CHECK_FALSE(last.connack().session_present);
}

TEST_CASE("v3.1.1: an empty client id needs a clean session") {
  BrokerProcess broker;
  Client accepted = broker.open();
  CHECK(accepted.connect({.client_id = ""}).reason == 0);
  Client second = broker.open();
  CHECK(second.connect({.client_id = ""}).reason == 0);
  accepted.ping();  // both live: the ids given out differ
  Client refused = broker.open();
  const Packet connack = refused.connect({.client_id = "", .clean = false});
  CHECK(connack.reason == 0x02);
  CHECK_FALSE(connack.session_present);
  refused.expect_closed();
}

TEST_CASE("v3.1: an empty client id is refused") {
  BrokerProcess broker;
  Client client = broker.open(Version::v31);
  CHECK(client.connect({.client_id = "", .version = Version::v31}).reason == 0x02);
  client.expect_closed();
}

TEST_CASE("v5: the broker assigns a client id and says which") {
  BrokerProcess broker;
  std::set<std::string> ids;
  std::vector<Client> clients;
  for (int i = 0; i < 8; ++i) {
    clients.push_back(broker.connect("", Version::v5));
    ids.insert(clients.back().connack().props.text(prop::kAssignedClientId));
  }
  CHECK(ids.size() == 8);
  CHECK(ids.count("") == 0);
  for (Client& client : clients) client.ping();
  Client named = broker.connect("mine", Version::v5);
  CHECK_FALSE(named.connack().props.has(prop::kAssignedClientId));
}

TEST_CASE("v5: a session under an assigned id can be resumed") {
  BrokerProcess broker;
  Client first = broker.connect(persistent("", Version::v5));
  const std::string id = first.connack().props.text(prop::kAssignedClientId);
  first.disconnect();
  CHECK(broker.connect(persistent(id, Version::v5)).connack().session_present);
}

TEST_CASE_TEMPLATE("a second CONNECT ends the connection", V, V31, V311, V5) {
  BrokerProcess broker;
  Client client = broker.connect("twice", V::value);
  client.send(encode(Connect{.client_id = "twice", .version = V::value}));
  client.expect_ended(0x82);
}

TEST_CASE("anything before CONNECT ends the connection without an answer") {
  BrokerProcess broker;
  const std::vector<std::string> packets = {
      encode_pingreq(),
      encode(Version::v311, Publish{"t", "x"}),
      encode_subscribe(Version::v311, 1, {{"t"}}),
      encode_disconnect(Version::v311),
      from_hex("F000"),
      from_hex("20020000"),  // CONNACK
      "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
  };
  for (const std::string& packet : packets) {
    Client client = broker.open();
    client.send(packet);
    client.expect_closed();
  }
}

TEST_CASE_TEMPLATE("packets sent right behind CONNECT are served in order", V, V31, V311, V5) {
  BrokerProcess broker;
  for (int i = 0; i < 8; ++i) {  // ids with a home on either shard
    const std::string id = "pipelined" + std::to_string(i);
    Client client = broker.open(V::value);
    client.send(encode(Connect{.client_id = id, .version = V::value}) +
                encode_subscribe(V::value, 7, {{id, 1}}) +
                encode(V::value, Publish{.topic = id, .payload = "one", .qos = 1, .id = 8}) +
                encode(V::value, Publish{.topic = id, .payload = "two"}) + encode_pingreq());
    CHECK(client.expect(Type::connack).reason == 0);
    CHECK(client.expect(Type::suback).id == 7);
    CHECK(client.expect_reply(Type::puback).id == 8);
    client.expect_reply(Type::pingresp);
    client.take(id, "one", 1);
    client.take(id, "two");
  }
}

TEST_CASE_TEMPLATE("packets may arrive byte by byte", V, V311, V5) {
  BrokerProcess broker;
  Client client = broker.open(V::value);
  const std::string bytes = encode(Connect{.client_id = "drip", .version = V::value}) +
                            encode_subscribe(V::value, 1, {{"t"}}) +
                            encode(V::value, Publish{"t", "payload"});
  for (const char byte : bytes) client.send({&byte, 1});
  client.expect(Type::connack);
  client.expect(Type::suback);
  client.take("t", "payload");
}

TEST_CASE_TEMPLATE("a taken client id does not make the newcomer wait", V, V311, V5) {
  BrokerProcess broker;
  std::vector<Client> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(broker.connect("contested", V::value));
    clients.back().ping();
  }
  for (int i = 0; i < 19; ++i) clients[static_cast<std::size_t>(i)].expect_ended(0x8E);
  clients.back().ping();
}

TEST_CASE_TEMPLATE("client ids are told apart by every byte", V, V311, V5) {
  BrokerProcess broker;
  const std::vector<std::string> ids = {"a",   "A",  "a ", "\xC3\xA9", "e\xCC\x81",
                                        "a/b", "$x", "+",  "#"};
  std::vector<Client> clients;
  for (const std::string& id : ids) clients.push_back(broker.connect(id, V::value));
  for (Client& client : clients) client.ping();
}

TEST_SUITE_END();

}  // namespace keel::test
