#include "kernel/router/shared_group.hpp"

#include <doctest/doctest.h>

#include <map>
#include <random>

#include "tests/unit/router/reclaimers.hpp"

using namespace keel::kernel;

namespace {

struct Group {
  ImmediateReclaimer reclaimer;
  SubscriptionTable table;
  ParsedFilter filter{.group = "g", .filter = "t"};
  FilterId id = 0;
  std::mt19937_64 random{42};

  explicit Group(SharedStrategy strategy, std::uint32_t members = 10) : table(reclaimer, strategy) {
    for (std::uint32_t i = 0; i < members; ++i) join(i);
  }
  void join(std::uint32_t slot) {
    id = table.add(filter, member(slot), {.qos = 1, .subscription_id = slot}).filter;
  }
  // Even slots on shard 0, odd ones on shard 1.
  static Subscriber member(std::uint32_t slot) { return Subscriber::make(slot % 2, slot); }

  SharedGroup* group() const {
    MatchResult result;
    table.match("t", result);
    return result.groups.empty() ? nullptr : result.groups[0];
  }
  // The slot that was picked, or -1.
  int pick(std::uint64_t publisher = 0, std::uint32_t shard = 0, Subscriber exclude = {~0u}) {
    SharedGroup* found = group();
    Match out;
    if (found == nullptr ||
        !found->pick(
            {.shard = shard, .publisher = publisher, .random = random(), .exclude = exclude}, out))
      return -1;
    CHECK(out.options.qos == 1);
    CHECK(out.options.subscription_id == out.subscriber.slot());
    return static_cast<int>(out.subscriber.slot());
  }
  std::map<int, int> picks(int n) {
    std::map<int, int> counted;
    for (int i = 0; i < n; ++i) ++counted[pick()];
    return counted;
  }
};

constexpr SharedStrategy kAll[] = {SharedStrategy::random, SharedStrategy::round_robin,
                                   SharedStrategy::sticky, SharedStrategy::hash};

}  // namespace

TEST_CASE("round robin deals evenly, also after members have left") {
  Group g(SharedStrategy::round_robin);
  for (const auto& [slot, count] : g.picks(1'000)) CHECK(count == 100);
  for (std::uint32_t left : {0u, 4u, 9u}) g.table.remove(g.id, Group::member(left));
  const auto counted = g.picks(700);
  CHECK(counted.size() == 7);
  for (const auto& [slot, count] : counted) CHECK(count == 100);
}

TEST_CASE("random reaches everyone about equally") {
  Group g(SharedStrategy::random);
  const auto counted = g.picks(10'000);
  CHECK(counted.size() == 10);
  for (const auto& [slot, count] : counted) {
    CHECK(count > 800);
    CHECK(count < 1'200);
  }
}

TEST_CASE("hash gives a publisher the same member while the group stays") {
  Group g(SharedStrategy::hash);
  std::map<int, int> used;
  for (std::uint64_t publisher = 1; publisher <= 1'000; ++publisher) {
    const int first = g.pick(publisher);
    CHECK(g.pick(publisher) == first);
    ++used[first];
  }
  CHECK(used.size() == 10);
  for (const auto& [slot, count] : used) CHECK(count > 50);
}

TEST_CASE("sticky stays until its member leaves or is away") {
  Group g(SharedStrategy::sticky);
  const int first = g.pick();
  CHECK(first % 2 == 0);  // a member on the publisher's shard
  CHECK(g.picks(100) == std::map<int, int>{{first, 100}});
  // Others come and go, which moves members to other places.
  for (std::uint32_t slot = 0; slot < 10; ++slot)
    if (static_cast<int>(slot) != first && slot % 3 == 0) g.table.remove(g.id, Group::member(slot));
  g.join(20);
  CHECK(g.pick() == first);
  g.table.set_online(g.id, Group::member(static_cast<std::uint32_t>(first)), false);
  const int second = g.pick();
  CHECK(second != first);
  CHECK(g.picks(50) == std::map<int, int>{{second, 50}});
  g.table.remove(g.id, Group::member(static_cast<std::uint32_t>(second)));
  const int third = g.pick();
  CHECK(third != second);
  CHECK(third != first);
}

TEST_CASE("members that are away are passed over, but better than nobody") {
  for (const SharedStrategy strategy : kAll) {
    CAPTURE(static_cast<int>(strategy));
    Group g(strategy, 5);
    for (std::uint32_t slot = 0; slot < 4; ++slot)
      g.table.set_online(g.id, Group::member(slot), false);
    CHECK(g.picks(20) == std::map<int, int>{{4, 20}});
    g.table.set_online(g.id, Group::member(4), false);
    CHECK(g.pick() >= 0);
    CHECK(g.pick(7, 0, Group::member(4)) != 4);
    g.table.set_online(g.id, Group::member(2), true);
    CHECK(g.picks(20) == std::map<int, int>{{2, 20}});
    // Options of a member that is away are replaced where it is.
    CHECK(g.table.add(g.filter, Group::member(1), {.qos = 1, .subscription_id = 1}).existed);
    CHECK(g.picks(20) == std::map<int, int>{{2, 20}});
    CHECK(g.table.find(g.id, Group::member(1)));
    // Unknown members change nothing.
    g.table.set_online(g.id, Group::member(99), true);
    g.table.set_online(12345, Group::member(1), true);
    CHECK(g.picks(20) == std::map<int, int>{{2, 20}});
  }
}

TEST_CASE("the excluded member is not picked") {
  for (const SharedStrategy strategy : kAll) {
    CAPTURE(static_cast<int>(strategy));
    Group g(strategy, 3);
    for (int i = 0; i < 50; ++i)
      CHECK(g.pick(static_cast<std::uint64_t>(i), 0, Group::member(1)) != 1);
    g.table.remove(g.id, Group::member(0));
    g.table.remove(g.id, Group::member(2));
    CHECK(g.pick() == 1);
    CHECK(g.pick(0, 0, Group::member(1)) == -1);
    // The only one online is excluded: the one that is away gets it.
    g.join(0);
    g.table.set_online(g.id, Group::member(0), false);
    CHECK(g.pick(0, 0, Group::member(1)) == 0);
  }
}

TEST_CASE("a reload changes the strategy of groups that exist") {
  Group g(SharedStrategy::sticky, 4);
  CHECK(g.picks(40).size() == 1);
  g.table.set_strategy(SharedStrategy::round_robin);
  for (const auto& [slot, count] : g.picks(40)) CHECK(count == 10);
}

TEST_CASE("random members against a model") {
  for (const SharedStrategy strategy : kAll) {
    CAPTURE(static_cast<int>(strategy));
    Group g(strategy, 0);
    std::map<std::uint32_t, bool> model;  // slot -> online
    for (int step = 0; step < 5'000; ++step) {
      const auto slot = static_cast<std::uint32_t>(g.random() % 150);
      switch (g.random() % 4) {
        case 0:
        case 1:
          g.join(slot);
          model.emplace(slot, true);
          break;
        case 2:
          REQUIRE(g.table.remove(g.filter, Group::member(slot)) == (model.erase(slot) == 1));
          break;
        case 3:
          if (auto it = model.find(slot); it != model.end()) it->second = step % 2 == 0;
          g.table.set_online(g.id, Group::member(slot), step % 2 == 0);
          break;
      }
      bool any_online = false;
      for (const auto& [s, online] : model) any_online = any_online || online;
      const int got = g.pick(g.random());
      REQUIRE((got < 0) == model.empty());
      if (got >= 0) REQUIRE(model.at(static_cast<std::uint32_t>(got)) == any_online);
    }
  }
}
