#include "kernel/codec/block_pool.hpp"

#include <array>
#include <bit>
#include <cstdlib>
#include <new>

namespace keel::kernel::block_pool {
namespace {

struct Class {
  std::size_t size;
  std::size_t keep;  // blocks a thread holds back at most
};
// The smallest is left to malloc, whose own thread caches serve it.
constexpr std::size_t kSmallest = 512;
constexpr std::array<Class, 3> kClasses{{{4096, 64}, {16384, 16}, {65536, 16}}};

struct FreeBlock {
  FreeBlock* next;
};
struct FreeList {
  FreeBlock* head;
  std::size_t count;
};

// No destructor: still usable by buffers that go away after the guard below.
thread_local constinit std::array<FreeList, kClasses.size()> lists{};
thread_local constinit bool closed = false;

struct FreeAtThreadExit {
  ~FreeAtThreadExit() {
    closed = true;
    for (FreeList& list : lists) {
      while (FreeBlock* block = list.head) {
        list.head = block->next;
        std::free(block);
      }
      list.count = 0;
    }
  }
  void arm() {}
};
thread_local FreeAtThreadExit guard;

}  // namespace

std::size_t fitting(std::size_t size) {
  if (size <= kSmallest) return kSmallest;
  for (const Class& c : kClasses) {
    if (size <= c.size) return c.size;
  }
  return std::bit_ceil(size);
}

char* take(std::size_t size) noexcept {
  for (std::size_t i = 0; i < kClasses.size(); ++i) {
    FreeList& list = lists[i];
    if (size != kClasses[i].size || list.head == nullptr) continue;
    FreeBlock* block = list.head;
    list.head = block->next;
    --list.count;
    return reinterpret_cast<char*>(block);
  }
  return static_cast<char*>(std::malloc(size));
}

void release(char* block, std::size_t size) noexcept {
  for (std::size_t i = 0; i < kClasses.size(); ++i) {
    FreeList& list = lists[i];
    if (size != kClasses[i].size || list.count == kClasses[i].keep || closed) continue;
    guard.arm();
    list.head = new (block) FreeBlock{list.head};
    ++list.count;
    return;
  }
  std::free(block);
}

std::size_t kept() noexcept {
  std::size_t n = 0;
  for (const FreeList& list : lists) n += list.count;
  return n;
}

}  // namespace keel::kernel::block_pool
