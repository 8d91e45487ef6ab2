// One MQTT-SN client as the gateway sees it [MQTT-SN 6]: connecting with the will dialogue, active,
// asleep, awake, away. Without I/O: packets, answers of the broker and the time go in, orders to
// the Outside come out, all within the call that caused them. Belongs to one shard.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>

#include "emqx_sn/awaiting_rel.hpp"
#include "emqx_sn/client_parts.hpp"
#include "emqx_sn/encode.hpp"
#include "emqx_sn/packet.hpp"
#include "emqx_sn/topic_table.hpp"

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
  // QoS 0 deliveries of one client that wait here, for a REGACK or for a client fallen asleep; the
  // oldest go first.
  std::uint32_t max_held = 1000, max_held_octets = 1u << 20;
  bool resume_on_wakeup = true;  // else CONNECT of a sleeping client is one like any other
  bool lenient_topic_id = false;
  bool enable_qos3 = false;  // QoS -1 of a connected client counts as QoS 0
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
  // One message to where the client is now. The machine does not count packets by type.
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
  using State = ClientState;

  // What an upgrade hands to the next version, see saved.hpp.
  struct Saved;

  Client(Outside& outside, const std::shared_ptr<const ClientSettings>& settings,
         Counters& counters, std::string client_id);
  // As the old version left it; the gateway has attached the broker's session already, if there was
  // one. Orders wake_at().
  Client(Outside& outside, const std::shared_ptr<const ClientSettings>& settings,
         Counters& counters, const Saved& saved);
  ~Client();

  // A packet of the client, also the CONNECT it was made for and a later one; SEARCHGW counts as
  // a sign of life. The gateway has checked that it comes from where the client is; when that
  // changes (a CONNECT or the PINGREQ of a sleeping client from another address) it has called
  // moved() before, and if the client was active, sent a DISCONNECT to where it was.
  void on_packet(const Packet& packet);
  void moved();
  void on_time();  // what wake_at() asked for; too early does no harm

  void on_opened(std::uint8_t reason, bool present);
  void on_delivery(const DeliveryView& delivery);
  void on_suback(std::uint64_t token, std::uint8_t code);  // unsubscribe(), too
  void on_published(std::uint64_t token, std::uint8_t reason);
  void on_polled();
  void on_closed(std::uint8_t reason);

  // The gateway ends it: says DISCONNECT to the client and closes with `reason` (0: no will).
  void end(std::uint8_t reason);
  // The same without a word to the client: another client id has connected from its address.
  void displace();
  void use(const std::shared_ptr<const ClientSettings>& settings);  // a reload

  State state() const { return at_.state; }
  const std::string& client_id() const { return client_id_; }
  bool persistent() const { return at_.persistent; }
  bool has_will() const { return will_ != nullptr; }
  std::uint16_t keep_alive_s() const { return at_.keep_alive_s; }
  std::uint16_t sleep_s() const { return at_.sleep_s; }  // 0: it never slept
  const TopicTable& topics() const { return topics_; }
  std::size_t held() const { return held_.size(); }  // deliveries that are not done
  std::int64_t heard_ms() const { return at_.heard; }
  const Will* will() const { return will_.get(); }  // what the client has told; it may lack a topic
  // Of what outlives the broker: state and durations, topic ids, subscriptions by id, will. Goes up
  // with every change; messages and polls are none.
  std::uint32_t revision() const { return changes_ + topics_.revision(); }
  void save(Saved& out) const;

 private:
  enum class Order : std::uint8_t { publish, subscribe, unsubscribe, will_topic, will_msg, waking };
  // What comes back with the broker's answer: all that is needed to answer the client.
  struct Token {
    Order order{};
    std::uint8_t epoch = 0, qos = 0;
    IdType id_type = IdType::normal;
    bool own_filter = false;  // the filter is just the topic of topic_id
    std::uint16_t topic_id = 0, msg_id = 0;

    static Token from(std::uint64_t number);
    std::uint64_t number() const;
  };
  // How a topic is named in a PUBLISH to the client.
  struct Naming {
    IdType type = IdType::normal;
    std::uint16_t id = 0;
  };

  // client.cpp
  void heard(const Packet& packet);
  void stranger(const Packet& packet);
  void expire(std::int64_t now);
  void supervise(std::int64_t now);
  void resend_due(std::int64_t now);
  void settle();
  std::int64_t deadline() const;
  std::int64_t silence_allowed() const;  // ms, 0: for ever
  void lose(std::uint64_t& cause);
  void leave(std::uint8_t reason);
  void gone();
  void forget();
  void drop_deliveries();
  Rare& rare();
  Token token(Order order, std::uint16_t msg_id) const;

  // client_connect.cpp
  void on_connect(const Packet& packet);
  void begin(const Packet& packet);
  void start_handshake(const Packet& packet);
  void let_go_of_link();
  void wake_by_connect(const Packet& packet);
  void dialogue(const Packet& packet);
  void take_will_topic(const Packet& packet);
  void ask_for_will(Handshake::Step step);
  void ask_again(std::int64_t now);
  void will_known();
  void open_if_ready();
  void connected(bool present);
  void release_leftovers();
  void woken();
  void refuse(ReturnCode code);
  void back_to_sleep();
  void welcome();

  // client_will.cpp
  void will_topic_update(const Packet& packet);
  void will_msg_update(const Packet& packet);
  Will latest_will() const;
  void change_will(Will will, Order order);
  void answer_will(Order order, ReturnCode code);
  bool order_will(const Will& will, std::uint64_t number);
  void will_set(const Token& token, std::uint8_t reason);
  void keep_will(Will&& will);

  // client_publish.cpp
  void take_publish(const Packet& packet);
  void publish_without_answer(const Packet& packet);
  std::uint16_t first_id() const;
  const std::string* predefined(std::uint16_t id) const;
  ReturnCode resolve(const Packet& packet, char (&octets)[2], std::string_view& topic) const;
  bool hand_over(std::string_view topic, std::string_view payload, std::uint8_t qos, bool retain,
                 std::uint64_t number);
  void publish_exactly_once(const Packet& packet, std::string_view topic);
  void published(const Token& token, std::uint8_t reason);
  void take_pubrel(const Packet& packet);
  void register_topic(const Packet& packet);

  // client_subscribe.cpp
  void take_subscribe(const Packet& packet);
  void take_unsubscribe(const Packet& packet);
  ReturnCode filter_of(const Packet& packet, char (&octets)[2], std::string_view& filter) const;
  bool repeated_subscribe(const Packet& packet, std::uint64_t what);
  void remember_subscribe(const Packet& packet, std::uint64_t what);
  void answer_subscribe(const Token& token, std::uint8_t granted, ReturnCode code);
  void subscribed(const Token& token, std::uint8_t code);
  void remove_by_id(std::string_view topic);
  std::string mounted_filter(std::string_view filter) const;

  // client_deliver.cpp
  std::uint8_t name_for(std::string_view topic, Naming& out);
  bool by_id(std::string_view topic, Naming& out) const;
  bool known(const Naming& naming) const;
  bool pumps() const;
  void hold(const DeliveryView& delivery, const Naming& naming);
  void make_room(std::size_t octets);
  bool take_up(const DeliveryView& delivery, Held& held);
  void pump();
  void announce_subscriptions();
  bool can_announce(std::uint16_t topic_id) const;
  void announce(std::uint16_t topic_id);
  void send_announcement();
  void send_publish(Held& held);
  void send_pubrel(Held& held);
  void rewind();
  bool is_put_off(const Naming& naming) const;
  std::uint16_t next_msg_id();
  Leftover* find_leftover(std::uint16_t msg_id) const;
  using HeldAt = std::list<Held>::iterator;
  HeldAt find_held(std::uint16_t msg_id);
  HeldAt remove(HeldAt held);
  HeldAt finish(HeldAt held, std::uint8_t reason);
  void wait_again(Held& held);

  // client_acks.cpp
  void take_regack(const Packet& packet);
  void topic_refused(std::uint16_t topic_id);
  void topic_put_off(std::uint16_t topic_id);
  void take_puback(const Packet& packet);
  void topic_unknown(HeldAt held);
  void pause();
  void take_pubrec(const Packet& packet);
  void take_pubcomp(const Packet& packet);

  // client_sleep.cpp
  void take_pingreq(const Packet& packet);
  void go_to_sleep(std::uint16_t duration_s);
  void poll();
  void fall_asleep();
  bool waits_for_client() const;
  void end_poll_if_done();

  Outside& outside_;
  Counters& counters_;
  std::shared_ptr<const ClientSettings> settings_;
  std::string client_id_;
  Standing at_;
  std::int64_t armed_ = 0;  // what wake_at() was told last, 0: that has passed
  TopicTable topics_;
  AwaitingRel awaiting_;
  std::list<Held> held_;                  // in the order of the broker
  std::uint32_t in_flight_ = 0;           // of them: sent and not acknowledged
  std::uint32_t held_octets_ = 0;         // of their QoS 0
  std::unique_ptr<Will> will_;            // stored [MQTT-SN 6.3]
  std::unique_ptr<Handshake> handshake_;  // while connecting
  std::unique_ptr<Rare> rare_;
  std::uint32_t changes_ = 0;  // see revision()
  bool forgotten_ = false;
};

}  // namespace sn
