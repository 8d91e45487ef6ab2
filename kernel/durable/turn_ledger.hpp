// Which turns of a shard are safe. A turn that changed durable state waits for its own batch and
// for the shards it sent messages to; turns become safe in their order, and with them everything
// that must not be said before: acknowledgements wait for a turn's number. [shard]
#pragma once

#include <cstdint>
#include <deque>

namespace keel::kernel {

class TurnLedger {
 public:
  // The turn under way. What is staged in it is safe once safe() has reached this number.
  std::uint64_t current() const { return current_; }
  // All turns up to this one are safe.
  std::uint64_t safe() const { return waiting_.empty() ? current_ - 1 : waiting_.front().turn - 1; }

  // The turn ends: it waits for the batch with this ticket (0: it changed nothing here) and for
  // `receipts` other shards. The next one begins if it waits for anything.
  void end_turn(std::uint64_t ticket, std::uint32_t receipts);
  // All batches up to `ticket` are committed. True: safe() has grown.
  bool committed(std::uint64_t ticket);
  // A shard says that what this turn sent to it is safe there. True: safe() has grown.
  bool received(std::uint64_t turn);

 private:
  struct Turn {
    std::uint64_t turn, ticket;  // ticket 0: committed, or none
    std::uint32_t receipts;
  };
  bool settle();

  std::deque<Turn> waiting_;  // in order; the front one is not safe
  std::uint64_t current_ = 1;
};

}  // namespace keel::kernel
