// What lies around an MQTT-SN client in fuzz_sn_client: a broker that answers later and keeps what
// is not acknowledged, and a device that remembers what it was told. Every order of the client
// machine is checked against what the two know.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "check.hpp"
#include "emqx_sn/client.hpp"
#include "emqx_sn/counters.hpp"
#include "emqx_sn/predefined.hpp"

namespace sn::fuzz {

class World final : public Outside {
 public:
  enum class BrokerLink { none, opening, open, closing };
  struct Message {
    std::uint32_t serial = 0, id = 0;  // id: of the delivery, once there was one
    std::string topic;                 // in the broker
    std::size_t size = 0;
    std::uint8_t qos = 0;
    bool retain = false, received = false, dup = false;
  };
  struct Answer {
    enum class What { opened, suback, published, closed } what;
    std::uint64_t token;
    std::uint8_t value;              // granted QoS, reason of close()
    std::uint16_t exactly_once = 0;  // message id of a PUBLISH with QoS 2
  };

  explicit World(std::shared_ptr<const ClientSettings> given) : settings(std::move(given)) {}

  // ---- what the driver does ----

  void pass(const Packet& packet) {
    note_packet(packet);
    in_hand_ = &packet;
    client->on_packet(packet);
    in_hand_ = nullptr;
  }
  // Time goes on to `until`; on_time() is called when it was asked for.
  void advance(std::int64_t until) {
    for (int rounds = 0; wake_ != 0 && wake_ <= until && !forgotten; ++rounds) {
      FUZZ_CHECK(rounds < 2000);
      now_ = std::max(now_, wake_);
      wake_ = 0;
      client->on_time();
    }
    now_ = until;
  }
  // The oldest answer that is owed; `yes`: what was asked for. False: there is none.
  bool answer(bool yes) {
    if (answers.empty()) return false;
    const Answer next = answers.front();
    answers.pop_front();
    switch (next.what) {
      case Answer::What::opened:
        link = yes ? BrokerLink::open : BrokerLink::none;
        client->on_opened(yes ? 0 : 0x87, yes && session_present_);
        break;
      case Answer::What::suback:
        client->on_suback(next.token, yes ? next.value : 0x87);
        break;
      case Answer::What::published:
        if (!yes) exactly_once_.erase(next.exactly_once);
        client->on_published(next.token, yes ? 0 : 0x97);
        break;
      case Answer::What::closed:
        end_link();
        client->on_closed(next.value);
        break;
    }
    return true;
  }
  // The broker ends it.
  void cut(std::uint8_t reason) {
    if (link != BrokerLink::open) return;
    end_link();
    client->on_closed(reason);
  }
  void offer(Message message) {
    if (link == BrokerLink::none && !persistent_) return;
    if (waiting_.size() < 40) {
      message.serial = ++last_serial_;
      waiting_.push_back(std::move(message));
    }
  }
  // Hands out what the client takes.
  void pump() {
    while (link == BrokerLink::open && !forgotten) {
      if (poll_left_ == 0u) {
        poll_left_.reset();
        client->on_polled();
        continue;
      }
      if (waiting_.empty() || (suspended_ && !poll_left_)) return;
      if (waiting_.front().qos != 0 && inflight_.size() >= settings->max_inflight) return;
      Message message = std::move(waiting_.front());
      waiting_.pop_front();
      if (poll_left_) --*poll_left_;
      deliver(std::move(message));
    }
  }

  std::shared_ptr<const ClientSettings> settings;
  Counters counters;
  BrokerLink link = BrokerLink::none;
  std::deque<Answer> answers;
  bool forgotten = false;
  Client* client = nullptr;
  // What the gateway said last, by type; for answers that fit.
  Packet last_register, last_publish, last_pubrel;
  std::int64_t wake() const { return wake_; }

  // ---- Outside ----

  std::int64_t now_ms() const override { return now_; }
  void wake_at(std::int64_t when_ms) override {
    FUZZ_CHECK(!forgotten && when_ms >= 0);
    wake_ = when_ms;
  }
  void send(const Head& head, std::string_view data) override;
  void open(bool clean, std::uint16_t, const WillView* will) override {
    FUZZ_CHECK(!forgotten && link == BrokerLink::none);
    if (will) check_will(*will);
    if (clean) {
      waiting_.clear();
      exactly_once_.clear();
    }
    session_present_ = !clean && persistent_;
    persistent_ = !clean;
    suspended_ = false;
    poll_left_.reset();
    known_.clear();
    outstanding_.clear();
    shown_.clear();
    link = BrokerLink::opening;
    answers.push_back({Answer::What::opened, 0, 0});
  }
  bool publish(std::string_view topic, std::string_view, std::uint8_t qos, bool,
               std::uint64_t token) override {
    need_open();
    FUZZ_CHECK(is_topic(topic) && qos <= 2);
    if (answers.size() > 50) return false;
    std::uint16_t once = 0;
    if (in_hand_ && in_hand_->type == Type::publish && qos == 2) {
      once = in_hand_->msg_id;
      const std::string what = std::to_string(in_hand_->topic_id) + ' ' +
                               std::to_string(in_hand_->flags.octet() & 0x13) + ' ' +
                               std::string(in_hand_->text);
      const auto before = exactly_once_.find(once);
      FUZZ_CHECK(before == exactly_once_.end() || now_ >= before->second.second ||
                 before->second.first != what);
      exactly_once_[once] = {what, now_ + settings->await_rel_timeout_ms};
    }
    if (qos != 0) answers.push_back({Answer::What::published, token, 0, once});
    return true;
  }
  bool subscribe(std::string_view filter, std::uint8_t qos, std::uint64_t token) override {
    need_open();
    FUZZ_CHECK(!filter.empty() && filter.find('\0') == filter.npos && qos <= 2);
    if (answers.size() > 50) return false;
    answers.push_back({Answer::What::suback, token, qos});
    return true;
  }
  bool unsubscribe(std::string_view filter, std::uint64_t token) override {
    return subscribe(filter, 0, token);
  }
  bool set_will(const WillView* will, std::uint64_t token) override {
    need_open();
    if (will) check_will(*will);
    if (answers.size() > 50) return false;
    answers.push_back({Answer::What::published, token, 0});
    return true;
  }
  void received(std::uint32_t delivery) override {
    need_open();
    const auto found = inflight_.find(delivery);
    FUZZ_CHECK(found != inflight_.end() && found->second.qos == 2);
    found->second.received = true;
  }
  void ack(std::uint32_t delivery, std::uint8_t reason) override {
    need_open();
    FUZZ_CHECK(reason == 0 || reason >= 0x80);
    const auto found = inflight_.find(delivery);
    FUZZ_CHECK(found != inflight_.end());
    std::erase_if(outstanding_,
                  [&](const auto& each) { return each.second == found->second.serial; });
    inflight_.erase(found);
  }
  void suspend() override {
    need_open();
    suspended_ = true;
    poll_left_.reset();
  }
  void resume() override {
    need_open();
    suspended_ = false;
    poll_left_.reset();
  }
  void poll() override {
    need_open();
    FUZZ_CHECK(suspended_);
    poll_left_ = waiting_.size();
  }
  void close(std::uint8_t reason) override {
    need_open();
    link = BrokerLink::closing;
    answers.push_back({Answer::What::closed, 0, reason});
  }
  void forget() override {
    FUZZ_CHECK(!forgotten);
    FUZZ_CHECK(link == BrokerLink::none);
    forgotten = true;
  }

 private:
  static bool is_topic(std::string_view topic) {
    return !topic.empty() && topic.find_first_of(std::string_view("+#\0", 3)) == topic.npos;
  }
  // A normal topic id.
  bool is_id(std::uint16_t id) const {
    return id > settings->predefined->max_id() && id != 0 && id != 0xffff;
  }
  static std::string delivered_topic(std::string_view filter) {
    if (filter.starts_with("$share/")) return std::string(filter.substr(filter.find('/', 7) + 1));
    if (filter.starts_with("$queue/")) return std::string(filter.substr(7));
    return std::string(filter);
  }
  void check_will(const WillView& will) const {
    FUZZ_CHECK(is_topic(will.topic) && will.topic.starts_with(settings->mountpoint));
    FUZZ_CHECK(will.qos <= 2);
  }
  void need_open() const { FUZZ_CHECK(!forgotten && link == BrokerLink::open); }

  void deliver(Message message) {
    char payload[9];
    std::snprintf(payload, sizeof payload, "%08x", message.serial);
    const std::string data = payload + std::string(message.size, '.');
    topics_[message.serial] = message.topic.substr(settings->mountpoint.size());
    DeliveryView view;
    const std::string topic = message.topic;
    view.topic = topic;
    view.payload = data;
    view.qos = message.qos;
    view.retain = message.retain;
    view.dup = message.dup;
    if (message.qos != 0) {
      if (message.id == 0) {
        do next_delivery_ = next_delivery_ % 20 + 1;
        while (inflight_.contains(next_delivery_) || waits(next_delivery_));
        message.id = next_delivery_;
      }
      view.id = message.id;
      inflight_[view.id] = std::move(message);
    }
    client->on_delivery(view);
  }
  bool waits(std::uint32_t id) const {
    return std::any_of(waiting_.begin(), waiting_.end(),
                       [id](const Message& each) { return each.id == id; });
  }
  // What was not acknowledged waits again; a QoS 2 delivery that was received is completed without
  // the client.
  void end_link() {
    link = BrokerLink::none;
    for (const Answer& lost : answers) exactly_once_.erase(lost.exactly_once);
    answers.clear();
    for (auto each = inflight_.rbegin(); each != inflight_.rend(); ++each) {
      if (!persistent_ || each->second.received) continue;
      each->second.dup = true;
      waiting_.push_front(std::move(each->second));
    }
    std::sort(waiting_.begin(), waiting_.end(),
              [](const Message& a, const Message& b) { return a.serial < b.serial; });
    inflight_.clear();
    outstanding_.clear();
    if (!persistent_) waiting_.clear();
  }

  void note_packet(const Packet& packet);
  void check_publish(const Packet& packet);
  void check_state(const Packet& packet) const;

  std::int64_t now_ = 1'000'000, wake_ = 0;
  bool persistent_ = false, session_present_ = false, suspended_ = false;
  std::deque<Message> waiting_;
  std::map<std::uint32_t, Message> inflight_;
  std::optional<std::size_t> poll_left_;
  std::uint32_t last_serial_ = 0, next_delivery_ = 0;
  std::map<std::uint32_t, std::string> topics_;  // of everything delivered, as the device
                                                 // has to see it
  std::map<std::string, std::uint32_t> shown_;   // by topic: the newest sent
  const Packet* in_hand_ = nullptr;              // the packet that is being worked on

  // The device.
  bool puts_off_ = false;                            // it has reported congestion
  std::map<std::uint16_t, std::string> known_;       // its topic ids
  std::map<std::uint16_t, std::string> asked_;       // names in REGISTER and SUBSCRIBE, by msg id
  std::pair<std::uint16_t, std::string> announced_;  // the last REGISTER it got: id, name
  std::map<std::uint16_t, std::uint32_t> outstanding_;  // PUBLISH by msg id: serial
  // Its PUBLISHes with QoS 2, by msg id: what they say, and until when they must not count again.
  std::map<std::uint16_t, std::pair<std::string, std::int64_t>> exactly_once_;
};

// What a device learns from its own packets.
inline void World::note_packet(const Packet& packet) {
  puts_off_ |= packet.code == 1;
  switch (packet.type) {
    case Type::reg:
      asked_[packet.msg_id] = packet.text;
      break;
    case Type::subscribe:
      if (packet.flags.id_type == IdType::normal) asked_[packet.msg_id] = packet.text;
      break;
    case Type::regack:
      if (packet.code == 0 && packet.topic_id == announced_.first &&
          packet.msg_id == last_register.msg_id) {
        known_[announced_.first] = announced_.second;
      }
      break;
    case Type::pubrel:
      exactly_once_.erase(packet.msg_id);
      break;
    default:
      break;
  }
}

inline void World::send(const Head& head, std::string_view data) {
  FUZZ_CHECK(!forgotten);
  const std::string whole = std::string(head.view()).append(data);
  Packet packet;
  FUZZ_CHECK(whole.size() <= kMaxMessage && decode(whole, packet));
  FUZZ_CHECK(packet.code <= 3);
  check_state(packet);
  switch (packet.type) {
    case Type::connack:
      FUZZ_CHECK(packet.code != 0 || link == BrokerLink::open);
      break;
    case Type::reg:
      FUZZ_CHECK(is_id(packet.topic_id) && packet.msg_id != 0 && is_topic(packet.text));
      FUZZ_CHECK(settings->subs_resume || whole.size() <= settings->max_packet_size);
      if (packet.msg_id != last_register.msg_id) known_.erase(packet.topic_id);
      announced_ = {packet.topic_id, std::string(packet.text)};
      last_register = packet;
      last_register.text = {};
      break;
    case Type::regack:
      FUZZ_CHECK(in_hand_ && in_hand_->type == Type::reg && in_hand_->msg_id == packet.msg_id);
      if (packet.code != 0) {
        FUZZ_CHECK(packet.topic_id == 0);
        break;
      }
      FUZZ_CHECK(is_id(packet.topic_id));
      known_[packet.topic_id] = asked_.at(packet.msg_id);
      break;
    case Type::suback:
      if (packet.code != 0 || packet.topic_id == 0 || !asked_.contains(packet.msg_id)) break;
      FUZZ_CHECK(is_id(packet.topic_id));
      known_[packet.topic_id] = delivered_topic(asked_.at(packet.msg_id));
      break;
    case Type::publish:
      check_publish(packet);
      FUZZ_CHECK(whole.size() <= settings->max_packet_size);
      last_publish = packet;
      last_publish.text = {};
      break;
    case Type::pubrel:
      last_pubrel = packet;
      break;
    case Type::pingresp:
      if (client->state() == ClientState::active) break;
      FUZZ_CHECK(puts_off_ || (outstanding_.empty() && !poll_left_));
      break;
    default:
      break;
  }
}

// The device has to find the topic that the message was published to, and the messages of a topic
// in their order.
inline void World::check_publish(const Packet& packet) {
  FUZZ_CHECK(packet.text.size() >= 8);
  const auto serial =
      static_cast<std::uint32_t>(std::stoul(std::string(packet.text.substr(0, 8)), nullptr, 16));
  const std::string& topic = topics_.at(serial);
  const auto before = outstanding_.find(packet.msg_id);
  char octets[2];
  switch (packet.flags.id_type) {
    case IdType::normal: {
      // A repetition may come after the device has given up the id.
      const auto name = known_.find(packet.topic_id);
      FUZZ_CHECK(name == known_.end() ? before != outstanding_.end() : name->second == topic);
      break;
    }
    case IdType::predefined: {
      const std::string* const name =
          settings->predefined->name(client->client_id(), packet.topic_id);
      FUZZ_CHECK(name && *name == topic);
      break;
    }
    case IdType::short_name:
      FUZZ_CHECK(short_name(packet.topic_id, octets) == topic);
      break;
    case IdType::reserved:
      FUZZ_CHECK(false);
  }
  if (packet.flags.qos == 0) {
    FUZZ_CHECK(packet.msg_id == 0 && !packet.flags.dup);
  } else {
    FUZZ_CHECK(packet.flags.qos > 0 && packet.msg_id != 0);
    const auto given = std::find_if(inflight_.begin(), inflight_.end(),
                                    [&](const auto& each) { return each.second.serial == serial; });
    FUZZ_CHECK(given != inflight_.end() && !given->second.received);
    FUZZ_CHECK(packet.flags.qos == given->second.qos);
    if (before != outstanding_.end()) {
      FUZZ_CHECK(before->second == serial && packet.flags.dup);
      return;
    }
    for (const auto& each : outstanding_) FUZZ_CHECK(each.second != serial);
    outstanding_[packet.msg_id] = serial;
    FUZZ_CHECK(outstanding_.size() <= settings->max_inflight);
  }
  std::uint32_t& newest = shown_[topic];
  FUZZ_CHECK(serial > newest);
  newest = serial;
}

// What may be sent to a device, by where it stands.
inline void World::check_state(const Packet& packet) const {
  const bool pushed =
      packet.type == Type::publish || packet.type == Type::reg ||
      (packet.type == Type::pubrel && !(in_hand_ && in_hand_->type == Type::pubrec));
  const bool asks = packet.type == Type::willtopicreq || packet.type == Type::willmsgreq;
  switch (client->state()) {
    case ClientState::connecting:
      FUZZ_CHECK(!pushed && packet.type != Type::pingresp);
      break;
    case ClientState::active:
    case ClientState::awake:
      FUZZ_CHECK(!asks);
      break;
    case ClientState::asleep:
      FUZZ_CHECK(!pushed && !asks);
      // An answer, or the end.
      FUZZ_CHECK(in_hand_ || packet.type != Type::pingresp);
      break;
    case ClientState::closing:
    case ClientState::away:
      FUZZ_CHECK(packet.type == Type::disconnect ||
                 (packet.type == Type::connack && packet.code != 0));
      break;
  }
}

}  // namespace sn::fuzz
