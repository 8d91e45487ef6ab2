// The MQTT 5.0 client of one session/1 handle, without I/O: orders in, packets out, packets in,
// events out. So a gateway's client meets the same protocol machine as any other, with the same
// hooks, limits and lists. There are many and most are idle: it keeps only what is under way.
// [shard that opened it]
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "kernel/base/result.hpp"
#include "kernel/codec/client_packets.hpp"
#include "kernel/codec/decoder.hpp"
#include "kernel/codec/out_buffer.hpp"
#include "kernel/plugin/packet_table.hpp"

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
  // Before any other one, when something was written: whoever is told may write, too, behind it.
  virtual void on_written(OutBuffer& out) = 0;
  virtual void on_connack(const ConnackView& connack) = 0;
  virtual void on_deliveries(std::span<const Delivery> deliveries) = 0;
  virtual void on_suback(std::uint64_t token, Bytes codes) = 0;
  virtual void on_published(std::uint64_t token, Reason reason) = 0;
  virtual void on_pingresp() = 0;  // the end of a poll: nobody pings
  virtual void on_disconnect(Reason reason) = 0;
};

// Packets are appended to `out`, which the owner sends.
class SessionClient {
 public:
  static constexpr std::size_t kBatch = 32;
  static constexpr std::size_t kMaxUnderWay = 4096;  // publishes and subscribes not answered yet

  static void connect(OutBuffer& out, const ConnectView& connect) { encode_connect(out, connect); }

  enum class Sent { ok, full, too_large };
  // `publish` with topic, payload, properties, qos, retain, expiry. QoS above 0: on_published
  // follows.
  Sent publish(OutBuffer& out, const PublishView& publish, std::uint64_t token);
  Sent subscribe(OutBuffer& out, std::span<const FilterView> filters, std::uint64_t token);
  Sent unsubscribe(OutBuffer& out, std::span<const Bytes> filters, std::uint64_t token);
  // The device has a QoS 2 delivery. False: there is no such delivery, or it is not QoS 2.
  bool received(OutBuffer& out, std::uint32_t id);
  // The device is done with a delivery. False: there is no such delivery.
  bool ack(OutBuffer& out, std::uint32_t id, Reason reason);
  static void disconnect(OutBuffer& out, Reason reason) { encode_client_disconnect(out, reason); }

  // Takes whole packets from `bytes`; answers how many bytes they were. `stop` is looked at between
  // packets: the owner's event handlers may have ended everything.
  std::size_t on_data(OutBuffer& out, Bytes bytes, SessionEvents& events, const bool& stop);
  // The broker sent something that no broker sends.
  bool broken() const { return broken_; }

 private:
  struct Waiting {
    std::uint64_t token;
    std::uint16_t id;   // ours
    PacketType answer;  // that ends it
  };
  enum class Stage : std::uint8_t {
    qos1,       // to be acknowledged
    qos2,       // to be received, then acknowledged
    received,   // PUBREC sent
    released,   // PUBREL came
    completed,  // acknowledged, PUBREL has not come yet
  };
  struct Delivered {
    std::uint16_t id;  // the broker's
    Stage stage;
  };
  // What one on_data() works with.
  struct Round {
    OutBuffer& out;
    SessionEvents& events;
    std::vector<SessionEvents::Delivery> batch = {};
    SessionEvents& tell() {
      if (!out.empty()) events.on_written(out);
      return events;
    }
  };

  void handle(Round& round, const FixedHeader& header, Bytes body);
  void take_publish(Round& round, const FixedHeader& header, Bytes body);
  void take_ack(Round& round, PacketType type, Bytes body);
  void take_pubrel(Round& round, Bytes body);
  void take_suback(Round& round, Bytes body);
  static void flush_deliveries(Round& round);
  std::uint16_t expect(PacketType answer, std::uint64_t token);
  Delivered* delivery(std::uint32_t id);

  PacketTable<Waiting> waiting_;
  PacketTable<Delivered> deliveries_;
  std::uint32_t max_packet_ = 0;
  std::uint16_t next_id_ = 1;
  bool broken_ = false;
};

}  // namespace keel::kernel
