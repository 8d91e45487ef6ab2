// CONNECT, the will dialogue, and the broker's connection behind them [MQTT-SN 6.2, 6.3, 6.14].
#include <utility>

#include "emqx_sn/client.hpp"
#include "emqx_sn/counters.hpp"
#include "emqx_sn/reasons.hpp"
#include "emqx_sn/topic_text.hpp"

namespace sn {

void Client::on_connect(const Packet& packet) {
  if (packet.protocol_id != kProtocolId) {
    const bool newborn = at_.state == State::connecting && !handshake_;
    outside_.send(connack(ReturnCode::not_supported));
    return newborn ? gone() : void();
  }
  const std::int64_t now = outside_.now_ms();
  const bool same = !at_.moved && packet.flags.octet() == at_.connect_flags;
  switch (at_.state) {
    case State::active: {
      // Only a retransmission if nothing else has been heard: else the device has started anew.
      const std::int64_t window = std::int64_t{settings_->retry_interval_ms} * settings_->max_retry;
      if (!same || packet.duration != at_.keep_alive_s || at_.connack == 0 ||
          now - at_.connack >= window)
        return begin(packet);
      at_.heard = now;
      return outside_.send(connack(ReturnCode::accepted));
    }
    case State::asleep:
    case State::awake:
      return settings_->resume_on_wakeup ? wake_by_connect(packet) : begin(packet);
    case State::connecting:
      if (handshake_ && handshake_->step >= Handshake::Step::opening && !at_.moved &&
          packet.flags.octet() == handshake_->flags && packet.duration == handshake_->duration)
        return;  // its CONNACK is on the way
      return handshake_ && handshake_->waking ? wake_by_connect(packet) : begin(packet);
    case State::closing:
    case State::away:
      return begin(packet);
  }
}

// A connection of its own: what was before is over.
void Client::begin(const Packet& packet) {
  let_go_of_link();
  drop_deliveries();
  start_handshake(packet);
  packet.flags.will ? ask_for_will(Handshake::Step::will_topic) : open_if_ready();
}

void Client::start_handshake(const Packet& packet) {
  at_.heard = outside_.now_ms();
  at_.moved = false;
  at_.state = State::connecting;
  handshake_ = std::make_unique<Handshake>();
  handshake_->clean = packet.flags.clean;
  handshake_->with_will = packet.flags.will;
  handshake_->flags = packet.flags.octet();
  handshake_->duration = packet.duration;
  handshake_->until = at_.heard + settings_->idle_timeout_ms;
}

void Client::let_go_of_link() {
  if (at_.link == Link::opening) at_.superseded = true;
  if (at_.link != Link::open) return;
  at_.link = Link::closing;
  // From somewhere else it is a take-over like any other, which publishes the will.
  outside_.close(at_.moved && at_.state == State::active ? kTakenOver : kSuccess);
}

// The subscriptions, ids and messages of a sleeping client stay, whatever it says about a clean
// session: libraries repeat the CONNECT they began with.
void Client::wake_by_connect(const Packet& packet) {
  start_handshake(packet);
  handshake_->waking = true;
  packet.flags.will ? ask_for_will(Handshake::Step::will_topic) : woken();
}

void Client::dialogue(const Packet& packet) {
  if (!handshake_) return;
  if (packet.type == Type::disconnect) {
    outside_.send(disconnect());
    at_.heard = outside_.now_ms();
    if (handshake_->waking && packet.duration != 0) {
      handshake_.reset();
      return go_to_sleep(packet.duration);
    }
    return leave(kSuccess);
  }
  if (handshake_->step >= Handshake::Step::opening) return;
  if (packet.type == Type::willtopic) return take_will_topic(packet);
  if (packet.type != Type::willmsg || handshake_->step != Handshake::Step::will_msg) return;
  at_.heard = outside_.now_ms();
  handshake_->will.payload = packet.text;
  will_known();
}

void Client::take_will_topic(const Packet& packet) {
  at_.heard = outside_.now_ms();
  handshake_->will = Will();
  if (packet.empty || packet.text.empty()) return will_known();
  if (!is_topic_name(packet.text)) return refuse(ReturnCode::not_supported);
  handshake_->will.topic = packet.text;
  handshake_->will.qos = static_cast<std::uint8_t>(packet.flags.qos > 0 ? packet.flags.qos : 0);
  handshake_->will.retain = packet.flags.retain;
  ask_for_will(Handshake::Step::will_msg);
}

void Client::ask_for_will(Handshake::Step step) {
  handshake_->step = step;
  handshake_->tries = 0;
  handshake_->due = outside_.now_ms() + settings_->retry_interval_ms;
  outside_.send(step == Handshake::Step::will_topic ? willtopicreq() : willmsgreq());
}

void Client::ask_again(std::int64_t now) {
  if (!handshake_ || handshake_->step >= Handshake::Step::opening) return;
  if (now >= handshake_->until ||
      (now >= handshake_->due && handshake_->tries >= settings_->max_retry)) {
    return handshake_->waking ? back_to_sleep() : leave(kSuccess);
  }
  if (now < handshake_->due) return;
  ++counters_.retransmits;
  const auto tries = static_cast<std::uint8_t>(handshake_->tries + 1);
  ask_for_will(handshake_->step);
  handshake_->tries = tries;
}

void Client::will_known() {
  if (!handshake_->waking) {
    handshake_->step = Handshake::Step::opening;
    return open_if_ready();
  }
  if (handshake_->will.topic.empty() && !will_) return woken();
  handshake_->step = Handshake::Step::setting_will;
  if (!order_will(handshake_->will, token(Order::waking, 0).number()))
    refuse(ReturnCode::congestion);
}

void Client::open_if_ready() {
  if (!handshake_ || handshake_->step != Handshake::Step::opening || at_.link != Link::none) return;
  at_.link = Link::opening;
  ++at_.epoch;
  const Will* will = &handshake_->will;
  if (!handshake_->with_will && !handshake_->clean && will_) will = will_.get();
  if (will->topic.empty()) return outside_.open(handshake_->clean, handshake_->duration, nullptr);
  const std::string topic = settings_->mountpoint + will->topic;
  const WillView view{topic, will->payload, will->qos, will->retain};
  outside_.open(handshake_->clean, handshake_->duration, &view);
}

void Client::on_opened(std::uint8_t reason, bool present) {
  if (forgotten_ || at_.link != Link::opening) return;
  at_.link = reason == kSuccess ? Link::open : Link::none;
  if (std::exchange(at_.superseded, false)) {
    if (at_.link == Link::open) {
      at_.link = Link::closing;
      outside_.close(kSuccess);
    } else if (at_.state == State::connecting) {
      open_if_ready();
    } else {
      gone();
    }
  } else if (at_.link == Link::none) {
    const ReturnCode code = return_code(reason);
    refuse(code == ReturnCode::accepted ? ReturnCode::not_supported : code);
  } else {
    connected(present);
  }
  settle();
}

void Client::connected(bool present) {
  const std::unique_ptr<Handshake> with = std::move(handshake_);
  if (with->clean) {
    topics_.clear();
    awaiting_.clear();
    rare_.reset();
    will_.reset();
  } else if (!present) {
    topics_.clear_everywhere(TopicTable::kSubscribed);
    awaiting_.clear();
    rare_.reset();
  }
  if (with->with_will) keep_will(std::move(with->will));
  topics_.clear_everywhere(TopicTable::kKnown | TopicTable::kRefused);
  at_.persistent = !with->clean;
  at_.sleep_s = 0;
  at_.connect_flags = with->flags;
  at_.keep_alive_s = with->duration;
  welcome();
  at_.announce = settings_->subs_resume && present;
  release_leftovers();
  pump();
}

// QoS 2 messages that the client has: only the end of their handshake is missing.
void Client::release_leftovers() {
  if (!rare_) return;
  for (Leftover& leftover : rare_->leftovers) {
    if (leftover.stage != Leftover::Stage::released) continue;
    leftover.stage = Leftover::Stage::completed;  // should the broker have missed it after all
    Held& held = held_.emplace_back();
    held.qos = 2;
    held.msg_id = leftover.msg_id;
    held.dup = true;
    held.stage = Held::Stage::released;
    ++in_flight_;
    send_pubrel(held);
  }
}

void Client::woken() {
  const std::unique_ptr<Handshake> with = std::move(handshake_);
  ++counters_.wakes;
  at_.connect_flags = with->flags;
  at_.keep_alive_s = with->duration;
  welcome();
  at_.polling = at_.polled = at_.poll_again = false;
  outside_.resume();
  expire(at_.heard);
  rewind();
  pump();
}

void Client::welcome() {
  ++changes_;
  outside_.send(connack(ReturnCode::accepted));
  at_.state = State::active;
  at_.away_until = 0;
  at_.heard = at_.connack = outside_.now_ms();
}

void Client::refuse(ReturnCode code) {
  outside_.send(connack(code));
  handshake_->waking ? back_to_sleep() : leave(kSuccess);
}

void Client::back_to_sleep() {
  handshake_.reset();
  at_.state = State::asleep;
}

}  // namespace sn
