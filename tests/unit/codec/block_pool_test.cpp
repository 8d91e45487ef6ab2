#include "kernel/codec/block_pool.hpp"

#include <doctest/doctest.h>
#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <future>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

namespace keel::kernel {
namespace {

TEST_CASE("block pool: sizes, bounds, reuse") {
  CHECK(block_pool::fitting(1) == 512);
  CHECK(block_pool::fitting(513) == 4'096);
  CHECK(block_pool::fitting(4'097) == 16'384);
  CHECK(block_pool::fitting(16'385) == 65'536);
  CHECK(block_pool::fitting(65'537) == 131'072);
  std::thread([] {
    CHECK(block_pool::kept() == 0);
    char* block = block_pool::take(4'096);
    block_pool::release(block, 4'096);
    CHECK(block_pool::kept() == 1);
    CHECK(block_pool::take(4'096) == block);
    block_pool::release(block, 4'096);
    std::vector<char*> blocks;
    for (int i = 0; i < 200; ++i) blocks.push_back(block_pool::take(4'096));
    for (char* b : blocks) block_pool::release(b, 4'096);
    CHECK(block_pool::kept() == 128);
    block_pool::release(block_pool::take(5'000), 5'000);
    block_pool::release(block_pool::take(1 << 20), 1 << 20);
    CHECK(block_pool::kept() == 128);
    block_pool::give_back();
    CHECK(block_pool::kept() == 0);
  }).join();
}

#ifndef KEEL_SANITIZED  // there they are malloc's
TEST_CASE("block pool: small blocks of any size") {
  std::thread([] {
    for (std::size_t size = 0; size <= 512; ++size) {
      // One released by its neighbour, taken again for the largest size of its list.
      char* const block = block_pool::take(size);
      block_pool::release(block, size);
      CHECK(block_pool::kept() == 1);
      const std::size_t largest = (size + 7) / 16 * 16 + 8;
      if (largest <= 512) CHECK(block_pool::take(largest) == block);
      if (largest > 512) CHECK(block_pool::take(512) == block);
      CHECK(malloc_usable_size(block) >= std::min<std::size_t>(largest, 512));
      CHECK(block_pool::kept() == 0);
      std::free(block);
    }
    std::vector<char*> blocks;
    for (int i = 0; i < 1'000; ++i) blocks.push_back(block_pool::take(120));
    for (char* b : blocks) block_pool::release(b, 120);
    CHECK(block_pool::kept() <= 32 * 1024 / 120);
    block_pool::give_back();
    CHECK(block_pool::kept() == 0);
  }).join();
}

TEST_CASE("block pool: what one thread takes and another releases comes back to the first") {
  constexpr std::size_t kSize = 120, kCount = 1'000, kList = 32 * 1024 / kSize;
  const auto take_all = [] {
    std::vector<char*> blocks;
    while (blocks.size() < kCount) blocks.push_back(block_pool::take(kSize));
    return blocks;
  };
  const auto release_all = [](const std::vector<char*>& blocks) {
    for (char* const block : blocks) block_pool::release(block, kSize);
  };
  std::thread([&] {
    block_pool::give_back();
    const std::vector<char*> first = take_all();
    std::thread([&] {
      release_all(first);
      CHECK(block_pool::kept() == kCount % kList);
    }).join();  // which frees all there is
    CHECK(block_pool::kept() == 0);

    const std::vector<char*> second = take_all();
    std::promise<void> released, taken;
    std::thread other([&] {
      release_all(second);
      released.set_value();
      taken.get_future().wait();
    });
    released.get_future().wait();
    const std::set<char*> known(second.begin(), second.end());
    const std::vector<char*> third = take_all();
    taken.set_value();
    other.join();
    const auto again = [&](char* block) { return known.contains(block); };
    CHECK(std::count_if(third.begin(), third.end(), again) >=
          static_cast<std::ptrdiff_t>(kCount / kList * kList));
    release_all(third);
  }).join();
}

TEST_CASE("block pool: threads that release what others took") {
  constexpr int kRounds = 200, kCount = 300;
  std::atomic<bool> failed = false;
  std::mutex guard;
  std::vector<char*> shared;
  const auto work = [&](char mark) {
    for (int round = 0; round < kRounds; ++round) {
      std::vector<char*> mine;
      for (int i = 0; i < kCount; ++i) {
        mine.push_back(block_pool::take(120));
        std::memset(mine.back(), mark, 120);
      }
      for (const char* const block : mine)
        if (std::count(block, block + 120, mark) != 120) failed = true;
      const std::scoped_lock lock(guard);
      shared.swap(mine);  // somebody else's
      for (char* const block : mine) block_pool::release(block, 120);
    }
  };
  std::thread one(work, 'a'), two(work, 'b'), three(work, 'c');
  one.join();
  two.join();
  three.join();
  CHECK_FALSE(failed);
  for (char* const block : shared) block_pool::release(block, 120);
}
#endif

}  // namespace
}  // namespace keel::kernel
