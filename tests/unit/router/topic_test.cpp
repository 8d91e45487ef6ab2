#include "kernel/router/topic.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace keel::kernel;

namespace {

FilterError error_of(std::string_view text, std::uint32_t max_length = 0,
                     std::uint32_t max_levels = 0) {
  ParsedFilter parsed;
  return parse_filter(text, max_length, max_levels, parsed);
}

}  // namespace

TEST_CASE("filters that hold") {
  for (const char* text : {"a",  "/",      "//",    "/a",        "a/",        "a//b",      "+",
                           "#",  "+/+",    "+/#",   "a/#",       "a/+/b",     "/#",        "/+",
                           "+/", "$SYS/#", "a b/c", "$sharex/a", "$queued/b", "\xc3\xa4/+"})
    CHECK_MESSAGE(error_of(text) == FilterError::none, text);
}

TEST_CASE("filters that do not") {
  const struct {
    std::string_view text;
    FilterError error;
  } cases[] = {
      {"", FilterError::empty},
      {"a#", FilterError::bad_wildcard},
      {"a/#/b", FilterError::bad_wildcard},
      {"#/", FilterError::bad_wildcard},
      {"##", FilterError::bad_wildcard},
      {"a+", FilterError::bad_wildcard},
      {"+a", FilterError::bad_wildcard},
      {"a/+b/c", FilterError::bad_wildcard},
      {"a/b+/c", FilterError::bad_wildcard},
      {"++", FilterError::bad_wildcard},
      {"+#", FilterError::bad_wildcard},
      {"$share", FilterError::bad_share},
      {"$share/", FilterError::bad_share},
      {"$share/g", FilterError::bad_share},
      {"$share/g/", FilterError::bad_share},
      {"$share//a", FilterError::bad_share},
      {"$share/+/a", FilterError::bad_share},
      {"$share/g#/a", FilterError::bad_share},
      {"$share/g/a+", FilterError::bad_wildcard},
      {"$queue", FilterError::bad_share},
      {"$queue/", FilterError::bad_share},
      {"$queue/a#", FilterError::bad_wildcard},
      {"a\xff", FilterError::bad_utf8},
      {"a\xed\xa0\x80", FilterError::bad_utf8},
      {std::string_view("a\0b", 3), FilterError::bad_utf8},
  };
  for (const auto& c : cases) {
    CAPTURE(std::string(c.text));
    CHECK(error_of(c.text) == c.error);
    CHECK(filter_error_text(c.error).size() > 20);
  }
}

TEST_CASE("share prefixes are taken off") {
  ParsedFilter parsed;
  REQUIRE(parse_filter("$share/g/a/+", 0, 0, parsed) == FilterError::none);
  CHECK(parsed.group == "g");
  CHECK(parsed.filter == "a/+");
  CHECK(parsed.wildcard);
  CHECK(parsed.shared());
  REQUIRE(parse_filter("$queue/a", 0, 0, parsed) == FilterError::none);
  CHECK(parsed.group == "$queue");
  CHECK(parsed.filter == "a");
  CHECK_FALSE(parsed.wildcard);
  REQUIRE(parse_filter("$share/g//", 0, 0, parsed) == FilterError::none);
  CHECK(parsed.filter == "/");
  REQUIRE(parse_filter("plain/$share", 0, 0, parsed) == FilterError::none);
  CHECK_FALSE(parsed.shared());
}

TEST_CASE("limits count the whole text, and the levels behind the prefix") {
  CHECK(error_of("abcd", 4) == FilterError::none);
  CHECK(error_of("abcde", 4) == FilterError::too_long);
  CHECK(error_of("a/b/c", 0, 3) == FilterError::none);
  CHECK(error_of("a/b/c/d", 0, 3) == FilterError::too_deep);
  CHECK(error_of("$share/g/a/b/c", 0, 3) == FilterError::none);
  CHECK(error_of(std::string(65'535, 'a')) == FilterError::none);
  CHECK(error_of(std::string(65'536, 'a')) == FilterError::too_long);
}

TEST_CASE("which topics a filter matches") {
  const struct {
    std::string_view filter, topic;
    bool matches;
  } cases[] = {
      {"a", "a", true},         {"a", "b", false},          {"a", "a/b", false},
      {"a/b", "a", false},      {"+", "a", true},           {"+", "a/b", false},
      {"+", "/a", false},       {"+/+", "/a", true},        {"/+", "/a", true},
      {"#", "a", true},         {"#", "/", true},           {"#", "a/b/c", true},
      {"a/#", "a", true},       {"a/#", "a/", true},        {"a/#", "a/b/c", true},
      {"a/#", "ab", false},     {"a/+", "a", false},        {"a/+", "a/", true},
      {"a/+/c", "a/b/c", true}, {"a/+/c", "a//c", true},    {"a/+/c", "a/b/d", false},
      {"a/+/#", "a", false},    {"a/+/#", "a/b", true},     {"#", "$SYS/x", false},
      {"+/x", "$SYS/x", false}, {"$SYS/#", "$SYS/x", true}, {"$SYS/+", "$SYS/x", true},
      {"a/#", "a/$x", true},    {"+/+", "a/$x", true},      {"+/#", "a", true},
  };
  for (const auto& c : cases) {
    CAPTURE(c.filter);
    CAPTURE(c.topic);
    CHECK(topic_matches(c.filter, c.topic) == c.matches);
  }
}

TEST_CASE("levels are counted") {
  CHECK(topic_levels("a") == 1);
  CHECK(topic_levels("/") == 2);
  CHECK(topic_levels("a/b/c") == 3);
}
