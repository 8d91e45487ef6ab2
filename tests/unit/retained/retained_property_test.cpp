// The store against a map and a naive matcher, and from several threads at once.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <random>
#include <string>
#include <thread>

#include "kernel/retained/topic_order.hpp"
#include "tests/unit/retained/retained_support.hpp"

using namespace keel::kernel;

namespace {

// What the store's answer must be; a copy of MQTT's rule that does not share code with the store.
bool matches(std::string_view filter, std::string_view topic) {
  if (filter == "#") return true;
  const std::size_t f = filter.find('/'), t = topic.find('/');
  const std::string_view wanted = filter.substr(0, f), level = topic.substr(0, t);
  if (wanted != "+" && wanted != level) return false;
  if (f == filter.npos) return t == topic.npos;
  const std::string_view rest = filter.substr(f + 1);
  if (t == topic.npos) return rest == "#";
  return matches(rest, topic.substr(t + 1));
}
bool visible(std::string_view filter, std::string_view topic) {
  return !(topic[0] == '$' && (filter[0] == '+' || filter[0] == '#')) && matches(filter, topic);
}

struct ByOrder {
  bool operator()(const std::string& a, const std::string& b) const {
    return topic_order::compare(a, b) < 0;
  }
};

class Model {
 public:
  explicit Model(std::uint64_t seed) : random_(seed) {}

  void step() {
    const std::uint32_t kind = below(20);
    if (kind < 11) {
      set();
    } else if (kind < 14) {
      const std::string topic = text(false);
      REQUIRE(store_.remove(topic) == (kept_.erase(topic) == 1));
    } else if (kind < 19) {
      compare(text(true));
    } else if (below(10) == 0) {
      clean(text(true));
    }
    REQUIRE(store_.count() == kept_.size());
  }
  void compare(const std::string& filter) {
    Texts expected;
    for (const auto& [topic, payload] : kept_)
      if (visible(filter, topic)) expected.push_back(topic + "=" + payload);
    Texts found;
    for (const auto& message : fetch(store_, filter, 1 + below(100)))
      found.push_back(std::string(message->topic()) + "=" + std::string(message->payload()));
    CAPTURE(filter);
    REQUIRE(found == expected);
  }
  void clean(const std::string& filter) {
    std::size_t removed = 0;
    for (bool done = false; !done;) {
      const auto cleaned = store_.clean(filter, 1 + below(50));
      removed += cleaned.removed;
      done = cleaned.done;
    }
    CAPTURE(filter);
    REQUIRE(removed ==
            std::erase_if(kept_, [&](const auto& e) { return visible(filter, e.first); }));
  }
  std::size_t size() const { return kept_.size(); }
  const RetainedStore& store() const { return store_; }

 private:
  std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(random_() % n); }
  std::string text(bool wildcards) {
    static const char* kWords[] = {"a", "b", "a-b", "", "$d", "ab"};
    std::string out;
    const std::uint32_t n = 1 + below(4);
    for (std::uint32_t i = 0; i < n; ++i) {
      if (i != 0) out += '/';
      if (wildcards && i + 1 == n && below(4) == 0) return out + "#";
      if (wildcards && below(3) == 0) {
        out += '+';
      } else {
        out += below(3) == 0 ? std::to_string(below(40)) : kWords[below(6)];
      }
    }
    return out.empty() ? "x" : out;
  }
  void set() {
    const std::string topic = text(false), payload = std::to_string(below(1'000'000));
    const bool known = kept_.contains(topic);
    REQUIRE(store_.set(retained(topic, payload)) ==
            (known ? RetainOutcome::replaced : RetainOutcome::stored));
    kept_[topic] = payload;
  }

  std::mt19937_64 random_;
  RetainedStore store_{RetainedLimits{}};
  std::map<std::string, std::string, ByOrder> kept_;
};

}  // namespace

TEST_CASE("random steps agree with a map and a naive matcher") {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    Model model(seed);
    for (int i = 0; i < 6'000; ++i) model.step();
    CHECK(model.size() > 100);
    model.compare("#");
    model.clean("#");
    model.clean("$d/#");
    CHECK(model.size() == model.store().count());
  }
}

TEST_CASE("threads set, fetch, expire and clean at once") {
  RetainedStore store({});
  for (int i = 0; i < 500; ++i) store.set(retained("keep/" + std::to_string(1'000 + i), "x"));
  std::atomic<bool> stop{false}, wrong{false};
  std::thread writer([&] {
    for (int i = 0; i < 4'000; ++i) {
      const std::string topic =
          "keep/" + std::to_string(1'000 + i % 500) + "/" + std::to_string(i % 7);
      store.set(retained(topic, i % 3 ? "y" : "", i % 5 ? kNoExpiry : 1));
    }
    stop = true;
  });
  std::thread cleaner([&] {
    while (!stop) {
      store.expire(2'000, 100);
      store.clean("keep/+/3", 50);
    }
  });
  while (!stop) {
    // What nobody touches is found each time, whatever happens around it.
    if (fetch(store, "keep/+", 64).size() != 500) wrong = true;
    if (store.count() < 500) wrong = true;
  }
  writer.join();
  cleaner.join();
  CHECK_FALSE(wrong);
}
