#include "kernel/admin/text.hpp"

#include <doctest/doctest.h>

#include "kernel/admin/load_average.hpp"
#include "kernel/admin/system_info.hpp"

using namespace keel::kernel;

TEST_CASE("uptime leaves out leading zero parts") {
  CHECK(uptime_text(0) == "0 seconds");
  CHECK(uptime_text(25) == "25 seconds");
  CHECK(uptime_text(60) == "1 minutes, 0 seconds");
  CHECK(uptime_text(3'600) == "1 hours, 0 minutes, 0 seconds");
  CHECK(uptime_text(2 * 86'400 + 3 * 3'600 + 5) == "2 days,3 hours, 0 minutes, 5 seconds");
}

TEST_CASE("numbers are digits only and bounded") {
  std::uint64_t out = 0;
  CHECK(parse_number("0", out));
  CHECK(parse_number("2", out, 2));
  CHECK(out == 2);
  for (const char* bad : {"", "-1", "+1", " 1", "1 ", "0x1", "3", "99999999999999999999"})
    CHECK_FALSE(parse_number(bad, out, 2));
}

TEST_CASE("names stay on one line at full length") {
  CHECK(one_line("plain") == "plain");
  CHECK(one_line("a\nb\x1b[0m") == "a\\x0ab\\x1b[0m");
  CHECK(one_line(std::string(5'000, 'x')).size() == 5'000);
  CHECK(one_line(std::string(1'000, '\n')).size() == 4'000);
}

TEST_CASE("load averages approach a steady rate, the short one first") {
  LoadAverage load;
  load.sample(1'000, 0);
  CHECK(load.averages()[0] == 0);
  std::uint64_t count = 1'000;
  for (int minute = 1; minute <= 3; ++minute) load.sample(count += 60, minute * 60'000);
  const auto [one, five, fifteen] = load.averages();
  CHECK(one > five);
  CHECK(five > fifteen);
  CHECK(one > 50);
  CHECK(one < 60);
  for (int minute = 4; minute <= 200; ++minute) load.sample(count += 60, minute * 60'000);
  for (const double average : load.averages()) CHECK(average == doctest::Approx(60).epsilon(0.001));
  load.sample(count, 200 * 60'000);  // no time has passed
  CHECK(load.averages()[0] == doctest::Approx(60).epsilon(0.001));
}

TEST_CASE("the process knows itself") {
  CHECK(process_memory().resident > 0);
  CHECK(process_memory().resident_peak >= process_memory().resident / 2);
  CHECK(thread_count() >= 1);
  CHECK(open_descriptors() >= 3);
  CHECK(max_descriptors() >= open_descriptors());
}
