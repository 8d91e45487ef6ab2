// host().kv(), and the fake's part of it.
#include "keel/kv.hpp"

#include "tests/unit/sdk/support.hpp"

using namespace keel;
using keel::test::Fixture;

TEST_CASE("without a store everything of kv says that there is none") {
  Fixture f;
  f.load();
  CHECK(f.host().kv().put("a", "1") == KEEL_E_NOENT);
  CHECK(f.host().kv().erase("a") == KEEL_E_NOENT);
  bool called = false;
  CHECK(f.host().kv().sync([&, t = f.tracked()] { called = true; }) == KEEL_E_NOENT);
  CHECK(f.alive == 0);
  CHECK(f.host().kv().list("").code() == KEEL_E_NOENT);
  CHECK(f.host().kv().list("").text() == "kv.list: no store is loaded");
  CHECK(f.host().kv().each("", [](auto, auto) {}) == KEEL_E_NOENT);
  CHECK(!called);
}

TEST_CASE("an older kernel has no kv") {
  Fixture f;
  f.fake.hide_table(KEEL_EXT_KV);
  f.load();
  CHECK(f.host().kv().put("a", "1") == KEEL_E_UNSUPPORTED);
  CHECK(f.host().kv().sync([] {}) == KEEL_E_UNSUPPORTED);
  CHECK(f.host().kv().list("").code() == KEEL_E_UNSUPPORTED);
}

TEST_CASE("what was written is found again after a restart") {
  const auto disk = std::make_shared<FakeKv>();
  for (const int life : {1, 2}) {
    Fixture f;
    f.fake.kv = disk;
    std::string found;
    f.load([&](Host& host) {
      return host.kv().each("client/", [&](std::string_view key, std::string_view value) {
        found += concat(key, '=', value, ' ');
      });
    });
    if (life == 1) {
      CHECK(found.empty());
      CHECK(f.host().kv().put("client/b", "2"));
      CHECK(f.host().kv().put("client/a", "0"));
      CHECK(f.host().kv().put("client/a", "1"));
      CHECK(f.host().kv().put("client/c", "3"));
      CHECK(f.host().kv().put("other", "4"));
      CHECK(f.host().kv().erase("client/c"));
      CHECK(f.host().kv().erase("client/none"));
    } else {
      CHECK(found == "client/a=1 client/b=2 ");
    }
  }
}

TEST_CASE("a loss of power takes what was not synced") {
  Fixture f;
  f.fake.kv = std::make_shared<FakeKv>();
  f.load();
  CHECK(f.host().kv().put("a", "1"));
  CHECK(f.host().kv().sync([] {}));
  CHECK(f.host().kv().put("b", "2"));
  f.fake.kv->lose_power();
  CHECK(f.fake.kv->rows == std::map<std::string, std::string>{{"a", "1"}});
}

TEST_CASE("sync answers on the thread that was named, once the disk has it") {
  Fixture f;
  f.fake.kv = std::make_shared<FakeKv>();
  f.load();
  std::string log;
  const auto note = [&](const char* what) {
    return [&log, &f, what, t = f.tracked()] { log += concat(what, '@', f.fake.current(), ' '); };
  };
  f.fake.kv_commits = false;
  f.fake.on(1, [&] {
    CHECK(f.host().kv().put("a", "1"));
    CHECK(f.host().kv().sync(note("here")));
    CHECK(f.host().kv().sync(note("there"), 0));
  });
  CHECK(f.host().kv().sync(note("control")));
  f.fake.run();
  CHECK(log.empty());
  f.fake.kv->lose_power();
  CHECK(f.fake.kv->rows.empty());
  f.fake.commit_kv();
  const std::string control = concat("control@", kControl, ' ');
  CHECK(log == control + "there@0 here@1 ");
  CHECK(f.alive == 0);
  CHECK(f.host().kv().sync([] {}, 7) == KEEL_E_INVAL);
}

TEST_CASE("a sync that waits is cancelled by an unload") {
  Fixture f;
  f.fake.kv = std::make_shared<FakeKv>();
  f.fake.kv_commits = false;
  f.load();
  std::string log;
  CHECK(f.host().kv().sync(
      [&, t = f.tracked()](bool cancelled) { log += cancelled ? "cancelled" : "safe"; }));
  CHECK(f.host().kv().sync([&, t = f.tracked()] { log += "called"; }));
  CHECK(f.fake.unload());
  CHECK(log == "cancelled");
  CHECK(f.alive == 0);
}

TEST_CASE("what a function throws stays in the plugin") {
  Fixture f;
  f.fake.kv = std::make_shared<FakeKv>();
  f.load();
  CHECK(f.host().kv().sync([t = f.tracked()] { throw std::runtime_error("on disk"); }));
  f.fake.run();
  CHECK(f.fake.exceptions == std::vector<std::string>{"on disk"});
}

TEST_CASE("lists are pages, in the order of keys") {
  Fixture f;
  f.fake.kv = std::make_shared<FakeKv>();
  f.load();
  for (const char* key : {"a", "p1", "p2", "p3", "q"}) CHECK(f.host().kv().put(key, key));
  const auto keys = [&](std::string_view prefix, std::string_view after, std::uint32_t max) {
    const auto page = f.host().kv().list(prefix, after, max);
    REQUIRE(page);
    std::string out;
    for (const auto& [key, value] : page->rows) out += key + ' ';
    return out + (page->more ? "..." : "");
  };
  CHECK(keys("", "", 256) == "a p1 p2 p3 q ");
  CHECK(keys("p", "", 256) == "p1 p2 p3 ");
  CHECK(keys("p", "", 2) == "p1 p2 ...");
  CHECK(keys("p", "p2", 2) == "p3 ");
  CHECK(keys("p", "p3", 2) == "");
  CHECK(keys("p", "a", 1) == "p1 ...");
  CHECK(keys("x", "", 9) == "");
  CHECK(keys("", "p3", 9) == "q ");
  f.fake.on(0, [&] { CHECK(f.host().kv().list("").code() == KEEL_E_STATE); });
  CHECK(f.fake.misuse().size() == 1);
  const_cast<std::vector<std::string>&>(f.fake.misuse()).clear();
}

TEST_CASE("each() goes through all pages, and may write while it does") {
  Fixture f;
  f.fake.kv = std::make_shared<FakeKv>();
  f.load();
  for (int i = 0; i < 1000; ++i) CHECK(f.host().kv().put(concat("k", 1000 + i), "v"));
  int seen = 0;
  CHECK(f.host().kv().each("k", [&](std::string_view key, std::string_view) {
    ++seen;
    CHECK(f.host().kv().erase(key));
  }));
  CHECK(seen == 1000);
  CHECK(f.fake.kv->rows.empty());
  CHECK(f.fake.calls("kv.list") == 4);
}

TEST_CASE("keys and values have bounds") {
  Fixture f;
  f.fake.kv = std::make_shared<FakeKv>();
  f.load();
  const Kv kv = f.host().kv();
  CHECK(kv.put("", "1") == KEEL_E_INVAL);
  CHECK(kv.put(std::string(1025, 'k'), "1") == KEEL_E_INVAL);
  CHECK(kv.put(std::string(1024, 'k'), ""));
  CHECK(kv.put("k", std::string((16u << 20) + 1, 'v')) == KEEL_E_INVAL);
  CHECK(kv.erase("") == KEEL_E_INVAL);
  f.fake.fail_next("kv.put", KEEL_E_LIMIT);
  CHECK(kv.put("k", "1") == KEEL_E_LIMIT);
  f.fake.kv_commits = false;
  CHECK(kv.list("").code() == KEEL_E_IO);
}
