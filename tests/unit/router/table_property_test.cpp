// The table against a naive model: random filters, subscribers and topics over many steps.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <tuple>

#include "kernel/router/shared_group.hpp"
#include "kernel/router/subscription_table.hpp"
#include "tests/unit/router/reclaimers.hpp"

using namespace keel::kernel;

namespace {

class Model {
 public:
  Model(Reclaimer& reclaimer, std::uint64_t seed)
      : table_(reclaimer, SharedStrategy::random), random_(seed) {}

  void step() {
    switch (below(10)) {
      case 0:
      case 1:
      case 2:
      case 3:
        add();
        break;
      case 4:
      case 5:
        remove_known();
        break;
      case 6:
        remove_any();
        break;
      default:
        match();
    }
    if (below(5'000) == 0) remove_all();
  }

  void check_walk() const {
    std::map<std::string, std::size_t> expected, found;
    for (const auto& [key, word] : subscriptions_) {
      ParsedFilter parsed;
      parse_filter(std::get<0>(key), 0, 0, parsed);
      ++expected[std::string(parsed.filter)];
    }
    std::uint64_t cursor = 0;
    do {
      cursor =
          table_.each_filter(cursor, 13, [&](std::string_view filter, std::size_t subscribers) {
            REQUIRE(found.emplace(filter, subscribers).second);
          });
    } while (cursor != 0);
    CHECK(found == expected);
    CHECK(table_.counts().filters == expected.size());
    CHECK(table_.counts().subscriptions == subscriptions_.size());
  }

  void remove_all() {
    while (!subscriptions_.empty()) {
      const auto [filter, slot] = subscriptions_.begin()->first;
      remove(filter, slot);
    }
  }

  SubscriptionTable& table() { return table_; }

 private:
  std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(random_() % n); }

  std::string levels(bool wildcards) {
    static const char* kWords[] = {"a", "b", "c", "", "$d", "sensor", "a-rather-long-level-name"};
    std::string text;
    const std::uint32_t n = 1 + below(5);
    for (std::uint32_t i = 0; i < n; ++i) {
      if (i != 0) text += '/';
      const std::uint32_t kind = wildcards ? below(8) : 7;
      if (kind == 0 && i + 1 == n) return text + "#";
      text += kind <= 2 ? "+" : kWords[below(7)];
    }
    return text.empty() ? "x" : text;
  }
  std::string filter() {
    const std::string text = levels(below(3) != 0);
    if (below(6) != 0) return text;
    return below(3) == 0 ? "$queue/" + text : "$share/g" + std::to_string(below(3)) + "/" + text;
  }
  static ParsedFilter parsed(const std::string& text) {
    ParsedFilter out;
    if (parse_filter(text, 0, 0, out) != FilterError::none) FAIL("refused: ", text);
    return out;
  }

  void add() {
    const std::string text = filter();
    const std::uint32_t slot = below(below(4) == 0 ? 300 : 20);
    const SubscriptionOptions options{.qos = static_cast<std::uint8_t>(below(3)),
                                      .no_local = below(2) == 0,
                                      .retain_as_published = below(2) == 0,
                                      .subscription_id = below(268'435'456)};
    const auto added = table_.add(parsed(text), Subscriber::make(1, slot), options);
    REQUIRE(added.existed == subscriptions_.contains({text, slot}));
    subscriptions_[{text, slot}] = options.subscription_id;
    REQUIRE(table_.text(added.filter) == text);
    const auto [known, fresh] = ids_.emplace(text, added.filter);
    REQUIRE(known->second == added.filter);
  }
  void remove(const std::string& text, std::uint32_t slot) {
    const bool had = subscriptions_.erase({text, slot}) == 1;
    const auto known = ids_.find(text);
    const Subscriber subscriber = Subscriber::make(1, slot);
    const bool removed = known != ids_.end() && below(2) == 0
                             ? table_.remove(known->second, subscriber)
                             : table_.remove(parsed(text), subscriber);
    REQUIRE(removed == had);
    const auto rest = subscriptions_.lower_bound({text, 0});
    if (rest == subscriptions_.end() || rest->first.first != text) ids_.erase(text);
  }
  void remove_any() { remove(filter(), below(20)); }
  void remove_known() {
    if (subscriptions_.empty()) return;
    auto it = subscriptions_.lower_bound({filter(), below(20)});
    if (it == subscriptions_.end()) it = subscriptions_.begin();
    const auto [text, slot] = it->first;
    remove(text, slot);
  }

  void match() {
    const std::string topic = levels(false);
    std::multiset<std::pair<std::uint32_t, std::uint32_t>> expected, found;
    std::set<FilterId> expected_groups, found_groups;
    for (const auto& [key, id] : subscriptions_) {
      const ParsedFilter one = parsed(key.first);
      if (!topic_matches(one.filter, topic)) continue;
      if (one.shared()) {
        expected_groups.insert(ids_.at(key.first));
      } else {
        expected.emplace(key.second, id);
      }
    }
    result_.clear();
    table_.match(topic, result_);
    for (const Match& m : result_.subscribers)
      found.emplace(m.subscriber.slot(), m.options.subscription_id);
    for (const SharedGroup* group : result_.groups)
      REQUIRE(found_groups.insert(group->filter()).second);
    CAPTURE(topic);
    REQUIRE(found == expected);
    REQUIRE(found_groups == expected_groups);
  }

  SubscriptionTable table_;
  std::mt19937_64 random_;
  std::map<std::pair<std::string, std::uint32_t>, std::uint32_t> subscriptions_;
  std::map<std::string, FilterId> ids_;
  MatchResult result_;
};

}  // namespace

TEST_CASE("random steps agree with a naive matcher") {
  ImmediateReclaimer reclaimer;
  Model model(reclaimer, 1);
  for (int i = 0; i < 10'000; ++i) model.step();
  model.check_walk();
  const auto before = model.table().counts();
  model.remove_all();
  model.check_walk();
  model.table().flush_retired();
  CHECK(model.table().counts().bytes < before.bytes / 2);
}

TEST_CASE("random steps with reclamation that comes late") {
  for (std::uint64_t seed = 2; seed < 5; ++seed) {
    DeferredReclaimer reclaimer;
    Model model(reclaimer, seed);
    std::mt19937_64 random(seed);
    for (int i = 0; i < 5'000; ++i) {
      model.step();
      if (random() % 50 == 0) model.table().flush_retired();
      if (random() % 100 == 0) reclaimer.run_one();
    }
    model.check_walk();
    model.remove_all();
    model.table().flush_retired();
    reclaimer.run_all();
    CHECK(model.table().counts().filters == 0);
  }
}
