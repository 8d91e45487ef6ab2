#include "tools/plugin_check/trend.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <random>

using keel::check::median;
using keel::check::trend_of;

namespace {

// `cycles` readings around 1 MB that grow by `growth` each, with noise and, every so often, a jump.
std::vector<double> readings(std::size_t cycles, double growth, double noise, int jump_every) {
  std::mt19937 random(7);
  std::uniform_real_distribution<double> wobble(-noise, noise);
  std::vector<double> out;
  for (std::size_t i = 0; i < cycles; ++i) {
    const bool jumps = jump_every > 0 && i % static_cast<std::size_t>(jump_every) == 0;
    out.push_back(1e6 + growth * static_cast<double>(i) + wobble(random) + (jumps ? 5e5 : 0));
  }
  return out;
}

}  // namespace

TEST_CASE("median") {
  CHECK(median({}) == 0);
  CHECK(median({3}) == 3);
  CHECK(median({9, 1, 5}) == 5);
  CHECK(median({4, 1, 3, 2}) == 2.5);
}

TEST_CASE("a flat series has no trend, whatever its noise") {
  CHECK(trend_of({}).per_step == 0);
  CHECK(trend_of({5}).per_step == 0);
  CHECK(trend_of(std::vector<double>(100, 42.0)).per_step == 0);
  const auto noisy = trend_of(readings(100, 0, 4096, 0));
  CHECK(std::abs(noisy.per_step) < 60);
  const auto jumping = trend_of(readings(100, 0, 100, 7));
  CHECK(jumping.per_step < 8);
  CHECK(jumping.per_step > -8);
}

TEST_CASE("a leak is seen through noise and jumps") {
  for (const double leak : {200.0, 1000.0, 20'000.0}) {
    CAPTURE(leak);
    const auto trend = trend_of(readings(100, leak, 500, 6));
    CHECK(trend.per_step == doctest::Approx(leak).epsilon(0.15));
    CHECK(trend.total == doctest::Approx(leak * 56).epsilon(0.25));
  }
}

TEST_CASE("what fills up in the first quarter is no leak") {
  std::vector<double> out;
  for (int i = 0; i < 100; ++i) out.push_back(1e6 + 1000.0 * std::min(i, 20));
  CHECK(trend_of(out).per_step == 0);
}

TEST_CASE("a long series takes no long time") {
  const auto trend = trend_of(readings(100'000, 10, 100, 0));
  CHECK(trend.per_step == doctest::Approx(10).epsilon(0.05));
}
