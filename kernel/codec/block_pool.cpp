#include "kernel/codec/block_pool.hpp"

#include <array>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <new>

namespace keel::kernel::block_pool {
namespace {

// Small blocks: a list for every sixteen bytes, with the sizes that malloc's own have, so that
// nothing is lost by rounding. Its caches hold seven of a size, which is less than a read brings.
constexpr std::size_t kSmallest = 512;  // of an output buffer; the largest of the small ones
constexpr std::size_t step_of(std::size_t size) { return (size + 7) / 16; }
constexpr std::size_t size_of_step(std::size_t step) { return step * 16 + 8; }
constexpr std::size_t kSteps = step_of(kSmallest) + 1;  // their lists come first
constexpr std::size_t kKeepOfStep = 32 * 1024;          // bytes that a thread holds back of each

#ifdef KEEL_SANITIZED  // which is to see it when somebody uses a message that is gone
constexpr bool kKeepSmall = false;
#else
constexpr bool kKeepSmall = true;
#endif

struct Class {
  std::size_t size;
  std::size_t keep;  // blocks a thread holds back at most
};
constexpr std::array<Class, 3> kClasses{{{4096, 128}, {16384, 16}, {65536, 16}}};

struct FreeBlock {
  FreeBlock* next;
};
struct FreeList {
  FreeBlock* head;
  std::size_t count;
};

// No destructor: still usable by buffers that go away after the guard below.
thread_local constinit std::array<FreeList, kSteps + kClasses.size()> lists{};
thread_local constinit bool closed = false;

// Full lists of small blocks that some thread had too much of, for one that has none: messages that
// go from shard to shard are taken on the one and released on the other, always the same way. An
// exchange for some hundred blocks, and none for a thread that releases what it takes.
constexpr std::size_t kPassed = 4;  // lists of each step
using Passed = std::array<std::atomic<FreeBlock*>, kPassed>;
constinit std::array<Passed, kSteps> passed{};

struct FreeAtThreadExit {
  ~FreeAtThreadExit() {
    closed = true;
    give_back();
  }
  void arm() {}
};
thread_local FreeAtThreadExit guard;

// What blocks of a size come from; without a list they are malloc's alone.
struct Place {
  std::size_t size;  // theirs
  FreeList* list = nullptr;
  std::size_t keep = 0;  // how many the list holds at most
  Passed* passed = nullptr;
};

Place place_of(std::size_t size) {
  if (kKeepSmall && size <= kSmallest) {
    const std::size_t step = step_of(size);
    return {size_of_step(step), &lists[step], kKeepOfStep / size_of_step(step), &passed[step]};
  }
  for (std::size_t i = 0; i < kClasses.size(); ++i)
    if (size == kClasses[i].size) return {size, &lists[kSteps + i], kClasses[i].keep};
  return {size};
}

// False: nobody has passed a list on.
bool take_list(const Place& place) {
  if (place.passed == nullptr) return false;
  for (auto& head : *place.passed) {
    if (head.load(std::memory_order_relaxed) == nullptr) continue;
    FreeBlock* const first = head.exchange(nullptr, std::memory_order_acquire);
    if (first == nullptr) continue;
    *place.list = {first, place.keep};
    return true;
  }
  return false;
}

// False: there are enough of them already.
bool pass_list_on(const Place& place) {
  if (place.passed == nullptr) return false;
  for (auto& head : *place.passed) {
    FreeBlock* none = nullptr;
    if (head.load(std::memory_order_relaxed) != nullptr ||
        !head.compare_exchange_strong(none, place.list->head, std::memory_order_release,
                                      std::memory_order_relaxed))
      continue;
    *place.list = {};
    return true;
  }
  return false;
}

void free_blocks(FreeBlock* head) {
  while (FreeBlock* const block = head) {
    head = block->next;
    std::free(block);
  }
}

}  // namespace

std::size_t fitting(std::size_t size) {
  if (size <= kSmallest) return kSmallest;
  for (const Class& c : kClasses) {
    if (size <= c.size) return c.size;
  }
  return std::bit_ceil(size);
}

char* take(std::size_t size) noexcept {
  const Place place = place_of(size);
  if (place.list == nullptr || (place.list->head == nullptr && !take_list(place)))
    return static_cast<char*>(std::malloc(place.size));
  FreeBlock* block = place.list->head;
  place.list->head = block->next;
  --place.list->count;
  return reinterpret_cast<char*>(block);
}

void release(char* block, std::size_t size) noexcept {
  const Place place = place_of(size);
  if (place.list == nullptr || closed) return std::free(block);
  if (place.list->count == place.keep && !pass_list_on(place)) return std::free(block);
  guard.arm();
  place.list->head = new (block) FreeBlock{place.list->head};
  ++place.list->count;
}

void give_back() noexcept {
  for (FreeList& list : lists) {
    free_blocks(list.head);
    list = {};
  }
  for (Passed& of_step : passed)
    for (auto& head : of_step) free_blocks(head.exchange(nullptr, std::memory_order_acquire));
}

std::size_t kept() noexcept {
  std::size_t n = 0;
  for (const FreeList& list : lists) n += list.count;
  return n;
}

}  // namespace keel::kernel::block_pool
