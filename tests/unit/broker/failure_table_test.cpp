// Failed logins by address: the window, what counts together, who makes room.
#include "kernel/broker/failure_table.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <thread>
#include <vector>

namespace keel::kernel {
namespace {

constexpr FailureTable::Limit kLimit{3, 60};

Endpoint failure_at(const std::string& address) { return Endpoint::parse(address, 1).value(); }

TEST_CASE("failures: the limit, and the end of the window") {
  FailureTable table;
  const Endpoint peer = failure_at("203.0.113.1");
  CHECK_FALSE(table.over(peer, kLimit, 1'000));
  CHECK_FALSE(table.note(peer, kLimit, 1'000));
  CHECK_FALSE(table.note(peer, kLimit, 1'010));
  CHECK_FALSE(table.over(peer, kLimit, 1'010));
  CHECK(table.note(peer, kLimit, 1'020));  // told once
  CHECK_FALSE(table.note(peer, kLimit, 1'021));
  CHECK(table.over(peer, kLimit, 1'021));
  CHECK(table.over(peer, kLimit, 1'059));
  CHECK_FALSE(table.over(peer, kLimit, 1'060));  // a minute after the first one
  CHECK_FALSE(table.note(peer, kLimit, 1'061));  // begins anew
  CHECK_FALSE(table.over(peer, kLimit, 1'061));
}

TEST_CASE("failures: port and the host part of IPv6 do not matter, all else does") {
  FailureTable table;
  for (int i = 0; i < 3; ++i) {
    Endpoint peer = failure_at("203.0.113.1");
    peer.port = static_cast<std::uint16_t>(i);
    table.note(peer, kLimit, 10);
    table.note(failure_at(fmt::format("2001:db8:1:2:{}::1", i)), kLimit, 10);
  }
  CHECK(table.over(failure_at("203.0.113.1"), kLimit, 10));
  CHECK_FALSE(table.over(failure_at("203.0.113.2"), kLimit, 10));
  CHECK(table.over(failure_at("2001:db8:1:2:ffff::9"), kLimit, 10));
  CHECK_FALSE(table.over(failure_at("2001:db8:1:3::1"), kLimit, 10));
}

TEST_CASE("failures: no limit, no address") {
  FailureTable table;
  const FailureTable::Limit off{0, 60};
  for (int i = 0; i < 10; ++i) {
    CHECK_FALSE(table.note(failure_at("203.0.113.1"), off, 10));
    CHECK_FALSE(table.note(Endpoint{}, kLimit, 10));
  }
  CHECK_FALSE(table.over(failure_at("203.0.113.1"), off, 10));
  CHECK_FALSE(table.over(failure_at("203.0.113.1"), kLimit, 10));  // nothing was counted
  CHECK_FALSE(table.over(Endpoint{}, kLimit, 10));
}

TEST_CASE("failures: a limit that changes counts what there is") {
  FailureTable table;
  for (int i = 0; i < 3; ++i) table.note(failure_at("203.0.113.1"), {100, 60}, 10);
  CHECK(table.over(failure_at("203.0.113.1"), {3, 60}, 20));
  CHECK_FALSE(table.over(failure_at("203.0.113.1"), {4, 60}, 20));
  CHECK_FALSE(table.over(failure_at("203.0.113.1"), {3, 5}, 20));
}

TEST_CASE("failures: those over the limit stay, whoever else fails") {
  FailureTable table(1);  // room for eight
  const Endpoint guilty = failure_at("203.0.113.1"), busy = failure_at("203.0.113.2");
  for (int i = 0; i < 3; ++i) table.note(guilty, kLimit, 10);
  for (int i = 0; i < 2; ++i) table.note(busy, kLimit, 10);
  for (int i = 0; i < 10'000; ++i)
    table.note(failure_at(fmt::format("10.{}.{}.1", i / 250, i % 250)), kLimit, 11);
  CHECK(table.over(guilty, kLimit, 12));
  CHECK(table.note(busy, kLimit, 12));  // its two were not forgotten
}

TEST_CASE("failures: a table full of the guilty forgives nobody, and has room again later") {
  FailureTable table(1);
  for (int peer = 0; peer < 8; ++peer)
    for (int i = 0; i < 3; ++i) table.note(failure_at(fmt::format("10.0.0.{}", peer)), kLimit, 10);
  for (int i = 0; i < 5; ++i) CHECK_FALSE(table.note(failure_at("10.0.1.1"), kLimit, 20));
  for (int peer = 0; peer < 8; ++peer)
    CHECK(table.over(failure_at(fmt::format("10.0.0.{}", peer)), kLimit, 20));
  for (int i = 0; i < 3; ++i) table.note(failure_at("10.0.1.1"), kLimit, 70);
  CHECK(table.over(failure_at("10.0.1.1"), kLimit, 70));
}

TEST_CASE("failures: counts stop failure_at what a cell holds") {
  FailureTable table;
  const FailureTable::Limit most{10'000, 60};
  for (std::uint32_t i = 0; i < FailureTable::kMaxCount + 10; ++i)
    table.note(failure_at("203.0.113.1"), most, 10);
  CHECK(table.over(failure_at("203.0.113.1"), most, 10));
  CHECK_FALSE(table.over(failure_at("203.0.113.1"), most, 70));
}

TEST_CASE("failures: shards count together") {
  FailureTable table;
  constexpr FailureTable::Limit kMany{8'000, 60};
  const Endpoint peer = failure_at("203.0.113.1");
  std::atomic<int> told{0};
  std::vector<std::thread> shards;
  table.note(peer, kMany, 10);
  for (int i = 0; i < 4; ++i)
    shards.emplace_back([&] {
      for (int n = 0; n < 3'000; ++n)
        if (table.note(peer, kMany, 10)) ++told;
    });
  for (auto& shard : shards) shard.join();
  CHECK(told == 1);
  CHECK(table.over(peer, kMany, 10));
}

}  // namespace
}  // namespace keel::kernel
