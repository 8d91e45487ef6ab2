// Input from nobody's friend: garbage, half packets, floods. The broker lives, stays small and
// serves on.
#include <random>

#include "tests/system/support/system.hpp"

namespace keel::test {

namespace {

constexpr std::uint64_t kRoomKib = allowance(40'000);

std::string garbage(std::mt19937& random, std::size_t size) {
  std::string out(size, '\0');
  for (char& byte : out) byte = static_cast<char>(random());
  return out;
}

}  // namespace

TEST_SUITE_BEGIN("hostile");

TEST_CASE("random bytes before CONNECT") {
  BrokerProcess broker{"limits.connect_rate = 0"};
  Client bystander = broker.connect("bystander", Version::v5);
  std::mt19937 random{1};
  const std::uint64_t before = broker.resident_kib();
  for (int i = 0; i < 500; ++i) {
    Client client = broker.open();
    client.send(garbage(random, 1 + random() % 3000));
    if (i % 50 == 0) bystander.ping();
  }
  bystander.ping();
  CHECK(broker.resident_kib() < before + kRoomKib);
}

TEST_CASE_TEMPLATE("random bytes behind CONNECT", V, V31, V311, V5) {
  BrokerProcess broker{"limits.connect_rate = 0"};
  Client bystander = broker.connect("bystander", V::value);
  std::mt19937 random{2};
  for (int i = 0; i < 300; ++i) {
    Client client = broker.open(V::value);
    client.send(encode(Connect{.client_id = "c" + std::to_string(i % 7), .version = V::value}) +
                garbage(random, 1 + random() % 500));
    if (i % 50 == 0) bystander.ping();
  }
  bystander.ping();
}

TEST_CASE_TEMPLATE("valid packets with bytes changed", V, V31, V311, V5) {
  BrokerProcess broker{"limits.connect_rate = 0"};
  Client bystander = broker.connect("bystander", V::value);
  std::mt19937 random{3};
  const Props props =
      V::value == Version::v5
          ? Props{}.num(prop::kMessageExpiry, 5).str(prop::kContentType, "c").user("k", "v")
          : Props{};
  const std::string connect = encode(Connect{.client_id = "mutant",
                                             .version = V::value,
                                             .clean = false,
                                             .will = Will{"w", "x", 1, true, {}}});
  const std::string rest = encode_subscribe(V::value, 1, {{"a/+", 2}, {"$share/g/b", 1}}) +
                           encode(V::value, Publish{"a/b", "p", 2, true, false, 7, props}) +
                           encode_ack(V::value, Type::pubrel, 7) +
                           encode_unsubscribe(V::value, 2, {"a/+"}) + encode_disconnect(V::value);
  for (int i = 0; i < 600; ++i) {
    std::string bytes = i % 2 == 0 ? connect + rest : rest;
    for (unsigned n = 1 + random() % 4; n > 0; --n)
      bytes[random() % bytes.size()] = static_cast<char>(random());
    Client client = broker.open(V::value);
    client.send(i % 2 == 0 ? bytes : connect + bytes);
    if (i % 3 == 0) client.reset();
    if (i % 100 == 0) bystander.ping();
  }
  bystander.ping();
}

TEST_CASE("connections that stay half open in the middle of a packet stay cheap") {
  BrokerProcess broker{"limits.connect_rate = 0"};
  std::vector<Client> clients;
  const std::uint64_t before = broker.resident_kib();
  for (int i = 0; i < 400; ++i) {
    clients.push_back(broker.connect("c" + std::to_string(i), Version::v5));
    // Announces 1 MB less a bit, sends little of it.
    clients.back().send(from_hex("30 80 80 3F 00 01 74 00") + std::string(100, 'x'));
  }
  broker.connect("bystander", Version::v5).ping();
  CHECK(broker.resident_kib() < before + kRoomKib);
}

TEST_CASE("slowloris: CONNECT byte by byte is cut off by the timeout") {
  BrokerProcess broker{"limits.connect_timeout = \"500ms\""};
  Client client = broker.open();
  const std::string bytes = encode(Connect{.client_id = std::string(200, 'c')});
  std::string answer;
  bool closed = false;
  for (std::size_t i = 0; i < bytes.size() - 1 && !closed; ++i) {
    client.send(bytes.substr(i, 1));
    closed = client.socket().receive(answer, Deadline{Milliseconds{50}}) == Socket::Read::closed;
  }
  CHECK(closed);
  CHECK(answer.empty());
}

TEST_CASE("a client that connects and resets many times leaves nothing behind") {
  BrokerProcess broker{"limits.connect_rate = 0"};
  for (int i = 0; i < 300; ++i) {
    Client client = broker.connect("same", Version::v5);
    client.subscribe("t/" + std::to_string(i), 1);
    client.reset();
  }
  eventually(
      [&] {
        return broker.ctl_ok({"subscriptions", "list"}).empty();
      },
      "no subscription is left");
  eventually([&] { return broker.ctl_ok({"sessions", "list"}).empty(); }, "no session is left");
  eventually([&] { return broker.ctl_ok({"clients", "list"}).empty(); }, "no client is left");
}

TEST_CASE("very many user properties, and the largest ones, are taken or refused, never fatal") {
  BrokerProcess broker;
  Client subscriber = broker.connect("s", Version::v5);
  subscriber.subscribe("t", 1);
  Client client = broker.connect("c", Version::v5);
  Props props;
  for (int i = 0; i < 20'000; ++i) props.user("k", "v");
  client.publish({.topic = "t", .payload = "x", .qos = 1, .props = props});
  CHECK(subscriber.take("t", "x", 1).props.size() == 20'000);
  client.publish({.topic = "t",
                  .payload = "y",
                  .qos = 1,
                  .props = Props{}.user(std::string(65535, 'k'), std::string(65535, 'v'))});
  CHECK(subscriber.take("t", "y", 1).props.size() == 1);
}

TEST_CASE_TEMPLATE("a flood of subscriptions and topics with very many levels", V, V311, V5) {
  BrokerProcess broker;
  Client client = broker.connect("c", V::value);
  std::string deep = "a";
  for (int i = 0; i < 120; ++i) deep += "/+";
  client.subscribe(deep, 0);
  for (int i = 0; i < 200; ++i) client.subscribe("+/" + std::to_string(i) + "/#", 0);
  std::string topic = "a";
  for (int i = 0; i < 120; ++i) topic += "/b";
  client.publish(topic, "x");
  client.take(topic, "x");
  std::string deeper = "a";
  for (int i = 0; i < 2000; ++i) deeper += "/b";
  client.send(Publish{deeper, "x"});
  client.expect_ended(0x90);
}

TEST_CASE_TEMPLATE("a client that publishes and never reads its acknowledgements is bounded", V,
                   V311, V5) {
  BrokerProcess broker;
  Endpoint endpoint = broker.endpoint();
  endpoint.receive_buffer = 4096;
  Client client = Client::accepted(endpoint, {.client_id = "c", .version = V::value});
  Client bystander = broker.connect("bystander", V::value);
  const std::uint64_t before = broker.resident_kib();
  std::string batch;
  for (std::uint16_t id = 1; id <= 1000; ++id) {
    batch += encode(V::value, Publish{.topic = "t", .payload = "x", .qos = 1, .id = id});
  }
  const Deadline limit{Milliseconds{2000}};
  for (int i = 0; i < 2000 && !limit.passed(); ++i) {
    if (!client.socket().send(batch, Deadline{Milliseconds{300}})) break;
  }
  bystander.ping();
  CHECK(broker.resident_kib() < before + kRoomKib);
}

TEST_SUITE_END();

}  // namespace keel::test
