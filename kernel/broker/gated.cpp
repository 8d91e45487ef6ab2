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
  await_release();
  if (gate_->size() >= kGateFull && !(paused_ & kGate)) pause(kGate);
}

// A client that starts anew hears of it once its earlier session has ended on disk, too: it would
// come back else, messages and all. The answer of who it is is kept meanwhile.
void Connection::await_end(std::uint64_t turn, AuthAnswer& answer) {
  extras().end_turn = turn;
  keep_answer(answer);
  pause(kGate);
  await_release();
}

// release_gate() is called when turns have become safe.
void Connection::await_release() {
  if (!gated_) broker_->note_gated(*this);
  gated_ = true;
}

// Whether it still is.
bool Connection::end_awaited() {
  if (state_ != State::await_connect) return false;
  if (extras_->end_turn > broker_->recorder().safe()) return true;
  extras_->end_turn = 0;
  unpause(kGate);
  return false;
}

bool Connection::release_gate() {
  if (extras_ && extras_->end_turn != 0) return gated_ = end_awaited();
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
