// What goes to the client: how its topic is named, REGISTER before the first, one after the other
// [MQTT-SN 6.10, 6.11].
#include <algorithm>

#include "emqx_sn/client.hpp"
#include "emqx_sn/counters.hpp"
#include "emqx_sn/reasons.hpp"

namespace sn {

void Client::on_delivery(const DeliveryView& delivery) {
  if (forgotten_ || at_.link != Link::open) return;
  const bool held_already =
      delivery.id != 0 && std::any_of(held_.begin(), held_.end(), [&](const Held& held) {
        return held.delivery == delivery.id;
      });
  if (held_already) return;
  std::string_view topic = delivery.topic;
  if (topic.starts_with(settings_->mountpoint)) topic.remove_prefix(settings_->mountpoint.size());
  Naming naming;
  std::uint8_t refusal = 0;
  if (publish_size(delivery.payload.size()) > settings_->max_packet_size) {
    refusal = kTooLarge;
    ++counters_.too_large;
  } else {
    refusal = name_for(topic, naming);
  }
  if (refusal != 0) {
    if (delivery.id != 0) outside_.ack(delivery.id, refusal);
    return;
  }
  const bool straight = delivery.qos == 0 && held_.size() == in_flight_ && pumps() &&
                        known(naming) && !is_put_off(naming);
  if (straight) {
    Flags flags;
    flags.retain = delivery.retain;
    flags.id_type = naming.type;
    outside_.send(publish(flags, naming.id, 0, delivery.payload.size()), delivery.payload);
    return;
  }
  hold(delivery, naming);
  pump();
  settle();
}

// 0, or why the client cannot be told this topic.
std::uint8_t Client::name_for(std::string_view topic, Naming& out) {
  if (by_id(topic, out)) return 0;
  out.type = IdType::normal;
  out.id = topics_.id(topic);
  if (out.id != 0 && topics_.has(out.id, TopicTable::kKnown)) return 0;
  if (topic.size() == 2) {
    out.type = IdType::short_name;
    out.id = static_cast<std::uint16_t>(static_cast<std::uint8_t>(topic[0]) << 8 |
                                        static_cast<std::uint8_t>(topic[1]));
    return 0;
  }
  if (register_size(topic.size()) > settings_->max_packet_size) {
    ++counters_.too_large;
    return kTooLarge;
  }
  if (out.id == 0) out.id = topics_.add(topic, first_id(), settings_->max_topics);
  if (out.id != 0 && !topics_.has(out.id, TopicTable::kRefused)) return 0;
  ++counters_.refused_topic;
  return kRefusedByClient;
}

// The way in which the client has subscribed to just this topic.
bool Client::by_id(std::string_view topic, Naming& out) const {
  if (!rare_) return false;
  char octets[2];
  for (const std::uint32_t key : rare_->by_id) {
    const auto type = static_cast<IdType>(key >> 16);
    const auto id = static_cast<std::uint16_t>(key);
    const std::string* const name = type == IdType::predefined ? predefined(id) : nullptr;
    if (name ? *name != topic : type != IdType::short_name || short_name(id, octets) != topic)
      continue;
    out = {type, id};
    return true;
  }
  return false;
}

bool Client::known(const Naming& naming) const {
  return naming.type != IdType::normal || topics_.has(naming.id, TopicTable::kKnown);
}

// Whether anything new may go to the client now. A SUBSCRIBE is answered before what it brings.
bool Client::pumps() const {
  if ((at_.state != State::active && at_.state != State::awake) || at_.subscribing != 0 ||
      at_.announce)
    return false;
  return !rare_ || (rare_->announcement.topic_id == 0 && rare_->hold_until == 0);
}

void Client::hold(const DeliveryView& delivery, const Naming& naming) {
  if (delivery.qos == 0) {
    if (is_put_off(naming)) {
      ++counters_.refused_topic;
      return;
    }
    make_room(delivery.payload.size());
    held_octets_ += static_cast<std::uint32_t>(delivery.payload.size());
  }
  Held& held = held_.emplace_back();
  held.delivery = delivery.id;
  held.topic_id = naming.id;
  held.id_type = naming.type;
  held.qos = delivery.qos;
  held.retain = delivery.retain;
  held.dup = delivery.dup;
  held.payload = delivery.payload;
  if (delivery.qos == 2 && !take_up(delivery, held)) finish(std::prev(held_.end()), kSuccess);
}

// Messages of QoS 1 and 2 are as many as the broker sends without acknowledgement.
void Client::make_room(std::size_t octets) {
  auto held = held_.begin();
  while (held != held_.end() && (held_.size() >= settings_->max_held ||
                                 held_octets_ + octets > settings_->max_held_octets)) {
    if (held->qos != 0) {
      ++held;
      continue;
    }
    held = remove(held);
    ++counters_.overflow_dropped;
  }
}

// A delivery that an earlier link left half done: the client must know it again by its message id,
// or has it already. False: there is nothing to be delivered.
bool Client::take_up(const DeliveryView& delivery, Held& held) {
  if (!rare_) return true;
  if (!delivery.dup) {  // what is delivered again has been, and the id has got another use
    std::erase_if(rare_->leftovers, [&](const Leftover& leftover) {
      return leftover.delivery == delivery.id || leftover.stage == Leftover::Stage::completed;
    });
    return true;
  }
  const auto same =
      std::find_if(rare_->leftovers.begin(), rare_->leftovers.end(),
                   [&](const Leftover& leftover) { return leftover.delivery == delivery.id; });
  if (same == rare_->leftovers.end()) return true;
  const Leftover leftover = *same;
  rare_->leftovers.erase(same);
  held.msg_id = leftover.msg_id;
  if (leftover.stage == Leftover::Stage::sent) return true;
  outside_.received(delivery.id);
  if (leftover.stage == Leftover::Stage::completed) return false;
  held.stage = Held::Stage::released;
  held.payload = std::string();
  ++in_flight_;
  send_pubrel(held);
  return true;
}

void Client::pump() {
  if (at_.announce && at_.state == State::active) announce_subscriptions();
  if (!pumps()) return;
  for (auto held = held_.begin(); held != held_.end();) {
    const Naming naming{held->id_type, held->topic_id};
    if (held->stage != Held::Stage::waiting || is_put_off(naming)) {
      ++held;
    } else if (!known(naming)) {
      if (can_announce(held->topic_id)) return announce(held->topic_id);
      ++counters_.too_large;
      held = finish(held, kTooLarge);
    } else {
      if (held->qos > 0 && in_flight_ >= settings_->max_inflight) return;
      send_publish(*held);
      held = held->qos == 0 ? remove(held) : std::next(held);
    }
  }
}

// The ids of all subscriptions, one REGISTER after the other, before anything is delivered.
void Client::announce_subscriptions() {
  if (rare_ && rare_->announcement.topic_id != 0) return;
  for (;;) {
    const std::uint16_t next =
        topics_.first_with(TopicTable::kSubscribed, TopicTable::kKnown | TopicTable::kRefused);
    at_.announce = next != 0;
    if (next == 0) return;
    if (can_announce(next)) return announce(next);
    topics_.set(next, TopicTable::kRefused, true);  // nothing of it can be told
  }
}

bool Client::can_announce(std::uint16_t topic_id) const {
  return register_size(topics_.name(topic_id).size()) <= settings_->max_packet_size;
}

void Client::announce(std::uint16_t topic_id) {
  Announcement& announcement = rare().announcement;
  announcement = Announcement();
  announcement.msg_id = next_msg_id();
  announcement.topic_id = topic_id;
  ++counters_.register_out;
  send_announcement();
}

void Client::send_announcement() {
  Announcement& announcement = rare_->announcement;
  announcement.due = outside_.now_ms() + settings_->retry_interval_ms;
  const std::string_view topic = topics_.name(announcement.topic_id);
  outside_.send(reg(announcement.topic_id, announcement.msg_id, topic.size()), topic);
}

void Client::send_publish(Held& held) {
  Flags flags;
  flags.qos = static_cast<std::int8_t>(held.qos);
  flags.retain = held.retain;
  flags.id_type = held.id_type;
  if (held.qos > 0) {
    flags.dup = held.dup;
    if (held.msg_id == 0) held.msg_id = next_msg_id();
    if (held.stage == Held::Stage::waiting) {
      if (held.dup) ++counters_.retransmits;
      ++in_flight_;
    }
    held.stage = Held::Stage::sent;
    held.dup = true;
    held.due = outside_.now_ms() + settings_->retry_interval_ms;
  }
  outside_.send(publish(flags, held.topic_id, held.msg_id, held.payload.size()), held.payload);
}

void Client::send_pubrel(Held& held) {
  held.due = outside_.now_ms() + settings_->retry_interval_ms;
  outside_.send(pubrel(held.msg_id));
}

// What was sent and not acknowledged is to be sent once more, in the same order.
void Client::rewind() {
  if (rare_) rare_->announcement = Announcement();
  for (Held& held : held_) {
    if (held.stage == Held::Stage::released) {
      held.tries = 0;
      ++counters_.retransmits;
      send_pubrel(held);
    } else if (held.stage == Held::Stage::sent) {
      wait_again(held);
    }
  }
}

void Client::wait_again(Held& held) {
  held.stage = Held::Stage::waiting;
  held.tries = 0;
  --in_flight_;
}

bool Client::is_put_off(const Naming& naming) const {
  if (!rare_ || rare_->put_off.empty() || naming.type != IdType::normal) return false;
  return std::any_of(rare_->put_off.begin(), rare_->put_off.end(),
                     [&](const PutOff& topic) { return topic.topic_id == naming.id; });
}

std::uint16_t Client::next_msg_id() {
  for (;;) {
    const std::uint16_t id = ++at_.last_msg_id;
    const bool used = id == 0 || find_held(id) != held_.end() || find_leftover(id) ||
                      (rare_ && rare_->announcement.msg_id == id);
    if (!used) return id;
  }
}

Leftover* Client::find_leftover(std::uint16_t msg_id) const {
  if (!rare_) return nullptr;
  for (Leftover& leftover : rare_->leftovers)
    if (leftover.msg_id == msg_id) return &leftover;
  return nullptr;
}

Client::HeldAt Client::find_held(std::uint16_t msg_id) {
  return std::find_if(held_.begin(), held_.end(),
                      [msg_id](const Held& held) { return held.msg_id == msg_id; });
}

Client::HeldAt Client::remove(HeldAt held) {
  if (held->stage != Held::Stage::waiting) --in_flight_;
  if (held->qos == 0) held_octets_ -= static_cast<std::uint32_t>(held->payload.size());
  return held_.erase(held);
}

Client::HeldAt Client::finish(HeldAt held, std::uint8_t reason) {
  if (held->delivery != 0) outside_.ack(held->delivery, reason);
  return remove(held);
}

}  // namespace sn
