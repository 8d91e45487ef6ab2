// The packet ids of inbound QoS 2 messages between PUBREC and PUBREL: what keeps a message from
// being taken twice [MQTT5 4.3.3]. Clients choose the ids, so any set must work. [shard]
#pragma once

#include <cstdint>
#include <vector>

namespace keel::kernel {

class PacketIdSet {
 public:
  std::size_t size() const { return count_; }
  bool contains(std::uint16_t id) const {
    return !slots_.empty() && slots_[id & (slots_.size() - 1)] == id;
  }
  // False: it was there.
  bool insert(std::uint16_t id) {
    if (contains(id)) return false;
    if (slots_.empty()) slots_.resize(8);
    // Different ids may share a slot: double until they part, at the latest at 65 536 slots.
    while (slots_[id & (slots_.size() - 1)] != 0) grow();
    slots_[id & (slots_.size() - 1)] = id;
    ++count_;
    return true;
  }
  // False: it was not there.
  bool erase(std::uint16_t id) {
    if (id == 0 || !contains(id)) return false;
    slots_[id & (slots_.size() - 1)] = 0;
    if (--count_ == 0 && slots_.size() > 256) std::vector<std::uint16_t>().swap(slots_);
    return true;
  }

 private:
  void grow() {
    std::vector<std::uint16_t> bigger(slots_.size() * 2);
    for (const std::uint16_t id : slots_)
      if (id != 0) bigger[id & (bigger.size() - 1)] = id;
    slots_.swap(bigger);
  }

  std::vector<std::uint16_t> slots_;  // 0: free
  std::size_t count_ = 0;
};

}  // namespace keel::kernel
