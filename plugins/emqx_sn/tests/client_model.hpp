// A broker's session, a client and a network that loses, repeats and reorders datagrams, all on a
// clock that a test moves: the two sides of the machine for client_model_test.cpp. Seeded.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "emqx_sn/client.hpp"
#include "emqx_sn/counters.hpp"
#include "emqx_sn/saved.hpp"

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

}  // namespace sn_test
