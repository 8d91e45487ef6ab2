// What a connection will send once turns are safe, first in, first out: acknowledgements to the
// client, and QoS 2 messages, which must not reach it before it is written down that they did.
// [shard]
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernel/codec/packet.hpp"

namespace keel::kernel {

class Gate {
 public:
  struct Item {
    std::uint64_t turn;  // that has to be safe; 0: it waits only for what stands before it
    PacketType type;     // publish: of the delivery in flight with this id
    Reason reason;       // of an acknowledgement
    std::uint16_t packet_id;
    std::string packet;  // of types that are sent as they stand here: SUBACK, UNSUBACK
  };

  bool empty() const { return first_ == items_.size(); }
  std::size_t size() const { return items_.size() - first_; }
  void push(Item item) { items_.push_back(std::move(item)); }
  const Item& front() const { return items_[first_]; }
  Item pop() {
    Item item = std::move(items_[first_++]);
    if (empty()) {
      first_ = 0;
      items_.clear();
      if (items_.capacity() > kKept) items_ = {};
    }
    return item;
  }

 private:
  static constexpr std::size_t kKept = 32;
  std::vector<Item> items_;
  std::size_t first_ = 0;
};

}  // namespace keel::kernel
