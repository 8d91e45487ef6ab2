#include "kernel/retained/retained_store.hpp"

#include <doctest/doctest.h>

#include <string>

#include "tests/unit/retained/retained_support.hpp"

using namespace keel::kernel;

TEST_CASE("set, replace, remove") {
  RetainedStore store({});
  CHECK(store.set(retained("a/b", "1")) == RetainOutcome::stored);
  CHECK(store.set(retained("a/b", "two")) == RetainOutcome::replaced);
  CHECK(store.count() == 1);
  CHECK(store.bytes() == retained("a/b", "two")->footprint());
  CHECK(payloads(store, "a/b") == Texts{"two"});
  CHECK(store.set(retained("a/b", "")) == RetainOutcome::removed);
  CHECK(store.set(retained("a/b", "")) == RetainOutcome::nothing_to_remove);
  CHECK(store.set(retained("x", "y")) == RetainOutcome::stored);
  CHECK(store.remove("x"));
  CHECK_FALSE(store.remove("x"));
  CHECK(store.count() == 0);
  CHECK(store.bytes() == 0);
}

TEST_CASE("what wildcards find, in order") {
  RetainedStore store({});
  for (const char* topic :
       {"a", "a/", "a/b", "a/b/c", "a-b", "ab", "b/b", "/", "/b", "$SYS/x", "$SYS/x/y"})
    store.set(retained(topic, "p"));
  const struct {
    const char* filter;
    Texts topics;
  } cases[] = {
      {"#", {"/", "/b", "a", "a/", "a/b", "a/b/c", "a-b", "ab", "b/b"}},
      {"+", {"a", "a-b", "ab"}},
      {"a/#", {"a", "a/", "a/b", "a/b/c"}},
      {"a/+", {"a/", "a/b"}},
      {"+/b", {"/b", "a/b", "b/b"}},
      {"+/b/#", {"/b", "a/b", "a/b/c", "b/b"}},
      {"+/+", {"/", "/b", "a/", "a/b", "b/b"}},
      {"+/+/+", {"a/b/c"}},
      {"/+", {"/", "/b"}},
      {"$SYS/#", {"$SYS/x", "$SYS/x/y"}},
      {"$SYS/+", {"$SYS/x"}},
      {"a/b", {"a/b"}},
      {"a/c", {}},
      {"c/#", {}},
      {"+/c", {}},
  };
  for (const auto& c : cases) {
    CAPTURE(c.filter);
    for (const std::size_t slice : {1u, 2u, 100u})
      CHECK(topics(store, c.filter, slice) == c.topics);
  }
}

TEST_CASE("limits refuse and leave what was there") {
  const auto size = retained("t1", "12345678")->footprint();
  SUBCASE("payload") {
    RetainedStore store({.max_payload = 4});
    CHECK(store.set(retained("t", "1234")) == RetainOutcome::stored);
    CHECK(store.set(retained("t", "12345")) == RetainOutcome::too_large);
    CHECK(payloads(store, "t") == Texts{"1234"});
  }
  SUBCASE("messages") {
    RetainedStore store({.max_messages = 2});
    store.set(retained("t1", "x"));
    store.set(retained("t2", "x"));
    CHECK(store.set(retained("t3", "x")) == RetainOutcome::full);
    CHECK(store.set(retained("t2", "longer than before")) == RetainOutcome::replaced);
    store.remove("t1");
    CHECK(store.set(retained("t3", "x")) == RetainOutcome::stored);
    CHECK(topics(store, "#") == Texts{"t2", "t3"});
  }
  SUBCASE("bytes") {
    RetainedStore store({.max_bytes = 2 * size});
    store.set(retained("t1", "12345678"));
    store.set(retained("t2", "12345678"));
    CHECK(store.set(retained("t3", "1")) == RetainOutcome::full);
    CHECK(store.set(retained("t2", "123456789")) == RetainOutcome::full);
    CHECK(payloads(store, "t2") == Texts{"12345678"});
    CHECK(store.set(retained("t2", "1234567")) == RetainOutcome::replaced);
  }
  SUBCASE("lowered later") {
    RetainedStore store({});
    for (int i = 0; i < 5; ++i) store.set(retained("t" + std::to_string(i), "x"));
    store.set_limits({.max_messages = 3, .max_bytes = 1});
    CHECK(store.count() == 5);
    CHECK(store.set(retained("t9", "x")) == RetainOutcome::full);
    CHECK(store.set(retained("t1", "y")) == RetainOutcome::replaced);
  }
}

TEST_CASE("expiry is the earlier of the message's own and the store's") {
  RetainedStore store({.expiry_s = 10});
  store.set(retained("own", "x", 5, 1'000));
  store.set(retained("store", "x", 60, 1'000));
  store.set(retained("none", "x", kNoExpiry, 2'000));
  CHECK(topics(store, "#", 10, 5'999) == Texts{"none", "own", "store"});
  CHECK(topics(store, "#", 10, 6'000) == Texts{"none", "store"});
  CHECK(topics(store, "own", 10, 6'000).empty());
  CHECK(topics(store, "#", 10, 11'000) == Texts{"none"});
  CHECK(store.count() == 3);
  CHECK(store.expire(11'000, 100) == 2);
  CHECK(store.count() == 1);
  store.set_limits({});
  CHECK(store.expire(1'000'000, 100) == 0);
  CHECK(topics(store, "#", 10, 1'000'000) == Texts{"none"});
}

TEST_CASE("expiry works through the store in slices, round and round") {
  RetainedStore store({});
  for (int i = 0; i < 1'000; ++i)
    store.set(retained("t/" + std::to_string(i), "x", i % 3 ? kNoExpiry : 1, 0));
  std::size_t gone = 0;
  for (int call = 0; call < 20; ++call) gone += store.expire(1'000, 50);
  CHECK(gone == 334);
  store.set(retained("a", "x", 1, 0));  // behind the place it has come to
  for (int call = 0; call < 20; ++call) gone += store.expire(1'000, 50);
  CHECK(gone == 335);
  CHECK(store.count() == 666);
}

TEST_CASE("clean removes what matches, as many as allowed") {
  RetainedStore store({});
  for (int i = 0; i < 3'000; ++i) {
    store.set(retained("n" + std::to_string(i) + "/keep", "x"));
    store.set(retained("n" + std::to_string(i) + "/go", "x"));
  }
  store.set(retained("$SYS/go", "x"));
  auto cleaned = store.clean("+/go", 1'000);
  CHECK(cleaned.removed == 1'000);
  CHECK_FALSE(cleaned.done);
  std::string after;
  std::size_t steps = 0;
  for (cleaned = {}; !cleaned.done; ++steps) cleaned = store.clean("+/go", after, 100);
  CHECK(steps >= 20);
  CHECK(store.count() == 3'001);
  CHECK(store.clean("n1/keep", 10).removed == 1);
  CHECK(store.clean("n1/keep", 10).removed == 0);
  CHECK(store.clean("nobody/#", 10).done);
  cleaned = store.clean("#", 1'000'000);
  CHECK(cleaned.removed == 2'999);
  CHECK(cleaned.done);
  CHECK(topics(store, "$SYS/#") == Texts{"$SYS/go"});
  CHECK(store.clean("$SYS/go", 1).done);
  CHECK(store.bytes() == 0);
}

TEST_CASE("a lookup that finds little looks at a bounded number of topics per call") {
  RetainedStore store({});
  for (int i = 0; i < 20'000; ++i) store.set(retained("n" + std::to_string(i) + "/x/y", "p"));
  store.set(retained("z/last/y", "p"));
  std::string after;
  std::vector<MessagePtr> out;
  int calls = 1;
  while (!store.match("+/last/y", after, 10, 0, out)) ++calls;
  CHECK(calls > 10);
  REQUIRE(out.size() == 1);
  CHECK(out[0]->topic() == "z/last/y");
}

TEST_CASE("changes between the slices") {
  RetainedStore store({});
  for (int i = 100; i < 200; ++i) store.set(retained("t/" + std::to_string(i), "x"));
  std::string after;
  std::vector<MessagePtr> out;
  CHECK_FALSE(store.match("t/+", after, 50, 0, out));
  CHECK(out.back()->topic() == "t/149");
  // The next one goes, some behind it, some that were seen; new ones come on both sides.
  for (const char* gone : {"t/150", "t/151", "t/199", "t/149", "t/100"}) store.remove(gone);
  store.set(retained("t/0", "x"));
  store.set(retained("t/150a", "x"));
  store.set(retained("t/160", "changed"));
  CHECK(store.match("t/+", after, 1'000, 0, out));
  CHECK(out.size() == 50 + 48);
  CHECK(out[50]->topic() == "t/150a");
  for (std::size_t i = 1; i < out.size(); ++i) CHECK(out[i - 1]->topic() < out[i]->topic());
  for (const auto& message : out)
    if (message->topic() == "t/160") CHECK(message->payload() == "changed");
  store.clean("#", 1'000);
  after = "t/160";
  CHECK(store.match("t/+", after, 10, 0, out));
}

TEST_CASE("hostile topics are kept apart") {
  RetainedStore store({});
  const std::string slashes(5'000, '/'),
      low("a\x01"
          "b"),
      high("a\xf4\x8f\xbf\xbf");
  for (const std::string& topic : {slashes, low, high, std::string("a"), std::string("a/b")})
    CHECK(store.set(retained(topic, "x")) == RetainOutcome::stored);
  CHECK(topics(store, "a/#") == Texts{"a", "a/b"});
  CHECK(topics(store, "+") == Texts{"a", low, high});
  CHECK(topics(store, "/#") == Texts{slashes});
  CHECK(topics(store, "+/+").size() == 1);
  CHECK(topics(store, "#", 1).size() == 5);
}
