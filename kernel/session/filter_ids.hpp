// The ids of filters that a session is subscribed to, in the order in which they came: 8 bytes for
// none and for one, which is what most sessions have, and a list on the heap for more. [shard]
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "kernel/router/subscription_table.hpp"

namespace keel::kernel {

class FilterIds {
 public:
  FilterIds() = default;
  FilterIds(const FilterIds&) = delete;
  FilterIds& operator=(const FilterIds&) = delete;
  ~FilterIds();

  std::size_t size() const { return all().size(); }
  bool empty() const { return word_[kTag] == 0 && word_[kOne] == 0; }
  FilterId operator[](std::size_t i) const { return all()[i]; }
  // Until the next change.
  std::span<const FilterId> all() const {
    if (word_[kTag] == kHoldsOne) return {&word_[kOne], 1};
    const List* const held = list();
    return held ? std::span(held->ids(), held->size) : std::span<const FilterId>();
  }
  operator std::span<const FilterId>() const { return all(); }
  auto begin() const { return all().begin(); }
  auto end() const { return all().end(); }

  void push_back(FilterId filter);
  // Looks from the end, as those do who take out many. False: it was not there.
  bool erase(FilterId filter);

 private:
  struct List {
    std::uint32_t size, capacity;
    FilterId* ids() { return reinterpret_cast<FilterId*>(this + 1); }
    const FilterId* ids() const { return reinterpret_cast<const FilterId*>(this + 1); }
  };
  // The address of a list, which is even; or kHoldsOne in its low half and the id in the other.
  static constexpr std::size_t kTag = 0, kOne = 1;
  static constexpr std::uint32_t kHoldsOne = 1;

  List* list() const;
  void set_list(List* list);
  void resize(List* list, std::uint32_t capacity);

  alignas(List*) std::array<std::uint32_t, 2> word_{};
};
static_assert(sizeof(FilterIds) == 8);

}  // namespace keel::kernel
