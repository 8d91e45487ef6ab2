// Each limit: what stays within passes, what exceeds is answered as the version can say it.
#include "tests/system/support/system.hpp"

namespace keel::test {

namespace {

// The broker must end the connection; v5 with this DISCONNECT.
void send_and_end(Client& client, const Publish& publish, std::uint8_t reason,
                  At at = At::current()) {
  client.send(publish);
  client.expect_ended(reason, at);
}

// Whether a new connection is served. One that is not may be refused, closed at once, or told so.
bool admitted(const Endpoint& endpoint, const std::string& id, Version version,
              std::vector<Client>& keep) {
  try {
    keep.push_back(Client::accepted(endpoint, {.client_id = id, .version = version}));
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

}  // namespace

TEST_SUITE_BEGIN("limits");

TEST_CASE_TEMPLATE("max_packet_size", V, V31, V311, V5) {
  BrokerProcess broker{"limits.max_packet_size = \"1KB\""};
  Client client = broker.connect("c", V::value);
  const std::size_t head = 3 + 3 + (V::value == Version::v5 ? 1 : 0);
  client.subscribe("t");
  client.publish("t", std::string(1024 - head, 'x'));
  client.take("t", std::string(1024 - head, 'x'));
  send_and_end(client, {"t", std::string(1025 - head, 'x')}, 0x95);
}

TEST_CASE_TEMPLATE("a packet that is too large is refused by its header alone", V, V311, V5) {
  BrokerProcess broker;
  Client client = broker.connect("c", V::value);
  client.send(from_hex("30 FF FF FF 7F"));
  client.expect_ended(0x95);
}

TEST_CASE_TEMPLATE("max_packet_size of a listener", V, V311, V5) {
  BrokerProcess broker{
      "listener.small.bind = \"127.0.0.1:${port:small}\"\nlistener.small.max_packet_size = 200"};
  Client large = broker.connect("a", V::value);
  large.publish("t", std::string(1000, 'x'), 1);
  Client small =
      Client::accepted(broker.endpoint("small"), {.client_id = "b", .version = V::value});
  send_and_end(small, {"t", std::string(200, 'x')}, 0x95);
}

TEST_CASE_TEMPLATE("max_clientid_len", V, V31, V311, V5) {
  BrokerProcess broker{"limits.max_clientid_len = 30"};
  broker.connect(std::string(30, 'i'), V::value).ping();
  Client refused = broker.open(V::value);
  CHECK(refused.connect({.client_id = std::string(31, 'i'), .version = V::value}).reason ==
        (V::value == Version::v5 ? 0x85 : 0x02));
  refused.expect_closed();
}

TEST_CASE_TEMPLATE("max_topic_levels", V, V31, V311, V5) {
  BrokerProcess broker{"limits.max_topic_levels = 3"};
  Client client = broker.connect("c", V::value);
  const std::uint8_t refused = V::value == Version::v5 ? 0x8F : 0x80;
  CHECK(client.subscribe("a/b/c", 0).codes[0] == 0);
  CHECK(client.subscribe("a/b/c/d", 0).codes[0] == refused);
  client.publish("a/b/c", "x");
  client.take("a/b/c", "x");
  send_and_end(client, {"a/b/c/d", "x"}, 0x90);
}

TEST_CASE_TEMPLATE("max_topic_length", V, V31, V311, V5) {
  BrokerProcess broker{"limits.max_topic_length = 10"};
  Client client = broker.connect("c", V::value);
  const std::uint8_t refused = V::value == Version::v5 ? 0x8F : 0x80;
  CHECK(client.subscribe("0123456789", 0).codes[0] == 0);
  CHECK(client.subscribe("0123456789x", 0).codes[0] == refused);
  client.publish("0123456789", "x");
  client.take("0123456789", "x");
  send_and_end(client, {"0123456789x", "x"}, 0x90);
}

TEST_CASE_TEMPLATE("max_subscriptions", V, V31, V311, V5) {
  BrokerProcess broker{"limits.max_subscriptions = 2"};
  Client client = broker.connect("c", V::value);
  const std::uint8_t refused = V::value == Version::v5 ? 0x97 : 0x80;
  const Packet suback = client.subscribe_to({{"a", 1}, {"b", 1}, {"c", 1}});
  CHECK((suback.codes == std::vector<std::uint8_t>{1, 1, refused}));
  CHECK(client.subscribe("a", 2).codes[0] == 2);  // replaced, not added
  client.unsubscribe({"b"});
  CHECK(client.subscribe("c", 1).codes[0] == 1);
  CHECK(broker.connect("other", V::value).subscribe("x", 1).codes[0] == 1);
}

TEST_CASE_TEMPLATE("max_qos", V, V31, V311, V5) {
  BrokerProcess broker{"mqtt.max_qos = 1"};
  Client client = broker.connect("c", V::value);
  CHECK(client.subscribe("t", 2).codes[0] == 1);
  client.publish("t", "x", 1);
  client.take("t", "x", 1);
  send_and_end(client, {.topic = "t", .payload = "x", .qos = 2, .id = 9}, 0x9B);
}

TEST_CASE_TEMPLATE("max_qos of a listener", V, V311, V5) {
  BrokerProcess broker{"listener.low.bind = \"127.0.0.1:${port:low}\"\nlistener.low.max_qos = 0"};
  Client low = Client::accepted(broker.endpoint("low"), {.client_id = "a", .version = V::value});
  if (V::value == Version::v5) CHECK(low.connack().props.get(prop::kMaximumQos, 2) == 0);
  CHECK(low.subscribe("t", 2).codes[0] == 0);
  Client full = broker.connect("b", V::value);
  full.publish("t", "x", 2);
  low.take("t", "x", 0);
  send_and_end(low, {.topic = "t", .payload = "x", .qos = 1, .id = 9}, 0x9B);
}

TEST_CASE_TEMPLATE("retain_available", V, V31, V311, V5) {
  BrokerProcess broker{"mqtt.retain_available = false"};
  Client client = broker.connect("c", V::value);
  send_and_end(client, {.topic = "t", .payload = "x", .retain = true}, 0x9A);
}

TEST_CASE_TEMPLATE("wildcard_subscription and shared_subscription", V, V31, V311, V5) {
  BrokerProcess broker{"mqtt.wildcard_subscription = false\nmqtt.shared_subscription = false"};
  Client client = broker.connect("c", V::value);
  const bool v5 = V::value == Version::v5;
  const Packet suback =
      client.subscribe_to({{"a/+"}, {"#"}, {"$share/g/t"}, {"$queue/t"}, {"plain"}});
  const std::uint8_t wild = v5 ? 0xA2 : 0x80;
  const std::uint8_t shared = v5 ? 0x9E : 0x80;
  CHECK((suback.codes == std::vector<std::uint8_t>{wild, wild, shared, shared, 0}));
}

TEST_CASE_TEMPLATE("max_inflight", V, V31, V311, V5) {
  BrokerProcess broker{"limits.max_inflight = 2"};
  Client client = broker.connect("c", V::value);
  client.subscribe("t", 1);
  Client publisher = broker.connect("p", V::value);
  for (int i = 0; i < 4; ++i) publisher.publish("t", std::to_string(i), 1);
  const Packet first = client.expect_publish("t", "0");
  client.expect_publish("t", "1");
  client.expect_nothing();
  client.acknowledge(first);
  client.expect_publish("t", "2");
  client.expect_nothing();
}

TEST_CASE_TEMPLATE("max_inflight 0 sends everything at once", V, V311, V5) {
  BrokerProcess broker{"limits.max_inflight = 0"};
  Client client = broker.connect("c", V::value);
  client.subscribe("t", 1);
  Client publisher = broker.connect("p", V::value);
  for (int i = 0; i < 200; ++i) publisher.publish("t", std::to_string(i), 1);
  for (int i = 0; i < 200; ++i) client.expect_publish("t", std::to_string(i));
}

TEST_CASE_TEMPLATE("max_awaiting_rel", V, V31, V311, V5) {
  BrokerProcess broker{"limits.max_awaiting_rel = 2"};
  Client client = broker.connect("c", V::value);
  for (std::uint16_t id = 1; id <= 2; ++id) {
    client.send(Publish{.topic = "t", .payload = "x", .qos = 2, .id = id});
    client.expect(Type::pubrec);
  }
  client.send_ack(Type::pubrel, 1);
  client.expect(Type::pubcomp);
  client.send(Publish{.topic = "t", .payload = "x", .qos = 2, .id = 3});
  client.expect(Type::pubrec);
  send_and_end(client, {.topic = "t", .payload = "x", .qos = 2, .id = 4}, 0x93);
}

TEST_CASE_TEMPLATE("max_connections", V, V311, V5) {
  BrokerProcess broker{"limits.max_connections = 3"};
  std::vector<Client> clients;
  eventually(  // the harness's own probe may still count
      [&] {
        clients.clear();
        for (int i = 0; i < 3; ++i)
          admitted(broker.endpoint(), "c" + std::to_string(i), V::value, clients);
        return clients.size() == 3;
      },
      "three connections are admitted");
  std::vector<Client> more;
  CHECK_FALSE(admitted(broker.endpoint(), "c3", V::value, more));
  clients.pop_back();
  eventually([&] { return admitted(broker.endpoint(), "c4", V::value, more); },
             "a place becomes free");
}

TEST_CASE_TEMPLATE("max_connections of a listener", V, V311, V5) {
  BrokerProcess broker{
      "listener.few.bind = \"127.0.0.1:${port:few}\"\nlistener.few.max_connections = 1"};
  std::vector<Client> clients;
  CHECK(admitted(broker.endpoint("few"), "a", V::value, clients));
  CHECK_FALSE(admitted(broker.endpoint("few"), "b", V::value, clients));
  CHECK(admitted(broker.endpoint(), "c", V::value, clients));
}

TEST_CASE_TEMPLATE("connect_rate", V, V311, V5) {
  BrokerProcess broker{"limits.connect_rate = 5"};
  std::vector<Client> clients;
  int refused = 0;
  for (int i = 0; i < 40; ++i) {
    if (!admitted(broker.endpoint(), "c" + std::to_string(i), V::value, clients)) ++refused;
  }
  CHECK(refused > 0);
  eventually([&] { return admitted(broker.endpoint(), "late", V::value, clients); },
             "the rate recovers");
}

TEST_CASE_TEMPLATE("publish_rate slows a client down and loses nothing", V, V311, V5) {
  BrokerProcess broker{"limits.publish_rate = 20"};
  Client subscriber = broker.connect("s", V::value);
  subscriber.subscribe("t", 1);
  Client publisher = broker.connect("p", V::value);
  const auto start = Clock::now();
  for (std::uint16_t i = 1; i <= 50; ++i) {
    publisher.send(Publish{.topic = "t", .payload = std::to_string(i), .qos = 1, .id = i});
  }
  for (int i = 1; i <= 50; ++i) subscriber.take("t", std::to_string(i), 1);
  CHECK(Clock::now() - start >= Milliseconds{1000});  // 20 at once, 30 at 20 a second
  // Others are not slowed down.
  const auto again = Clock::now();
  Client other = broker.connect("o", V::value);
  for (int i = 0; i < 10; ++i) other.publish("u", "x", 1);
  CHECK(Clock::now() - again < Milliseconds{1000 * kSlowdown});
}

TEST_CASE_TEMPLATE("publish_bytes_rate of a listener", V, V311, V5) {
  BrokerProcess broker{
      "listener.slow.bind = \"127.0.0.1:${port:slow}\"\nlistener.slow.publish_bytes_rate = "
      "\"10KB\""};
  Client publisher =
      Client::accepted(broker.endpoint("slow"), {.client_id = "p", .version = V::value});
  const auto start = Clock::now();
  for (int i = 0; i < 25; ++i) publisher.publish("t", std::string(1000, 'x'), 1);
  CHECK(Clock::now() - start >= Milliseconds{1000});
}

TEST_CASE("connect_timeout ends connections that stay silent") {
  BrokerProcess broker{"limits.connect_timeout = \"500ms\""};
  Client nothing = broker.open();
  Client half = broker.open();
  half.send(from_hex("10 20 00 04 4D"));
  const auto start = Clock::now();
  nothing.expect_closed();
  half.expect_closed();
  CHECK(Clock::now() - start < Milliseconds{4000 * kSlowdown});
  broker.connect("c", Version::v5).ping();
}

TEST_CASE_TEMPLATE("a client that does not finish its packet is held to its keep alive", V, V311,
                   V5) {
  BrokerProcess broker;
  Client client = broker.connect({.client_id = "c", .version = V::value, .keep_alive = 1});
  client.send(from_hex("30 7F 00"));
  client.expect_ended(0x8D);
}

TEST_CASE_TEMPLATE("connect_rate of a listener", V, V311, V5) {
  BrokerProcess broker{
      "listener.slow.bind = \"127.0.0.1:${port:slow}\"\nlistener.slow.connect_rate = 3"};
  std::vector<Client> clients;
  int refused = 0;
  for (int i = 0; i < 20; ++i) {
    if (!admitted(broker.endpoint("slow"), "s" + std::to_string(i), V::value, clients)) ++refused;
    CHECK(admitted(broker.endpoint(), "f" + std::to_string(i), V::value, clients));
  }
  CHECK(refused > 0);
}

TEST_CASE_TEMPLATE("0 means no limit", V, V311, V5) {
  std::string settings;
  for (const std::string name :
       {"max_inflight", "max_queued", "max_queued_bytes", "max_total_queued_bytes",
        "max_output_bytes", "max_awaiting_rel", "max_connections", "connect_rate",
        "max_subscriptions", "max_sessions", "max_retained", "max_retained_bytes",
        "max_retained_payload", "max_clientid_len", "max_topic_levels", "max_topic_length",
        "max_packet_size", "publish_rate", "publish_bytes_rate"}) {
    settings += "limits." + name + " = 0\n";
  }
  BrokerProcess broker{settings};
  Client client = broker.connect(std::string(5000, 'c'), V::value);
  client.subscribe("#", 2);
  for (std::uint8_t qos = 0; qos < 3; ++qos) {
    client.publish("t", std::string(3'000'000, 'x'), qos, true);
    const Packet packet = client.expect(Type::publish);
    CHECK(packet.payload.size() == 3'000'000);
    client.acknowledge(packet);
  }
  if (V::value == Version::v5) CHECK_FALSE(client.connack().props.has(prop::kMaximumPacketSize));
}

TEST_SUITE_END();

}  // namespace keel::test
