// Of a session that is kept in a store: what its rows are called, and which part of its queue is
// there alone. The front of a queue is in memory, too; behind it stands the tail. [shard]
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace keel::kernel {

struct Stored {
  std::uint64_t id = 0;            // never given to another session of this store
  std::uint64_t sent_through = 0;  // the highest sequence that was sent to the client
  std::uint64_t loaded = 0;        // memory holds, or held, everything up to this sequence
  std::uint64_t last = 0;          // the highest sequence in the store; > loaded: there is a tail
  std::uint32_t tail = 0;          // messages in the tail, as far as known
  // After a restart: sequences of QoS 2 that are in flight, and their packet ids; the messages are
  // still in the store. Null: none.
  std::unique_ptr<std::vector<std::pair<std::uint64_t, std::uint16_t>>> sent;
  bool unknown : 1 = false;        // after a restart: there may be a tail
  bool counting : 1 = false;       // and it is being counted
  bool reading : 1 = false;        // a page of the tail is on its way here
  bool was_connected : 1 = false;  // when the broker ended: what it was sent may come again

  bool has_tail() const { return unknown || last > loaded; }
};

}  // namespace keel::kernel
