// Memory for the table's small objects (filters, trie nodes), named by 32-bit ids that never move.
// Objects of one size share 16 KiB chunks; a chunk without objects goes back to the heap.
//
// Owned by the subscription table. allocate(), free() and the walk belong to its writer; at() is
// for any thread that got the id through an acquire load, as long as the object has not been freed.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace keel::kernel {

class SlabArena {
 public:
  static constexpr std::size_t kMaxObject = 512;

  SlabArena() = default;
  SlabArena(const SlabArena&) = delete;
  SlabArena& operator=(const SlabArena&) = delete;
  ~SlabArena();

  // Zeroed memory for `bytes` <= kMaxObject; the id is at least kFirstId.
  std::uint32_t allocate(std::size_t bytes);
  // Zeroes and takes back an object.
  void free(std::uint32_t id);

  void* at(std::uint32_t id) const noexcept {
    const Block* block = blocks_[id >> (kBlockBits + kUnitBits)].load(std::memory_order_relaxed);
    char* chunk =
        block->chunks[(id >> kUnitBits) & (kBlockSize - 1)].load(std::memory_order_relaxed);
    return chunk + std::size_t{id & (kChunkUnits - 1)} * kUnit;
  }

  // Whether an object could start at `id`: whether it is in use is for the object to say.
  bool is_slot(std::uint32_t id) const;
  // The first slot at or behind `id`, free or in use; 0 when there is none.
  std::uint32_t slot_from(std::uint32_t id) const;

  std::size_t bytes() const { return bytes_; }

  static constexpr std::uint32_t kUnit = 16;
  static constexpr std::uint32_t kUnitBits = 10;
  static constexpr std::uint32_t kChunkUnits = 1u << kUnitBits;
  static constexpr std::uint32_t kFirstId =
      kChunkUnits;  // chunk 0 does not exist, so 0 names nothing

 private:
  static constexpr std::uint32_t kBlockBits = 11;
  static constexpr std::uint32_t kBlockSize = 1u << kBlockBits;
  static constexpr std::uint32_t kBlocks = 1u << (32 - kBlockBits - kUnitBits);
  static constexpr std::uint32_t kClasses = kMaxObject / kUnit + 1;
  static constexpr std::uint16_t kNone = 0xffff;

  struct Block {
    std::array<std::atomic<char*>, kBlockSize> chunks{};
  };
  struct Chunk {
    std::uint16_t units = 0;  // of one object; 0: no memory behind this index
    std::uint16_t live = 0;
    std::uint16_t free_head = kNone;  // unit offset; the next one stands in the free object itself
    std::uint32_t place = 0;          // in partial_[units], while something is free here
  };

  std::uint32_t add_chunk(std::uint16_t units);
  void drop_chunk(std::uint32_t index);
  void set_partial(std::uint32_t index);
  void clear_partial(std::uint32_t index);
  std::atomic<char*>& pointer(std::uint32_t index) {
    return blocks_[index >> kBlockBits]
        .load(std::memory_order_relaxed)
        ->chunks[index & (kBlockSize - 1)];
  }

  std::array<std::atomic<Block*>, kBlocks> blocks_{};
  std::vector<Chunk> chunks_{Chunk{}};
  std::vector<std::uint32_t> unused_;  // indices without memory
  std::array<std::vector<std::uint32_t>, kClasses>
      partial_{};  // chunks with something free, by size
  std::size_t bytes_ = 0;
};

}  // namespace keel::kernel
