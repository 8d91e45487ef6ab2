#include "kernel/durable/batch.hpp"

#include <algorithm>
#include <cstring>

namespace keel::kernel {

char* Batch::room(std::size_t size) {
  if (size > left_) {
    next_block_ = std::min(next_block_ * 4, kLargestBlock);
    const bool own = size > next_block_ / 2;  // the free end of the last one stays in use then
    const std::size_t block = own ? size : next_block_;
    char* const at = blocks_.emplace_back(new char[block]).get();
    memory_ += block;
    if (own) return at;
    free_ = at;
    left_ = block;
  }
  char* const at = free_;
  free_ += size;
  left_ -= size;
  return at;
}

std::string_view Batch::keep(std::string_view octets) {
  if (octets.empty()) return {};
  char* const at = room(octets.size());
  std::memcpy(at, octets.data(), octets.size());
  return {at, octets.size()};
}

void Batch::add(StoreOp::Kind kind, Space space, bool once, std::uint32_t count,
                std::string_view key, std::string_view value) {
  ops_.push_back({kind, space, once, count, keep(key), keep(value)});
  bytes_ += key.size() + value.size();
}

void Batch::put_made(Space space, std::string_view key, std::string_view value_in_room) {
  ops_.push_back({StoreOp::Kind::put, space, false, 0, keep(key), value_in_room});
  bytes_ += key.size() + value_in_room.size();
}

void Batch::append(const Batch& other) {
  for (const StoreOp& op : other.ops_) add(op.kind, op.space, op.once, op.count, op.key, op.value);
}

}  // namespace keel::kernel
