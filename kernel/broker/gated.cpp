// What a connection sends once the turns it waits for are safe.
#include "kernel/broker/broker.hpp"
#include "kernel/broker/connection.hpp"
#include "kernel/codec/encoder.hpp"

namespace keel::kernel {

namespace {

// How much one connection may have at its gate before it is not read any more.
constexpr std::size_t kGateFull = 1'024;

}  // namespace

void Connection::wait_at_gate(Gate::Item item) {
  if (!gate_) gate_ = std::make_unique<Gate>();
  gate_->push(std::move(item));
  if (!gated_) {
    gated_ = true;
    broker_->note_gated(*this);
  }
  if (gate_->size() >= kGateFull && !(paused_ & kGate)) pause(kGate);
}

bool Connection::release_gate() {
  const std::uint64_t safe = broker_->recorder().safe();
  while (state_ == State::open && !gate_->empty() && gate_->front().turn <= safe)
    let_through(gate_->pop());
  if (state_ != State::open) return false;
  if (gate_->size() < kGateFull / 2) unpause(kGate);
  gated_ = !gate_->empty();
  return gated_;
}

void Connection::let_through(const Gate::Item& item) {
  Reason reason = item.reason;
  switch (item.type) {
    case PacketType::publish:
      return send_gated(item.packet_id);
    case PacketType::suback:
    case PacketType::unsuback:
      link_.out.append(item.packet);
      link_.touch();
      return broker_->pump(*session_);  // retained messages come behind it
    case PacketType::puback:
    case PacketType::pubrec:
      if (!broker_->recorder().refused(item.turn)) break;
      // Another shard could not take it: nobody is told that it was.
      if (item.type == PacketType::pubrec && session_->got_rel(item.packet_id) && session_->stored)
        broker_->recorder().completed(*session_, item.packet_id);
      if (version_ != Version::v5) {
        return disconnect(Reason::quota_exceeded, "store_full", true);
      }
      reason = Reason::quota_exceeded;
      break;
    default:
      break;
  }
  send_ack(item.type, item.packet_id, reason);
}

}  // namespace keel::kernel
