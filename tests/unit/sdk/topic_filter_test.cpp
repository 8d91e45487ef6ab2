#include "keel/topic_filter.hpp"

#include <doctest/doctest.h>

#include <string>

TEST_CASE("filters against filters") {
  struct Case {
    const char *rule, *asked;
    bool covers, overlaps;
  };
  const Case cases[] = {
      {"a", "a", true, true},          {"a", "b", false, false},
      {"a", "a/b", false, false},      {"a/#", "a", true, true},
      {"a/#", "a/b/c", true, true},    {"a/#", "a/#", true, true},
      {"a/#", "a/+/c", true, true},    {"a/#", "#", false, true},
      {"#", "a/b", true, true},        {"#", "#", true, true},
      {"#", "$SYS/x", false, false},   {"+/x", "$SYS/x", false, false},
      {"$SYS/#", "#", false, false},   {"$SYS/#", "$SYS/x", true, true},
      {"$SYS/#", "+/x", false, false}, {"a/+", "a/b", true, true},
      {"a/+", "a/+", true, true},      {"a/+", "a/#", false, true},
      {"a/+", "a", false, false},      {"a/+", "a/b/c", false, false},
      {"a/+", "a/", true, true},       {"a/b", "a/+", false, true},
      {"+/b", "a/+", false, true},     {"a/b", "+/c", false, false},
      {"a/b/#", "+/+", false, true},   {"a/b/#", "+", false, false},
      {"+/+/#", "a/#", false, true},   {"/", "/", true, true},
      {"/+", "/", true, true},         {"+", "/", false, false},
      {"a//b", "a/+/b", false, true},  {"a/b/c", "a/b", false, false},
      {"+/#", "a", true, true},        {"a/+/#", "a", false, false},
      {"a/$x", "a/$x", true, true},    {"+/$x", "a/$x", true, true},
  };
  for (const Case& one : cases) {
    CAPTURE(one.rule);
    CAPTURE(one.asked);
    CHECK(keel::filter_covers(one.rule, one.asked) == one.covers);
    CHECK(keel::filters_overlap(one.rule, one.asked) == one.overlaps);
    CHECK(keel::filters_overlap(one.asked, one.rule) == one.overlaps);
  }
  for (const char* good : {"a", "+", "#", "/", "a/#", "+/+/#", "$SYS/#", "a//b"}) {
    CHECK(keel::is_topic_filter(good));
  }
  for (const char* bad : {"", "a#", "#/a", "a/#/b", "a+", "+a/b", "##"}) {
    CAPTURE(bad);
    CHECK(!keel::is_topic_filter(bad));
  }
  CHECK(!keel::is_topic_filter(std::string_view("a\0b", 3)));
  CHECK(!keel::is_topic_filter(std::string(70'000, 'a')));
}
