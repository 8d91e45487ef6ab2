#include "kernel/base/fall_watch.hpp"

#include <doctest/doctest.h>

using keel::kernel::FallWatch;

namespace {

constexpr std::int64_t kLeast = 1'000;

// After how many looks at `amount` it says yes; 0: not within a thousand.
int looks(FallWatch& watch, std::int64_t amount) {
  for (int look = 1; look <= 1'000; ++look)
    if (watch.look(amount)) return look;
  return 0;
}

}  // namespace

TEST_CASE("fall watch: nothing to do while there is as much as ever, or more") {
  FallWatch watch(kLeast);
  CHECK(looks(watch, 0) == 0);
  CHECK(looks(watch, 100'000) == 0);
  CHECK(looks(watch, 200'000) == 0);
}

TEST_CASE("fall watch: once after a fall, when it has been quiet for some looks") {
  FallWatch watch(kLeast);
  watch.look(100'000);
  const int after = looks(watch, 10'000);
  CHECK(after > 3);
  CHECK(after < 10);
  CHECK(looks(watch, 10'000) == 0);
  watch.look(100'000);
  CHECK(looks(watch, 10'000) == after);
}

TEST_CASE("fall watch: a small part is not worth it, nor a fall from nearly nothing") {
  FallWatch watch(kLeast);
  watch.look(100'000);
  CHECK(looks(watch, 76'000) == 0);
  CHECK(looks(watch, 74'000) != 0);
  FallWatch small(kLeast);
  small.look(900);
  CHECK(looks(small, 0) == 0);
}

TEST_CASE("fall watch: what falls and rises again is left alone") {
  FallWatch watch(kLeast);
  for (int round = 0; round < 200; ++round) CHECK_FALSE(watch.look(round % 2 ? 100'000 : 20'000));
}

TEST_CASE("fall watch: a long fall is not waited for to its end") {
  FallWatch watch(kLeast);
  int times = 0;
  for (std::int64_t amount = 1'000'000; amount >= 0; amount -= 1'000) times += watch.look(amount);
  CHECK(times > 3);
  CHECK(times < 30);
}
