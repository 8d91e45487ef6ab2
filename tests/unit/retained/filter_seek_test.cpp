#include "kernel/retained/filter_seek.hpp"

#include <doctest/doctest.h>

#include <string>

#include "kernel/retained/topic_order.hpp"

using namespace keel::kernel;

TEST_CASE("the order keeps subtrees together") {
  const char* sorted[] = {"/",     "/a",    "a",  "a/",  "a//", "a/a",
                          "a/b/c", "a\x01", "a ", "a-b", "ab",  "b"};
  for (std::size_t i = 0; i < std::size(sorted); ++i) {
    for (std::size_t j = 0; j < std::size(sorted); ++j) {
      CAPTURE(sorted[i]);
      CAPTURE(sorted[j]);
      const int order = topic_order::compare(sorted[i], sorted[j]);
      CHECK((order < 0) == (i < j));
      CHECK((order == 0) == (i == j));
    }
  }
  CHECK(topic_order::compare("12345678/a", "12345678-") < 0);
  CHECK(topic_order::compare("1234567890123456x", "1234567890123456") > 0);
}

TEST_CASE("steps") {
  const struct {
    const char *filter, *topic;
    FilterStep step;
    const char* key;
  } cases[] = {
      {"a/+/c", "a/b/c", FilterStep::match, ""},
      {"a/+/c", "a/b", FilterStep::seek, "a/b/c"},
      {"a/+/c", "a/b/a", FilterStep::seek, "a/b/c"},
      {"a/+/c", "a/b/d", FilterStep::seek, "a/b\x01"},
      {"a/+/c", "a/b/c/d", FilterStep::seek, "a/b\x01"},
      {"a/+/c", "a", FilterStep::seek, "a/"},
      {"a/+/c", "A/b", FilterStep::seek, "a"},
      {"a/+/c", "b", FilterStep::done, ""},
      {"a/#", "a", FilterStep::match, ""},
      {"a/#", "a/b/c", FilterStep::match, ""},
      {"a/#", "a-", FilterStep::done, ""},
      {"+/b/#", "a/a/z", FilterStep::seek, "a/b"},
      {"+/+", "a/b/c", FilterStep::seek, "a/b\x01"},
      {"+/b", "$x/b", FilterStep::seek, "%"},
      {"#", "$x", FilterStep::seek, "%"},
      {"#", "a", FilterStep::match, ""},
      {"a", "a/b", FilterStep::done, ""},
  };
  for (const auto& c : cases) {
    CAPTURE(c.filter);
    CAPTURE(c.topic);
    std::string key;
    CHECK(filter_step(c.filter, c.topic, key) == c.step);
    if (c.step != FilterStep::seek) continue;
    CHECK(key == c.key);
    CHECK(topic_order::compare(key, c.topic) > 0);
  }
}
