// How much space the store may take, and what has to stay free.
#include "emqx_store/run/watermarks.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "keel/ext/store.h"

using namespace emqx_store;  // NOLINT

namespace {

constexpr std::uint64_t kGB = 1ull << 30;

Watermarks marks(const char* first, const char* second, const char* third,
                 std::uint64_t max_size = 0) {
  return {{*Amount::parse(first), *Amount::parse(second), *Amount::parse(third)}, max_size};
}

}  // namespace

TEST_CASE("amounts") {
  struct Case {
    std::string_view text;
    bool percent;
    double value;
  };
  const Case good[] = {
      {"5%", true, 5},           {"0.5%", true, 0.5},      {"100%", true, 100},
      {"0%", true, 0},           {"2GB", false, 2. * kGB}, {"1.5 GB", false, 1.5 * kGB},
      {"10MB", false, 10485760}, {"4KB", false, 4096},     {"7B", false, 7},
      {"123", false, 123},       {"0", false, 0},          {"1TB", false, 1024. * kGB}};
  for (const Case& c : good) {
    CAPTURE(c.text);
    const auto amount = Amount::parse(c.text);
    REQUIRE(amount);
    CHECK(amount->percent == c.percent);
    CHECK(amount->value == doctest::Approx(c.value));
  }
  for (const std::string_view bad : {"", "%", "five", "101%", "-1%", "-5GB", "5%%", "5 PB", "nan%",
                                     "inf", "1GBx", " 5%", "5gb"}) {
    CAPTURE(bad);
    CHECK_FALSE(Amount::parse(bad));
  }
}

TEST_CASE("levels by what is free") {
  const Watermarks shares = marks("10%", "5%", "1%");
  const auto level = [&](std::uint64_t free, std::uint32_t before) {
    return space_level(shares, {.total = 1000, .free = free, .used = 0}, before);
  };
  struct Case {
    std::uint64_t free;
    std::uint32_t before, expected;
  };
  const Case cases[] = {
      {1000, 0, 0},
      {100, 0, 0},
      {99, 0, 1},
      {50, 0, 1},
      {49, 0, 2},
      {10, 0, 2},
      {9, 0, 3},
      {0, 0, 3},
      // A mark that was passed counts until there is a tenth more.
      {100, 1, 1},
      {109, 1, 1},
      {111, 1, 0},
      {54, 2, 2},
      {56, 2, 1},
      {10, 3, 3},
      {12, 3, 2},
      {109, 3, 1},
      {111, 3, 0},
      {1000, 3, 0},
      {9, 1, 3},
  };
  for (const Case& c : cases) {
    CAPTURE(c.free);
    CAPTURE(c.before);
    CHECK(level(c.free, c.before) == c.expected);
  }
}

TEST_CASE("levels by what the store takes") {
  const Watermarks bounded = marks("0", "0", "0", 1000);
  const auto level = [&](std::uint64_t used, std::uint32_t before) {
    return space_level(bounded, {.total = 1 << 20, .free = 1 << 20, .used = used}, before);
  };
  struct Case {
    std::uint64_t used;
    std::uint32_t before, expected;
  };
  const Case cases[] = {{0, 0, 0},   {899, 0, 0},  {900, 0, 1},  {949, 0, 1}, {950, 0, 2},
                        {999, 0, 2}, {1000, 0, 3}, {5000, 0, 3}, {890, 1, 1}, {873, 1, 1},
                        {872, 1, 0}, {970, 3, 3},  {969, 3, 2},  {0, 3, 0}};
  for (const Case& c : cases) {
    CAPTURE(c.used);
    CAPTURE(c.before);
    CHECK(level(c.used, c.before) == c.expected);
  }
  CHECK(space_level(marks("0", "0", "0"), {.total = 1, .free = 0, .used = 1ull << 60}, 0) == 0);
}

TEST_CASE("the worse of both counts, and the text names it with the remedy") {
  const Watermarks both = marks("2GB", "1GB", "1MB", 10 * kGB);
  const DiskSpace store_full{.total = 100 * kGB, .free = 50 * kGB, .used = 11 * kGB};
  CHECK(space_level(both, store_full, 0) == KEEL_STORE_FULL);
  std::string text = space_text(both, store_full, "/data/db");
  CHECK(text.find("11.0 GB of store.max_size = 10.0 GB") != std::string::npos);
  const DiskSpace disk_short{.total = 100 * kGB, .free = kGB * 3 / 2, .used = kGB};
  CHECK(space_level(both, disk_short, 0) == KEEL_STORE_SHORT);
  text = space_text(both, disk_short, "/data/db");
  CHECK(text.find("/data/db has 1.5 GB left") != std::string::npos);
  CHECK(text.find("store.min_free") != std::string::npos);
  CHECK(text.find('\n') == std::string::npos);
}

TEST_CASE("sizes for people") {
  CHECK(size_text(0) == "0 B");
  CHECK(size_text(1023) == "1023 B");
  CHECK(size_text(1536) == "1.5 KB");
  CHECK(size_text(5 * kGB) == "5.0 GB");
  CHECK(size_text(3 * 1024 * kGB) == "3.0 TB");
  CHECK(size_text(3000 * 1024 * kGB) == "3000.0 TB");
}
