#include "kernel/durable/latency_record.hpp"

#include <doctest/doctest.h>

namespace keel::kernel {
namespace {

TEST_CASE("latency record: of nothing, all is 0") {
  const LatencyRecord::Summary none = LatencyRecord().summary();
  CHECK(none.count == 0);
  CHECK(none.p50 == 0);
  CHECK(none.p99 == 0);
  CHECK(none.max == 0);
}

TEST_CASE("latency record: one value is all of them") {
  LatencyRecord record;
  record.add(7);
  const auto one = record.summary();
  CHECK(one.count == 1);
  CHECK(one.p50 == 7);
  CHECK(one.p99 == 7);
  CHECK(one.max == 7);
}

TEST_CASE("latency record: percentiles do not depend on the order") {
  LatencyRecord record;
  for (std::uint64_t i = 0; i < 1000; ++i) record.add((i * 7) % 1000 + 1);  // 1 ... 1000, mixed
  const auto all = record.summary();
  CHECK(all.count == 1000);
  CHECK(all.p50 == 500);
  CHECK(all.p99 == 990);
  CHECK(all.max == 1000);
}

TEST_CASE("latency record: old values are forgotten, but counted") {
  LatencyRecord record;
  record.add(1'000'000);
  for (int i = 0; i < 1024; ++i) record.add(5);
  const auto recent = record.summary();
  CHECK(recent.count == 1025);
  CHECK(recent.max == 5);
}

}  // namespace
}  // namespace keel::kernel
