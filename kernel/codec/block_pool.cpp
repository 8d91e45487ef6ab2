#include "kernel/codec/block_pool.hpp"

#include <array>
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
};

Place place_of(std::size_t size) {
  if (kKeepSmall && size <= kSmallest) {
    const std::size_t step = step_of(size);
    return {size_of_step(step), &lists[step], kKeepOfStep / size_of_step(step)};
  }
  for (std::size_t i = 0; i < kClasses.size(); ++i)
    if (size == kClasses[i].size) return {size, &lists[kSteps + i], kClasses[i].keep};
  return {size};
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
  if (place.list == nullptr || place.list->head == nullptr)
    return static_cast<char*>(std::malloc(place.size));
  FreeBlock* block = place.list->head;
  place.list->head = block->next;
  --place.list->count;
  return reinterpret_cast<char*>(block);
}

void release(char* block, std::size_t size) noexcept {
  const Place place = place_of(size);
  if (place.list == nullptr || place.list->count == place.keep || closed) return std::free(block);
  guard.arm();
  place.list->head = new (block) FreeBlock{place.list->head};
  ++place.list->count;
}

void give_back() noexcept {
  for (FreeList& list : lists) {
    while (FreeBlock* block = list.head) {
      list.head = block->next;
      std::free(block);
    }
    list.count = 0;
  }
}

std::size_t kept() noexcept {
  std::size_t n = 0;
  for (const FreeList& list : lists) n += list.count;
  return n;
}

}  // namespace keel::kernel::block_pool
