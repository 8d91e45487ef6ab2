// In which order messages of different QoS reach a client whose window is full: of a gateway in the
// order they came, of others in the order of each QoS.
#include "support.hpp"

namespace keel::kernel {
namespace {

std::shared_ptr<const ListenerInfo> gateway() {
  auto listener = std::make_shared<ListenerInfo>();
  listener->settings.name = "sn";
  listener->protocol = "mqtt-sn";
  listener->watches_clients = true;
  return listener;
}

struct Receiver {
  Cluster cluster;
  Client client, publisher;

  explicit Receiver(std::shared_ptr<const ListenerInfo> listener, Settings settings = {})
      : cluster(std::move(settings)),
        client(cluster, Version::v5, 0, std::move(listener)),
        publisher(cluster) {
    client.connect({.id = "c", .clean = false, .expiry_s = 100, .receive_maximum = 1});
    client.subscribe({.filter = "t", .qos = 2});
    publisher.connect({.id = "p"});
  }
  void publish(const std::string& payload, std::uint8_t qos) {
    publisher.publish({.topic = "t", .payload = payload, .qos = qos, .id = 1});
    if (qos == 2) publisher.ack(PacketType::pubrel, 1);
    publisher.take();
  }
  // What has come, each with its QoS in front; all of it is acknowledged, step by step.
  Strings acknowledge(Client& by) {
    Strings got;
    for (auto packets = by.take(); !packets.empty(); packets = by.take()) {
      for (const wire::Received& packet : packets) {
        if (packet.type == PacketType::pubrel) {
          by.ack(PacketType::pubcomp, packet.id);
          continue;
        }
        REQUIRE(packet.type == PacketType::publish);
        got.push_back(std::to_string(packet.qos) + ":" + packet.payload);
        if (packet.qos != 0)
          by.ack(packet.qos == 1 ? PacketType::puback : PacketType::pubrec, packet.id);
      }
    }
    return got;
  }
};

TEST_CASE("order: nothing overtakes what waits for the window of a gateway's client") {
  Receiver r(gateway());
  r.publish("a", 0);
  CHECK(r.client.payloads() == Strings{"a"});
  r.publish("b", 1);
  r.publish("c", 0);  // nothing waits: past what is in flight
  const auto first = r.client.take();
  REQUIRE(first.size() == 2);
  CHECK(first[1].payload == "c");
  for (const auto& [payload, qos] :
       {std::pair{"d", 1}, {"e", 0}, {"f", 2}, {"g", 0}, {"h", 0}, {"i", 1}, {"j", 0}})
    r.publish(payload, static_cast<std::uint8_t>(qos));
  CHECK(r.client.silent());
  CHECK(r.cluster.session("c").queued == 7);
  r.client.ack(PacketType::puback, first[0].id);
  CHECK(r.acknowledge(r.client) == Strings{"1:d", "0:e", "2:f", "0:g", "0:h", "1:i", "0:j"});
  CHECK(r.cluster.total(Gauge::queued_messages) == 0);
  r.publish("k", 0);
  CHECK(r.client.payloads() == Strings{"k"});
}

TEST_CASE("order: QoS 0 goes past what waits for the window of any other client") {
  Receiver r(nullptr);
  for (const auto& [payload, qos] : {std::pair{"a", 1}, {"b", 1}, {"c", 0}, {"d", 2}, {"e", 0}})
    r.publish(payload, static_cast<std::uint8_t>(qos));
  CHECK(r.acknowledge(r.client) == Strings{"1:a", "0:c", "0:e", "1:b", "2:d"});
}

TEST_CASE("order: what waits behind the window is bounded as any queue, QoS 0 goes first") {
  Settings settings;
  settings.limits.max_queued = 3;
  Receiver r(gateway(), settings);
  for (const auto& [payload, qos] : {std::pair{"a", 1}, {"b", 1}, {"c", 0}, {"d", 0}, {"e", 1}})
    r.publish(payload, static_cast<std::uint8_t>(qos));
  CHECK(r.cluster.total(Metric::messages_dropped_queue_full) == 1);
  CHECK(r.acknowledge(r.client) == Strings{"1:a", "1:b", "0:d", "1:e"});
}

TEST_CASE("order: a message that finds no room in the queue holds up nobody") {
  Settings settings;
  settings.limits.max_queued_bytes = 200;
  Receiver r(gateway(), settings);
  r.publish("a", 1);
  r.publish(std::string(300, 'x'), 1);  // dropped
  r.publish("b", 0);
  CHECK(r.acknowledge(r.client) == Strings{"1:a", "0:b"});
}

TEST_CASE("order: nothing overtakes what is to be sent again") {
  Receiver r(gateway());
  r.client.hang_up();
  Client wide(r.cluster, Version::v5, 0, gateway());
  wide.connect({.id = "c", .clean = false, .expiry_s = 100, .receive_maximum = 5});
  for (const char* payload : {"a", "b", "c"}) r.publish(payload, 1);
  CHECK(wide.take().size() == 3);
  wide.hang_up();
  r.publish("d", 1);

  Client narrow(r.cluster, Version::v5, 0, gateway());
  narrow.connect({.id = "c", .clean = false, .expiry_s = 100, .receive_maximum = 1});
  r.publish("e", 0);
  CHECK(r.acknowledge(narrow) == Strings{"1:a", "1:b", "1:c", "1:d", "0:e"});
  r.publish("f", 0);
  CHECK(narrow.payloads() == Strings{"f"});
}

TEST_CASE("order: a gateway's client that wakes up") {
  Receiver r(gateway());
  REQUIRE(r.cluster.broker().suspend("c", 0));
  r.publish("a", 1);
  r.publish("b", 1);
  REQUIRE(r.cluster.broker().resume("c"));
  r.cluster.settle();
  r.publish("c", 0);
  CHECK(r.acknowledge(r.client) == Strings{"1:a", "1:b", "0:c"});
}

}  // namespace
}  // namespace keel::kernel
