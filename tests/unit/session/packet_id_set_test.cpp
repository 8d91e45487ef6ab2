#include "kernel/session/packet_id_set.hpp"

#include <doctest/doctest.h>

#include <random>
#include <set>

namespace keel::kernel {
namespace {

TEST_CASE("packet id set: a new id goes in once and comes out once") {
  PacketIdSet ids;
  CHECK(!ids.contains(7));
  CHECK(!ids.erase(7));
  CHECK(ids.insert(7));
  CHECK(!ids.insert(7));
  CHECK(ids.contains(7));
  CHECK(!ids.contains(15));  // the same slot in a small set
  CHECK(!ids.erase(15));
  CHECK(ids.size() == 1);
  CHECK(ids.erase(7));
  CHECK(!ids.erase(7));
  CHECK(ids.size() == 0);
}

TEST_CASE("packet id set: ids that are multiples of one number") {
  for (const unsigned step : {1u, 8u, 255u, 256u, 4'096u, 16'384u, 32'768u, 65'535u}) {
    CAPTURE(step);
    PacketIdSet ids;
    std::set<std::uint16_t> naive;
    for (unsigned id = step; id <= 65'535; id += step) {
      REQUIRE(ids.insert(static_cast<std::uint16_t>(id)));
      naive.insert(static_cast<std::uint16_t>(id));
    }
    REQUIRE(ids.size() == naive.size());
    for (unsigned id = 1; id <= 65'535; ++id)
      REQUIRE(ids.contains(static_cast<std::uint16_t>(id)) ==
              naive.contains(static_cast<std::uint16_t>(id)));
    for (const std::uint16_t id : naive) REQUIRE(ids.erase(id));
    REQUIRE(ids.size() == 0);
    REQUIRE(ids.insert(1));
  }
}

TEST_CASE("packet id set: random use against a set") {
  std::mt19937 random(3);
  PacketIdSet ids;
  std::set<std::uint16_t> naive;
  for (int step = 0; step < 200'000; ++step) {
    const unsigned range = step / 20'000 % 2 ? 65'535 : 40;
    const auto id = static_cast<std::uint16_t>(1 + random() % range);
    if (random() % 2)
      REQUIRE(ids.insert(id) == naive.insert(id).second);
    else
      REQUIRE(ids.erase(id) == (naive.erase(id) == 1));
    REQUIRE(ids.size() == naive.size());
    const auto other = static_cast<std::uint16_t>(1 + random() % range);
    REQUIRE(ids.contains(other) == naive.contains(other));
  }
}

}  // namespace
}  // namespace keel::kernel
