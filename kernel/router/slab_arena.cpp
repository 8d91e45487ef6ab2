#include "kernel/router/slab_arena.hpp"

#include <cstdlib>
#include <cstring>
#include <new>

#include "kernel/base/shrink.hpp"

namespace keel::kernel {
namespace {

constexpr std::size_t kChunkBytes = std::size_t{SlabArena::kChunkUnits} * SlabArena::kUnit;

std::uint16_t read_link(const char* object) {
  std::uint16_t next;
  std::memcpy(&next, object, sizeof next);
  return next;
}

void write_link(char* object, std::uint16_t next) { std::memcpy(object, &next, sizeof next); }

}  // namespace

SlabArena::~SlabArena() {
  for (std::uint32_t index = 1; index < chunks_.size(); ++index)
    if (chunks_[index].units != 0) std::free(pointer(index).load(std::memory_order_relaxed));
  for (auto& block : blocks_) delete block.load(std::memory_order_relaxed);
}

std::uint32_t SlabArena::allocate(std::size_t bytes) {
  const auto units = static_cast<std::uint16_t>((bytes + kUnit - 1) / kUnit);
  auto& partial = partial_[units];
  const std::uint32_t index = partial.empty() ? add_chunk(units) : partial.back();
  Chunk& chunk = chunks_[index];
  const std::uint16_t unit = chunk.free_head;
  char* object = pointer(index).load(std::memory_order_relaxed) + std::size_t{unit} * kUnit;
  chunk.free_head = read_link(object);
  write_link(object, 0);
  ++chunk.live;
  if (chunk.free_head == kNone) clear_partial(index);
  return index << kUnitBits | unit;
}

void SlabArena::free(std::uint32_t id) {
  const std::uint32_t index = id >> kUnitBits;
  Chunk& chunk = chunks_[index];
  if (--chunk.live == 0) {
    drop_chunk(index);
    return;
  }
  auto* object = static_cast<char*>(at(id));
  std::memset(object, 0, std::size_t{chunk.units} * kUnit);
  const bool was_full = chunk.free_head == kNone;
  write_link(object, chunk.free_head);
  chunk.free_head = static_cast<std::uint16_t>(id & (kChunkUnits - 1));
  if (was_full) set_partial(index);
}

std::uint32_t SlabArena::add_chunk(std::uint16_t units) {
  // On cache lines, so that no trie node lies on two.
  auto* memory = static_cast<char*>(std::aligned_alloc(64, kChunkBytes));
  if (memory == nullptr) throw std::bad_alloc();
  std::memset(memory, 0, kChunkBytes);
  std::uint32_t index = 0;
  if (!unused_.empty()) {
    index = unused_.back();
    unused_.pop_back();
  } else {
    index = static_cast<std::uint32_t>(chunks_.size());
    auto& block = blocks_[index >> kBlockBits];
    if (block.load(std::memory_order_relaxed) == nullptr) {
      block.store(new Block, std::memory_order_release);
      bytes_ += sizeof(Block);
    }
    chunks_.emplace_back();
  }
  const std::uint32_t count = kChunkUnits / units;
  for (std::uint32_t i = 0; i < count; ++i)
    write_link(memory + std::size_t{i} * units * kUnit,
               i + 1 < count ? static_cast<std::uint16_t>((i + 1) * units) : kNone);
  chunks_[index] = Chunk{.units = units, .free_head = 0};
  set_partial(index);
  pointer(index).store(memory, std::memory_order_release);
  bytes_ += kChunkBytes + sizeof(Chunk);
  return index;
}

void SlabArena::drop_chunk(std::uint32_t index) {
  Chunk& chunk = chunks_[index];
  if (chunk.free_head != kNone) clear_partial(index);
  chunk = Chunk{};
  std::free(pointer(index).exchange(nullptr, std::memory_order_relaxed));
  unused_.push_back(index);
  bytes_ -= kChunkBytes + sizeof(Chunk);
  if (unused_.size() + 1 == chunks_.size()) {  // nothing is left
    chunks_ = std::vector<Chunk>(1);
    unused_ = {};
  }
}

void SlabArena::set_partial(std::uint32_t index) {
  auto& partial = partial_[chunks_[index].units];
  chunks_[index].place = static_cast<std::uint32_t>(partial.size());
  partial.push_back(index);
}

void SlabArena::clear_partial(std::uint32_t index) {
  auto& partial = partial_[chunks_[index].units];
  const std::uint32_t place = chunks_[index].place;
  partial[place] = partial.back();
  chunks_[partial[place]].place = place;
  partial.pop_back();
  shrink_if_sparse(partial);
}

bool SlabArena::is_slot(std::uint32_t id) const {
  const std::uint32_t index = id >> kUnitBits, unit = id & (kChunkUnits - 1);
  if (index >= chunks_.size() || chunks_[index].units == 0) return false;
  const std::uint32_t units = chunks_[index].units;
  return unit % units == 0 && unit + units <= kChunkUnits;
}

std::uint32_t SlabArena::slot_from(std::uint32_t id) const {
  std::uint32_t index = id >> kUnitBits, unit = id & (kChunkUnits - 1);
  for (; index < chunks_.size(); ++index, unit = 0) {
    const std::uint32_t units = chunks_[index].units;
    if (units == 0) continue;
    const std::uint32_t start = (unit + units - 1) / units * units;
    if (start + units <= kChunkUnits) return index << kUnitBits | start;
  }
  return 0;
}

}  // namespace keel::kernel
