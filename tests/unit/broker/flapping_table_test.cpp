// Disconnects by client id.
#include "kernel/broker/flapping_table.hpp"

#include <doctest/doctest.h>

#include <string>

namespace keel::kernel {
namespace {

constexpr FlappingSettings kSettings{
    .enabled = true, .max_disconnects = 3, .window_s = 10, .ban_for_s = 60};

TEST_CASE("flapping: one disconnect more than there may be") {
  FlappingTable table;
  for (int i = 0; i < 3; ++i) CHECK_FALSE(table.note("c", kSettings, 1'000 + i));
  CHECK_FALSE(table.note("d", kSettings, 1'003));
  CHECK(table.note("c", kSettings, 1'004));
  CHECK_FALSE(table.note("c", kSettings, 1'005));  // forgotten with the ban
}

TEST_CASE("flapping: the window ends, counted from its first disconnect") {
  FlappingTable table;
  for (int i = 0; i < 3; ++i) CHECK_FALSE(table.note("c", kSettings, 1'000));
  CHECK_FALSE(table.note("c", kSettings, 11'000));
  for (int i = 0; i < 2; ++i) CHECK_FALSE(table.note("c", kSettings, 11'001));
  CHECK(table.note("c", kSettings, 20'999));
}

TEST_CASE("flapping: many other ids do not grow it, and those who go on are noticed") {
  FlappingTable table;
  for (int i = 0; i < 200'000; ++i) table.note("x" + std::to_string(i), kSettings, 1'000 + i / 100);
  int banned = 0;
  for (int i = 0; i < 4; ++i) banned += table.note("c", kSettings, 4'000) ? 1 : 0;
  CHECK(banned == 1);
  table.clear();
  CHECK_FALSE(table.note("c", kSettings, 4'001));
}

}  // namespace
}  // namespace keel::kernel
