#include "kernel/session/filter_ids.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace keel::kernel {
namespace {

std::vector<FilterId> all(const FilterIds& ids) { return {ids.begin(), ids.end()}; }

TEST_CASE("filter ids: none, one, two, and back") {
  FilterIds ids;
  CHECK(ids.empty());
  CHECK(ids.size() == 0);
  CHECK_FALSE(ids.erase(7));
  ids.push_back(7);
  CHECK_FALSE(ids.empty());
  CHECK(all(ids) == std::vector<FilterId>{7});
  CHECK_FALSE(ids.erase(8));
  ids.push_back(8);
  CHECK(all(ids) == std::vector<FilterId>{7, 8});
  CHECK(ids[1] == 8);
  CHECK_FALSE(ids.erase(9));
  CHECK(ids.erase(7));
  CHECK(all(ids) == std::vector<FilterId>{8});
  CHECK(ids.erase(8));
  CHECK(ids.empty());
  CHECK(all(ids).empty());
}

TEST_CASE("filter ids: any id may stand alone") {
  for (const FilterId id : {0u, 1u, 2u, 0x80000000u, 0xFFFFFFFFu}) {
    FilterIds ids;
    ids.push_back(id);
    CHECK(ids.size() == 1);
    CHECK(ids[0] == id);
    CHECK(ids.erase(id));
    CHECK(ids.empty());
  }
}

TEST_CASE("filter ids: random use against a vector") {
  std::mt19937 random(5);
  FilterIds ids;
  std::vector<FilterId> naive;
  for (int step = 0; step < 40'000; ++step) {
    // Waves of growing and shrinking, down to nothing.
    const bool growing = step / 2'000 % 2 == 0;
    if (random() % 10 < (growing ? 7u : 3u)) {
      const auto id = static_cast<FilterId>(random() % 100'000);
      if (std::find(naive.begin(), naive.end(), id) != naive.end()) continue;
      ids.push_back(id);
      naive.push_back(id);
    } else if (!naive.empty()) {
      const auto at = naive.begin() + static_cast<std::ptrdiff_t>(random() % naive.size());
      REQUIRE(ids.erase(*at));
      naive.erase(at);
    }
    REQUIRE(ids.size() == naive.size());
    REQUIRE(ids.empty() == naive.empty());
    if (step % 50 == 0) REQUIRE(all(ids) == naive);
  }
}

}  // namespace
}  // namespace keel::kernel
