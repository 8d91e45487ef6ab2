#include "kernel/router/subscription_table.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <ctime>
#include <map>
#include <string>

#include "kernel/router/shared_group.hpp"
#include "tests/unit/router/reclaimers.hpp"

using namespace keel::kernel;

namespace {

ParsedFilter parsed(std::string_view text) {
  ParsedFilter out;
  REQUIRE(parse_filter(text, 0, 0, out) == FilterError::none);
  return out;
}

Subscriber client(std::uint32_t slot) { return Subscriber::make(0, slot); }

struct Fixture {
  ImmediateReclaimer reclaimer;
  SubscriptionTable table{reclaimer, SharedStrategy::round_robin};

  SubscriptionTable::Added add(std::string_view filter, std::uint32_t slot,
                               SubscriptionOptions options = {}) {
    return table.add(parsed(filter), client(slot), options);
  }
  bool remove(std::string_view filter, std::uint32_t slot) {
    return table.remove(parsed(filter), client(slot));
  }
  MatchResult match(std::string_view topic) const {
    MatchResult result;
    table.match(topic, result);
    return result;
  }
  std::vector<std::uint32_t> slots(std::string_view topic) const {
    std::vector<std::uint32_t> found;
    for (const Match& m : match(topic).subscribers) found.push_back(m.subscriber.slot());
    std::sort(found.begin(), found.end());
    return found;
  }
  std::map<std::string, std::size_t> filters(std::size_t slice) const {
    std::map<std::string, std::size_t> found;
    std::uint64_t cursor = 0;
    do {
      std::size_t visited = 0;
      cursor =
          table.each_filter(cursor, slice, [&](std::string_view filter, std::size_t subscribers) {
            ++visited;
            CHECK(found.emplace(filter, subscribers).second);
          });
      CHECK(visited <= slice);
    } while (cursor != 0);
    return found;
  }
};

using Slots = std::vector<std::uint32_t>;

}  // namespace

TEST_CASE_FIXTURE(Fixture, "exact and wildcard filters find their topics") {
  add("a/b", 1);
  add("a/+", 2);
  add("a/#", 3);
  add("#", 4);
  add("+/b", 5);
  add("+/+/#", 6);
  add("/", 7);
  CHECK(slots("a/b") == Slots{1, 2, 3, 4, 5, 6});
  CHECK(slots("a") == Slots{3, 4});
  CHECK(slots("a/") == Slots{2, 3, 4, 6});
  CHECK(slots("/") == Slots{4, 6, 7});
  CHECK(slots("/b") == Slots{4, 5, 6});
  CHECK(slots("a/b/c") == Slots{3, 4, 6});
}

TEST_CASE_FIXTURE(Fixture, "leading wildcards hide from topics with a dollar sign") {
  add("#", 1);
  add("+/x", 2);
  add("$SYS/#", 3);
  add("$SYS/+", 4);
  add("$SYS/x", 5);
  CHECK(slots("$SYS/x") == Slots{3, 4, 5});
  CHECK(slots("a/x") == Slots{1, 2});
  CHECK(slots("$SYS") == Slots{3});
}

TEST_CASE_FIXTURE(Fixture, "adding again replaces the options") {
  const auto first = add("a", 1, {.qos = 0});
  CHECK_FALSE(first.existed);
  const SubscriptionOptions options{
      .qos = 2, .no_local = true, .retain_as_published = true, .subscription_id = 268'435'455};
  const auto second = add("a", 1, options);
  CHECK(second.existed);
  CHECK(second.filter == first.filter);
  const MatchResult result = match("a");
  REQUIRE(result.subscribers.size() == 1);
  CHECK(result.subscribers[0].subscriber == client(1));
  CHECK(result.subscribers[0].options.qos == 2);
  CHECK(result.subscribers[0].options.no_local);
  CHECK(result.subscribers[0].options.retain_as_published);
  CHECK(result.subscribers[0].options.subscription_id == 268'435'455);
  const auto found = table.find(first.filter, client(1));
  REQUIRE(found);
  CHECK(found->qos == 2);
  CHECK(found->subscription_id == 268'435'455);
  CHECK_FALSE(table.find(first.filter, client(2)));
  CHECK(table.counts().subscriptions == 1);
}

TEST_CASE_FIXTURE(Fixture, "the largest subscriber is not mistaken for nobody") {
  table.add(
      parsed("a"), Subscriber::make(kMaxShards - 1, kMaxSlots - 1),
      {.qos = 2, .no_local = true, .retain_as_published = true, .subscription_id = 268'435'455});
  CHECK(match("a").subscribers.size() == 1);
  add("a", 0);
  CHECK(match("a").subscribers.size() == 2);
}

TEST_CASE_FIXTURE(Fixture, "options out of range reach into nothing else") {
  add("a", 5, {.qos = 3, .subscription_id = ~0u});
  const MatchResult result = match("a");
  REQUIRE(result.subscribers.size() == 1);
  CHECK(result.subscribers[0].subscriber == client(5));
  CHECK(result.subscribers[0].options.qos == 2);
  CHECK_FALSE(result.subscribers[0].options.no_local);
  CHECK(result.subscribers[0].options.subscription_id == 268'435'455);
}

TEST_CASE_FIXTURE(Fixture, "removal by text and by id") {
  const FilterId id = add("a/+", 1).filter;
  CHECK_FALSE(remove("a/+", 2));
  CHECK_FALSE(remove("a", 1));
  CHECK(table.text(id) == "a/+");
  CHECK(table.remove(id, client(1)));
  CHECK_FALSE(table.remove(id, client(1)));
  CHECK(slots("a/b").empty());
  CHECK(table.text(id).empty());
  CHECK_FALSE(table.find(id, client(1)));
  CHECK_FALSE(table.remove(0, client(1)));
  CHECK_FALSE(table.remove(~0u, client(1)));
}

TEST_CASE_FIXTURE(Fixture, "the generation moves with every change and only then") {
  const auto start = table.generation();
  add("a", 1);
  const auto added = table.generation();
  CHECK(added != start);
  CHECK_FALSE(remove("b", 1));
  match("a");
  CHECK(table.generation() == added);
  remove("a", 1);
  CHECK(table.generation() != added);
}

TEST_CASE_FIXTURE(Fixture, "plain and shared subscriptions share a filter's place") {
  for (const std::string filter : {"x/y", "x/+"}) {
    CAPTURE(filter);
    const FilterId one = add("$share/g1/" + filter, 1).filter;
    const FilterId two = add("$share/g2/" + filter, 2).filter;
    const FilterId queue = add("$queue/" + filter, 3).filter;
    const FilterId plain = add(filter, 4).filter;
    CHECK(table.text(one) == "$share/g1/" + filter);
    CHECK(table.text(queue) == "$queue/" + filter);
    CHECK(match("x/y").groups.size() == 3);
    CHECK(slots("x/y") == Slots{4});
    CHECK(filters(10) == std::map<std::string, std::size_t>{{filter, 4}});
    CHECK(table.counts().filters == 1);
    CHECK(table.counts().subscriptions == 4);
    CHECK(table.counts().shared_subscriptions == 3);
    // Every place of the chain: the head, the middle, the end.
    CHECK(table.remove(one, client(1)));
    CHECK(match("x/y").groups.size() == 2);
    CHECK(table.remove(queue, client(3)));
    CHECK(match("x/y").groups.size() == 1);
    CHECK(match("x/y").groups[0]->filter() == two);
    CHECK(table.remove(plain, client(4)));
    CHECK(slots("x/y").empty());
    CHECK(table.remove(two, client(2)));
    CHECK(match("x/y").groups.empty());
    CHECK(table.counts().filters == 0);
  }
}

TEST_CASE_FIXTURE(Fixture, "long filters and long levels") {
  const std::string level(1'000, 'l'), deep = level + "/" + std::string(60'000, 'm');
  add(deep, 1);
  add(level + "/+", 2);
  add(level + "/" + std::string(60'000, 'm') + "/#", 3);
  CHECK(slots(deep) == Slots{1, 2, 3});
  CHECK(filters(1).size() == 3);
  CHECK(remove(deep, 1));
  CHECK(slots(deep) == Slots{2, 3});
  CHECK(remove(level + "/+", 2));
  add("$share/g/" + deep, 4);
  CHECK(match(deep).groups.size() == 1);
}

TEST_CASE_FIXTURE(Fixture, "deep topics and many plus signs stay bounded") {
  std::string topic = "a", all_plus = "+";
  for (int i = 1; i < 128; ++i) {
    topic += "/a";
    all_plus += "/+";
  }
  add(topic, 1);
  add(all_plus, 2);
  add(topic + "/#", 3);
  // Each filter has a '+' on another level; a walk meets all of them.
  for (std::uint32_t i = 0; i < 128; ++i) {
    std::string filter = topic;
    filter[std::size_t{i} * 2] = '+';
    add(filter, 100 + i);
  }
  CHECK(slots(topic).size() == 131);
  CHECK(slots(topic + "/a") == Slots{3});
  std::string bottomless(60'000, '/');
  CHECK(slots(bottomless).empty());
}

TEST_CASE_FIXTURE(Fixture, "walking the filters in slices") {
  std::map<std::string, std::size_t> expected;
  for (std::uint32_t i = 0; i < 3'000; ++i) {
    const std::string filter = i % 3 ? "f/" + std::to_string(i) : "f/+/" + std::to_string(i);
    for (std::uint32_t s = 0; s <= i % 4; ++s) add(filter, s);
    expected[filter] = i % 4 + 1;
  }
  CHECK(filters(7) == expected);
  CHECK(filters(10'000) == expected);
  for (std::uint32_t i = 0; i < 3'000; i += 2) {
    const std::string filter = i % 3 ? "f/" + std::to_string(i) : "f/+/" + std::to_string(i);
    for (std::uint32_t s = 0; s <= i % 4; ++s) CHECK(remove(filter, s));
    expected.erase(filter);
  }
  CHECK(filters(50) == expected);
}

namespace {

// CPU seconds per subscriber for `many` of them to join a filter and to leave it in another order.
double come_and_go(Fixture& fixture, const char* filter, std::uint32_t many) {
  const std::clock_t start = std::clock();
  FilterId id = 0;
  std::uint32_t wrong = 0;
  for (std::uint32_t i = 0; i < many; ++i) id = fixture.add(filter, i * 7 % many).filter;
  for (std::uint32_t i = 0; i < many; ++i)
    wrong += !fixture.table.remove(id, client(i * 13 % many));
  CHECK(wrong == 0);
  CHECK(fixture.table.counts().subscriptions == 0);
  return double(std::clock() - start) / CLOCKS_PER_SEC / many;
}

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a hundred thousand subscribers of one filter come and go quickly") {
  for (const char* filter : {"crowd", "crowd/+", "$share/g/crowd"}) {
    CAPTURE(filter);
    come_and_go(*this, filter, 1'000);
    double few = 0;
    for (int i = 0; i < 10; ++i) few += come_and_go(*this, filter, 1'000) / 10;
    // A scan per removal would cost a hundred times as much each.
    CHECK(come_and_go(*this, filter, 100'000) < 30 * few);
  }
}

TEST_CASE("memory per subscription, and back again") {
  DeferredReclaimer reclaimer;
  SubscriptionTable table(reclaimer, SharedStrategy::random);
  const auto empty = table.counts().bytes;
  constexpr std::uint32_t kFilters = 200'000;
  const auto filter = [](std::uint32_t i) {
    const std::string place = std::to_string(i / 1000) + "/" + std::to_string(i % 1000);
    if (i % 10 < 7) return "plant/line" + place + "/state";
    return i % 10 < 9 ? "site/room" + place + "/+/value" : "area/zone" + place + "/#";
  };
  for (std::uint32_t i = 0; i < kFilters; ++i) table.add(parsed(filter(i)), client(i % 10), {});
  table.flush_retired();
  reclaimer.run_all();
  const auto full = table.counts();
  CHECK(full.filters == kFilters);
  CHECK(full.subscriptions == kFilters);
  const double each = double(full.bytes - empty) / kFilters;
  MESSAGE("bytes per subscription: " << each);
  CHECK(each < 130);

  for (std::uint32_t i = 0; i < kFilters; ++i)
    REQUIRE(table.remove(parsed(filter(i)), client(i % 10)));
  CHECK(reclaimer.tasks.size() > 10);
  table.flush_retired();
  reclaimer.run_all();
  CHECK(table.counts().filters == 0);
  CHECK(table.counts().bytes <= empty + 32 * 1024);
}

TEST_CASE("nothing is reused before its grace period") {
  DeferredReclaimer reclaimer;
  SubscriptionTable table(reclaimer, SharedStrategy::random);
  const FilterId first = table.add(parsed("a/+"), client(1), {}).filter;
  table.remove(first, client(1));
  const FilterId second = table.add(parsed("b/+"), client(1), {}).filter;
  CHECK(second != first);
  table.flush_retired();
  CHECK(reclaimer.tasks.size() == 1);
  table.flush_retired();
  CHECK(reclaimer.tasks.size() == 1);
  const FilterId third = table.add(parsed("c/+"), client(1), {}).filter;
  CHECK(third != first);
  reclaimer.run_all();
  CHECK(table.add(parsed("d/+"), client(1), {}).filter == first);
}

TEST_CASE("a table may go before its reclaimer runs, or drops, what it handed over") {
  DeferredReclaimer runs, drops;
  for (DeferredReclaimer* reclaimer : {&runs, &drops}) {
    SubscriptionTable table(*reclaimer, SharedStrategy::random);
    const std::string level(2'000, 'x');
    for (std::uint32_t i = 0; i < 100; ++i) {
      table.add(parsed("$share/g/" + level + std::to_string(i) + "/+"), client(i), {});
      for (std::uint32_t s = 0; s < 5; ++s) table.add(parsed(level), client(i * 5 + s), {});
    }
    for (std::uint32_t i = 0; i < 50; ++i)
      table.remove(parsed("$share/g/" + level + std::to_string(i) + "/+"), client(i));
    table.flush_retired();
    for (std::uint32_t i = 50; i < 80; ++i)
      table.remove(parsed("$share/g/" + level + std::to_string(i) + "/+"), client(i));
  }
  runs.run_all();
}
