// Acknowledgements of both directions [MQTT5 3.4-3.7, 4.3].
#include "kernel/broker/broker.hpp"
#include "kernel/broker/connection.hpp"
#include "kernel/codec/encoder.hpp"

namespace keel::kernel {

// Sent on this connection, or answered before it was: from now on it counts against the window.
void Connection::mark_sent(Delivery& delivery) {
  if (!delivery.unsent) return;
  delivery.unsent = false;
  --extras_->unsent;
}

// A place in the window is free, or the exchange over: for most there is nothing to do then.
inline void Connection::send_what_waits() {
  if (!at_rest()) broker_->pump(*session_);
}

// Inline: half of all packets of QoS 1 come through here.
inline void Connection::handle_puback(const AckView& ack) {
  MetricsCell& metrics = broker_->metrics();
  metrics.add(Metric::puback_received);
  Delivery* delivery = session_->inflight.find(ack.packet_id);
  if (!delivery || delivery->state != Delivery::State::wait_puback) {
    metrics.add(Metric::puback_missed);
    return;
  }
  mark_sent(*delivery);
  broker_->recorder().settled(*session_, *delivery);
  tell_acked(*delivery, ack.reason);
  session_->inflight.erase(*delivery);
  send_what_waits();
}

Connection::Outcome Connection::handle_ack(PacketType type, Bytes body) {
  AckView ack;
  if (const Fault fault = parse_ack(body, version_, type, ack)) {
    fail(fault);
    return Outcome::done;
  }
  switch (type) {
    case PacketType::puback:
      handle_puback(ack);
      break;
    case PacketType::pubrec:
      handle_pubrec(ack);
      break;
    case PacketType::pubrel:
      handle_pubrel(ack);
      break;
    default:
      handle_pubcomp(ack);
      break;
  }
  return Outcome::done;
}

void Connection::tell_acked(const Delivery& delivery, Reason reason) const {
  if (!broker_->wants(Event::message_acked)) return;
  const MessageView message = delivery.message->view();
  broker_->notify({.event = Event::message_acked,
                   .client = hook_client(),
                   .topic = message.topic,
                   .qos = delivery.qos,
                   .code = reason,
                   .reason = reason_name(reason),
                   .message = &message});
}

void Connection::handle_pubrec(const AckView& ack) {
  MetricsCell& metrics = broker_->metrics();
  metrics.add(Metric::pubrec_received);
  Delivery* delivery = session_->inflight.find(ack.packet_id);
  const bool known =
      delivery && ((delivery->state == Delivery::State::wait_pubrec && delivery->message) ||
                   delivery->state == Delivery::State::wait_pubcomp);
  if (known)
    mark_sent(*delivery);
  else
    metrics.add(Metric::pubrec_missed);
  // The client has the message now: what follows only settles the id.
  if (known && delivery->state == Delivery::State::wait_pubrec) tell_acked(*delivery, ack.reason);
  if (is_error(ack.reason)) {  // the receiver refused the message: the exchange is over
    if (known) {
      forget_inflight(ack.packet_id);
      send_what_waits();
    }
    return;
  }
  std::uint64_t turn = 0;
  if (known && delivery->state == Delivery::State::wait_pubrec) {
    if (delivery->sequence != 0) {
      broker_->recorder().released(*session_, *delivery);
      turn = broker_->recorder().turn();
    }
    delivery->state = Delivery::State::wait_pubcomp;
    delivery->message = MessagePtr();
    delivery->extra.reset();
  }
  answer(PacketType::pubrel, ack.packet_id,
         known ? Reason::success : Reason::packet_identifier_not_found, turn);
}

// Sends an acknowledgement once this turn is safe (0: it waits for none), behind those before it.
void Connection::answer(PacketType type, std::uint16_t packet_id, Reason reason,
                        std::uint64_t turn) {
  if (turn != 0 || (gate_ && !gate_->empty())) [[unlikely]]
    return wait_at_gate({turn, type, reason, packet_id, {}});
  send_ack(type, packet_id, reason);
}

void Connection::send_ack(PacketType type, std::uint16_t packet_id, Reason reason) {
  encode_ack(link_.out, version_, type, packet_id, reason);
  link_.touch();
  broker_->metrics().add(type == PacketType::puback   ? Metric::puback_sent
                         : type == PacketType::pubrec ? Metric::pubrec_sent
                         : type == PacketType::pubrel ? Metric::pubrel_sent
                                                      : Metric::pubcomp_sent);
}

void Connection::handle_pubrel(const AckView& ack) {
  MetricsCell& metrics = broker_->metrics();
  metrics.add(Metric::pubrel_received);
  const bool known = session_->got_rel(ack.packet_id);
  if (!known) metrics.add(Metric::pubrel_missed);
  if (known && session_->stored) broker_->recorder().completed(*session_, ack.packet_id);
  // Also of an id that is not known: it may have been forgotten a moment ago, and the client uses
  // it again once it has this answer.
  const std::uint64_t turn = session_->stored ? broker_->recorder().pending_turn() : 0;
  answer(PacketType::pubcomp, ack.packet_id,
         known ? Reason::success : Reason::packet_identifier_not_found, turn);
}

void Connection::handle_pubcomp(const AckView& ack) {
  MetricsCell& metrics = broker_->metrics();
  metrics.add(Metric::pubcomp_received);
  Delivery* delivery = session_->inflight.find(ack.packet_id);
  if (!delivery || delivery->state != Delivery::State::wait_pubcomp) {
    metrics.add(Metric::pubcomp_missed);
    return;
  }
  mark_sent(*delivery);
  forget_inflight(ack.packet_id);
  send_what_waits();
}

}  // namespace keel::kernel
