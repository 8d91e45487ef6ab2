// A client of brokers with a store: everything it starts is followed to its end.
#pragma once

#include "memory_store.hpp"

namespace keel::kernel {

// A client that is told nothing before it asks: the store works in between.
class DurableClient {
 public:
  explicit DurableClient(DurableCluster& durable, Version version = Version::v5,
                         std::uint32_t shard = 0)
      : durable_(durable), client_(durable.cluster(), version, shard), version_(version) {}

  wire::Received connect(const std::string& id, bool clean = false,
                         std::uint16_t receive_maximum = 0) {
    wire::ConnectSpec spec;
    spec.id = id;
    spec.clean = clean;
    spec.receive_maximum = receive_maximum;
    if (version_ == Version::v5 && !clean) spec.expiry_s = 3600;
    send(wire::connect(spec, version_));  // an earlier session may have to end on disk first
    return client_.expect(PacketType::connack);
  }
  void subscribe(const std::string& filter, std::uint8_t qos) {
    client_.send(wire::subscribe({filter, qos}, version_));
    durable_.settle();
    client_.expect(PacketType::suback);
  }
  void send(const std::string& bytes) {
    client_.send(bytes);
    durable_.settle();
  }
  void publish(const std::string& topic, const std::string& payload, std::uint8_t qos = 1,
               std::uint16_t id = 1, bool retain = false) {
    send(wire::publish({topic, payload, qos, id, retain}, version_));
  }
  void ack(PacketType type, std::uint16_t id) { send(wire::ack(type, id)); }
  void hang_up() {
    client_.hang_up();
    durable_.settle();
  }
  Client& raw() { return client_; }

 private:
  DurableCluster& durable_;
  Client client_;
  Version version_;
};

// Takes and acknowledges until nothing more comes; answers the payloads.
inline std::vector<std::string> drain(DurableClient& client, DurableCluster& durable) {
  std::vector<std::string> payloads;
  for (bool more = true; more;) {
    more = false;
    for (const wire::Received& packet : client.raw().take()) {
      if (packet.type != PacketType::publish) continue;
      payloads.push_back(packet.payload);
      more = true;
      if (packet.qos == 1) client.ack(PacketType::puback, packet.id);
    }
    durable.settle();
  }
  return payloads;
}

}  // namespace keel::kernel
