#include "emqx_sn/tests/client_model.hpp"

#include <algorithm>
#include <utility>

#include "emqx_sn/tests/messages.hpp"

namespace sn_test {
namespace {

constexpr std::int64_t kRetry = 2'000, kTick = 5'000, kNap = 15'000;
constexpr int kMostTries = 4;

std::string octets(std::uint16_t number) {
  return {static_cast<char>(number >> 8), static_cast<char>(number)};
}

}  // namespace

// ---- ModelBroker ----

void ModelBroker::answer(std::function<void(sn::Client&)> what, bool for_this_link) {
  last_answer_ = std::max(last_answer_, time_.now + static_cast<std::int64_t>(random_() % 4));
  time_.at(last_answer_, [this, what = std::move(what), for_this_link, link = link_] {
    if (for_this_link && link != link_) return;
    if (sn::Client* const client = machine()) what(*client);
  });
}

void ModelBroker::open() {
  ++link_;
  open_ = true;
  suspended_ = polling_ = false;
  answer([present = exists_](sn::Client& client) { client.on_opened(0, present); });
  exists_ = true;
  std::erase_if(inflight_, [](const Sent& sent) { return sent.received; });
  for (const Sent& sent : inflight_) hand_over(sent, true);
  pump();
}

void ModelBroker::close(std::uint8_t reason) {
  wills += reason != 0;
  open_ = false;
  ++link_;
  answer([](sn::Client& client) { client.on_closed(0); }, false);
}

void ModelBroker::publish(std::string_view payload, std::uint8_t qos, std::uint64_t token) {
  published.push_back(std::to_string(qos) + std::string(payload));
  if (qos > 0) answer([token](sn::Client& client) { client.on_published(token, 0); });
}

void ModelBroker::subscribe(std::uint64_t token) {
  subscribed_ = true;
  answer([token](sn::Client& client) { client.on_suback(token, 2); });
}

void ModelBroker::set_will(std::uint64_t token) {
  answer([token](sn::Client& client) { client.on_published(token, 0); });
}

std::deque<ModelBroker::Sent>::iterator ModelBroker::find(std::uint32_t id) {
  return std::find_if(inflight_.begin(), inflight_.end(),
                      [id](const Sent& sent) { return sent.id == id; });
}

void ModelBroker::received(std::uint32_t id) {
  if (const auto sent = find(id); sent != inflight_.end()) sent->received = true;
}

void ModelBroker::ack(std::uint32_t id, std::uint8_t) {
  if (const auto sent = find(id); sent != inflight_.end()) inflight_.erase(sent);
  pump();
}

void ModelBroker::suspend() { suspended_ = true; }
void ModelBroker::resume() {
  suspended_ = polling_ = false;
  pump();
}
void ModelBroker::poll() {
  polling_ = true;
  snapshot_ = last_number_;
  pump();
}

bool ModelBroker::send(std::string topic, std::string payload, std::uint8_t qos) {
  if (!subscribed_ || (!open_ && qos == 0)) return false;
  queue_.push_back({std::move(topic), std::move(payload), qos, ++last_number_});
  pump();
  return true;
}

void ModelBroker::hand_over(const Sent& sent, bool dup) {
  answer([sent, dup](sn::Client& client) {
    client.on_delivery(
        {sent.id, sent.message.topic, sent.message.payload, sent.message.qos, false, dup});
  });
}

void ModelBroker::pump() {
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

void ModelClient::start() {
  connect();
  tick();
}

void ModelClient::connect() {
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

void ModelClient::begin(Exchange exchange) {
  exchange_ = std::make_unique<Exchange>(std::move(exchange));
  exchange_->serial = ++last_serial_;
  repeat(exchange_->serial);
}

void ModelClient::repeat(std::uint64_t serial) {
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

void ModelClient::publish(std::uint8_t qos, std::string payload) {
  todo_.push_back({qos, std::move(payload)});
  next();
}

void ModelClient::next() {
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

void ModelClient::send_publish(const Todo& todo) {
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

void ModelClient::tick() {
  time_.after(kTick, [this] { tick(); });
  if (state_ == State::active && !exchange_ && time_.now - last_sent_ >= 2 * kTick)
    begin({sn::Type::pingresp, 0, message(sn::Type::pingreq, ""), {}, 0, 0, {}});
}

void ModelClient::nap() {
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

void ModelClient::poll() {
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

void ModelClient::stay_awake() { awake_for_good_ = true; }

bool ModelClient::answers(const sn::Packet& packet) {
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

void ModelClient::on_datagram(const std::string& datagram) {
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

void ModelClient::on_publish(const sn::Packet& packet) {
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
