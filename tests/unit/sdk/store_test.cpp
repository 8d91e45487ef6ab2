// A plugin that is the store, as the C++ layer and the fake have it.
#include "keel/store.hpp"

#include <condition_variable>
#include <mutex>
#include <thread>

#include "tests/unit/sdk/support.hpp"

using namespace keel;

namespace {

// What survives the plugin, and what the tests change.
struct Disk {
  std::map<std::string, std::string> rows;  // space, then key
  std::uint64_t last_ticket = 0;
  bool refuse_info = false, refuse_read = false, throw_submit = false, report_within = false;
  bool commits = true;
  std::vector<std::uint64_t> given;  // tickets, in the order of submit()
} disk;

// Writes on a thread of its own.
class MemoryStore final : public Plugin, public StoreProvider {
 public:
  using Plugin::Plugin;

  Status start() override {
    stopping_ = false;
    writer_ = std::thread([this] { write(); });
    return {};
  }
  void stop() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    writer_.join();
    batches_.clear();
  }
  Result<StoreInfo> info() override {
    if (disk.refuse_info) return Status::error("cannot be read", KEEL_E_IO);
    return StoreInfo{.last_ticket = disk.last_ticket};
  }
  void submit(const StoreBatch& batch) override {
    if (disk.throw_submit) throw std::runtime_error("submit");
    if (disk.report_within) CHECK(host().store().committed(batch.ticket) == KEEL_E_STATE);
    disk.given.push_back(batch.ticket);
    {
      const std::lock_guard lock(mutex_);
      if (disk.commits) batches_.push_back(batch);
    }
    changed_.notify_all();
  }
  Status read(std::uint64_t request, StoreQuery query) override {
    if (disk.refuse_read) return Status::error("no");
    {
      const std::lock_guard lock(mutex_);
      queries_.emplace_back(request, std::move(query));
    }
    changed_.notify_all();
    return {};
  }

 private:
  void write() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [&] { return stopping_ || !batches_.empty() || !queries_.empty(); });
      if (stopping_) return;
      const auto batches = std::move(batches_);
      const auto queries = std::move(queries_);
      batches_.clear();
      queries_.clear();
      lock.unlock();
      for (const StoreBatch& batch : batches) keep(batch);
      for (const auto& [request, query] : queries) answer(request, query);
      lock.lock();
    }
  }
  void keep(const StoreBatch& batch) {
    if (batch.ticket > disk.last_ticket) {
      disk.last_ticket = batch.ticket;
      for (const keel_store_op& op : batch.ops) {
        const std::string key = concat(op.space, '/', op.key);
        if (op.kind == KEEL_STORE_PUT) disk.rows[key] = view(op.value);
        if (op.kind == KEEL_STORE_ERASE) disk.rows.erase(key);
      }
    }
    CHECK(host().store().synced(1000, static_cast<std::uint32_t>(batch.ops.size())));
    if (disk.rows.size() > 3) CHECK(host().store().condition(StoreCondition::low, "three rows"));
    CHECK(host().store().committed(batch.ticket));
  }
  void answer(std::uint64_t request, const StoreQuery& query) {
    StoreAnswer answer;
    const std::string space = concat(query.space, '/');
    for (auto at = disk.rows.lower_bound(space + query.from);
         at != disk.rows.end() && at->first.starts_with(space); ++at) {
      if (!query.to.empty() && at->first >= space + query.to) break;
      if (answer.full(query)) {
        answer.more = true;
        break;
      }
      ++answer.counted;
      answer.counted_octets += at->second.size();
      if (query.kind == KEEL_STORE_MANY &&
          std::count(query.keys.begin(), query.keys.end(), at->first.substr(space.size())) == 0) {
        continue;
      }
      if (at->second == "damaged") {
        answer.complete = false;
      } else {
        answer.add(std::string_view(at->first).substr(space.size()), at->second);
      }
    }
    CHECK(host().store().rows(request, answer));
    CHECK(host().store().rows(request, answer) == KEEL_E_NOENT);
  }

  std::thread writer_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::vector<StoreBatch> batches_;
  std::vector<std::pair<std::uint64_t, StoreQuery>> queries_;
};

class Ordinary final : public Plugin {
 public:
  using Plugin::Plugin;
  Status start() override { return {}; }
};

StoreQuery range(std::uint8_t space, std::string from = "", std::string to = "") {
  StoreQuery query;
  query.space = space;
  query.from = std::move(from);
  query.to = std::move(to);
  return query;
}
std::string shown(const std::optional<FakeRows>& rows) {
  if (!rows) return "none";
  std::string out;
  for (const auto& [key, value] : rows->rows) out += concat(key, '=', value, ' ');
  if (rows->more) out += "...";
  if (rows->status != KEEL_OK) out += "incomplete";
  return out;
}

struct StoreFixture {
  StoreFixture() {
    disk = {};
    REQUIRE(fake.load<MemoryStore>());
  }
  ~StoreFixture() {
    if (fake.loaded()) CHECK(fake.unload());
  }
  FakeHost fake;
};

}  // namespace

TEST_CASE("only a class that derives from StoreProvider is offered as a store") {
  FakeHost fake;
  REQUIRE(fake.load<Ordinary>());
  CHECK(fake.plugin_table<keel_ext_plugin_store>(KEEL_EXT_PLUGIN_STORE) == nullptr);
  CHECK(fake.store_submit(FakeBatch().put(1, "a", "b")) == 0);
  CHECK(!fake.store_info());
  CHECK(!fake.store_read({}));
  CHECK(fake.unload());
  const StoreFixture f;
}

TEST_CASE("batches are written in order and reported") {
  StoreFixture f;
  CHECK(f.fake.store_submit(FakeBatch().put(1, "a", "1").put(2, "a", "2")) == 1);
  CHECK(f.fake.store_submit(FakeBatch().erase(1, "a").put(1, "b", std::string(100'000, 'x'))) == 2);
  CHECK(f.fake.wait_committed(2));
  CHECK(f.fake.committed() == 2);
  CHECK(disk.given == std::vector<std::uint64_t>{1, 2});
  CHECK(disk.rows.size() == 2);
  CHECK(disk.rows.at("1/b").size() == 100'000);
  CHECK(disk.rows.at("2/a") == "2");
  CHECK(f.fake.store_info()->last_ticket == 2);
  REQUIRE(f.fake.syncs().size() == 2);
  CHECK(f.fake.syncs()[1].operations == 2);
  CHECK(f.fake.conditions().empty());
  f.fake.store_submit(FakeBatch().put(3, "a", "").put(3, "b", "").put(3, "c", ""));
  CHECK(f.fake.wait_condition(StoreCondition::low));
  CHECK(f.fake.conditions().back().text == "three rows");
}

TEST_CASE("a batch has all kinds of operations, as they were given") {
  FakeBatch batch;
  batch.put(3, "k", "value").erase(3, "k", KEEL_STORE_ONCE).erase_range(9, "a", "b");
  batch.hold(7, "m", "message", 5).release(7, "m", 2);
  const keel_store_batch c = batch.c(42);
  CHECK(c.size == sizeof c);
  CHECK(c.ticket == 42);
  CHECK(c.bytes == 1 + 5 + 1 + 1 + 1 + 1 + 7 + 1);
  REQUIRE(c.op_count == 5);
  CHECK(c.ops[1].flags == KEEL_STORE_ONCE);
  CHECK(c.ops[2].kind == KEEL_STORE_ERASE_RANGE);
  CHECK(view(c.ops[2].value) == "b");
  CHECK(c.ops[3].count == 5);
  CHECK(view(c.ops[3].value) == "message");
  CHECK(c.ops[4].kind == KEEL_STORE_RELEASE);
  CHECK(c.ops[4].count == 2);
}

TEST_CASE("rows are asked for and answered") {
  StoreFixture f;
  f.fake.store_submit(FakeBatch().put(1, "a", "1").put(1, "b", "2").put(1, "c", "3"));
  REQUIRE(f.fake.wait_committed(1));
  CHECK(shown(f.fake.store_read(range(1))) == "a=1 b=2 c=3 ");
  CHECK(shown(f.fake.store_read(range(1, "b"))) == "b=2 c=3 ");
  CHECK(shown(f.fake.store_read(range(1, "", "b"))) == "a=1 ");
  CHECK(shown(f.fake.store_read(range(2))).empty());
  StoreQuery few = range(1);
  few.max_rows = 2;
  CHECK(shown(f.fake.store_read(few)) == "a=1 b=2 ...");
  StoreQuery small = range(1);
  small.max_bytes = 1;
  CHECK(shown(f.fake.store_read(small)) == "a=1 ...");
  StoreQuery many = range(1);
  many.kind = KEEL_STORE_MANY;
  many.keys = {"c", "x", "a"};
  CHECK(shown(f.fake.store_read(many)) == "a=1 c=3 ");
  const auto counted = f.fake.store_read(range(1));
  REQUIRE(counted);
  CHECK(counted->counted == 3);
  CHECK(counted->octets == 3);
  disk.rows["1/b"] = "damaged";
  CHECK(shown(f.fake.store_read(range(1))) == "a=1 c=3 incomplete");
  disk.refuse_read = true;
  CHECK(shown(f.fake.store_read(range(1))) == "none");
}

TEST_CASE("tickets go on where the store stands") {
  disk = {};
  disk.last_ticket = 70;
  FakeHost fake;
  REQUIRE(fake.load<MemoryStore>());
  CHECK(fake.store_submit(FakeBatch().put(1, "a", "1")) == 71);
  CHECK(fake.wait_committed(71));
  disk.refuse_info = true;
  CHECK(fake.store_info().code() == KEEL_E_IO);
  CHECK(fake.logged("info: cannot be read"));
  CHECK(fake.unload());
}

TEST_CASE("after an upgrade what was not reported comes again, in order") {
  StoreFixture f;
  f.fake.store_submit(FakeBatch().put(1, "a", "1"));
  REQUIRE(f.fake.wait_committed(1));
  disk.commits = false;
  f.fake.store_submit(FakeBatch().put(1, "b", "2"));
  f.fake.store_submit(FakeBatch().put(1, "c", "3"));
  disk.commits = true;
  disk.last_ticket = 2;  // applied, but not reported
  disk.rows["1/b"] = "2, from the first time";
  disk.given.clear();
  REQUIRE(f.fake.upgrade<MemoryStore>());
  CHECK(f.fake.wait_committed(3));
  CHECK(disk.given == std::vector<std::uint64_t>{2, 3});
  CHECK(disk.rows.at("1/b") == "2, from the first time");
  CHECK(disk.rows.at("1/c") == "3");
}

TEST_CASE("a store that misbehaves is told so") {
  StoreFixture f;
  disk.throw_submit = true;
  f.fake.store_submit(FakeBatch().put(1, "a", "1"));
  CHECK(f.fake.exceptions == std::vector<std::string>{"submit"});
  REQUIRE(f.fake.misuse().size() == 1);
  CHECK(f.fake.misuse()[0] == "submit: KEEL_OK is the only answer");
  disk.throw_submit = false;
  disk.report_within = true;
  f.fake.store_submit(FakeBatch().put(1, "a", "1"));
  REQUIRE(f.fake.misuse().size() == 2);
  CHECK(f.fake.misuse()[1] == "store.committed: called from within submit() or read()");
}
