// The journal with one thread: tickets, order, what waits, and stores that come and go.
#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

#include "tests/unit/durable/fake_store.hpp"

namespace keel::test {
namespace {

using Tickets = std::vector<std::uint64_t>;
using Keys = std::vector<std::string>;

// A journal that keeps what it reports.
struct Rig {
  Rig() {
    journal.on_commit([this](std::uint64_t ticket) { reported.push_back(ticket); });
  }
  std::uint64_t submit(std::string_view key) { return journal.submit(batch_of({key})); }
  void commit(FakeStore& store, std::size_t count = SIZE_MAX) {
    journal.committed(store.apply(count));
  }

  Tickets reported;
  Journal journal;
};

TEST_CASE("journal: without a store nothing is written, and nothing has to be waited for") {
  Rig rig;
  CHECK_FALSE(rig.journal.attached());
  CHECK(rig.submit("a") == 0);
  CHECK(rig.journal.submit(nullptr) == 0);
  bool filled = false;
  rig.journal.common([&](Batch&) { filled = true; });
  CHECK_FALSE(filled);
  CHECK(rig.journal.backlog() == 0);
  CHECK(rig.journal.state().submitted == 0);
  CHECK(rig.reported.empty());
}

TEST_CASE("journal: tickets ascend by one, in the order in which the store gets them") {
  Rig rig;
  FakeStore store;
  rig.journal.attach(store);
  CHECK(rig.journal.attached());
  CHECK(rig.submit("a") == 1);
  CHECK(rig.submit("b") == 2);
  CHECK(rig.submit("c") == 3);
  CHECK(store.waiting() == Tickets{1, 2, 3});
  CHECK(rig.reported.empty());
  rig.commit(store, 2);
  CHECK(rig.reported == Tickets{2});
  rig.commit(store);
  CHECK(rig.reported == Tickets{2, 3});
  CHECK(store.keys() == Keys{"a", "b", "c"});
  CHECK(store.faults().empty());
}

TEST_CASE("journal: tickets go on where the store's history ends") {
  Rig rig;
  FakeStore store(41);
  rig.journal.attach(store);
  CHECK(rig.submit("a") == 42);
  CHECK(store.waiting() == Tickets{42});
}

TEST_CASE("journal: a report that is old, said twice or ahead of the batches changes nothing") {
  Rig rig;
  FakeStore store;
  rig.journal.attach(store);
  rig.submit("a");
  rig.submit("b");
  rig.journal.committed(1);
  rig.journal.committed(1);
  rig.journal.committed(0);
  CHECK(rig.reported == Tickets{1});
  rig.journal.committed(1'000'000);  // only what it was given
  CHECK(rig.reported == Tickets{1, 2});
  CHECK(rig.submit("c") == 3);
  CHECK(rig.journal.state().safe == 2);
}

TEST_CASE("journal: an empty batch takes no ticket") {
  Rig rig;
  FakeStore store;
  rig.journal.attach(store);
  CHECK(rig.journal.submit(std::make_unique<Batch>()) == 0);
  CHECK(rig.journal.submit(nullptr) == 0);
  CHECK(store.waiting().empty());
  CHECK(rig.submit("a") == 1);
}

TEST_CASE("journal: common operations go in front of the next batch, with a ticket of their own") {
  Rig rig;
  FakeStore store;
  rig.journal.attach(store);
  rig.journal.common([](Batch& batch) { batch.put(Space::retained, "x", "1"); });
  rig.journal.common([](Batch& batch) { batch.put(Space::retained, "y", "2"); });
  CHECK(store.waiting().empty());
  CHECK(rig.submit("own") == 2);
  CHECK(store.waiting() == Tickets{1, 2});
  rig.commit(store);
  CHECK(store.keys() == Keys{"x", "y", "own"});

  SUBCASE("a turn with nothing of its own hands them over, too") {
    rig.journal.common([](Batch& batch) { batch.erase(Space::retained, "x"); });
    CHECK(rig.journal.submit(nullptr) == 3);
    rig.commit(store);
    CHECK(store.keys().back() == "x");
  }
  SUBCASE("a turn whose common operations another shard took waits for that shard's ticket") {
    rig.journal.common([](Batch& batch) { batch.put(Space::retained, "z", "3"); });
    CHECK(rig.submit("of another shard") == 4);
    CHECK(rig.journal.submit(nullptr) == 4);
    rig.commit(store);
    REQUIRE(rig.reported == Tickets{2, 4});
    CHECK(rig.journal.submit(nullptr) == 4);
    CHECK_MESSAGE((rig.reported == Tickets{2, 4, 4}), "said again: the turn has missed it");
  }
  SUBCASE("filling nothing in makes no batch") {
    rig.journal.common([](Batch&) {});
    CHECK(rig.submit("b") == 3);
  }
}

TEST_CASE("journal: what waits is counted in batches, operations and octets") {
  Rig rig;
  FakeStore store;
  rig.journal.attach(store);
  CHECK(rig.journal.state().oldest_waiting_us == 0);
  rig.journal.submit(batch_of({"ab", "cd"}));
  rig.journal.submit(batch_of({"e"}));
  Journal::State state = rig.journal.state();
  CHECK(state.attached);
  CHECK(state.submitted == 2);
  CHECK(state.safe == 0);
  CHECK(state.waiting_batches == 2);
  CHECK(state.waiting_ops == 3);
  CHECK(state.waiting_bytes == 20);
  const std::uint64_t held = rig.journal.backlog();
  CHECK(held > 20);  // what it occupies
  rig.commit(store, 1);
  state = rig.journal.state();
  CHECK(state.safe == 1);
  CHECK(state.waiting_batches == 1);
  CHECK(state.waiting_ops == 1);
  CHECK(rig.journal.backlog() < held);
  rig.commit(store);
  state = rig.journal.state();
  CHECK(state.waiting_ops == 0);
  CHECK(state.oldest_waiting_us == 0);
  CHECK(rig.journal.backlog() == 0);
}

TEST_CASE("journal: writes are counted and their times kept") {
  Rig rig;
  for (std::uint32_t i = 1; i <= 100; ++i) rig.journal.synced(i * 1'000'000ull, i);
  const Journal::State state = rig.journal.state();
  CHECK(state.commits == 100);
  CHECK(state.operations == 5050);
  CHECK(state.sync_total_us == 5'050'000);
  CHECK(state.sync_us.p50 == 50'000);
  CHECK(state.sync_us.p99 == 99'000);
  CHECK(state.sync_us.max == 100'000);
  CHECK(state.batch.p50 == 50);
  CHECK(state.batch.max == 100);
}

TEST_CASE("journal: the condition and its text") {
  Rig rig;
  FakeStore store;
  rig.journal.attach(store);
  rig.journal.set_condition(StoreCondition::full, "the disk is full");
  CHECK(rig.journal.condition() == StoreCondition::full);
  CHECK(rig.journal.state().text == "the disk is full");
  rig.journal.detach();
  CHECK_MESSAGE(rig.journal.condition() == StoreCondition::full, "until the successor is there");
  FakeStore next;
  SUBCASE("a store that says nothing is fine") {
    rig.journal.attach(next);
    CHECK(rig.journal.condition() == StoreCondition::fine);
    CHECK(rig.journal.state().text.empty());
  }
  SUBCASE("a store may say how it is before it is attached") {
    rig.journal.set_condition(StoreCondition::low, "10 % left");
    rig.journal.attach(next);
    CHECK(rig.journal.condition() == StoreCondition::low);
    CHECK(rig.journal.state().text == "10 % left");
  }
  SUBCASE("without a store there is nothing to say") {
    rig.journal.abandon();
    CHECK(rig.journal.condition() == StoreCondition::fine);
    CHECK(rig.journal.state().text.empty());
  }
}

TEST_CASE("journal: a store's successor gets what was not committed") {
  Rig rig;
  FakeStore first;
  std::optional<FakeStore> second;
  rig.journal.attach(first);
  for (const char* key : {"a", "b", "c", "d"}) rig.submit(key);
  rig.commit(first, 1);
  rig.journal.detach();
  first.close();
  CHECK_MESSAGE(rig.journal.attached(), "changes go on being recorded");
  CHECK(rig.submit("e") == 5);
  rig.journal.common([](Batch& batch) { batch.put(Space::retained, "f", "1"); });
  CHECK(rig.journal.submit(nullptr) == 6);

  SUBCASE("all of it") {
    second.emplace(1);
    rig.journal.attach(*second);
    CHECK(second->waiting() == Tickets{2, 3, 4, 5, 6});
    rig.commit(*second);
    CHECK(second->keys() == Keys{"b", "c", "d", "e", "f"});
    CHECK(rig.reported == Tickets{1, 6});
  }
  SUBCASE("without what is there already, which counts as committed") {
    second.emplace(3);
    rig.journal.attach(*second);
    CHECK(rig.reported == Tickets{1, 3});
    CHECK(second->waiting() == Tickets{4, 5, 6});
    CHECK(rig.journal.state().waiting_batches == 3);
    rig.commit(*second);
    CHECK(rig.reported == Tickets{1, 3, 6});
  }
  CHECK(first.faults().empty());
  CHECK(rig.submit("g") == 7);
}

TEST_CASE("journal: a store with a longer history: what waits is renumbered and counts as one") {
  Rig rig;
  FakeStore first;
  rig.journal.attach(first);
  CHECK(rig.submit("a") == 1);
  CHECK(rig.submit("b") == 2);
  rig.journal.detach();
  first.close();
  FakeStore second(100);
  rig.journal.attach(second);
  CHECK(second.waiting() == Tickets{101, 102});
  CHECK_MESSAGE(rig.reported.empty(), "100 is not a ticket of ours, though it is more than 2");
  rig.commit(second, 1);
  CHECK_MESSAGE(rig.reported.empty(), "101 is the old 1, and more than the old 2");
  CHECK(rig.journal.state().waiting_batches == 1);
  rig.commit(second);
  CHECK(rig.reported == Tickets{102});
  CHECK(rig.submit("c") == 103);
  rig.commit(second);
  CHECK(second.keys() == Keys{"a", "b", "c"});
  CHECK(rig.reported == Tickets{102, 103});
}

TEST_CASE("journal: renumbered batches are held through another change of the store") {
  Rig rig;
  FakeStore first, second(100);
  rig.journal.attach(first);
  rig.submit("a");
  rig.submit("b");
  rig.submit("c");
  rig.journal.detach();
  first.close();
  rig.journal.attach(second);
  rig.commit(second, 1);
  rig.journal.detach();
  second.close();
  FakeStore third(102);
  rig.journal.attach(third);
  CHECK(rig.reported.empty());
  CHECK(third.waiting() == Tickets{103});
  rig.commit(third);
  CHECK(rig.reported == Tickets{103});
}

TEST_CASE("journal: an abandoned store leaves nothing to wait for") {
  Rig rig;
  FakeStore store;
  rig.journal.attach(store);
  rig.submit("a");
  rig.submit("b");
  rig.journal.common([](Batch& batch) { batch.put(Space::retained, "x", "1"); });
  rig.journal.abandon();
  CHECK_FALSE(rig.journal.attached());
  CHECK(rig.reported == Tickets{2});
  CHECK(store.apply() == 2);
  CHECK_MESSAGE((store.keys() == Keys{"a", "b"}), "it may still write what it was given");
  store.close();
  CHECK(rig.journal.backlog() == 0);
  CHECK(rig.journal.state().waiting_batches == 0);
  CHECK(rig.submit("c") == 2);
  CHECK_MESSAGE((rig.reported == Tickets{2, 2}), "a turn that waits is told at once");
  CHECK(rig.journal.state().submitted == 2);
  rig.reported.clear();

  SUBCASE("a new store starts with what comes from now on, behind the old tickets") {
    FakeStore second;
    rig.journal.attach(second);
    CHECK(rig.submit("d") == 3);
    rig.commit(second);
    CHECK(second.keys() == Keys{"d"});
    CHECK(rig.reported == Tickets{3});
  }
  SUBCASE("while one store was exchanged for another") {
    FakeStore second(2);
    rig.journal.attach(second);
    rig.submit("d");
    rig.journal.detach();
    rig.submit("e");
    rig.journal.abandon();
    CHECK(rig.reported == Tickets{4});
  }
  CHECK(store.faults().empty());
}

TEST_CASE("journal: queries are answered once, by the store or by its end") {
  Rig rig;
  std::vector<std::pair<bool, std::size_t>> answers;  // complete, rows
  const auto ask = [&](std::string_view from) {
    rig.journal.read({.space = Space::queue, .from = from}, [&](StoreRows rows) {
      answers.emplace_back(rows.complete, rows.rows.size());
    });
  };
  const auto one_row = [] { return StoreRows{.rows = {{"key", "value"}}}; };

  ask("nobody");
  REQUIRE(answers.size() == 1);
  CHECK_FALSE(answers[0].first);

  FakeStore store;
  rig.journal.attach(store);
  ask("a");
  ask("b");
  CHECK(answers.size() == 1);
  CHECK(store.asked() == Keys{"a", "b"});
  auto questions = store.questions();
  questions[1](one_row());
  REQUIRE(answers.size() == 2);
  CHECK(answers[1] == std::pair{true, std::size_t{1}});
  questions[1](one_row());
  CHECK_MESSAGE(answers.size() == 2, "said twice");
  rig.journal.detach();
  store.close();
  REQUIRE(answers.size() == 3);
  CHECK(answers[2] == std::pair{false, std::size_t{0}});
  questions[0](one_row());
  CHECK_MESSAGE(answers.size() == 3, "too late");
  ask("between two stores");
  REQUIRE(answers.size() == 4);
  CHECK_FALSE(answers[3].first);
  CHECK(store.faults().empty());
}

TEST_CASE("journal: an answer may ask the next question") {
  Rig rig;
  FakeStore store;
  rig.journal.attach(store);
  bool second_answered = false;
  rig.journal.read({}, [&](StoreRows) {
    rig.journal.read({}, [&](StoreRows rows) { second_answered = !rows.complete; });
  });
  SUBCASE("of the store") {
    store.questions()[0]({});
    CHECK(store.questions().size() == 2);
    CHECK_FALSE(second_answered);
  }
  SUBCASE("at its end") {
    rig.journal.detach();
    CHECK(second_answered);
  }
}

TEST_CASE("journal: answers that come after the journal's end are harmless") {
  FakeStore store;
  int answers = 0;
  {
    Journal journal;
    journal.attach(store);
    journal.read({}, [&](StoreRows) { ++answers; });
    journal.detach();
  }
  store.questions()[0]({});
  CHECK(answers == 1);
}

}  // namespace
}  // namespace keel::test
