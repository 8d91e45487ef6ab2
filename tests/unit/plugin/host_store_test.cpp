// plugin_store/1 and store/1: what a store is given and asked, and what it reports.
#include <doctest/doctest.h>

#include <cstring>
#include <future>
#include <thread>

#include "keel/ext/plugin_store.h"
#include "kernel/plugin/plugin_store_port.hpp"
#include "net_host.hpp"

namespace keel::test {
namespace {

using Port = std::unique_ptr<PluginStorePort>;

// The plugin; what it was given is recorded as text, the batches themselves as they came.
struct StorePlugin {
  keel_ext_plugin_store table{sizeof table, 0, &info, &submit, &read};
  keel_plugin plugin{sizeof plugin, 0, this, nullptr, nullptr, nullptr, &extension};
  std::uint64_t last_ticket = 7;
  keel_status info_status = KEEL_OK, submit_status = KEEL_OK, read_status = KEEL_OK;
  std::function<void()> within = [] {};  // runs inside submit() and read()
  std::vector<const keel_store_batch*> batches;
  std::vector<std::string> queries;
  std::uint64_t request = 0;

  static StorePlugin& of(void* self) { return *static_cast<StorePlugin*>(self); }
  static const void* extension(void* self, const char* id) {
    return std::strcmp(id, KEEL_EXT_PLUGIN_STORE) == 0 ? &of(self).table : nullptr;
  }
  static keel_status info(void* self, keel_store_info* out) {
    out->last_ticket = of(self).last_ticket;
    return of(self).info_status;
  }
  static keel_status submit(void* self, const keel_store_batch* batch) {
    of(self).batches.push_back(batch);
    of(self).within();
    return of(self).submit_status;
  }
  static keel_status read(void* self, std::uint64_t request, const keel_store_query* query) {
    std::string text = fmt::format("kind {} space {} rows {} bytes {} from '{}' to '{}'",
                                   query->kind, query->space, query->max_rows, query->max_bytes,
                                   view(query->from), view(query->to));
    for (std::uint32_t i = 0; i < query->key_count; ++i)
      text += fmt::format(" '{}'", view(query->keys[i]));
    of(self).queries.push_back(std::move(text));
    of(self).request = request;
    of(self).within();
    return of(self).read_status;
  }
};

std::string shown(const keel_store_op& op) {
  return fmt::format("{} {} {} {} '{}' '{}'", op.kind, op.space, op.flags, op.count, view(op.key),
                     view(op.value));
}

struct HostStoreFixture {
  explicit HostStoreFixture(bool opened = true) {
    slot = host.plugin("disk");
    slot->plugin = store.plugin;
    auto found = PluginStorePort::find(*slot);
    REQUIRE(found);
    slot->store = std::move(*found);
    REQUIRE(slot->store);
    host.realm.journal.on_commit([this](std::uint64_t ticket) { host.runtime->on_commit(ticket); });
    if (!opened) return;
    REQUIRE(slot->store->open());
    journal().attach(*slot->store);
  }
  ~HostStoreFixture() {
    journal().abandon();
    host.unload(*slot);
  }
  Journal& journal() { return host.realm.journal; }
  std::uint64_t submit(std::string_view key = "k") {
    auto batch = std::make_unique<Batch>();
    batch->put(Space::meta, key, "v");
    return journal().submit(std::move(batch));
  }
  keel_status report(std::uint64_t ticket) { return tables::store.committed(slot->host(), ticket); }

  NetHost host;
  StorePlugin store;
  std::unique_ptr<Slot> slot;
};

TEST_CASE("store: only a plugin with a whole table is one") {
  NetHost host;
  auto slot = host.plugin();
  StorePlugin store;
  auto port = PluginStorePort::find(*slot);  // no get_extension at all
  REQUIRE(port);
  CHECK(!*port);
  slot->plugin = store.plugin;
  port = PluginStorePort::find(*slot);
  REQUIRE(port);
  CHECK(*port);
  const keel_ext_plugin_store whole = store.table;
  const auto refused = [&](auto change) {
    store.table = whole;
    change(store.table);
    auto half = PluginStorePort::find(*slot);
    REQUIRE(!half);
    CHECK(contains(half.error(), "lacks info, submit or read"));
  };
  refused([](keel_ext_plugin_store& table) { table.info = nullptr; });
  refused([](keel_ext_plugin_store& table) { table.submit = nullptr; });
  refused([](keel_ext_plugin_store& table) { table.read = nullptr; });
  refused([](keel_ext_plugin_store& table) { table.size -= 8; });
  host.unload(*slot);
}

TEST_CASE("store: batches arrive as they were made, and stay until they are reported") {
  HostStoreFixture f;
  auto batch = std::make_unique<Batch>();
  batch->put(Space::sessions, "a", "1");
  batch->erase(Space::sessions, "b");
  batch->erase_once(Space::queue, "c");
  batch->erase_range(Space::queue, "d", "e");
  batch->hold(Space::messages, "f", "message", 5);
  batch->release(Space::messages, "g", 2);
  CHECK(f.journal().submit(std::move(batch)) == 8);
  CHECK(f.submit("x") == 9);
  REQUIRE(f.store.batches.size() == 2);
  const keel_store_batch& given = *f.store.batches[0];
  CHECK(given.size == sizeof given);
  CHECK(given.ticket == 8);
  CHECK(given.bytes == 15);
  REQUIRE(given.op_count == 6);
  CHECK(shown(given.ops[0]) == "1 1 0 0 'a' '1'");
  CHECK(shown(given.ops[1]) == "2 1 0 0 'b' ''");
  CHECK(shown(given.ops[2]) == "2 3 1 0 'c' ''");
  CHECK(shown(given.ops[3]) == "3 3 0 0 'd' 'e'");
  CHECK(shown(given.ops[4]) == "4 7 0 5 'f' 'message'");
  CHECK(shown(given.ops[5]) == "5 7 0 2 'g' ''");
  CHECK(f.report(8) == KEEL_OK);
  CHECK(f.journal().state().safe == 8);
  CHECK(shown(f.store.batches[1]->ops[0]) == "1 0 0 0 'x' 'v'");
  CHECK(f.report(9) == KEEL_OK);
  CHECK(f.journal().state().safe == 9);
  CHECK(f.slot->calls(CallSite::store).calls == 3);  // with info()
}

TEST_CASE(
    "store: what it was given stays until it has ended, though nobody waits for it any more") {
  HostStoreFixture f;
  f.submit("x");
  f.journal().abandon();
  REQUIRE(f.store.batches.size() == 1);
  CHECK(shown(f.store.batches[0]->ops[0]) == "1 0 0 0 'x' 'v'");
  CHECK(f.report(8) == KEEL_OK);
  f.slot->store->forget_batches();
}

TEST_CASE("store: queries, and answers on another thread") {
  HostStoreFixture f;
  const std::string_view keys[] = {"k1", "k2"};
  std::vector<StoreRows> answers;
  const auto take = [&](StoreRows rows) { answers.push_back(std::move(rows)); };
  f.journal().read({.kind = StoreQuery::Kind::many,
                    .space = Space::retained,
                    .max_rows = 3,
                    .max_bytes = 4,
                    .from = "a",
                    .to = "b",
                    .keys = keys},
                   take);
  CHECK(f.store.queries ==
        std::vector<std::string>{"kind 4 space 8 rows 3 bytes 4 from 'a' to 'b' 'k1' 'k2'"});
  CHECK(answers.empty());
  const keel_store_row rows[] = {{str("k1"), str("v1")}, {str("k2"), str("")}};
  keel_store_rows answer{};
  answer.size = sizeof answer;
  answer.rows = rows;
  answer.row_count = 2;
  answer.more = 1;
  answer.counted = 10;
  answer.octets = 20;
  CHECK(tables::store.rows(f.slot->host(), f.store.request, &answer) == KEEL_OK);
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].complete);
  CHECK(answers[0].more);
  REQUIRE(answers[0].rows.size() == 2);
  CHECK(answers[0].rows[0].key == "k1");
  CHECK(answers[0].rows[0].value == "v1");
  CHECK(answers[0].counted == 10);
  CHECK(answers[0].octets == 20);
  CHECK(tables::store.rows(f.slot->host(), f.store.request, &answer) == KEEL_E_NOENT);
  CHECK(contains(error_text(), "nobody waits"));

  f.journal().read({}, take);
  answer.status = KEEL_E_IO;
  CHECK(tables::store.rows(f.slot->host(), f.store.request, &answer) == KEEL_OK);
  REQUIRE(answers.size() == 2);
  CHECK(!answers[1].complete);
  answer.size = 8;
  CHECK(tables::store.rows(f.slot->host(), 1, &answer) == KEEL_E_INVAL);
  CHECK(tables::store.rows(f.slot->host(), 1, nullptr) == KEEL_E_INVAL);
}

TEST_CASE("store: a query that is refused is answered with nothing, by another thread") {
  HostStoreFixture f;
  f.store.read_status = KEEL_E_IO;
  std::promise<std::pair<bool, std::thread::id>> told;
  f.journal().read({}, [&](const StoreRows& rows) {
    told.set_value({rows.complete, std::this_thread::get_id()});
  });
  auto answer = told.get_future();
  REQUIRE(answer.wait_for(std::chrono::seconds(60)) == std::future_status::ready);
  const auto [complete, thread] = answer.get();
  CHECK(!complete);
  CHECK(thread != std::this_thread::get_id());
}

TEST_CASE("store: its condition counts while it is the one in use") {
  HostStoreFixture f(false);
  const auto say = [&](std::uint32_t condition, std::string_view text) {
    return tables::store.condition(f.slot->host(), condition, str(text));
  };
  CHECK(say(KEEL_STORE_SHORT, "little room") == KEEL_OK);  // in start()
  CHECK(f.journal().condition() == StoreCondition::fine);
  REQUIRE(f.slot->store->open());
  f.journal().attach(*f.slot->store);
  CHECK(f.journal().condition() == StoreCondition::low);
  CHECK(f.journal().state().text == "little room");
  CHECK(say(KEEL_STORE_FINE, "") == KEEL_OK);
  CHECK(f.journal().condition() == StoreCondition::fine);
  CHECK(say(5, "") == KEEL_E_INVAL);
  f.slot->store->set_aside();
  CHECK(say(KEEL_STORE_FAILING, "closing") == KEEL_OK);
  CHECK(f.journal().condition() == StoreCondition::fine);
}

TEST_CASE("store: what it says before it was opened does not count as committed") {
  HostStoreFixture f;
  f.submit();
  f.slot->store->set_aside();
  f.journal().detach();
  CHECK(f.report(7) == KEEL_OK);  // the end of its life: it still counts
  f.slot->store->forget_batches();
  CHECK(f.report(8) == KEEL_OK);
  CHECK(f.journal().state().safe == 7);
}

TEST_CASE("store: one that refuses a batch gets no more, and fails") {
  HostStoreFixture f;
  f.submit();
  f.store.submit_status = KEEL_E_NOMEM;
  f.submit();
  CHECK(f.store.batches.size() == 2);
  CHECK(f.journal().condition() == StoreCondition::failing);
  CHECK(contains(f.journal().state().text, "the plugin disk did not take a batch (nomem)"));
  f.store.submit_status = KEEL_OK;
  f.submit();
  CHECK(f.store.batches.size() == 2);
  tables::store.condition(f.slot->host(), KEEL_STORE_FINE, str(""));
  CHECK(f.journal().condition() == StoreCondition::failing);
  CHECK(f.report(8) == KEEL_OK);
  CHECK(f.journal().state().safe == 8);
  // Opened again it gets what it did not take.
  f.journal().detach();
  f.slot->store->forget_batches();
  f.store.last_ticket = 8;
  REQUIRE(f.slot->store->open());
  f.journal().attach(*f.slot->store);
  REQUIRE(f.store.batches.size() == 4);
  CHECK(f.store.batches[2]->ticket == 9);
  CHECK(f.store.batches[3]->ticket == 10);
}

TEST_CASE("store: one that throws is treated alike") {
  HostStoreFixture f;
  f.store.within = [] { throw std::runtime_error("out of paper"); };
  f.submit();
  CHECK(f.journal().condition() == StoreCondition::failing);
  CHECK(contains(f.journal().state().text, "(exception)"));
  CHECK(f.slot->exceptions() == 1);
  std::promise<bool> told;
  f.journal().read({}, [&](const StoreRows& rows) { told.set_value(rows.complete); });
  auto answer = told.get_future();
  REQUIRE(answer.wait_for(std::chrono::seconds(60)) == std::future_status::ready);
  CHECK(!answer.get());
}

TEST_CASE("store: nothing is reported from within its own functions") {
  HostStoreFixture f;
  std::vector<keel_status> answers;
  f.store.within = [&] {
    keel_store_rows rows{};
    rows.size = sizeof rows;
    const keel_host* const host = f.slot->host();
    answers = {tables::store.committed(host, 8), tables::store.rows(host, 1, &rows),
               tables::store.condition(host, KEEL_STORE_FINE, str("")),
               tables::store.synced(host, 1, 1)};
  };
  f.submit();
  CHECK(answers == std::vector<keel_status>(4, KEEL_E_STATE));
  CHECK(contains(error_text(), "from within submit() or read()"));
  answers.clear();
  f.journal().read({}, [](const StoreRows&) {});
  CHECK(answers == std::vector<keel_status>(4, KEEL_E_STATE));
  CHECK(f.journal().state().safe == 7);
}

TEST_CASE("store: how long its writes take is counted") {
  HostStoreFixture f;
  CHECK(tables::store.synced(f.slot->host(), 3'000'000, 20) == KEEL_OK);
  const Journal::State state = f.journal().state();
  CHECK(state.commits == 1);
  CHECK(state.operations == 20);
  CHECK(state.sync_us.p50 == 3000);
}

TEST_CASE("store: other plugins may not report") {
  HostStoreFixture f;
  auto other = f.host.plugin("other");
  keel_store_rows rows{};
  rows.size = sizeof rows;
  CHECK(tables::store.committed(other->host(), 8) == KEEL_E_DENIED);
  CHECK(contains(error_text(), "the plugin 'other' is not a store"));
  CHECK(tables::store.rows(other->host(), 1, &rows) == KEEL_E_DENIED);
  CHECK(tables::store.condition(other->host(), KEEL_STORE_FINE, str("")) == KEEL_E_DENIED);
  CHECK(tables::store.synced(other->host(), 1, 1) == KEEL_E_DENIED);
  f.host.unload(*other);
}

TEST_CASE("store: it must say how far it is") {
  HostStoreFixture f(false);
  f.store.info_status = KEEL_E_IO;
  const auto opened = f.slot->store->open();
  REQUIRE(!opened);
  CHECK(contains(opened.error(), "info() of the store answered -10 (io)"));
}

TEST_CASE("store: reports come from its own threads, while shards submit") {
  HostStoreFixture f;
  constexpr std::uint64_t kEach = 500;
  std::mutex mutex;
  std::condition_variable came;
  std::uint64_t newest = 7;
  f.store.within = [&] {
    const std::lock_guard lock(mutex);
    newest = f.store.batches.back()->ticket;
    came.notify_one();
  };
  std::thread writer([&] {
    for (std::uint64_t reported = 7; reported < 7 + 2 * kEach;) {
      {
        std::unique_lock lock(mutex);
        came.wait(lock, [&] { return newest > reported; });
        reported = newest;
      }
      f.report(reported);
    }
  });
  for (std::uint32_t shard = 0; shard < 2; ++shard)
    f.host.shards.shard(shard).post([&f] {
      for (std::uint64_t i = 0; i < kEach; ++i) f.submit();
    });
  writer.join();
  CHECK(f.journal().state().safe == 7 + 2 * kEach);
  CHECK(f.journal().state().waiting_batches == 0);
}

}  // namespace
}  // namespace keel::test
