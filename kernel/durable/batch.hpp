// A list of operations on the store that happen together or not at all. Filled by one shard during
// its turn, then immutable. What its operations point to lies in the batch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "kernel/durable/space.hpp"

namespace keel::kernel {

struct StoreOp {
  enum class Kind : std::uint8_t { put = 1, erase = 2, erase_range = 3, hold = 4, release = 5 };
  Kind kind;
  Space space;
  bool once;            // of erase: the key was put once and will not be again
  std::uint32_t count;  // of hold and release
  std::string_view key, value;
};

class Batch {
 public:
  Batch() = default;
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  bool empty() const { return ops_.empty(); }
  const std::vector<StoreOp>& ops() const { return ops_; }
  std::size_t bytes() const { return bytes_; }  // of all keys and values
  // What it occupies.
  std::size_t memory() const { return sizeof(Batch) + ops_.capacity() * sizeof(StoreOp) + memory_; }
  std::uint64_t ticket = 0;  // given by the journal

  void put(Space space, std::string_view key, std::string_view value) {
    add(StoreOp::Kind::put, space, false, 0, key, value);
  }
  void erase(Space space, std::string_view key) {
    add(StoreOp::Kind::erase, space, false, 0, key, {});
  }
  void erase_once(Space space, std::string_view key) {
    add(StoreOp::Kind::erase, space, true, 0, key, {});
  }
  void erase_range(Space space, std::string_view from, std::string_view to) {
    add(StoreOp::Kind::erase_range, space, false, 0, from, to);
  }
  void hold(Space space, std::string_view key, std::string_view value, std::uint32_t holders) {
    add(StoreOp::Kind::hold, space, false, holders, key, value);
  }
  void release(Space space, std::string_view key, std::uint32_t holders = 1) {
    add(StoreOp::Kind::release, space, false, holders, key, {});
  }
  // Room for `size` octets that the caller fills before the next call, for a value that is made in
  // place; stays valid as long as the batch.
  char* room(std::size_t size);
  // As put(), of a value that stands in room() of this batch.
  void put_made(Space space, std::string_view key, std::string_view value_in_room);
  // Appends the operations of another batch, copied.
  void append(const Batch& other);

 private:
  void add(StoreOp::Kind kind, Space space, bool once, std::uint32_t count, std::string_view key,
           std::string_view value);
  std::string_view keep(std::string_view octets);

  static constexpr std::size_t kLargestBlock = 16 * 1024;
  std::size_t next_block_ = 128;  // the first one is four times that
  std::size_t memory_ = 0;        // of the blocks
  std::vector<StoreOp> ops_;
  std::vector<std::unique_ptr<char[]>> blocks_;
  std::size_t left_ = 0;  // free octets at the end of the last block
  char* free_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace keel::kernel
