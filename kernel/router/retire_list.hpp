// What the table's writer has unlinked and readers may still be looking at. Collected under the
// writer's lock, handed to the Reclaimer in batches, freed when a batch's grace period has passed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace keel::kernel {

// One batch. Freeing it is the table's storage's business: ids lead into its arenas.
struct RetiredBatch {
  struct Block {
    void* memory;
    void (*destroy)(void* memory);
    std::size_t bytes;
  };
  std::vector<Block> blocks;
  std::vector<std::uint32_t> entries;
  std::vector<std::uint32_t> nodes;

  std::size_t size() const { return blocks.size() + entries.size() + nodes.size(); }
};

// Touched under the writer's lock only.
class RetireList {
 public:
  void block(void* memory, void (*destroy)(void*), std::size_t bytes) {
    batch_.blocks.push_back({memory, destroy, bytes});
    block_bytes_ += bytes;
  }
  void entry(std::uint32_t id) { batch_.entries.push_back(id); }
  void node(std::uint32_t id) { batch_.nodes.push_back(id); }

  // Enough waits to be worth a grace period.
  bool due() const { return batch_.size() >= kBatchObjects || block_bytes_ >= kBatchBytes; }
  bool empty() const { return batch_.size() == 0; }
  RetiredBatch take() {
    block_bytes_ = 0;
    return std::exchange(batch_, {});
  }

  // Heap bytes of lists, groups and hash arrays, retired ones included until they are freed.
  std::size_t heap_bytes = 0;

 private:
  static constexpr std::size_t kBatchObjects = 4096;
  static constexpr std::size_t kBatchBytes = 1u << 20;

  RetiredBatch batch_;
  std::size_t block_bytes_ = 0;
};

}  // namespace keel::kernel
