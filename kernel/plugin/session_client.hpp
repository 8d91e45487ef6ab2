// The MQTT 5.0 client of one session/1 handle, without I/O: orders in, packets out, packets in,
// events out. So a gateway's client meets the same protocol machine as any other, with the same
// hooks, limits and lists. [shard that opened it]
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "kernel/base/result.hpp"
#include "kernel/codec/client_packets.hpp"
#include "kernel/codec/decoder.hpp"
#include "kernel/codec/out_buffer.hpp"

namespace keel::kernel {

class SessionEvents {
 public:
  // A PUBLISH from the broker. `id` 0: QoS 0. Views are valid until on_data() returns.
  struct Delivery {
    std::uint32_t id = 0;
    PublishView publish;
    std::string properties;  // where publish.properties lies if it does not lie in the packet
  };

  virtual ~SessionEvents() = default;
  virtual void on_connack(const ConnackView& connack) = 0;
  virtual void on_deliveries(std::span<const Delivery> deliveries) = 0;
  virtual void on_suback(std::uint64_t token, Bytes codes) = 0;
  virtual void on_published(std::uint64_t token, Reason reason) = 0;
  virtual void on_pingresp() = 0;  // the end of a poll: nobody pings
  virtual void on_disconnect(Reason reason) = 0;
};

class SessionClient {
 public:
  static constexpr std::size_t kBatch = 32;
  static constexpr std::size_t kMaxUnderWay = 4096;  // publishes and subscribes not answered yet

  // Packets are appended to `out`; the owner sends them.
  SessionClient(OutBuffer& out, SessionEvents& events) : out_(out), events_(events) {}

  void connect(const ConnectView& connect) { encode_connect(out_, connect); }

  enum class Sent { ok, full, too_large };
  // `publish` with topic, payload, properties, qos, retain, expiry. QoS above 0: on_published
  // follows.
  Sent publish(const PublishView& publish, std::uint64_t token);
  Sent subscribe(std::span<const FilterView> filters, std::uint64_t token);
  Sent unsubscribe(std::span<const Bytes> filters, std::uint64_t token);
  // The device has a QoS 2 delivery. False: there is no such delivery, or it is not QoS 2.
  bool received(std::uint32_t id);
  // The device is done with a delivery. False: there is no such delivery.
  bool ack(std::uint32_t id, Reason reason);
  void disconnect(Reason reason) { encode_client_disconnect(out_, reason); }

  // Takes whole packets from `bytes`; answers how many bytes they were. `stop` is looked at between
  // packets: the owner's event handlers may have ended everything.
  std::size_t on_data(Bytes bytes, const bool& stop);
  // The broker sent something that no broker sends.
  bool broken() const { return broken_; }

  std::size_t under_way() const { return waiting_.size(); }
  std::size_t unacknowledged() const { return deliveries_.size(); }

 private:
  struct Waiting {
    std::uint64_t token;
    PacketType answer;  // that ends it
  };
  enum class Stage : std::uint8_t {
    qos1,       // to be acknowledged
    qos2,       // to be received, then acknowledged
    received,   // PUBREC sent
    released,   // PUBREL came
    completed,  // acknowledged, PUBREL has not come yet
  };

  void handle(const FixedHeader& header, Bytes body);
  void take_publish(const FixedHeader& header, Bytes body);
  void take_ack(PacketType type, Bytes body);
  void take_pubrel(Bytes body);
  void take_suback(Bytes body);
  void flush_deliveries();
  std::uint16_t free_id();
  void finish(std::uint16_t id, Reason reason);

  OutBuffer& out_;
  SessionEvents& events_;
  std::unordered_map<std::uint16_t, Waiting> waiting_;   // by our packet id
  std::unordered_map<std::uint16_t, Stage> deliveries_;  // by the broker's packet id
  std::vector<SessionEvents::Delivery> batch_;
  std::uint32_t max_packet_ = 0;
  std::uint16_t next_id_ = 1;
  bool broken_ = false;
};

}  // namespace keel::kernel
