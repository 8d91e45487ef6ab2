#include "kernel/config/value.hpp"

#include <doctest/doctest.h>

using namespace keel::kernel;

TEST_CASE("durations") {
  struct Case {
    const char* text;
    std::int64_t ms;
  };
  for (const Case& c : {Case{"500ms", 500},
                        {"20s", 20'000},
                        {"15m", 900'000},
                        {"2h", 7'200'000},
                        {"7d", 604'800'000},
                        {"1w", 604'800'000},
                        {"1h30m", 5'400'000},
                        {"1m500ms", 60'500},
                        {"0s", 0},
                        {"20S", 20'000}}) {
    CAPTURE(c.text);
    REQUIRE(parse_duration(c.text));
    CHECK(*parse_duration(c.text) == c.ms);
  }
  for (const char* text :
       {"", "s", "20", "20 s", " 20s", "20s ", "-1s", "+1s", "1.5s", "20x", "1h30",
        "99999999999999999999s", "9223372036854775807w", "infinity", "0x10s"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_duration(text));
  }
}

TEST_CASE("durations print as they are read") {
  struct Case {
    std::int64_t ms;
    const char* text;
  };
  for (const Case& c : {Case{0, "0s"},
                        {1, "1ms"},
                        {1'500, "1500ms"},
                        {90'000, "90s"},
                        {7'200'000, "2h"},
                        {604'800'000, "7d"},
                        {3'601'000, "3601s"}}) {
    CHECK(print_duration(c.ms) == c.text);
    CHECK(parse_duration(c.text) == c.ms);
  }
}

TEST_CASE("sizes") {
  struct Case {
    const char* text;
    std::int64_t bytes;
  };
  for (const Case& c : {Case{"0", 0},
                        {"512", 512},
                        {"512B", 512},
                        {"64KB", 65'536},
                        {"64k", 65'536},
                        {"1MB", 1'048'576},
                        {"10MiB", 10'485'760},
                        {"2g", 2'147'483'648},
                        {"1TB", 1'099'511'627'776},
                        {"1mb", 1'048'576}}) {
    CAPTURE(c.text);
    REQUIRE(parse_size(c.text));
    CHECK(*parse_size(c.text) == c.bytes);
  }
  for (const char* text : {"", "MB", "1 MB", "-1", "1.5MB", "1XB", "1MBB", "1MB1KB", "1bi",
                           "9223372036854775807KB", "99999999999999999999"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_size(text));
  }
}

TEST_CASE("sizes print as they are read") {
  CHECK(print_size(0) == "0");
  CHECK(print_size(1'000) == "1000");
  CHECK(print_size(65'536) == "64KB");
  CHECK(print_size(10'485'760) == "10MB");
  CHECK(print_size(1LL << 40) == "1024GB");
}

TEST_CASE("strings are quoted as TOML wants them") {
  CHECK(quote_toml("plain") == R"("plain")");
  CHECK(quote_toml("a\"b\\c\n\x7f") == R"("a\"b\\c\u000A\u007F")");
  CHECK(quote_toml(std::vector<std::string>{}) == "[]");
  CHECK(quote_toml(std::vector<std::string>{"a", "b"}) == R"(["a", "b"])");
}
