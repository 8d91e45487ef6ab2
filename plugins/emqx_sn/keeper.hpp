// Keeps the clients of one room in the broker's store: whose record is behind waits in a line, and
// every turn some are written, so that many changes of one client are one write and no crowd of
// clients takes the store for itself. Without a store nothing is written and nothing waits: what
// changes while there is one is written. [its shard]
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <keel/result.hpp>
#include <string>

namespace sn {

class Device;
class ShardRoom;

// Of a device: what stands in the store of it.
struct KeptMark {
  std::uint32_t revision = 0;  // see Client::revision()
  std::int64_t heard_ms = 0;
  bool stored = false;  // something does, as far as is known
  bool waits = false;   // in the line: it is not what it should be
};

class Keeper {
 public:
  explicit Keeper(ShardRoom& room) : room_(room) {}

  // Something happened to the client; it may be behind now.
  void look_at(Device& device);
  // What stands of it is to be written again, or erased.
  void mark(Device& device);
  // It is gone, and its record goes, too.
  void erase(const Device& device);
  // What is to be done now.
  void turn();
  // All that waits, at once: the gateway leaves.
  void finish();
  // One client, for the same reason. False: nothing stands in the store.
  bool finish(Device& device);

 private:
  enum class Outcome : std::uint8_t { done, no_store, busy };

  void write(std::size_t octets, bool last);
  bool erase_all();
  bool bring_up_to_date(Device& device, bool last, std::size_t& octets);
  Outcome put(Device& device, bool last, std::size_t& octets);
  Outcome outcome_of(const keel::Status& status);
  void count_when_safe();

  ShardRoom& room_;
  std::deque<std::string> line_;    // client ids
  std::deque<std::string> erased_;  // client ids
  std::uint64_t unsafe_ = 0;        // records that were written since the last sync()
  bool syncing_ = false;
  std::int64_t quiet_until_ms_ = 0;
};

}  // namespace sn
