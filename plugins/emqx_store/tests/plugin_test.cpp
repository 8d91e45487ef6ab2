// The plugin on a kernel in memory.
#include <doctest/doctest.h>

#include <array>
#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <keel/fake.hpp>
#include <string>

#include "emqx_store/tests/store_harness.hpp"

extern "C" const keel_plugin_entry keel_plugin_entry_v1;

namespace {

using emqx_store_test::Directory;
using keel::FakeBatch;
using keel::FakeHost;
using keel::StoreCondition;

struct Loaded {
  explicit Loaded(std::string_view settings = {}) {
    host.state_dir = directory.path();
    host.set_all(R"(store.min_free = ["0", "0", "0"])");  // however full this disk is
    host.set_all(settings);
    const keel::Status status = host.load(keel_plugin_entry_v1);
    REQUIRE_MESSAGE(status, status.text());
  }
  void write(FakeBatch batch) {
    const std::uint64_t ticket = host.store_submit(std::move(batch));
    REQUIRE(ticket != 0);
    REQUIRE(host.wait_committed(ticket));
  }
  std::vector<std::pair<std::string, std::string>> rows(std::uint8_t space) {
    keel::StoreQuery all;
    all.space = space;
    const auto answer = host.store_read(all);
    REQUIRE(answer);
    CHECK(answer->status == KEEL_OK);
    return answer->rows;
  }

  Directory directory;
  FakeHost host;
};

using Rows = std::vector<std::pair<std::string, std::string>>;

}  // namespace

TEST_CASE("batches are written and read, over an unload") {
  Directory directory;
  {
    FakeHost host;
    host.state_dir = directory.path();
    REQUIRE(host.load(keel_plugin_entry_v1));
    CHECK(host.store_info()->last_ticket == 0);
    const auto ticket =
        host.store_submit(FakeBatch().put(1, "a", "1").hold(7, "m", "text", 2).put(3, "q", "x"));
    CHECK(ticket == 1);
    CHECK(host.wait_committed(1));
    CHECK(host.wait_committed(host.store_submit(FakeBatch().release(7, "m").erase(3, "q"))));
    REQUIRE(host.unload());
    CHECK(host.misuse().empty());
  }
  CHECK(std::filesystem::exists(directory.path() + "/db/CURRENT"));
  FakeHost host;
  host.state_dir = directory.path();
  REQUIRE(host.load(keel_plugin_entry_v1));
  CHECK(host.store_info()->last_ticket == 2);
  keel::StoreQuery query;
  query.space = 7;
  CHECK(host.store_read(query)->rows == Rows{{"m", "text"}});
  query.space = 3;
  CHECK(host.store_read(query)->rows.empty());
  REQUIRE(host.unload());
  CHECK(host.misuse().empty());
}

TEST_CASE("that rows may be missing is remembered until the broker has seen it") {
  Directory directory;
  const auto load = [&](FakeHost& host) {
    host.state_dir = directory.path();
    REQUIRE(host.load(keel_plugin_entry_v1));
    return host.store_info()->incomplete;
  };
  {
    FakeHost host;
    CHECK_FALSE(load(host));
  }
  const std::string mark = directory.path() + "/db/SALVAGED";
  std::ofstream(mark) << "damage was set aside\n";
  {
    FakeHost host;
    CHECK(load(host));
    REQUIRE(host.unload());  // before it read anything
  }
  {
    FakeHost host;
    CHECK(load(host));
    CHECK(host.wait_committed(host.store_submit(FakeBatch().put(1, "a", "1"))));
    REQUIRE(host.unload());
  }
  FakeHost host;
  CHECK_FALSE(load(host));
}

TEST_CASE("queries of every kind are answered") {
  Loaded store;
  store.write(FakeBatch().put(3, "a", "1").put(3, "b", "22").put(3, "c", "333"));
  keel::StoreQuery query;
  query.space = 3;
  query.max_rows = 2;
  auto answer = store.host.store_read(query);
  CHECK(answer->rows == Rows{{"a", "1"}, {"b", "22"}});
  CHECK(answer->more);
  query.kind = KEEL_STORE_COUNT;
  query.max_rows = 0;
  answer = store.host.store_read(query);
  CHECK(answer->counted == 3);
  CHECK(answer->octets == 9);
  query.kind = KEEL_STORE_LAST;
  CHECK(store.host.store_read(query)->rows == Rows{{"c", "333"}});
  query.kind = KEEL_STORE_MANY;
  query.keys = {"c", "x", "a"};
  CHECK(store.host.store_read(query)->rows == Rows{{"c", "333"}, {"a", "1"}});
  query.kind = 99;
  CHECK(store.host.store_read(query)->status == KEEL_E_IO);
  CHECK(store.host.metric("store_reads_total") == 5);
  CHECK(store.host.metric("store_rows_read_total") == 5);
  CHECK(store.host.metric("store_incomplete_reads_total") == 1);
}

TEST_CASE("an upgrade under way loses nothing, and applies nothing twice") {
  Loaded store;
  for (int i = 0; i < 50; ++i) {
    store.host.store_submit(FakeBatch().hold(7, std::to_string(i), "text", 2));
    store.host.store_submit(FakeBatch().release(7, std::to_string(i)));
  }
  REQUIRE(store.host.upgrade(keel_plugin_entry_v1));
  for (int i = 50; i < 60; ++i) {
    store.host.store_submit(FakeBatch().hold(7, std::to_string(i), "text", 1));
  }
  CHECK(store.host.wait_committed(110));
  CHECK(store.rows(7).size() == 60);
  CHECK(store.host.store_info()->last_ticket == 110);
  CHECK(store.host.misuse().empty());
}

TEST_CASE("writes are counted and measured") {
  Loaded store;
  store.write(FakeBatch().put(1, "a", "1").put(1, "b", "2").put(1, "c", "3"));
  store.write(FakeBatch().erase(1, "a"));
  CHECK(store.host.metric("store_commits_total") == 2);
  CHECK(store.host.metric("store_batches_total") == 2);
  CHECK(store.host.metric("store_operations_total") == 4);
  CHECK(store.host.metric("store_commit_operations") == 4);
  CHECK(store.host.metric("store_sync_seconds") > 0);
  const auto syncs = store.host.syncs();
  REQUIRE(syncs.size() == 2);
  CHECK(syncs[0].operations == 3);
  CHECK(syncs[0].duration_ns > 0);
  CHECK(store.host.wait_condition(StoreCondition::fine));
  CHECK(store.host.metric("store_condition") == 0);
  CHECK(store.host.metric("store_recovery_seconds") > 0);
  CHECK(store.host.metric("store_waiting_batches") == 0);
  CHECK(store.host.metric("store_bytes", R"(kind="memtables")") > 0);
  CHECK(store.host.metric("store_disk_free_bytes") > 0);
}

TEST_CASE("the settings say where the store is") {
  Directory elsewhere;
  Loaded store("store.directory = \"" + elsewhere.path() + "/mine\"\n");
  CHECK(std::filesystem::exists(elsewhere.path() + "/mine/CURRENT"));
  CHECK_FALSE(std::filesystem::exists(store.directory.path() + "/db"));
  CHECK(store.host.ctl("store info").output.find("/mine") != std::string::npos);
}

TEST_CASE("settings that make no sense are refused with their names") {
  struct Case {
    const char *key, *value, *says;
  };
  for (const Case& c : {Case{"store.min_free", R"(["5%"])", "three amounts"},
                        Case{"store.min_free", R"(["5%", "much", "1%"])", "'much'"},
                        Case{"store.readers", "0", "store.readers"},
                        Case{"store.commit_delay", "2s", "store.commit_delay"},
                        Case{"store.cache", "1KB", "store.cache"}}) {
    CAPTURE(c.key);
    Directory directory;
    FakeHost host;
    host.state_dir = directory.path();
    host.set_all(std::string(c.key) + " = " + c.value + "\n");
    const keel::Status loaded = host.load(keel_plugin_entry_v1);
    CHECK_FALSE(loaded);
    std::string said(loaded.text());
    for (const std::string& failure : host.config_failures) said += failure;
    CHECK_MESSAGE(said.find(c.says) != std::string::npos, said);
    CHECK_FALSE(std::filesystem::exists(directory.path() + "/db"));
  }
}

TEST_CASE("a store in use is refused, and says by whom") {
  Loaded store;
  FakeHost second;
  second.state_dir = store.directory.path();
  const keel::Status loaded = second.load(keel_plugin_entry_v1);
  CHECK_FALSE(loaded);
  CHECK(second.logged("is in use by this very process"));
  store.write(FakeBatch().put(1, "a", "1"));
}

TEST_CASE("new marks and another pace count at once; the kernel is told of too little space") {
  Loaded store;
  REQUIRE(store.host.wait_condition(StoreCondition::fine));
  REQUIRE(store.host.reload({{"store.min_free", R"(["100%", "100%", "0"])"}}));
  REQUIRE(store.host.wait_condition(StoreCondition::lower));
  CHECK(store.host.conditions().back().text.find("store.min_free") != std::string::npos);
  CHECK(store.host.health().first == KEEL_HEALTH_DEGRADED);
  REQUIRE(store.host.reload({{"store.min_free", R"(["100%", "100%", "100%"])"}}));
  REQUIRE(store.host.wait_condition(StoreCondition::full));
  CHECK(store.host.health().first == KEEL_HEALTH_BAD);
  REQUIRE(store.host.reload({{"store.min_free", R"(["0", "0", "0"])"},
                             {"store.commit_delay", "1ms"},
                             {"store.commit_operations", "5"}}));
  REQUIRE(store.host.wait_condition(StoreCondition::fine));
  CHECK(store.host.health().first == KEEL_HEALTH_GOOD);
  CHECK_FALSE(store.host.reload({{"store.min_free", R"(["x", "0", "0"])"}}));
  store.write(FakeBatch().put(1, "a", "1"));
}

TEST_CASE("store info, for people and for programs") {
  Loaded store;
  REQUIRE(store.host.wait_condition(StoreCondition::fine));
  const auto text = store.host.ctl("store info");
  CHECK(text.exit == KEEL_EXIT_OK);
  for (const char* word : {"directory: ", "condition: fine", "disk: ", "written: ", "waiting: "}) {
    CHECK_MESSAGE(text.output.find(word) != std::string::npos, text.output);
  }
  const auto json = store.host.ctl("store info --json");
  CHECK(json.exit == KEEL_EXIT_OK);
  const auto document = boost::json::parse(json.output).as_object();
  CHECK(document.at("condition") == "fine");
  CHECK(document.at("last_ticket").to_number<int>() == 0);
  CHECK(document.contains("recovery_us"));
}

TEST_CASE("commands that make no sense get the usage") {
  Loaded store;
  for (const char* line : {"store", "store nonsense", "store info more", "store compact now"}) {
    CAPTURE(line);
    const auto answer = store.host.ctl(line);
    CHECK(answer.exit == KEEL_EXIT_USAGE);
    CHECK(answer.output.find("store info") != std::string::npos);
  }
}
