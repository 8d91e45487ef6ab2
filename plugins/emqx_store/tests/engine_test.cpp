// The engine: what batches do to rows, in which order, and what is there after it was opened again.
#include "emqx_store/engine/engine.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "emqx_store/tests/store_harness.hpp"

using namespace emqx_store_test;  // NOLINT

namespace {

// The store's files are written to tables and merged, as after a long time.
void settle(Engine& engine) {
  REQUIRE(engine.flush());
  REQUIRE(engine.compact());
}

std::string number(std::uint32_t n) {
  std::string text = std::to_string(n);
  return std::string(8 - text.size(), '0') + text;
}

}  // namespace

TEST_CASE("a new store is empty, and has applied nothing") {
  const Directory directory;
  const auto engine = open(directory);
  CHECK(engine->last_ticket() == 0);
  for (std::uint8_t space = 0; space < KEEL_STORE_SPACES; ++space)
    CHECK(all(*engine, space).empty());
}

TEST_CASE("rows are put, replaced and erased, each in its space") {
  const Directory directory;
  auto engine = open(directory);
  apply(*engine, Batch(1).put(1, "a", "1").put(1, "b", "2").put(2, "a", "other"));
  CHECK(all(*engine, 1) == Rows{{"a", "1"}, {"b", "2"}});
  CHECK(all(*engine, 2) == Rows{{"a", "other"}});
  apply(*engine, Batch(2).put(1, "a", "new").erase(1, "b").erase(1, "never there"));
  CHECK(all(*engine, 1) == Rows{{"a", "new"}});
  CHECK(all(*engine, 2) == Rows{{"a", "other"}});
  CHECK(engine->last_ticket() == 2);

  REQUIRE(engine->close());
  engine = open(directory);
  CHECK(engine->last_ticket() == 2);
  CHECK(all(*engine, 1) == Rows{{"a", "new"}});
  CHECK(all(*engine, 2) == Rows{{"a", "other"}});
}

TEST_CASE("any octets are keys and values, and empty values are values") {
  const Directory directory;
  const auto engine = open(directory);
  const std::string zero(3, '\0'), high("\xff\xff", 2), large(70'000, 'k');
  apply(*engine,
        Batch(1).put(5, zero, {}).put(5, high, "h").put(5, large, std::string(1 << 20, 'v')));
  const Rows rows = all(*engine, 5);
  REQUIRE(rows.size() == 3);
  CHECK(rows[0] == std::pair(zero, std::string()));
  CHECK(rows[1] == std::pair(large, std::string(1 << 20, 'v')));
  CHECK(rows[2] == std::pair(high, std::string("h")));  // keys are compared as unsigned octets
}

TEST_CASE("operations of a batch count in their order") {
  struct Case {
    const char* name;
    Batch batch;
    Rows expected;
  };
  std::vector<Case> cases;
  const auto add = [&](const char* name, Rows expected) -> Batch& {
    cases.push_back({name, Batch(2), std::move(expected)});
    return cases.back().batch;
  };
  add("put, put", {{"k", "2"}, {"old", "x"}}).put(1, "k", "1").put(1, "k", "2");
  add("put, erase", {{"old", "x"}}).put(1, "k", "1").erase(1, "k");
  add("put, erase once", {{"old", "x"}}).put(1, "k", "1").erase_once(1, "k");
  add("erase, put", {{"old", "y"}}).erase(1, "old").put(1, "old", "y");
  add("put, range", {{"old", "x"}}).put(1, "k", "1").erase_range(1, "a", "o");
  add("range, put", {{"k", "1"}}).erase_range(1, "a", "z").put(1, "k", "1");
  add("put, range, put", {{"k", "2"}}).put(1, "k", "1").erase_range(1, "a", "z").put(1, "k", "2");
  add("put of another space, range", {{"old", "x"}}).put(2, "k", "1").erase_range(1, "a", "o");
  for (Case& c : cases) {
    INFO(c.name);
    for (const bool settled : {false, true}) {
      const Directory directory;
      auto engine = open(directory);
      apply(*engine, Batch(1).put(1, "old", "x"));
      if (settled) settle(*engine);
      apply(*engine, c.batch);
      CHECK(all(*engine, 1) == c.expected);
      settle(*engine);
      CHECK(all(*engine, 1) == c.expected);
    }
  }
}

TEST_CASE("a group of batches is applied in order") {
  const Directory directory;
  const auto engine = open(directory);
  std::vector<Batch> batches;
  batches.push_back(std::move(Batch(1).put(1, "a", "1").put(1, "b", "1")));
  batches.push_back(std::move(Batch(2).erase_range(1, "a", "b").put(1, "c", "2")));
  batches.push_back(std::move(Batch(3).put(1, "a", "3").erase(1, "c")));
  std::vector<keel_store_batch> group;
  for (const Batch& batch : batches) group.push_back(batch.c());
  REQUIRE(engine->apply(group));
  CHECK(all(*engine, 1) == Rows{{"a", "3"}, {"b", "1"}});
  CHECK(engine->last_ticket() == 3);
  CHECK(engine->stats().groups == 1);
  CHECK(engine->stats().batches == 3);
  CHECK(engine->stats().operations == 6);
}

TEST_CASE("a batch that was applied is passed over") {
  const Directory directory;
  auto engine = open(directory);
  apply(*engine, Batch(1).hold(7, "m", "text", 2));
  apply(*engine, Batch(2).release(7, "m"));
  REQUIRE(engine->close());
  engine = open(directory);
  // As after an upgrade: everything from the first that was not reported.
  std::vector<Batch> batches;
  batches.push_back(std::move(Batch(1).hold(7, "m", "text", 2)));
  batches.push_back(std::move(Batch(2).release(7, "m")));
  batches.push_back(std::move(Batch(3).put(1, "k", "v")));
  std::vector<keel_store_batch> group;
  for (const Batch& batch : batches) group.push_back(batch.c());
  REQUIRE(engine->apply(group));
  CHECK(engine->last_ticket() == 3);
  CHECK(engine->stats().batches_known == 2);
  CHECK(all(*engine, 7) == Rows{{"m", "text"}});
  CHECK(all(*engine, 1) == Rows{{"k", "v"}});
  apply(*engine, Batch(2).put(1, "k", "late"));
  CHECK(all(*engine, 1) == Rows{{"k", "v"}});
  CHECK(engine->last_ticket() == 3);
}

TEST_CASE("a message goes with its last holder") {
  const Directory directory;
  for (const std::uint32_t cached : {65'536u, 0u}) {
    for (const bool settled : {false, true}) {
      CAPTURE(cached);
      CAPTURE(settled);
      std::filesystem::remove_all(directory.db());
      EngineOptions options = options_for(directory);
      options.counts_cached = cached;
      auto engine = open(options);
      apply(*engine, Batch(1).hold(7, "m", "text", 3).hold(7, "n", "other", 1));
      if (settled) settle(*engine);
      apply(*engine, Batch(2).release(7, "m"));
      CHECK(all(*engine, 7) == Rows{{"m", "text"}, {"n", "other"}});
      REQUIRE(engine->close());
      engine = open(options);
      apply(*engine, Batch(3).release(7, "m").release(7, "n"));
      CHECK(all(*engine, 7) == Rows{{"m", "text"}});
      if (settled) settle(*engine);
      apply(*engine, Batch(4).release(7, "m"));
      CHECK(all(*engine, 7).empty());
      settle(*engine);
      CHECK(all(*engine, 7).empty());
      CHECK(engine->stats().unknown_releases == 0);
      CHECK(engine->stats().rows_estimated <= 2);  // the engine's own: no count is left behind
    }
  }
}

TEST_CASE("holders: several at once, more than there are, of nothing, of no one") {
  const Directory directory;
  const auto engine = open(directory);
  apply(*engine, Batch(1).hold(7, "a", "1", 5).hold(7, "b", "2", 2).hold(7, "nobody", "3", 0));
  CHECK(all(*engine, 7) == Rows{{"a", "1"}, {"b", "2"}});
  apply(*engine, Batch(2).release(7, "a", 4).release(7, "b", 9).release(7, "c"));
  CHECK(all(*engine, 7) == Rows{{"a", "1"}});
  CHECK(engine->stats().unknown_releases == 1);
  apply(*engine, Batch(3).release(7, "a").release(7, "a"));
  CHECK(all(*engine, 7).empty());
  CHECK(engine->stats().unknown_releases == 2);
}

TEST_CASE("a message can come and go within one group") {
  const Directory directory;
  const auto engine = open(directory);
  std::vector<Batch> batches;
  batches.push_back(std::move(Batch(1).hold(7, "m", "text", 2)));
  batches.push_back(std::move(Batch(2).release(7, "m")));
  batches.push_back(std::move(Batch(3).release(7, "m")));
  std::vector<keel_store_batch> group;
  for (const Batch& batch : batches) group.push_back(batch.c());
  REQUIRE(engine->apply(group));
  CHECK(all(*engine, 7).empty());
  settle(*engine);
  CHECK(all(*engine, 7).empty());
}

TEST_CASE("erasing a held row ends its holders, too") {
  const Directory directory;
  const auto engine = open(directory);
  apply(*engine, Batch(1).hold(7, "a", "1", 2).hold(7, "b", "2", 2).hold(7, "c", "3", 2));
  apply(*engine, Batch(2).erase(7, "a").erase_range(7, "b", "c"));
  CHECK(all(*engine, 7) == Rows{{"c", "3"}});
  apply(*engine, Batch(3).release(7, "a").release(7, "b"));
  CHECK(engine->stats().unknown_releases == 2);
  CHECK(all(*engine, 7) == Rows{{"c", "3"}});
}

TEST_CASE("a queue: rows put once, erased once, stay away through tables and merging") {
  const Directory directory;
  const auto engine = open(directory);
  std::uint64_t ticket = 0;
  for (std::uint32_t round = 0; round < 5; ++round) {
    Batch puts(++ticket);
    for (std::uint32_t i = 0; i < 200; ++i) puts.put(3, number(round * 200 + i), "v");
    apply(*engine, puts);
    REQUIRE(engine->flush());
    Batch erases(++ticket);
    for (std::uint32_t i = 0; i < 200; i += 2) erases.erase_once(3, number(round * 200 + i));
    apply(*engine, erases);
    REQUIRE(engine->flush());
  }
  CHECK(all(*engine, 3).size() == 500);
  settle(*engine);
  CHECK(all(*engine, 3).size() == 500);
  CHECK(all(*engine, 3).front().first == number(1));
}

TEST_CASE("ranges, small and large, over rows in tables and in memory") {
  for (const std::uint32_t rows : {1u, 999u, 1000u, 1001u, 5000u}) {
    CAPTURE(rows);
    const Directory directory;
    auto engine = open(directory);
    Batch puts(1);
    for (std::uint32_t i = 0; i < rows; ++i) puts.put(3, number(i), "v");
    puts.put(3, number(rows), "behind")
        .put(2, number(0), "of another space")
        .put(4, number(0), "4");
    apply(*engine, puts);
    settle(*engine);
    apply(*engine, Batch(2).put(3, number(0) + "x", "in memory"));
    apply(*engine, Batch(3).erase_range(3, number(0), number(rows)));
    CHECK(all(*engine, 3) == Rows{{number(rows), "behind"}});
    CHECK(all(*engine, 2).size() == 1);
    CHECK(all(*engine, 4).size() == 1);
    // A row that is gone already may be erased once more, and be written anew.
    apply(*engine, Batch(4).erase_once(3, number(0)).put(3, number(1), "anew"));
    settle(*engine);
    REQUIRE(engine->close());
    engine = open(directory);
    Rows expected{{number(1), "anew"}, {number(rows), "behind"}};
    if (rows == 1) expected = {{number(1), "anew"}};
    CHECK(text_of(all(*engine, 3)) == text_of(expected));
  }
}

TEST_CASE("a range without rows, and one that is none, change nothing") {
  const Directory directory;
  const auto engine = open(directory);
  apply(*engine, Batch(1).put(3, "m", "v"));
  apply(*engine,
        Batch(2).erase_range(3, "a", "m").erase_range(3, "z", "a").erase_range(3, "m", "m"));
  CHECK(all(*engine, 3) == Rows{{"m", "v"}});
}

TEST_CASE("an operation the engine does not know is never passed over") {
  for (const bool bad_space : {false, true}) {
    const Directory directory;
    auto engine = open(directory);
    const Batch batch = std::move(
        Batch(1).put(1, "a", "1").add(bad_space ? 1 : 77, bad_space ? 16 : 1, 0, 0, "k", "v"));
    const keel_store_batch c = batch.c();
    CHECK(engine->apply({&c, 1}).fault() == Fault::io);
    CHECK(engine->last_ticket() == 0);
    CHECK(all(*engine, 1).empty());
    // What failed once goes on failing: nobody knows what would be left out.
    const Batch good = std::move(Batch(2).put(1, "b", "2"));
    const keel_store_batch c2 = good.c();
    CHECK_FALSE(engine->apply({&c2, 1}));
    REQUIRE(engine->close());
    engine = open(directory);
    CHECK(engine->last_ticket() == 0);
    CHECK(all(*engine, 1).empty());
  }
}

TEST_CASE("what was applied is there without being closed") {
  const Directory directory;
  {
    auto engine = open(directory);
    apply(*engine, Batch(1).put(1, "a", "1"));
    engine.reset();
  }
  const auto engine = open(directory);
  CHECK(engine->last_ticket() == 1);
  CHECK(all(*engine, 1) == Rows{{"a", "1"}});
}

TEST_CASE("stats tell what is there") {
  const Directory directory;
  const auto engine = open(directory);
  Batch puts(1);
  for (std::uint32_t i = 0; i < 1000; ++i) puts.put(3, number(i), std::string(300, 'v'));
  apply(*engine, puts);
  CHECK(engine->stats().memtable_bytes > 300'000);
  settle(*engine);
  CHECK(engine->stats().table_bytes > 10'000);
  CHECK(engine->stats().rows_estimated >= 1000);
  CHECK(engine->stats().last_ticket == 1);
  CHECK(engine->stats().open_us > 0);
}
