// Four threads submit, a fifth commits, while the store is exchanged again and again: every batch
// is applied once and in order, and nothing is reported that is not.
#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/unit/durable/fake_store.hpp"

namespace keel::test {
namespace {

constexpr int kSubmitters = 4;
constexpr int kBatches = 400;  // of each
constexpr int kStores = 25;

struct Race {
  Journal journal;
  std::atomic<std::uint64_t> reported{0};
  std::atomic<int> disorder{0}, answers{0};
  std::atomic<int> done{0};
  std::vector<std::unique_ptr<FakeStore>> stores;

  Race() {
    journal.on_commit([this](std::uint64_t ticket) {
      if (reported.exchange(ticket) > ticket) ++disorder;
    });
  }

  void submit_all(int who) {
    std::uint64_t last = 0;
    for (int i = 0; i < kBatches; ++i) {
      const std::string key = std::to_string(who) + ":" + std::to_string(i);
      if (i % 5 == 0) journal.common([&](Batch& batch) { batch.put(Space::retained, "c", key); });
      const std::uint64_t ticket = journal.submit(i % 7 == 0 ? nullptr : batch_of({key}));
      if (i % 7 != 0 && ticket <= last) ++disorder;
      last = std::max(last, ticket);
      if (i % 10 == 0) journal.read({.from = "x"}, [this](StoreRows) { ++answers; });
      if (i % 50 == 0) (void)journal.state();
    }
    ++done;
  }

  // Commits, a few at a time, until the store is taken away.
  void write(FakeStore& store, const std::atomic<bool>& stop) {
    while (!stop) {
      const std::uint64_t ticket = store.apply(3);
      if (ticket == 0) {
        std::this_thread::yield();
        continue;
      }
      journal.committed(ticket);
      journal.synced(1000, 3);
    }
    // The last write succeeded, but nobody was told of it any more.
    store.apply(2);
  }
};

TEST_CASE("journal: threads submit and commit while stores are exchanged") {
  Race race;
  std::uint64_t applied = 0;
  std::vector<std::thread> submitters;
  for (int round = 0; round < kStores || race.done < kSubmitters; ++round) {
    auto& store = *race.stores.emplace_back(std::make_unique<FakeStore>(applied));
    race.journal.attach(store);
    if (submitters.empty()) {
      for (int who = 0; who < kSubmitters; ++who)
        submitters.emplace_back([&race, who] { race.submit_all(who); });
    }
    std::atomic<bool> stop{false};
    std::thread writer([&] { race.write(store, stop); });
    while (store.tickets().size() < 20 && race.done < kSubmitters) std::this_thread::yield();
    // Half of the stores stop writing first, half are detached while they write.
    if (round % 2 == 0) race.journal.detach();
    stop = true;
    writer.join();
    race.journal.detach();
    applied = store.last_ticket();
    store.close();
  }
  for (std::thread& thread : submitters) thread.join();

  auto& last = *race.stores.emplace_back(std::make_unique<FakeStore>(applied));
  race.journal.attach(last);
  race.journal.committed(last.apply());
  const Journal::State state = race.journal.state();
  CHECK(state.waiting_batches == 0);
  CHECK(state.waiting_ops == 0);
  CHECK(race.journal.backlog() == 0);
  CHECK(race.reported == state.submitted);
  CHECK(race.disorder == 0);
  race.journal.abandon();

  std::uint64_t expected = 0;
  std::size_t own = 0, common = 0;
  for (const auto& store : race.stores) {
    CHECK(store->faults().empty());
    for (const std::uint64_t ticket : store->tickets()) {
      if (ticket != ++expected)
        FAIL_CHECK("ticket " << ticket << " where " << expected << " is due");
    }
    for (const std::string& key : store->keys()) ++(key == "c" ? common : own);
  }
  CHECK(expected == state.submitted);
  CHECK(own == std::size_t{kSubmitters} * (kBatches - (kBatches + 6) / 7));
  CHECK(common == std::size_t{kSubmitters} * kBatches / 5);
  CHECK(race.answers == kSubmitters * kBatches / 10);
}

TEST_CASE("journal: an abandoned journal lets every submitter go on") {
  Race race;
  FakeStore store;
  race.journal.attach(store);
  std::vector<std::thread> submitters;
  for (int who = 0; who < kSubmitters; ++who)
    submitters.emplace_back([&race, who] { race.submit_all(who); });
  while (store.waiting().size() < 10) std::this_thread::yield();
  race.journal.abandon();
  store.close();
  for (std::thread& thread : submitters) thread.join();
  const Journal::State state = race.journal.state();
  CHECK(state.waiting_batches == 0);
  CHECK(race.reported == state.submitted);
  CHECK(race.answers == kSubmitters * kBatches / 10);
  CHECK(store.faults().empty());
}

}  // namespace
}  // namespace keel::test
