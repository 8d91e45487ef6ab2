// Decisions remembered: for how long, how many, about what exactly.
#include "kernel/broker/authorize_cache.hpp"

#include <doctest/doctest.h>

namespace keel::kernel {
namespace {

TEST_CASE("decisions: by topic and what was asked") {
  AuthorizeCache cache;
  CHECK(cache.find({"t", 1}, 0) == std::nullopt);
  cache.put({"t", 1}, true, 100, 8);
  cache.put({"t", 2}, false, 100, 8);
  CHECK(cache.find({"t", 1}, 0) == true);
  CHECK(cache.find({"t", 2}, 0) == false);
  CHECK(cache.find({"t", 3}, 0) == std::nullopt);
  CHECK(cache.find({"tt", 1}, 0) == std::nullopt);
  CHECK(cache.find({"", 1}, 0) == std::nullopt);
}

TEST_CASE("decisions: their time") {
  AuthorizeCache cache;
  cache.put({"t", 1}, true, 100, 8);
  CHECK(cache.find({"t", 1}, 99) == true);
  CHECK(cache.find({"t", 1}, 100) == std::nullopt);
  cache.put({"t", 1}, false, 200, 8);  // in the same place
  CHECK(cache.find({"t", 1}, 150) == false);
}

TEST_CASE("decisions: the oldest makes room, the same question twice takes one place") {
  AuthorizeCache cache;
  cache.put({"a", 1}, true, 100, 3);
  cache.put({"b", 1}, true, 100, 3);
  for (int i = 0; i < 9; ++i) cache.put({"c", 1}, true, 100, 3);
  CHECK(cache.find({"a", 1}, 0) == true);
  cache.put({"d", 1}, true, 100, 3);
  CHECK(cache.find({"a", 1}, 0) == std::nullopt);
  CHECK(cache.find({"b", 1}, 0) == true);
  cache.put({"e", 1}, true, 100, 3);
  CHECK(cache.find({"b", 1}, 0) == std::nullopt);
  CHECK(cache.find({"d", 1}, 0) == true);
  CHECK(cache.find({"e", 1}, 0) == true);
}

TEST_CASE("decisions: fewer places begin anew") {
  AuthorizeCache cache;
  for (char c = 'a'; c < 'i'; ++c) cache.put({std::string_view(&c, 1), 1}, true, 100, 8);
  cache.put({"z", 1}, true, 100, 2);
  CHECK(cache.find({"z", 1}, 0) == true);
  CHECK(cache.find({"h", 1}, 0) == std::nullopt);
}

TEST_CASE("decisions: other rules") {
  AuthorizeCache cache;
  cache.renew(1);
  cache.put({"t", 1}, true, 100, 8);
  cache.renew(1);
  CHECK(cache.find({"t", 1}, 0) == true);
  cache.renew(2);
  CHECK(cache.find({"t", 1}, 0) == std::nullopt);
}

}  // namespace
}  // namespace keel::kernel
