// Acknowledgements of both directions [MQTT5 3.4-3.7, 4.3].
#include "kernel/broker/broker.hpp"
#include "kernel/broker/connection.hpp"
#include "kernel/codec/encoder.hpp"

namespace keel::kernel {

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

// Sent on this connection, or answered before it was: from now on it counts against the window.
void Connection::mark_sent(Delivery& delivery) {
  if (!delivery.unsent) return;
  delivery.unsent = false;
  --extras_->unsent;
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

void Connection::handle_puback(const AckView& ack) {
  MetricsCell& metrics = broker_->metrics();
  metrics.add(Metric::puback_received);
  Delivery* delivery = session_->inflight.find(ack.packet_id);
  if (!delivery || delivery->state != Delivery::State::wait_puback) {
    metrics.add(Metric::puback_missed);
    return;
  }
  mark_sent(*delivery);
  const Delivery done = session_->inflight.take(ack.packet_id);
  tell_acked(done, ack.reason);
  broker_->pump(*session_);
}

void Connection::handle_pubrec(const AckView& ack) {
  MetricsCell& metrics = broker_->metrics();
  metrics.add(Metric::pubrec_received);
  Delivery* delivery = session_->inflight.find(ack.packet_id);
  const bool known = delivery && (delivery->state == Delivery::State::wait_pubrec ||
                                  delivery->state == Delivery::State::wait_pubcomp);
  if (known)
    mark_sent(*delivery);
  else
    metrics.add(Metric::pubrec_missed);
  // The client has the message now: what follows only settles the id.
  if (known && delivery->state == Delivery::State::wait_pubrec) tell_acked(*delivery, ack.reason);
  if (is_error(ack.reason)) {  // the receiver refused the message: the exchange is over
    if (known) {
      session_->inflight.take(ack.packet_id);
      broker_->pump(*session_);
    }
    return;
  }
  if (known) {
    delivery->state = Delivery::State::wait_pubcomp;
    delivery->message = MessagePtr();
    delivery->extra.reset();
  }
  encode_ack(link_.out, version_, PacketType::pubrel, ack.packet_id,
             known ? Reason::success : Reason::packet_identifier_not_found);
  link_.touch();
  metrics.add(Metric::pubrel_sent);
}

void Connection::handle_pubrel(const AckView& ack) {
  MetricsCell& metrics = broker_->metrics();
  metrics.add(Metric::pubrel_received);
  const bool known = session_->awaiting_rel.erase(ack.packet_id);
  if (!known) metrics.add(Metric::pubrel_missed);
  encode_ack(link_.out, version_, PacketType::pubcomp, ack.packet_id,
             known ? Reason::success : Reason::packet_identifier_not_found);
  link_.touch();
  metrics.add(Metric::pubcomp_sent);
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
  session_->inflight.take(ack.packet_id);
  broker_->pump(*session_);
}

}  // namespace keel::kernel
