#include "kernel/session/session_store.hpp"

#include <doctest/doctest.h>

#include <map>
#include <random>
#include <set>
#include <string>

namespace keel::kernel {
namespace {

// Grace periods and posts happen when the test says so.
class StoreHarness final : public Reclaimer {
 public:
  explicit StoreHarness(std::uint32_t shard = 3)
      : store(shard, *this, [this](Task task) { posted.push_back(std::move(task)); }) {}
  ~StoreHarness() override { end_grace_periods(); }

  void after_grace_period(Task task) override { waiting.push_back(std::move(task)); }
  // One round: those that wait now; what they start waits for the next.
  bool end_grace_period() {
    std::vector<Task> now = std::move(waiting);
    waiting.clear();
    for (Task& task : now) task();
    std::vector<Task> home = std::move(posted);
    posted.clear();
    for (Task& task : home) task();
    return !now.empty();
  }
  void end_grace_periods() {
    while (end_grace_period()) {
    }
  }

  std::vector<Task> waiting, posted;
  SessionStore store;
};

TEST_CASE("session store: sessions are found by id and by slot") {
  StoreHarness h;
  CHECK(h.store.find("a") == nullptr);
  CHECK(h.store.at(0) == nullptr);
  Session* a = h.store.create("a");
  Session* b = h.store.create(std::string_view("b\0c", 3));
  REQUIRE(a);
  REQUIRE(b);
  CHECK(h.store.size() == 2);
  CHECK(h.store.find("a") == a);
  CHECK(h.store.find(std::string_view("b\0c", 3)) == b);
  CHECK(h.store.find("b") == nullptr);
  CHECK(h.store.find("") == nullptr);
  CHECK(a->self.shard() == 3);
  CHECK(h.store.at(a->self.slot()) == a);
  CHECK(h.store.at(b->self.slot()) == b);
  CHECK(a->number != b->number);
  CHECK((a->number >> 48) == 3);
  h.store.erase(*a);
  CHECK(h.store.find("a") == nullptr);
  CHECK(h.store.size() == 1);
}

TEST_CASE("session store: a slot is used again only after a grace period, a number never") {
  StoreHarness h;
  const std::uint32_t slot = h.store.create("a")->self.slot();
  const std::uint64_t number = h.store.find("a")->number;
  h.store.erase(*h.store.find("a"));
  CHECK(h.store.at(slot) == nullptr);
  CHECK(h.store.create("a")->self.slot() != slot);
  CHECK(h.store.find("a")->number != number);
  CHECK(h.store.create("b")->self.slot() != slot);
  h.end_grace_period();
  CHECK(h.store.create("c")->self.slot() == slot);
}

TEST_CASE("session store: what is erased during a grace period waits for the next one") {
  StoreHarness h;
  const std::uint32_t first = h.store.create("a")->self.slot();
  const std::uint32_t second = h.store.create("b")->self.slot();
  h.store.erase(*h.store.find("a"));  // begins a grace period
  h.store.erase(*h.store.find("b"));  // too late for it
  h.end_grace_period();
  CHECK(h.store.create("c")->self.slot() == first);
  CHECK(h.store.create("d")->self.slot() != second);
  h.end_grace_period();
  CHECK(h.store.create("e")->self.slot() == second);
}

TEST_CASE("session store: each() walks in slices and visits every session that stays") {
  StoreHarness h;
  std::set<std::string> there;
  for (int i = 0; i < 100; ++i) {
    h.store.create(std::to_string(i));
    there.insert(std::to_string(i));
  }
  for (int i = 0; i < 100; i += 3) {
    h.store.erase(*h.store.find(std::to_string(i)));
    there.erase(std::to_string(i));
  }
  for (const std::size_t slice : {std::size_t{1}, std::size_t{7}, std::size_t{1'000}}) {
    std::multiset<std::string> seen;
    std::uint32_t cursor = 0;
    do {
      std::size_t visited = 0;
      cursor = h.store.each(cursor, slice, [&](Session& session) {
        seen.emplace(session.client_id);
        ++visited;
      });
      REQUIRE(visited <= slice);
    } while (cursor != 0);
    CHECK(seen.size() == there.size());
    CHECK(std::set<std::string>(seen.begin(), seen.end()) == there);
  }
  // Sessions that come and go between slices neither end the walk nor show one twice.
  std::multiset<std::string> seen;
  std::uint32_t cursor = h.store.each(0, 10, [&](Session& s) { seen.emplace(s.client_id); });
  h.store.erase(*h.store.find("1"));
  h.store.create("new");
  while (cursor != 0)
    cursor = h.store.each(cursor, 10, [&](Session& s) { seen.emplace(s.client_id); });
  for (const std::string& id : there) CHECK(seen.count(id) == 1);
  CHECK(seen.count("new") == 1);
}

TEST_CASE("session store: nothing to walk") {
  StoreHarness h;
  CHECK(h.store.each(0, 10, [](Session&) { FAIL("no session"); }) == 0);
  h.store.create("a");
  h.store.erase(*h.store.find("a"));
  CHECK(h.store.each(0, 10, [](Session&) { FAIL("no session"); }) == 0);
}

TEST_CASE("session store: when most have gone the slots at the front are used first") {
  StoreHarness h;
  for (int i = 0; i < 1'000; ++i) h.store.create(std::to_string(i));
  const std::uint64_t number = h.store.find("300")->number;
  for (int i = 0; i < 1'000; ++i)
    if (i != 300) h.store.erase(*h.store.find(std::to_string(i)));
  h.end_grace_periods();
  REQUIRE(h.store.find("300"));
  CHECK(h.store.find("300")->number == number);
  CHECK(h.store.find("300")->self.slot() == 300);
  CHECK(h.store.find("7") == nullptr);
  for (std::uint32_t i = 0; i < 1'000; ++i) {
    const Session* const session = h.store.create("new" + std::to_string(i));
    CHECK(session->self.slot() == (i < 300 ? i : i + 1));
    CHECK(h.store.at(session->self.slot()) == session);
  }
  CHECK(h.store.size() == 1'001);
}

TEST_CASE("session store: many ids, random use against a map") {
  StoreHarness h;
  std::mt19937 random(11);
  std::map<std::string, std::uint64_t> naive;  // id to session number
  for (int step = 0; step < 200'000; ++step) {
    const std::string id = "client-" + std::to_string(random() % 20'000);
    Session* found = h.store.find(id);
    const auto known = naive.find(id);
    REQUIRE((found != nullptr) == (known != naive.end()));
    if (found) {
      REQUIRE(found->client_id == id);
      REQUIRE(found->number == known->second);
      REQUIRE(h.store.at(found->self.slot()) == found);
      if (random() % 2) {
        h.store.erase(*found);
        naive.erase(known);
      }
    } else {
      naive[id] = h.store.create(id)->number;
    }
    REQUIRE(h.store.size() == naive.size());
    if (random() % 64 == 0) h.end_grace_period();
  }
  while (!naive.empty()) {
    h.store.erase(*h.store.find(naive.begin()->first));
    naive.erase(naive.begin());
  }
  CHECK(h.store.size() == 0);
  CHECK(h.store.find("client-1") == nullptr);
  REQUIRE(h.store.create("client-1"));
  CHECK(h.store.find("client-1"));
}

}  // namespace
}  // namespace keel::kernel
