// The client machine: what comes in and when it is time; the states are in client_connect.cpp and
// client_sleep.cpp, the rest by the direction of the messages.
#include "emqx_sn/client.hpp"

#include <algorithm>
#include <utility>

#include "emqx_sn/counters.hpp"
#include "emqx_sn/reasons.hpp"

namespace sn {
namespace {

constexpr std::ptrdiff_t kMostLeftovers = 64;

}  // namespace

Client::Client(Outside& outside, const std::shared_ptr<const ClientSettings>& settings,
               Counters& counters, std::string client_id)
    : outside_(outside),
      counters_(counters),
      settings_(settings),
      client_id_(std::move(client_id)) {}

Client::~Client() = default;

// The token's bits: message id 0-15, topic id 16-31, order 32-35, QoS 36-37, id type 38-39, epoch
// 40-47, own filter 48. An upgrade carries tokens over: the layout stays.
Client::Token Client::Token::from(std::uint64_t number) {
  Token out;
  out.msg_id = static_cast<std::uint16_t>(number);
  out.topic_id = static_cast<std::uint16_t>(number >> 16);
  out.order = static_cast<Order>(number >> 32 & 0xf);
  out.qos = static_cast<std::uint8_t>(number >> 36 & 3);
  out.id_type = static_cast<IdType>(number >> 38 & 3);
  out.epoch = static_cast<std::uint8_t>(number >> 40);
  out.own_filter = (number >> 48 & 1) != 0;
  return out;
}

std::uint64_t Client::Token::number() const {
  return std::uint64_t{msg_id} | std::uint64_t{topic_id} << 16 |
         static_cast<std::uint64_t>(order) << 32 | std::uint64_t{qos} << 36 |
         static_cast<std::uint64_t>(id_type) << 38 | std::uint64_t{epoch} << 40 |
         std::uint64_t{own_filter} << 48;
}

Client::Token Client::token(Order order, std::uint16_t msg_id) const {
  Token out;
  out.order = order;
  out.epoch = at_.epoch;
  out.msg_id = msg_id;
  return out;
}

Rare& Client::rare() {
  if (!rare_) rare_ = std::make_unique<Rare>();
  return *rare_;
}

void Client::on_packet(const Packet& packet) {
  if (forgotten_ || !from_client(packet.type)) return;
  if (packet.type == Type::connect) {
    on_connect(packet);
  } else {
    switch (at_.state) {
      case State::connecting:
        dialogue(packet);
        break;
      case State::active:
      case State::asleep:
      case State::awake:
        heard(packet);
        break;
      case State::closing:
      case State::away:
        stranger(packet);
        break;
    }
  }
  settle();
}

void Client::heard(const Packet& packet) {
  at_.heard = outside_.now_ms();
  at_.connack = 0;
  switch (packet.type) {
    case Type::publish:
      return take_publish(packet);
    case Type::pubrel:
      return take_pubrel(packet);
    case Type::reg:
      return register_topic(packet);
    case Type::subscribe:
      return take_subscribe(packet);
    case Type::unsubscribe:
      return take_unsubscribe(packet);
    case Type::regack:
      return take_regack(packet);
    case Type::puback:
      return take_puback(packet);
    case Type::pubrec:
      return take_pubrec(packet);
    case Type::pubcomp:
      return take_pubcomp(packet);
    case Type::pingreq:
      return take_pingreq(packet);
    case Type::willtopicupd:
      return will_topic_update(packet);
    case Type::willmsgupd:
      return will_msg_update(packet);
    case Type::disconnect:
      outside_.send(disconnect());
      return packet.duration != 0 ? go_to_sleep(packet.duration) : leave(kSuccess);
    default:
      return;  // PINGRESP, SEARCHGW, a late WILLTOPIC: a sign of life
  }
}

// There is no connection that the packet could belong to.
void Client::stranger(const Packet& packet) {
  const bool goodbye = packet.type == Type::disconnect;
  if (goodbye || (at_.state == State::away && packet.type != Type::searchgw))
    outside_.send(disconnect());
}

void Client::moved() { at_.moved = true; }

void Client::on_time() {
  if (forgotten_) return;
  armed_ = 0;
  const std::int64_t now = outside_.now_ms();
  expire(now);
  switch (at_.state) {
    case State::connecting:
      ask_again(now);
      break;
    case State::active:
    case State::asleep:
    case State::awake:
      supervise(now);
      break;
    case State::closing:
      break;
    case State::away:
      if (at_.away_until <= now) forget();
      break;
  }
  settle();
}

// What holds for a time only.
void Client::expire(std::int64_t now) {
  awaiting_.expire(now);
  if (!rare_) return;
  const std::int64_t repeats = now - settings_->retry_interval_ms;
  if (rare_->hold_until <= now) rare_->hold_until = 0;
  std::erase_if(rare_->put_off, [now](const PutOff& topic) { return topic.until <= now; });
  std::erase_if(rare_->recent,
                [repeats](const RecentSubscribe& r) { return r.answered && r.at <= repeats; });
}

std::int64_t Client::silence_allowed() const {
  if (at_.state == State::active) return std::int64_t{at_.keep_alive_s} * 1500;
  return std::int64_t{at_.sleep_s} * (at_.sleep_s <= 60 ? 1500 : 1100);  // [MQTT-SN 7.2]
}

void Client::supervise(std::int64_t now) {
  const std::int64_t allowed = silence_allowed();
  if (allowed != 0 && now >= at_.heard + allowed) {
    return lose(at_.state == State::active ? counters_.lost_keep_alive : counters_.lost_sleep);
  }
  if (at_.state == State::awake && waits_for_client() &&
      now >= at_.heard + settings_->retry_interval_ms) {
    return fall_asleep();
  }
  if (at_.state == State::asleep) return;
  resend_due(now);
  pump();
}

void Client::resend_due(std::int64_t now) {
  if (rare_ && rare_->announcement.topic_id != 0 && rare_->announcement.due <= now) {
    if (rare_->announcement.tries++ >= settings_->max_retry) return lose(counters_.lost_retry);
    ++counters_.retransmits;
    send_announcement();
  }
  std::uint32_t left = in_flight_;
  for (auto held = held_.begin(); held != held_.end() && left != 0; ++held) {
    if (held->stage == Held::Stage::waiting) continue;
    --left;
    if (held->due > now) continue;
    if (held->tries++ >= settings_->max_retry) return lose(counters_.lost_retry);
    ++counters_.retransmits;
    held->stage == Held::Stage::released ? send_pubrel(*held) : send_publish(*held);
  }
}

// The end of everything that came in: what follows from it by itself, and the next time to look.
void Client::settle() {
  if (forgotten_) return;
  if (at_.state == State::awake) end_poll_if_done();
  if (rare_ && rare_->empty()) rare_.reset();
  const std::int64_t next = deadline();
  if (next == 0 || (armed_ != 0 && armed_ <= next)) return;
  armed_ = next;
  outside_.wake_at(next);
}

std::int64_t Client::deadline() const {
  std::int64_t next = 0;
  const auto earliest = [&next](std::int64_t when) {
    if (when != 0 && (next == 0 || when < next)) next = when;
  };
  switch (at_.state) {
    case State::connecting:
      if (handshake_ && handshake_->step < Handshake::Step::opening) {
        earliest(handshake_->until);
        earliest(handshake_->due);
      }
      return next;
    case State::closing:
      return 0;
    case State::away:
      return at_.away_until;
    default:
      break;
  }
  if (const std::int64_t allowed = silence_allowed()) earliest(at_.heard + allowed);
  if (at_.state == State::asleep) return next;
  if (at_.state == State::awake && waits_for_client())
    earliest(at_.heard + settings_->retry_interval_ms);
  if (rare_) {
    if (rare_->announcement.topic_id != 0) earliest(rare_->announcement.due);
    earliest(rare_->hold_until);
    for (const PutOff& topic : rare_->put_off) earliest(topic.until);
  }
  std::uint32_t left = in_flight_;
  for (auto held = held_.begin(); held != held_.end() && left != 0; ++held) {
    if (held->stage == Held::Stage::waiting) continue;
    --left;
    earliest(held->due);
  }
  return next;
}

// The client does not answer any more: its will is published [MQTT-SN 6.14].
void Client::lose(std::uint64_t& cause) {
  ++cause;
  if (at_.state == State::active) outside_.send(disconnect());
  leave(kSilent);
}

void Client::leave(std::uint8_t reason) {
  handshake_.reset();
  drop_deliveries();
  at_.state = State::closing;
  switch (at_.link) {
    case Link::open:
      at_.link = Link::closing;
      return outside_.close(reason);
    case Link::opening:
      at_.superseded = true;
      return;
    case Link::closing:
      return;
    case Link::none:
      return gone();
  }
}

void Client::end(std::uint8_t reason) {
  if (forgotten_) return;
  if (at_.state == State::away) return forget();
  if (at_.state != State::closing) outside_.send(disconnect());
  leave(reason);
  settle();
}

void Client::displace() {
  if (forgotten_ || at_.state == State::away) return;
  leave(kSuccess);
  settle();
}

// There is no link any more. What a persistent session needs stays.
void Client::gone() {
  handshake_.reset();
  drop_deliveries();
  if (!at_.persistent || settings_->session_expiry_s == 0) return forget();
  at_.state = State::away;
  ++changes_;
  if (at_.away_until == 0)
    at_.away_until = outside_.now_ms() + std::int64_t{settings_->session_expiry_s} * 1000;
}

void Client::forget() {
  forgotten_ = true;
  at_.state = State::closing;
  outside_.forget();
}

// The link ends: the broker delivers again what was not acknowledged. What the client may have got
// of QoS 2 is remembered, so that it does not get it twice [MQTT 4.4].
void Client::drop_deliveries() {
  for (const Held& held : held_) {
    if (held.qos == 2 && held.msg_id != 0)
      rare().leftovers.push_back({held.delivery, held.msg_id,
                                  held.stage == Held::Stage::released ? Leftover::Stage::released
                                                                      : Leftover::Stage::sent});
  }
  held_.clear();
  in_flight_ = held_octets_ = 0;
  at_.subscribing = 0;
  at_.polled = at_.polling = at_.poll_again = at_.announce = false;
  if (rare_) {
    std::vector<Leftover> leftovers = std::move(rare_->leftovers);
    if (std::ssize(leftovers) > kMostLeftovers)
      leftovers.erase(leftovers.begin(), leftovers.end() - kMostLeftovers);
    std::vector<std::uint32_t> by_id = std::move(rare_->by_id);
    *rare_ = Rare();
    rare_->leftovers = std::move(leftovers);
    rare_->by_id = std::move(by_id);
  }
}

void Client::on_suback(std::uint64_t number, std::uint8_t code) {
  const Token token = Token::from(number);
  if (forgotten_ || at_.link != Link::open || token.epoch != at_.epoch) return;
  if (token.order == Order::subscribe)
    subscribed(token, code);
  else if (!token.own_filter)
    outside_.send(unsuback(token.msg_id));
  settle();
}

void Client::on_published(std::uint64_t number, std::uint8_t reason) {
  const Token token = Token::from(number);
  if (forgotten_ || at_.link != Link::open || token.epoch != at_.epoch) return;
  if (token.order == Order::publish)
    published(token, reason);
  else
    will_set(token, reason);
  settle();
}

void Client::on_closed(std::uint8_t reason) {
  static_cast<void>(reason);
  if (forgotten_) return;
  // Orders are obeyed one after the other: what came before close() was taken.
  awaiting_.link_closed(std::exchange(at_.link, Link::none) == Link::closing);
  drop_deliveries();
  switch (at_.state) {
    case State::connecting:
      if (handshake_ && handshake_->waking) {
        handshake_->waking = false;
        if (handshake_->step == Handshake::Step::setting_will)
          handshake_->step = Handshake::Step::opening;
      }
      open_if_ready();
      break;
    case State::closing:
      gone();
      break;
    case State::active:
    case State::awake:
      outside_.send(disconnect());
      gone();
      break;
    case State::asleep:
      gone();
      break;
    case State::away:
      break;
  }
  settle();
}

void Client::use(const std::shared_ptr<const ClientSettings>& settings) {
  settings_ = settings;
  pump();
  settle();
}

}  // namespace sn
