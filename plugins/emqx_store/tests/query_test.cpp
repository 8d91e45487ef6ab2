// Queries of the engine, with their bounds.
#include <doctest/doctest.h>

#include <array>
#include <string>
#include <string_view>

#include "emqx_store/tests/store_harness.hpp"

using namespace emqx_store_test;  // NOLINT

namespace {

// Spaces 2 and 4 have rows, too: no query may see them.
std::unique_ptr<Engine> filled(const Directory& directory) {
  auto engine = open(directory);
  apply(*engine, Batch(1)
                     .put(2, "z", "before")
                     .put(3, "a", "1")
                     .put(3, "b", "22")
                     .put(3, "c", "333")
                     .put(3, "d", "4444")
                     .put(4, "a", "behind"));
  return engine;
}

}  // namespace

TEST_CASE("ranges") {
  struct Case {
    std::string_view from, to;
    std::uint32_t max_rows, max_bytes;
    std::string_view keys;
    bool more;
  };
  const Case cases[] = {
      {"", "", 0, 0, "abcd", false}, {"", "", 4, 0, "abcd", false}, {"", "", 3, 0, "abc", true},
      {"", "", 1, 0, "a", true},     {"b", "", 0, 0, "bcd", false}, {"bb", "", 0, 0, "cd", false},
      {"b", "d", 0, 0, "bc", false}, {"b", "d", 1, 0, "b", true},   {"b", "d", 2, 0, "bc", false},
      {"", "a", 0, 0, "", false},    {"e", "", 0, 0, "", false},    {"c", "b", 0, 0, "", false},
      {"", "", 0, 1, "a", true},     {"", "", 0, 2, "a", true},     {"", "", 0, 3, "ab", true},
      {"", "", 0, 5, "ab", true},    {"", "", 0, 6, "abc", true},   {"", "", 0, 10, "abcd", false},
      {"", "", 2, 9, "ab", true},    {"", "", 3, 2, "a", true},
  };
  const Directory directory;
  auto engine = filled(directory);
  for (const bool in_tables : {false, true}) {
    CAPTURE(in_tables);
    if (in_tables) REQUIRE(engine->flush());
    for (const Case& c : cases) {
      CAPTURE(c.from);
      CAPTURE(c.to);
      CAPTURE(c.max_rows);
      CAPTURE(c.max_bytes);
      keel_store_query range = query(KEEL_STORE_RANGE, 3, c.from, c.to);
      range.max_rows = c.max_rows;
      range.max_bytes = c.max_bytes;
      Answer answer = engine->read(range);
      CHECK(answer.outcome);
      std::string keys, octets;
      for (const auto& [key, value] : rows_of(answer)) keys += key, octets += key + value;
      CHECK(keys == c.keys);
      CHECK(answer.more == c.more);

      range.kind = KEEL_STORE_COUNT;
      answer = engine->read(range);
      CHECK(answer.outcome);
      CHECK(answer.counted == c.keys.size());
      CHECK(answer.counted_octets == octets.size());
      CHECK(answer.more == c.more);
      CHECK(answer.rows.empty());
    }
  }
}

TEST_CASE("the last row of a range") {
  const Directory directory;
  const auto engine = filled(directory);
  const auto last = [&](std::uint8_t space, std::string_view from, std::string_view to) {
    const Answer answer = engine->read(query(KEEL_STORE_LAST, space, from, to));
    CHECK(answer.outcome);
    CHECK_FALSE(answer.more);
    return rows_of(answer);
  };
  CHECK(last(3, "", "") == Rows{{"d", "4444"}});
  CHECK(last(3, "", "d") == Rows{{"c", "333"}});
  CHECK(last(3, "", "cc") == Rows{{"c", "333"}});
  CHECK(last(3, "a", "b") == Rows{{"a", "1"}});
  CHECK(last(3, "e", "").empty());
  CHECK(last(3, "", "a").empty());
  CHECK(last(3, "b1", "b2").empty());
  CHECK(last(1, "", "").empty());
  CHECK(last(15, "", "").empty());
}

TEST_CASE("many keys") {
  const Directory directory;
  const auto engine = filled(directory);
  const std::array<keel_str, 5> keys{{{"c", 1}, {"nowhere", 7}, {"a", 1}, {"z", 1}, {"d", 1}}};
  keel_store_query many = query(KEEL_STORE_MANY, 3);
  many.keys = keys.data();
  many.key_count = keys.size();
  Answer answer = engine->read(many);
  CHECK(answer.outcome);
  CHECK_FALSE(answer.more);
  CHECK(rows_of(answer) == Rows{{"c", "333"}, {"a", "1"}, {"d", "4444"}});

  many.max_rows = 2;
  answer = engine->read(many);
  CHECK(answer.more);
  CHECK(rows_of(answer) == Rows{{"c", "333"}, {"a", "1"}});
  many.max_rows = 0;
  many.max_bytes = 4;
  answer = engine->read(many);
  CHECK(answer.more);
  CHECK(rows_of(answer) == Rows{{"c", "333"}});

  many.key_count = 0;
  answer = engine->read(many);
  CHECK(answer.rows.empty());
  CHECK_FALSE(answer.more);
}

TEST_CASE("a question that makes no sense is answered with a fault") {
  const Directory directory;
  const auto engine = filled(directory);
  CHECK_FALSE(engine->read(query(0, 3)).outcome);
  CHECK_FALSE(engine->read(query(9, 3)).outcome);
  const Answer answer = engine->read(query(KEEL_STORE_RANGE, KEEL_STORE_SPACES));
  CHECK_FALSE(answer.outcome);
  CHECK(answer.rows.empty());
}

TEST_CASE("the engine's own rows are in no space") {
  const Directory directory;
  const auto engine = open(directory);
  apply(*engine, Batch(1).hold(7, "m", "text", 2).put(15, "last", "space"));
  std::size_t rows = 0;
  for (std::uint8_t space = 0; space < KEEL_STORE_SPACES; ++space)
    rows += all(*engine, space).size();
  CHECK(rows == 2);
  CHECK(all(*engine, 15) == Rows{{"last", "space"}});
}
