// An MQTT client: connects as soon as it is made, acknowledges what it receives, counts what it
// publishes. What it hears goes to a ClientEvents, which outlives it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "loop.hpp"
#include "wire.hpp"

namespace keel::load {

class Client;

class ClientEvents {
 public:
  virtual ~ClientEvents() = default;
  virtual void connected(Client& client, const Connack& connack) = 0;
  virtual void subscribed(Client& client, std::uint8_t code) = 0;
  virtual void message(Client& client, const Message& message) = 0;
  virtual void published(Client& client, std::uint8_t code) = 0;  // PUBACK or PUBCOMP came
  virtual void pong(Client& client) = 0;
  virtual void closed(Client& client, std::string_view why) = 0;
};

struct ClientSettings {
  Version version = Version::v311;
  std::string id;
  bool clean = true;
  std::uint32_t session_expiry = 0;
  std::string username, password;  // empty: neither
};

class Client final : public Connection {
 public:
  Client(Loop& loop, const Target& target, const ClientSettings& settings, std::uint32_t index,
         ClientEvents& events);

  std::uint32_t index() const { return index_; }  // whose it is, to its maker
  bool ready() const { return ready_ && open(); }
  void subscribe(std::string_view filter, std::uint8_t qos);
  void subscribe(const Filters& filters);  // in one packet, with one answer
  void publish(std::string_view topic, std::uint8_t qos, bool retain, std::string_view head,
               std::string_view tail);
  void ping() { put_empty(out(), Packet::pingreq); }
  void disconnect() { put_empty(out(), Packet::disconnect); }

  std::uint32_t unacknowledged() const { return unacknowledged_; }  // QoS 1 and 2
  // How many more QoS 1 and 2 messages the broker takes now.
  std::uint32_t allowance() const { return receive_maximum_ - unacknowledged_; }
  // Acknowledgements that did not come in the order of their messages.
  std::uint64_t disordered() const { return disordered_; }

 private:
  void on_bytes(std::string_view& bytes) override;
  void on_closed(std::string_view why) override;
  void on_frame(const Frame& frame);
  void on_publish(const Frame& frame);
  void on_final_ack(const Frame& frame);
  static std::uint16_t after(std::uint16_t id) { return id == 65'535 ? 1 : id + 1; }

  ClientEvents& events_;
  std::uint32_t index_;
  Version version_;
  bool ready_ = false;
  std::uint16_t receive_maximum_ = 65'535;
  std::uint16_t next_id_ = 1, next_ack_ = 1;
  std::uint32_t unacknowledged_ = 0;
  std::uint64_t disordered_ = 0;
};

}  // namespace keel::load
