#include "kernel/session/filter_ids.hpp"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <new>

namespace keel::kernel {

namespace {
constexpr std::uint32_t kFirstIds = 4;
}  // namespace

static_assert(std::endian::native == std::endian::little && sizeof(void*) == 8,
              "the low half of an address is the first word");

FilterIds::~FilterIds() {
  if (word_[kTag] != kHoldsOne) std::free(list());
}

// Not while it holds one.
FilterIds::List* FilterIds::list() const { return std::bit_cast<List*>(word_); }

void FilterIds::set_list(List* list) { word_ = std::bit_cast<std::array<std::uint32_t, 2>>(list); }

void FilterIds::resize(List* list, std::uint32_t capacity) {
  auto* const resized = static_cast<List*>(
      std::realloc(list, sizeof(List) + sizeof(FilterId) * std::size_t{capacity}));
  if (!resized) throw std::bad_alloc();
  resized->capacity = capacity;
  set_list(resized);
}

void FilterIds::push_back(FilterId filter) {
  if (empty()) {
    word_[kTag] = kHoldsOne;
    word_[kOne] = filter;
    return;
  }
  if (word_[kTag] == kHoldsOne) {
    const FilterId first = word_[kOne];
    resize(nullptr, kFirstIds);
    list()->size = 1;
    list()->ids()[0] = first;
  }
  if (list()->size == list()->capacity)
    resize(list(), list()->capacity + std::max(kFirstIds, list()->capacity / 2));
  list()->ids()[list()->size++] = filter;
}

bool FilterIds::erase(FilterId filter) {
  if (word_[kTag] == kHoldsOne) {
    if (word_[kOne] != filter) return false;
    word_ = {};
    return true;
  }
  List* const held = list();
  if (!held) return false;
  FilterId* const ids = held->ids();
  std::uint32_t at = held->size;
  while (at != 0 && ids[at - 1] != filter) --at;
  if (at == 0) return false;
  std::copy(ids + at, ids + held->size, ids + at - 1);
  --held->size;
  if (held->size == 1) {
    word_ = {kHoldsOne, ids[0]};
    std::free(held);
  } else if (held->capacity > kFirstIds && held->size * 4 < held->capacity) {
    resize(held, held->capacity / 2);
  }
  return true;
}

}  // namespace keel::kernel
