#include "kernel/router/flat_index.hpp"

#include <bit>
#include <new>

namespace keel::kernel {
namespace {

constexpr std::uint64_t word_of(std::uint32_t tag, std::uint32_t id) {
  return std::uint64_t{tag} << 32 | id;
}

void free_slots(void* memory) { ::operator delete (memory, std::align_val_t{64}); }

}  // namespace

FlatIndex::~FlatIndex() {
  for (Part& part : parts_)
    if (const auto table = part.table.load(std::memory_order_relaxed)) free_slots(slots_of(table));
}

void FlatIndex::insert(std::uint32_t tag, std::uint32_t id) {
  Part& part = parts_[tag >> 24];
  std::uintptr_t table = part.table.load(std::memory_order_relaxed);
  if (table == 0 || (part.used + 1) * 4 > capacity_of(table) * 3) {
    rebuild(part, part.live + 1);
    table = part.table.load(std::memory_order_relaxed);
  }
  Slot* slots = slots_of(table);
  const std::size_t mask = capacity_of(table) - 1;
  std::size_t i = tag & mask;
  for (;; i = (i + 1) & mask) {
    const std::uint64_t word = slots[i].load(std::memory_order_relaxed);
    if (word == kEmpty) ++part.used;
    if (word == kEmpty || static_cast<std::uint32_t>(word) == kGone) break;
  }
  slots[i].store(word_of(tag, id), std::memory_order_release);
  ++part.live;
}

FlatIndex::Slot& FlatIndex::slot(std::uint32_t tag, std::uint32_t id) {
  const std::uintptr_t table = parts_[tag >> 24].table.load(std::memory_order_relaxed);
  Slot* slots = slots_of(table);
  const std::size_t mask = capacity_of(table) - 1;
  std::size_t i = tag & mask;
  while (slots[i].load(std::memory_order_relaxed) != word_of(tag, id)) i = (i + 1) & mask;
  return slots[i];
}

void FlatIndex::replace(std::uint32_t tag, std::uint32_t id, std::uint32_t next) {
  slot(tag, id).store(word_of(tag, next), std::memory_order_release);
}

void FlatIndex::erase(std::uint32_t tag, std::uint32_t id) {
  Part& part = parts_[tag >> 24];
  const std::uintptr_t table = part.table.load(std::memory_order_relaxed);
  Slot* slots = slots_of(table);
  const std::size_t mask = capacity_of(table) - 1;
  auto i = static_cast<std::size_t>(&slot(tag, id) - slots);
  slots[i].store(kGone, std::memory_order_release);
  --part.live;
  // No chain of probes leads through a gone slot that an empty one follows: it can be empty as
  // well.
  if (slots[(i + 1) & mask].load(std::memory_order_relaxed) == kEmpty) {
    for (; static_cast<std::uint32_t>(slots[i].load(std::memory_order_relaxed)) == kGone;
         i = (i - 1) & mask) {
      slots[i].store(kEmpty, std::memory_order_release);
      --part.used;
    }
  }
  if (part.live * 8 < mask + 1 && (mask + 1 > kSmallest || part.live == 0))
    rebuild(part, part.live);
}

// Leaves room for a fifth more than `expected` before the next rebuild, so that churn does not
// cause one each time. No table for nothing.
void FlatIndex::rebuild(Part& part, std::size_t expected) {
  std::size_t capacity = kSmallest;
  while (expected * 8 > capacity * 5) capacity *= 2;
  std::uintptr_t next = 0;
  if (expected != 0) {
    auto* fresh =
        static_cast<Slot*>(::operator new (capacity * sizeof(Slot), std::align_val_t{kAlign}));
    for (std::size_t i = 0; i < capacity; ++i) new (&fresh[i]) Slot(kEmpty);
    next = reinterpret_cast<std::uintptr_t>(fresh) |
           static_cast<std::uintptr_t>(std::countr_zero(capacity));
    retired_.heap_bytes += capacity * sizeof(Slot);
  }
  const std::uintptr_t old = part.table.load(std::memory_order_relaxed);
  if (old != 0) {
    Slot* from = slots_of(old);
    for (std::size_t i = 0; i < capacity_of(old); ++i) {
      const std::uint64_t word = from[i].load(std::memory_order_relaxed);
      if (word == kEmpty || static_cast<std::uint32_t>(word) == kGone) continue;
      std::size_t at = (word >> 32) & (capacity - 1);
      while (slots_of(next)[at].load(std::memory_order_relaxed) != kEmpty)
        at = (at + 1) & (capacity - 1);
      slots_of(next)[at].store(word, std::memory_order_relaxed);
    }
    retired_.block(from, free_slots, capacity_of(old) * sizeof(Slot));
  }
  part.table.store(next, std::memory_order_release);
  part.used = part.live;
}

}  // namespace keel::kernel
