// kv/1: what plugins write, when they hear that it is safe, what they find.
#include <doctest/doctest.h>

#include <map>
#include <thread>

#include "keel/ext/kv.h"
#include "net_host.hpp"

namespace keel::test {
namespace {

// A store that commits and answers on a thread of its own, unless it is held.
class ThreadStore final : public StorePort {
 public:
  explicit ThreadStore(Journal& journal) : journal_(journal), thread_([this] { work(); }) {}
  ~ThreadStore() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  std::uint64_t last_ticket() override { return 0; }
  bool incomplete() override { return false; }
  void submit(const Batch& batch) override {
    const std::lock_guard lock(mutex_);
    batches_.push_back(&batch);
    ++batch_count_;
    changed_.notify_all();
  }
  void keep(std::vector<std::unique_ptr<Batch>> batches) override {
    const std::lock_guard lock(mutex_);
    kept_ = std::move(batches);
  }
  void read(const StoreQuery& query, std::function<void(StoreRows)> done) override {
    const std::lock_guard lock(mutex_);
    CHECK(query.space == Space::plugins);
    reads_.push_back({std::string(query.from), std::string(query.to), query.max_rows,
                      query.max_bytes, std::move(done)});
    changed_.notify_all();
  }
  void set(bool ThreadStore::*what, bool yes) {
    const std::lock_guard lock(mutex_);
    this->*what = yes;
    changed_.notify_all();
  }
  std::map<std::string, std::string> rows() {
    const std::lock_guard lock(mutex_);
    return rows_;
  }
  std::size_t batch_count() {
    const std::lock_guard lock(mutex_);
    return batch_count_;
  }

  bool held = false;     // commits nothing
  bool deaf = false;     // answers nothing
  bool damaged = false;  // cannot read all

 private:
  struct Read {
    std::string from, to;
    std::uint32_t max_rows, max_bytes;
    std::function<void(StoreRows)> done;
  };
  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] {
        return stopping_ || (!batches_.empty() && !held) || (!reads_.empty() && !deaf);
      });
      if (stopping_) return;
      std::uint64_t ticket = 0;
      if (!held)
        for (const Batch* batch : std::exchange(batches_, {})) {
          ticket = batch->ticket;
          for (const StoreOp& op : batch->ops()) apply(op);
        }
      std::vector<std::pair<std::function<void(StoreRows)>, StoreRows>> answers;
      if (!deaf)
        for (Read& read : std::exchange(reads_, {}))
          answers.emplace_back(std::move(read.done), answer(read));
      lock.unlock();
      if (ticket != 0) journal_.committed(ticket);
      for (auto& [done, rows] : answers) done(std::move(rows));
      lock.lock();
    }
  }
  void apply(const StoreOp& op) {
    if (op.kind == StoreOp::Kind::put) rows_[std::string(op.key)] = op.value;
    if (op.kind == StoreOp::Kind::erase) rows_.erase(std::string(op.key));
  }
  StoreRows answer(const Read& read) {
    StoreRows out;
    out.complete = !damaged;
    std::size_t bytes = 0;
    for (auto at = rows_.lower_bound(read.from); at != rows_.end() && at->first < read.to; ++at) {
      if (out.rows.size() >= read.max_rows || bytes >= read.max_bytes) {
        out.more = true;
        break;
      }
      out.rows.push_back({at->first, at->second});
      bytes += at->first.size() + at->second.size();
    }
    return out;
  }

  Journal& journal_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<const Batch*> batches_;
  std::vector<std::unique_ptr<Batch>> kept_;
  std::vector<Read> reads_;
  std::map<std::string, std::string> rows_;
  std::size_t batch_count_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

// What a one-shot callback was told, and where.
struct ToldKeys {
  static void done(void* ctx, std::int32_t cancelled) {
    ToldKeys& mine = *static_cast<ToldKeys*>(ctx);
    const HostThread* const thread = HostThread::current();
    mine.thread = thread ? thread->index() : 99;
    mine.cancelled = cancelled;
    mine.calls.fetch_add(1, std::memory_order_release);
  }
  std::atomic<int> calls{0};
  std::uint32_t thread = 0;
  std::int32_t cancelled = 0;
};

struct HostKvFixture {
  explicit HostKvFixture(bool attached = true,
                         std::chrono::milliseconds timeout = std::chrono::seconds(60))
      : host(2, {}, timeout) {
    host.realm.journal.on_commit([this](std::uint64_t ticket) { host.runtime->on_commit(ticket); });
    slot = host.plugin("user");
    host.run(*slot);
    if (attached) journal().attach(store);
  }
  ~HostKvFixture() {
    // It must not look at batches that the journal has given up.
    store.set(&ThreadStore::held, false);
    rest();
    journal().abandon();
    if (slot) host.unload(*slot);
  }
  Journal& journal() { return host.realm.journal; }
  keel_status put(std::string_view key, std::string_view value, Slot* as = nullptr) {
    return tables::kv.put((as ? as : slot.get())->host(), str(key), str(value));
  }
  keel_status erase(std::string_view key) { return tables::kv.erase(slot->host(), str(key)); }
  keel_status sync(ToldKeys& told, std::uint32_t shard = KEEL_SHARD_CONTROL) {
    return tables::kv.sync(slot->host(), ToldKeys::done, &told, shard);
  }
  std::string list(std::string_view prefix = {}, std::string_view after = {},
                   std::uint32_t max = 1000, Slot* as = nullptr) {
    std::string out;
    status = tables::kv.list(
        (as ? as : slot.get())->host(), str(prefix), str(after), max,
        [](void* ctx, keel_str key, keel_str value) {
          static_cast<std::string*>(ctx)->append(fmt::format("{}={} ", view(key), view(value)));
        },
        &out);
    return out;
  }
  // Everything that is posted has run, and everything that is written is committed.
  void rest() {
    host.turns();
    REQUIRE(host.eventually([this] { return journal().backlog() == 0; }));
  }

  NetHost host;
  ThreadStore store{host.realm.journal};
  std::unique_ptr<Slot> slot;
  keel_status status = KEEL_OK;  // of list()
};

TEST_CASE("kv: without a store there is nothing") {
  HostKvFixture f(false);
  ToldKeys told;
  CHECK(f.put("k", "v") == KEEL_E_NOENT);
  CHECK(error_text() == "kv.put: no store is loaded");
  CHECK(f.erase("k") == KEEL_E_NOENT);
  CHECK(f.sync(told) == KEEL_E_NOENT);
  CHECK(f.list().empty());
  CHECK(f.status == KEEL_E_NOENT);
  f.host.turns();
  CHECK(told.calls == 0);
}

TEST_CASE("kv: every plugin has its own keys") {
  HostKvFixture f;
  auto other = f.host.plugin("use");  // with whose name the first one's begins
  f.host.run(*other);
  CHECK(f.put("k", "1") == KEEL_OK);
  CHECK(f.put("k", "2", other.get()) == KEEL_OK);
  CHECK(f.list() == "k=1 ");
  CHECK(f.list("", "", 9, other.get()) == "k=2 ");
  CHECK(f.store.rows() == std::map<std::string, std::string>{{std::string("use\0k", 5), "2"},
                                                             {std::string("user\0k", 6), "1"}});
  f.host.unload(*other);
}

TEST_CASE("kv: a turn's writes are one batch") {
  HostKvFixture f;
  f.host.on_shard(1, [&] {
    for (int i = 0; i < 100; ++i) CHECK(f.put(fmt::format("k{:03}", i), "v") == KEEL_OK);
    CHECK(f.erase("k050") == KEEL_OK);
    CHECK(f.store.batch_count() == 0);
  });
  f.rest();
  CHECK(f.store.batch_count() == 1);
  CHECK(f.store.rows().size() == 99);
  // Large ones are not kept back.
  f.host.on_shard(1, [&] {
    CHECK(f.put("large", std::string(300'000, 'x')) == KEEL_OK);
    CHECK(f.store.batch_count() == 2);
  });
  f.rest();
}

TEST_CASE("kv: the plugin's own threads write, too") {
  HostKvFixture f;
  std::thread([&] {
    CHECK(f.put("k", "v") == KEEL_OK);
    CHECK(f.put("gone", "v") == KEEL_OK);
    CHECK(f.erase("gone") == KEEL_OK);
    ToldKeys told;
    CHECK(f.sync(told) == KEEL_E_STATE);
    CHECK(told.calls == 0);
  }).join();
  f.rest();
  CHECK(f.list() == "k=v ");
}

TEST_CASE("kv: sync tells when it is safe, where it was asked to") {
  HostKvFixture f;
  f.store.set(&ThreadStore::held, true);
  ToldKeys here, there, control, current, nowhere;
  f.host.on_shard(1, [&] {
    CHECK(f.put("k", "v") == KEEL_OK);
    CHECK(f.sync(here, 1) == KEEL_OK);
    CHECK(f.sync(there, 0) == KEEL_OK);
    CHECK(f.sync(control, KEEL_SHARD_CONTROL) == KEEL_OK);
    CHECK(f.sync(current, KEEL_SHARD_CURRENT) == KEEL_OK);
    CHECK(f.sync(nowhere, 2) == KEEL_E_INVAL);
  });
  f.host.turns();
  CHECK(here.calls + there.calls + control.calls + current.calls == 0);
  CHECK(f.slot->posts_waiting() == 4);
  f.store.set(&ThreadStore::held, false);
  REQUIRE(f.host.eventually([&] {
    return here.calls == 1 && there.calls == 1 && control.calls == 1 && current.calls == 1;
  }));
  CHECK(f.store.rows().size() == 1);
  CHECK(here.thread == 1);
  CHECK(there.thread == 0);
  CHECK(control.thread == kControlThread);
  CHECK(current.thread == 1);
  CHECK(here.cancelled == 0);
  CHECK(nowhere.calls == 0);
  // Nothing is written: it is told at once.
  ToldKeys again;
  CHECK(f.sync(again) == KEEL_OK);
  CHECK(f.host.eventually([&] { return again.calls == 1; }));
}

TEST_CASE("kv: a sync that waits is cancelled with its plugin") {
  HostKvFixture f;
  f.store.set(&ThreadStore::held, true);
  ToldKeys on_shard, on_control;
  f.host.on_shard(0, [&] {
    CHECK(f.put("k", "v") == KEEL_OK);
    CHECK(f.sync(on_shard, 0) == KEEL_OK);
  });
  CHECK(f.sync(on_control) == KEEL_OK);
  f.host.unload(*f.slot);
  f.host.runtime->commits().flush(*f.slot);
  REQUIRE(f.host.eventually([&] { return f.slot->quiet(); }));
  CHECK(on_shard.calls == 1);
  CHECK(on_shard.cancelled == 1);
  CHECK(on_shard.thread == 0);
  CHECK(on_control.cancelled == 1);
  CHECK(f.put("k", "v") == KEEL_E_STATE);
  CHECK(f.sync(on_control) == KEEL_E_STATE);
  f.slot.reset();
}

TEST_CASE("kv: lists begin and end where they were told to") {
  HostKvFixture f;
  const std::string high = "p\xff\xff";
  for (const std::string& key :
       {std::string("a"), std::string("p"), std::string("p1"), std::string("p1\0x", 4),
        std::string("p2"), high, high + "z", std::string("q"), std::string("\xff")})
    CHECK(f.put(key, "v") == KEEL_OK);
  CHECK(f.list("p", "", 1000) ==
        "p=v p1=v " + std::string("p1\0x=v ", 7) + "p2=v " + high + "=v " + high + "z=v ");
  CHECK(f.list(high) == high + "=v " + high + "z=v ");
  CHECK(f.list("\xff") == "\xff=v ");
  CHECK(f.list("p", "p1", 2) == std::string("p1\0x=v ", 7) + "p2=v ");
  CHECK(f.list("p", "a", 1) == "p=v ");
  CHECK(f.list("p", high + "z") == "");
  CHECK(f.list("p", "q") == "");
  CHECK(f.list("", "q") == "\xff=v ");
  CHECK(f.list("", "", 0) == "");
  CHECK(f.list("", "", 1) == "a=v ");
  CHECK(f.list("nothing") == "");
  CHECK(f.status == KEEL_OK);
}

TEST_CASE("kv: a list goes through pages of its own") {
  HostKvFixture f;
  for (int i = 0; i < 2500; ++i) CHECK(f.put(fmt::format("k{:04}", i), "v") == KEEL_OK);
  const std::string big(std::size_t{3} << 20, 'x');
  for (int i = 0; i < 4; ++i) CHECK(f.put(fmt::format("z{}", i), big) == KEEL_OK);
  const std::string all = f.list("k", "", 100'000);
  CHECK(f.status == KEEL_OK);
  CHECK(all.size() == 2500 * 8);
  CHECK(f.list("k", "", 1500).size() == 1500 * 8);
  CHECK(f.list("z").size() == 4 * (big.size() + 4));
}

TEST_CASE("kv: a list says when it could not read everything") {
  HostKvFixture f;
  CHECK(f.put("k", "v") == KEEL_OK);
  f.store.set(&ThreadStore::damaged, true);
  CHECK(f.list() == "k=v ");
  CHECK(f.status == KEEL_E_IO);
  CHECK(contains(error_text(), "could not read all"));
  f.host.on_shard(0, [&] {
    CHECK(f.list().empty());
    CHECK(f.status == KEEL_E_STATE);
  });
  CHECK(tables::kv.list(f.slot->host(), {}, {}, 1, nullptr, nullptr) == KEEL_E_INVAL);
}

TEST_CASE("kv: a list does not wait for ever") {
  HostKvFixture f(true, std::chrono::milliseconds(50));
  f.store.set(&ThreadStore::deaf, true);
  CHECK(f.list().empty());
  CHECK(f.status == KEEL_E_IO);
  CHECK(contains(error_text(), "did not answer"));
  f.store.set(&ThreadStore::deaf, false);
  f.store.set(&ThreadStore::held, true);
  CHECK(f.put("k", "w") == KEEL_OK);
  CHECK(f.list().empty());
  CHECK(f.status == KEEL_E_IO);
  CHECK(contains(error_text(), "has not written"));
}

TEST_CASE("kv: keys and values have bounds") {
  HostKvFixture f;
  CHECK(f.put("", "v") == KEEL_E_INVAL);
  CHECK(f.put(std::string(1025, 'k'), "v") == KEEL_E_INVAL);
  CHECK(contains(error_text(), "1 ... 1024 octets, not 1025"));
  CHECK(f.put(std::string(1024, 'k'), "v") == KEEL_OK);
  CHECK(f.erase("") == KEEL_E_INVAL);
  CHECK(f.put("k", std::string((std::size_t{16} << 20) + 1, 'v')) == KEEL_E_INVAL);
  CHECK(contains(error_text(), "at most 16777216 octets"));
  CHECK(f.put("k", "") == KEEL_OK);
  f.rest();
}

TEST_CASE("kv: a store that is full takes no more, but lets go") {
  HostKvFixture f;
  CHECK(f.put("k", "v") == KEEL_OK);
  f.journal().set_condition(StoreCondition::lower, "short");
  CHECK(f.put("k", "v") == KEEL_OK);
  for (const StoreCondition bad : {StoreCondition::full, StoreCondition::failing}) {
    f.journal().set_condition(bad, "no room");
    CHECK(f.put("k", "v") == KEEL_E_LIMIT);
    CHECK(contains(error_text(), "full or fails"));
    CHECK(f.erase("k") == KEEL_OK);
  }
  f.journal().set_condition(StoreCondition::fine, "");
  CHECK(f.put("k", "v") == KEEL_OK);
  f.rest();
}

TEST_CASE("kv: what waits for the disk is bounded") {
  HostKvFixture f;
  f.store.set(&ThreadStore::held, true);
  const std::string large(std::size_t{8} << 20, 'x');
  int taken = 0;
  while (taken < 100 && f.put("k", large) == KEEL_OK) ++taken;
  CHECK(taken == 8);
  CHECK(f.put("k", "v") == KEEL_E_LIMIT);
  CHECK(contains(error_text(), "does not keep up"));
  CHECK(f.erase("k") == KEEL_E_LIMIT);
  f.store.set(&ThreadStore::held, false);
  f.rest();
  CHECK(f.put("k", "v") == KEEL_OK);
  f.rest();
}

TEST_CASE("kv: the store cannot keep anything in itself") {
  struct Table {
    static const void* extension(void*, const char*) {
      static const keel_ext_plugin_store table{
          sizeof table, 0, [](void*, keel_store_info*) -> keel_status { return KEEL_OK; },
          [](void*, const keel_store_batch*) -> keel_status { return KEEL_OK; },
          [](void*, std::uint64_t, const keel_store_query*) -> keel_status { return KEEL_OK; }};
      return &table;
    }
  };
  HostKvFixture f;
  auto disk = f.host.plugin("disk");
  disk->plugin.get_extension = &Table::extension;
  auto port = PluginStorePort::find(*disk);
  REQUIRE(port);
  disk->store = std::move(*port);
  CHECK(f.put("k", "v", disk.get()) == KEEL_E_DENIED);
  CHECK(f.list("", "", 1, disk.get()).empty());
  CHECK(f.status == KEEL_E_DENIED);
  f.host.unload(*disk);
}

}  // namespace
}  // namespace keel::test
