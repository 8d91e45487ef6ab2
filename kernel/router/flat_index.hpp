// A hash from 32-bit tags to 32-bit ids, read without a lock: open addressing, one 64-bit word per
// slot. It stands in 256 parts that grow and shrink one at a time, so no single insert pays for a
// million.
//
// Owned by the subscription table; find() is for any thread, the rest for the writer. The caller
// compares what the id names: tags of different keys may be equal.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "kernel/router/retire_list.hpp"

namespace keel::kernel {

class FlatIndex {
 public:
  explicit FlatIndex(RetireList& retired) : retired_(retired) {}
  FlatIndex(const FlatIndex&) = delete;
  FlatIndex& operator=(const FlatIndex&) = delete;
  ~FlatIndex();

  // The first id under `tag` for which `fits(id)` holds; 0: none.
  template <class Fits>
  std::uint32_t find(std::uint32_t tag, Fits&& fits) const noexcept {
    const std::uintptr_t table = parts_[tag >> 24].table.load(std::memory_order_acquire);
    if (table == 0) return 0;
    const Slot* slots = slots_of(table);
    const std::size_t mask = capacity_of(table) - 1;
    for (std::size_t i = tag & mask;; i = (i + 1) & mask) {
      const std::uint64_t word = slots[i].load(std::memory_order_acquire);
      if (word == kEmpty) return 0;
      const auto id = static_cast<std::uint32_t>(word);
      if (word >> 32 == tag && id != kGone && fits(id)) return id;
    }
  }

  // Has the memory fetched that find() will look at first.
  void prefetch(std::uint32_t tag) const noexcept {
    const std::uintptr_t table = parts_[tag >> 24].table.load(std::memory_order_acquire);
    if (table != 0) __builtin_prefetch(slots_of(table) + (tag & (capacity_of(table) - 1)));
  }

  void insert(std::uint32_t tag, std::uint32_t id);
  // Puts `next` in the place of `id`.
  void replace(std::uint32_t tag, std::uint32_t id, std::uint32_t next);
  void erase(std::uint32_t tag, std::uint32_t id);

 private:
  using Slot = std::atomic<std::uint64_t>;
  static constexpr std::uint64_t kEmpty = 0;
  static constexpr std::uint32_t kGone = 1;  // an id no object has: a slot that held one
  static constexpr std::size_t kAlign = 64;
  static constexpr std::size_t kSmallest = 8;

  // `table` is the address of the slots, aligned to 64, with the binary logarithm of their number
  // in the low bits: both change in one store.
  struct Part {
    std::atomic<std::uintptr_t> table{0};
    std::uint32_t used = 0;  // slots that are not empty
    std::uint32_t live = 0;
  };
  static Slot* slots_of(std::uintptr_t table) {
    return reinterpret_cast<Slot*>(table & ~std::uintptr_t{kAlign - 1});
  }
  static std::size_t capacity_of(std::uintptr_t table) {
    return std::size_t{1} << (table & (kAlign - 1));
  }

  Slot& slot(std::uint32_t tag, std::uint32_t id);
  void rebuild(Part& part, std::size_t expected);

  RetireList& retired_;
  std::array<Part, 256> parts_;
};

}  // namespace keel::kernel
