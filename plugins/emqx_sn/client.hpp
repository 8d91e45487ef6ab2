// One MQTT-SN client as the gateway sees it [MQTT-SN 6]: connecting with the will dialogue, active,
// asleep, awake, away. Without I/O: packets, answers of the broker and the time go in, orders to
// the Outside come out, all within the call that caused them. Belongs to one shard.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "emqx_sn/encode.hpp"
#include "emqx_sn/packet.hpp"

namespace sn {

class Predefined;  // the names behind the pre-defined topic ids, see predefined.hpp
struct Counters;   // what is counted of this shard's clients, see counters.hpp

// What holds for all clients of a gateway; immutable, shared, replaced as a whole by a reload.
struct ClientSettings {
  std::uint32_t retry_interval_ms = 10'000;  // T_retry
  std::uint32_t max_retry = 3;               // N_retry
  std::uint32_t wait_interval_ms = 300'000;  // T_WAIT
  std::uint32_t idle_timeout_ms = 30'000;    // of the will dialogue
  std::uint32_t max_packet_size = kMaxMessage;
  std::uint32_t await_rel_timeout_ms = 300'000;
  std::uint16_t max_inflight = 1;
  std::uint32_t max_awaiting_rel = 100;
  std::uint32_t max_topics = 65'534;  // topic ids of one client
  bool resume_on_wakeup = true;       // else CONNECT of a sleeping client is one like any other
  bool lenient_topic_id = false;
  bool subs_resume = false;
  std::uint32_t session_expiry_s = 7200;  // how long ids and will of a client that left are kept
  std::string mountpoint;                 // in front of every topic inside the broker
  std::shared_ptr<const Predefined> predefined;
};

// A will as it goes to the broker; views valid during the call.
struct WillView {
  std::string_view topic, payload;
  std::uint8_t qos = 0;
  bool retain = false;
};

// What a machine asks for. Implemented by the gateway and by tests. A broker order is answered
// later, never from within, by the on_... function of the machine that is named; `token` comes
// back.
class Outside {
 public:
  virtual ~Outside() = default;
  virtual std::int64_t now_ms() const = 0;
  // One message to where the client is now.
  virtual void send(const Head& head, std::string_view data = {}) = 0;
  // on_time() shall be called at this time (monotonic ms), the earlier order is void; 0: never.
  virtual void wake_at(std::int64_t when_ms) = 0;
  // on_opened(). The gateway adds name, password, expiry, peer. `will` null: none.
  virtual void open(bool clean, std::uint16_t keep_alive_s, const WillView* will) = 0;
  // on_published() for QoS 1 and 2. False: too many are under way.
  virtual bool publish(std::string_view topic, std::string_view payload, std::uint8_t qos,
                       bool retain, std::uint64_t token) = 0;
  virtual bool subscribe(std::string_view filter, std::uint8_t qos, std::uint64_t token) = 0;
  virtual bool unsubscribe(std::string_view filter, std::uint64_t token) = 0;
  // on_published(). Null removes the will.
  virtual bool set_will(const WillView* will, std::uint64_t token) = 0;
  virtual void received(std::uint32_t delivery) = 0;  // QoS 2: the client has it (PUBREC)
  virtual void ack(std::uint32_t delivery, std::uint8_t reason) = 0;
  virtual void suspend() = 0;  // deliveries wait in the broker
  virtual void resume() = 0;   // deliveries go on
  // While suspended: what waits now is delivered, what comes later waits on; then on_polled().
  virtual void poll() = 0;
  // Ends the broker's connection; reason 0: without the will. on_closed() follows.
  virtual void close(std::uint8_t reason) = 0;
  // The machine is done; the gateway forgets it, not from within. The last order.
  virtual void forget() = 0;
};

// A message of the broker for the client; views valid during the call.
struct DeliveryView {
  std::uint32_t id = 0;  // 0: QoS 0
  std::string_view topic, payload;
  std::uint8_t qos = 0;
  bool retain = false, dup = false;
};

// The machine. It is made for a CONNECT and lives until it asks to be forgotten: with a clean
// session when it has disconnected, else when its session has expired, so that topic ids and will
// are there when the client comes back [MQTT-SN 6.3].
class Client {
 public:
  enum class State : std::uint8_t { connecting, active, asleep, awake, closing, away };

  // What an upgrade hands to the next version, see save() and saved.hpp.
  struct Saved;

  Client(Outside& outside, const std::shared_ptr<const ClientSettings>& settings,
         Counters& counters, std::string client_id);
  // As the old version left it; the gateway has attached the broker's session already.
  Client(Outside& outside, const std::shared_ptr<const ClientSettings>& settings,
         Counters& counters, const Saved& saved);
  ~Client();

  // A packet of the client, also the CONNECT it was made for and a later one. The gateway has
  // checked that it comes from where the client is; when that changes (a CONNECT or the PINGREQ of
  // a sleeping client from another address) it has called moved() before.
  void on_packet(const Packet& packet);
  void moved();
  void on_time();  // what wake_at() asked for

  void on_opened(std::uint8_t reason, bool present);
  void on_delivery(const DeliveryView& delivery);
  void on_suback(std::uint64_t token, std::uint8_t code);
  void on_published(std::uint64_t token, std::uint8_t reason);
  void on_polled();
  void on_closed(std::uint8_t reason);

  // The gateway ends it: says DISCONNECT to the client and closes with `reason` (0: no will).
  void end(std::uint8_t reason);
  void use(const std::shared_ptr<const ClientSettings>& settings);  // a reload

  State state() const;
  const std::string& client_id() const;
  void save(Saved& out) const;
};

}  // namespace sn
