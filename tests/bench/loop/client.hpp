// A client that subscribes, publishes and acknowledges, and reads no more of what it gets than that
// takes. None of it is counted.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "kernel/codec/packet.hpp"
#include "loop.hpp"

namespace keel::bench {

class Client final : public Peer {
 public:
  Client(Loop& loop, Version version, std::string id)
      : loop_(loop), version_(version), id_(std::move(id)) {}

  void connect(bool clean = true);
  void disconnect();
  void subscribe(std::string_view filter, std::uint8_t qos, std::string_view properties = {});
  void unsubscribe(std::string_view filter);
  void ping();
  // `properties` in wire form; none before MQTT 5.
  void publish(std::string_view topic, std::string_view payload, std::uint8_t qos,
               bool retain = false, std::string_view properties = {});

  // From now on it does not even look at what it gets.
  void read_nothing() { deaf_ = true; }
  void take(std::string_view bytes) override;
  std::uint64_t messages() const { return messages_; }  // received

 private:
  std::uint16_t next_id() { return last_id_ = static_cast<std::uint16_t>(last_id_ % 65'535 + 1); }
  void packet(unsigned first, std::string_view body);
  void answer(unsigned first, const char* id);
  void take_packet(unsigned first, std::string_view body);
  std::string section(std::string_view properties) const;

  Loop& loop_;
  const Version version_;
  const std::string id_;
  std::string partial_;  // the start of a packet whose rest is still to come
  std::uint16_t last_id_ = 0;
  std::uint64_t messages_ = 0;
  bool deaf_ = false;
};

}  // namespace keel::bench
