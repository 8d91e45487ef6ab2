#include "kernel/durable/turn_ledger.hpp"

namespace keel::kernel {

void TurnLedger::end_turn(std::uint64_t ticket, std::uint32_t receipts) {
  if (ticket == 0 && receipts == 0) return;
  waiting_.push_back({current_++, ticket, receipts});
}

bool TurnLedger::committed(std::uint64_t ticket) {
  for (Turn& turn : waiting_) {
    if (turn.ticket > ticket) break;
    turn.ticket = 0;
  }
  return settle();
}

bool TurnLedger::received(std::uint64_t turn) {
  if (waiting_.empty() || turn < waiting_.front().turn) return false;
  const auto place = static_cast<std::size_t>(turn - waiting_.front().turn);
  if (place < waiting_.size() && waiting_[place].receipts != 0) --waiting_[place].receipts;
  return settle();
}

bool TurnLedger::settle() {
  const std::uint64_t before = safe();
  while (!waiting_.empty() && waiting_.front().ticket == 0 && waiting_.front().receipts == 0)
    waiting_.pop_front();
  return safe() != before;
}

}  // namespace keel::kernel
