// A client that does not read: what is kept for it is bounded, and nobody else notices.
#include <algorithm>

#include "tests/system/support/system.hpp"

namespace keel::test {

namespace {

// A connected client that has subscribed and will not read until the test does.
Client sleeper(BrokerProcess& broker, Version version, std::uint8_t qos, bool keep = false) {
  Endpoint endpoint = broker.endpoint();
  endpoint.receive_buffer = 4096;
  Client client =
      Client::accepted(endpoint, keep ? persistent("sleeper", version)
                                      : Connect{.client_id = "sleeper", .version = version});
  client.subscribe("t", qos);
  return client;
}

std::string payload(int number) { return std::to_string(number) + "." + std::string(10'000, 'x'); }
int number_of(const Packet& packet) { return std::stoi(packet.payload); }

}  // namespace

TEST_SUITE_BEGIN("slow_consumer");

TEST_CASE_TEMPLATE("QoS 0 beyond the output bound is dropped and counted", V, V311, V5) {
  constexpr int kCount = 3000;  // 30 MB
  BrokerProcess broker{"limits.max_output_bytes = \"256KB\""};
  Client slow = sleeper(broker, V::value, 0);
  Client fast = broker.connect("fast", V::value);
  fast.subscribe("t", 0);
  Client publisher = broker.connect("p", V::value);
  const std::uint64_t before = broker.resident_kib();
  for (int i = 0; i < kCount; ++i) {
    publisher.publish("t", payload(i));
    if (number_of(fast.expect(Type::publish)) != i) FAIL("the fast client missed a message");
  }
  CHECK(broker.resident_kib() < before + allowance(20'000));
  CHECK(contains(broker.ctl_ok({"broker", "metrics"}), "messages/dropped/slow_consumer"));
  // The slow one wakes up: what it gets is in order and complete in itself.
  publisher.publish("t", payload(kCount));
  slow.send(encode_pingreq());
  int last = -1, got = 0;
  for (;;) {
    const Packet packet = slow.receive();
    if (packet.type == Type::pingresp) break;
    CHECK(packet.payload.size() > 10'000);
    if (number_of(packet) <= last) FAIL("out of order");
    last = number_of(packet);
    ++got;
  }
  CHECK(got < kCount);
  publisher.publish("t", payload(kCount + 1));
  eventually([&] { return number_of(slow.expect(Type::publish)) == kCount + 1; },
             "it is served again");
}

TEST_CASE_TEMPLATE("QoS 1 stays queued under the bounds, nothing of it is lost", V, V311, V5) {
  constexpr int kCount = 500;
  BrokerProcess broker{"limits.max_output_bytes = \"64KB\""};
  Client slow = sleeper(broker, V::value, 1);
  Client publisher = broker.connect("p", V::value);
  for (int i = 0; i < kCount; ++i) publisher.publish("t", payload(i), 1);
  for (int i = 0; i < kCount; ++i) {
    const Packet packet = slow.expect(Type::publish);
    if (number_of(packet) != i) FAIL("lost or out of order");
    slow.acknowledge(packet);
  }
}

TEST_CASE_TEMPLATE("the queue of a slow QoS 1 client is bounded", V, V311, V5) {
  constexpr int kCount = 1000;
  BrokerProcess broker{"limits.max_queued = 50\nlimits.max_inflight = 10"};
  Client slow = sleeper(broker, V::value, 1);
  Client publisher = broker.connect("p", V::value);
  for (int i = 0; i < kCount; ++i) publisher.publish("t", std::to_string(i), 1);
  std::vector<int> got;
  while (got.empty() || got.back() != kCount - 1) {
    const Packet packet = slow.expect(Type::publish);
    slow.acknowledge(packet);
    got.push_back(number_of(packet));
  }
  CHECK(got.size() == 60);  // the window of the first, the queue of the last
  CHECK(std::is_sorted(got.begin(), got.end()));
}

TEST_CASE_TEMPLATE("a socket that takes nothing is closed after send_timeout", V, V311, V5) {
  BrokerProcess broker{"limits.send_timeout = \"1s\"\nlimits.max_output_bytes = \"16MB\""};
  Client slow = sleeper(broker, V::value, 0, true);
  Client publisher = broker.connect("p", V::value);
  for (int i = 0; i < 1500; ++i) publisher.publish("t", payload(i));
  publisher.ping();
  broker.await_gone("sleeper");
  publisher.ping();
}

TEST_SUITE_END();

}  // namespace keel::test
