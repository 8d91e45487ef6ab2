// A broker's session, a client and a network that loses, repeats and reorders datagrams, all on a
// clock that a test moves: the two sides of the machine for client_model_test.cpp. Seeded.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "emqx_sn/client.hpp"
#include "emqx_sn/counters.hpp"
#include "emqx_sn/saved.hpp"
#include "emqx_sn/tests/messages.hpp"

namespace sn_test {

// What happens when.
class Timeline {
 public:
  std::int64_t now = 1'000'000;

  void at(std::int64_t when, std::function<void()> what) {
    events_.emplace(std::max(when, now), std::move(what));
  }
  void after(std::int64_t ms, std::function<void()> what) { at(now + ms, std::move(what)); }
  void run_until(std::int64_t end) {
    while (!events_.empty() && events_.begin()->first <= end) {
      const auto next = events_.begin();
      now = next->first;
      const std::function<void()> what = std::move(next->second);
      events_.erase(next);
      what();
    }
    now = end;
  }

 private:
  std::multimap<std::int64_t, std::function<void()>> events_;
};

struct Faults {
  double loss = 0, repeat = 0;
  std::int64_t least_ms = 1, most_ms = 1;  // of a datagram's way
};

// A persistent session in the broker: orders are obeyed at once, answers come later, in order.
class ModelBroker {
 public:
  struct Message {
    std::string topic, payload;
    std::uint8_t qos = 0;
    std::uint64_t number = 0;
  };

  ModelBroker(Timeline& time, std::mt19937& random) : time_(time), random_(random) {}

  // Whoever gets the answers; null: nobody.
  std::function<sn::Client*()> machine;
  std::vector<std::string> published;  // by the client: QoS and payload
  int wills = 0;                       // connections that ended with the will
  std::size_t window = 1;

  void open();
  void close(std::uint8_t reason);
  void publish(std::string_view payload, std::uint8_t qos, std::uint64_t token);
  void subscribe(std::uint64_t token);
  void set_will(std::uint64_t token);
  void received(std::uint32_t id);
  void ack(std::uint32_t id, std::uint8_t reason);
  void suspend();
  void resume();
  void poll();

  // To the client; false: it has not subscribed, or the message does not wait for it.
  bool send(std::string topic, std::string payload, std::uint8_t qos);
  std::size_t waiting() const { return queue_.size() + inflight_.size(); }
  bool open_now() const { return open_; }

 private:
  struct Sent {
    std::uint32_t id;
    Message message;
    bool received = false;
  };

  void answer(std::function<void(sn::Client&)> what, bool for_this_link = true);
  void pump();
  void hand_over(const Sent& sent, bool dup);
  std::deque<Sent>::iterator find(std::uint32_t id);

  Timeline& time_;
  std::mt19937& random_;
  std::int64_t last_answer_ = 0;
  std::uint64_t link_ = 0, last_number_ = 0, snapshot_ = 0;
  bool exists_ = false, open_ = false, subscribed_ = false, suspended_ = false, polling_ = false;
  std::deque<Message> queue_;
  std::deque<Sent> inflight_;
  std::uint32_t last_id_ = 0;
};

// A device with a persistent session that keeps to the protocol: one exchange at a time, repeated
// until it is answered; when that does not help it connects again.
class ModelClient {
 public:
  ModelClient(Timeline& time, std::mt19937& random, std::function<void(std::string)> send)
      : time_(time), random_(random), send_(std::move(send)) {}

  void start();
  void on_datagram(const std::string& datagram);
  // Something that a device does of its own accord.
  void publish(std::uint8_t qos, std::string payload);
  void sleep_soon() { wants_sleep_ = true; }
  void stay_awake();  // from now on

  std::vector<std::string> acknowledged;  // payloads of QoS 1 and 2 that the gateway has taken
  std::vector<std::string> received;      // payloads of QoS 1 and 2, QoS 2 once per message id
  std::vector<std::string> broken;        // what a gateway must not do
  bool idle() const { return state_ == State::active && !exchange_ && todo_.empty(); }

 private:
  static constexpr std::int64_t kRetry = 2'000, kTick = 5'000, kNap = 15'000;
  static constexpr int kMostTries = 4;
  enum class State { out, connecting, active, going, asleep, polling };
  struct Exchange {
    sn::Type answer;
    std::uint16_t msg_id;
    std::string datagram, payload;
    int tries = 0;
    std::uint64_t serial = 0;
    std::function<void(const sn::Packet&)> done;
  };
  struct Todo {
    std::uint8_t qos;
    std::string payload;
  };

  void connect();
  void begin(Exchange exchange);
  void repeat(std::uint64_t serial);
  void next();
  void send_publish(const Todo& todo);
  void tick();
  void nap();
  void poll();
  bool answers(const sn::Packet& packet);
  void on_publish(const sn::Packet& packet);
  std::uint16_t id() { return ++last_id_ == 0 ? ++last_id_ : last_id_; }

  Timeline& time_;
  std::mt19937& random_;
  std::function<void(std::string)> send_;
  State state_ = State::out;
  std::unique_ptr<Exchange> exchange_;
  std::deque<Todo> todo_;
  std::set<std::uint16_t> known_ids_;                // topic ids that the gateway has told
  std::map<std::uint16_t, std::string> taken_from_;  // QoS 2 by message id
  std::uint16_t last_id_ = 0, topic_id_ = 0;
  std::uint16_t pending_id_ = 0;  // of the message at the front of todo_, once it has been sent
  bool taken_ = false;            // PUBREC has come for it
  std::uint64_t last_serial_ = 0;
  std::int64_t last_sent_ = 0;
  bool subscribed_ = false, wants_sleep_ = false, awake_for_good_ = false;
};

inline std::string octets(std::uint16_t number) {
  return {static_cast<char>(number >> 8), static_cast<char>(number)};
}

// ---- ModelBroker ----

inline void ModelBroker::answer(std::function<void(sn::Client&)> what, bool for_this_link) {
  last_answer_ = std::max(last_answer_, time_.now + static_cast<std::int64_t>(random_() % 4));
  time_.at(last_answer_, [this, what = std::move(what), for_this_link, link = link_] {
    if (for_this_link && link != link_) return;
    if (sn::Client* const client = machine()) what(*client);
  });
}

inline void ModelBroker::open() {
  ++link_;
  open_ = true;
  suspended_ = polling_ = false;
  answer([present = exists_](sn::Client& client) { client.on_opened(0, present); });
  exists_ = true;
  std::erase_if(inflight_, [](const Sent& sent) { return sent.received; });
  for (const Sent& sent : inflight_) hand_over(sent, true);
  pump();
}

inline void ModelBroker::close(std::uint8_t reason) {
  wills += reason != 0;
  open_ = false;
  ++link_;
  answer([](sn::Client& client) { client.on_closed(0); }, false);
}

inline void ModelBroker::publish(std::string_view payload, std::uint8_t qos, std::uint64_t token) {
  published.push_back(std::to_string(qos) + std::string(payload));
  if (qos > 0) answer([token](sn::Client& client) { client.on_published(token, 0); });
}

inline void ModelBroker::subscribe(std::uint64_t token) {
  subscribed_ = true;
  answer([token](sn::Client& client) { client.on_suback(token, 2); });
}

inline void ModelBroker::set_will(std::uint64_t token) {
  answer([token](sn::Client& client) { client.on_published(token, 0); });
}

inline std::deque<ModelBroker::Sent>::iterator ModelBroker::find(std::uint32_t id) {
  return std::find_if(inflight_.begin(), inflight_.end(),
                      [id](const Sent& sent) { return sent.id == id; });
}

inline void ModelBroker::received(std::uint32_t id) {
  if (const auto sent = find(id); sent != inflight_.end()) sent->received = true;
}

inline void ModelBroker::ack(std::uint32_t id, std::uint8_t) {
  if (const auto sent = find(id); sent != inflight_.end()) inflight_.erase(sent);
  pump();
}

inline void ModelBroker::suspend() { suspended_ = true; }
inline void ModelBroker::resume() {
  suspended_ = polling_ = false;
  pump();
}
inline void ModelBroker::poll() {
  polling_ = true;
  snapshot_ = last_number_;
  pump();
}

inline bool ModelBroker::send(std::string topic, std::string payload, std::uint8_t qos) {
  if (!subscribed_ || (!open_ && qos == 0)) return false;
  queue_.push_back({std::move(topic), std::move(payload), qos, ++last_number_});
  pump();
  return true;
}

inline void ModelBroker::hand_over(const Sent& sent, bool dup) {
  answer([sent, dup](sn::Client& client) {
    client.on_delivery(
        {sent.id, sent.message.topic, sent.message.payload, sent.message.qos, false, dup});
  });
}

inline void ModelBroker::pump() {
  while (open_ && (!suspended_ || polling_) && !queue_.empty()) {
    if (polling_ && queue_.front().number > snapshot_) break;
    if (queue_.front().qos > 0 && inflight_.size() >= window) return;
    Sent sent{0, queue_.front(), false};
    queue_.pop_front();
    if (sent.message.qos > 0) {
      while (sent.id == 0 || find(sent.id) != inflight_.end()) sent.id = ++last_id_ % 20;
      inflight_.push_back(sent);
    }
    hand_over(sent, false);
  }
  if (!open_ || !std::exchange(polling_, false)) return;
  answer([](sn::Client& client) { client.on_polled(); });
}

// ---- ModelClient ----

inline void ModelClient::start() {
  connect();
  tick();
}

inline void ModelClient::connect() {
  state_ = State::connecting;
  const std::string body{
      "\x00\x01\x00\x1e"
      "c1",
      6};  // not clean, 30 s
  begin({sn::Type::connack,
         0,
         message(sn::Type::connect, body),
         {},
         0,
         0,
         [this](const sn::Packet& packet) {
           if (packet.code != 0) broken.push_back("CONNECT refused");
           state_ = State::active;
           topic_id_ = 0;  // asked for again, which must give the same
         }});
}

inline void ModelClient::begin(Exchange exchange) {
  exchange_ = std::make_unique<Exchange>(std::move(exchange));
  exchange_->serial = ++last_serial_;
  repeat(exchange_->serial);
}

inline void ModelClient::repeat(std::uint64_t serial) {
  if (!exchange_ || exchange_->serial != serial) return;
  if (exchange_->tries++ >= kMostTries) {
    // What was to be published is published again, as the same message.
    return connect();
  }
  std::string datagram = exchange_->datagram;
  if (exchange_->answer == sn::Type::puback || exchange_->answer == sn::Type::pubrec)
    if (exchange_->tries > 1) datagram[2] = static_cast<char>(datagram[2] | '\x80');
  last_sent_ = time_.now;
  send_(datagram);
  time_.after(kRetry, [this, serial] { repeat(serial); });
}

inline void ModelClient::publish(std::uint8_t qos, std::string payload) {
  todo_.push_back({qos, std::move(payload)});
  next();
}

inline void ModelClient::next() {
  if (exchange_ || state_ != State::active) return;
  if (!subscribed_) {
    const std::uint16_t msg_id = id();
    return begin({sn::Type::suback,
                  msg_id,
                  message(sn::Type::subscribe, std::string(1, '\x40') + octets(msg_id) + "d/#"),
                  {},
                  0,
                  0,
                  [this](const sn::Packet&) { subscribed_ = true; }});
  }
  if (topic_id_ == 0) {
    const std::uint16_t msg_id = id();
    return begin({sn::Type::regack,
                  msg_id,
                  message(sn::Type::reg, std::string(2, '\0') + octets(msg_id) + "u/p"),
                  {},
                  0,
                  0,
                  [this](const sn::Packet& packet) {
                    if (packet.code == 0) topic_id_ = packet.topic_id;
                  }});
  }
  if (!todo_.empty()) return send_publish(todo_.front());
  if (wants_sleep_ && !awake_for_good_) nap();
}

inline void ModelClient::send_publish(const Todo& todo) {
  // An exchange that a reconnect has interrupted goes on with the same message id.
  if (todo.qos != 0 && pending_id_ == 0) pending_id_ = id();
  const std::uint16_t msg_id = todo.qos == 0 ? std::uint16_t{0} : pending_id_;
  const std::string body = std::string(1, static_cast<char>(todo.qos << 5)) + octets(topic_id_) +
                           octets(msg_id) + todo.payload;
  const std::string datagram = message(sn::Type::publish, body);
  if (todo.qos == 0) {
    todo_.pop_front();
    last_sent_ = time_.now;
    send_(datagram);
    return next();
  }
  const auto finish = [this](const sn::Packet& packet) {
    if (packet.code != 0) return;  // once more
    acknowledged.push_back(todo_.front().payload);
    todo_.pop_front();
    pending_id_ = 0;
    taken_ = false;
  };
  const std::string pubrel = message(sn::Type::pubrel, octets(msg_id));
  if (todo.qos == 1) return begin({sn::Type::puback, msg_id, datagram, {}, 0, 0, finish});
  if (taken_) return begin({sn::Type::pubcomp, msg_id, pubrel, {}, 0, 0, finish});
  begin({sn::Type::pubrec, msg_id, datagram, {}, 0, 0, [this](const sn::Packet& packet) {
           taken_ = packet.type == sn::Type::pubrec;
         }});
}

inline void ModelClient::tick() {
  time_.after(kTick, [this] { tick(); });
  if (state_ == State::active && !exchange_ && time_.now - last_sent_ >= 2 * kTick)
    begin({sn::Type::pingresp, 0, message(sn::Type::pingreq, ""), {}, 0, 0, {}});
}

inline void ModelClient::nap() {
  state_ = State::going;
  wants_sleep_ = false;
  begin({sn::Type::disconnect,
         0,
         message(sn::Type::disconnect, octets(30)),
         {},
         0,
         0,
         [this](const sn::Packet&) {
           state_ = State::asleep;
           time_.after(kNap, [this] { poll(); });
         }});
}

inline void ModelClient::poll() {
  if (state_ != State::asleep) return;
  if (awake_for_good_ || random_() % 4 == 0) return connect();
  state_ = State::polling;
  begin({sn::Type::pingresp,
         0,
         message(sn::Type::pingreq, "c1"),
         {},
         0,
         0,
         [this](const sn::Packet&) {
           state_ = State::asleep;
           time_.after(kNap, [this] { poll(); });
         }});
}

inline void ModelClient::stay_awake() { awake_for_good_ = true; }

inline bool ModelClient::answers(const sn::Packet& packet) {
  if (!exchange_) return false;
  const bool refused = packet.type == sn::Type::puback && exchange_->answer == sn::Type::pubrec;
  if ((packet.type != exchange_->answer && !refused) || packet.msg_id != exchange_->msg_id)
    return false;
  const std::unique_ptr<Exchange> exchange = std::move(exchange_);
  if (packet.type == sn::Type::puback && packet.code == 2) topic_id_ = 0;
  if (exchange->done) exchange->done(packet);
  if (state_ == State::polling || state_ == State::asleep) return true;
  next();
  return true;
}

inline void ModelClient::on_datagram(const std::string& datagram) {
  sn::Packet packet;
  if (!sn::decode(datagram, packet)) {
    broken.push_back("malformed: " + to_hex(datagram));
    return;
  }
  switch (packet.type) {
    case sn::Type::reg:
      known_ids_.insert(packet.topic_id);
      return send_(message(sn::Type::regack,
                           octets(packet.topic_id) + octets(packet.msg_id) + std::string(1, '\0')));
    case sn::Type::publish:
      return on_publish(packet);
    case sn::Type::pubrel:
      return send_(message(sn::Type::pubcomp, octets(packet.msg_id)));
    default:
      break;
  }
  if (answers(packet)) return;
  // Thrown out, as far as the gateway is concerned; a late repetition may say so wrongly.
  if (packet.type == sn::Type::disconnect && state_ != State::asleep) connect();
}

inline void ModelClient::on_publish(const sn::Packet& packet) {
  const std::string payload(packet.text);
  if (packet.flags.id_type == sn::IdType::normal && !known_ids_.contains(packet.topic_id))
    broken.push_back("PUBLISH with an id that was never told");
  if (packet.flags.qos == 1) {
    received.push_back("1" + payload);
    return send_(message(sn::Type::puback,
                         octets(packet.topic_id) + octets(packet.msg_id) + std::string(1, '\0')));
  }
  if (packet.flags.qos != 2) return;
  // Also after PUBREL: the network may bring the same PUBLISH once more.
  if (std::exchange(taken_from_[packet.msg_id], payload) != payload)
    received.push_back("2" + payload);
  send_(message(sn::Type::pubrec, octets(packet.msg_id)));
}

}  // namespace sn_test
