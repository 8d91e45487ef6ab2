// How many holders recent messages have.
#include "emqx_store/engine/count_cache.hpp"

#include <doctest/doctest.h>

#include <string>

using emqx_store::CountCache;

TEST_CASE("counts are kept, replaced and forgotten") {
  CountCache cache(10);
  CHECK(cache.find("a") == nullptr);
  cache.put("a", 3);
  REQUIRE(cache.find("a") != nullptr);
  CHECK(*cache.find("a") == 3);
  cache.put("a", 2);
  CHECK(*cache.find("a") == 2);
  cache.erase("a");
  CHECK(cache.find("a") == nullptr);
  cache.put("b", 1);
  cache.clear();
  CHECK(cache.find("b") == nullptr);
}

TEST_CASE("what was asked for last stays, the rest goes, and memory is bounded") {
  CountCache cache(100);
  cache.put("hot", 7);
  for (int i = 0; i < 10'000; ++i) {
    cache.put(std::to_string(i), 1);
    if (i % 20 == 0) REQUIRE(cache.find("hot") != nullptr);
    REQUIRE(cache.size() <= 100);
  }
  CHECK(*cache.find("hot") == 7);
  CHECK(cache.find("1") == nullptr);
  CHECK(cache.find("9999") != nullptr);
}

TEST_CASE("an old entry that is replaced or erased does not come back") {
  CountCache cache(4);
  cache.put("a", 5);
  cache.put("b", 1);
  cache.put("c", 1);  // a and b are the old generation now
  cache.put("a", 4);
  CHECK(*cache.find("a") == 4);
  cache.erase("b");
  CHECK(cache.find("b") == nullptr);
}

TEST_CASE("no room, and keys that are too long, mean nothing is kept") {
  CountCache none(0);
  none.put("a", 1);
  CHECK(none.find("a") == nullptr);
  CountCache cache(10);
  const std::string longest(64, 'k'), longer(65, 'k');
  cache.put(longest, 1);
  cache.put(longer, 1);
  CHECK(cache.find(longest) != nullptr);
  CHECK(cache.find(longer) == nullptr);
}
