// FakeHost's table store, and the kernel's side of a plugin that is the store: it hands out
// batches, resubmits them after an upgrade, asks for rows and remembers what was reported. What the
// plugin's own threads report is taken under a lock, and waited for with a condition. Part of
// keel/fake.hpp.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "keel/ext/plugin_store.h"
#include "keel/ext/store.h"
#include "keel/fake/kv.hpp"
#include "keel/store.hpp"

namespace keel {

// A batch that owns its texts, together with its copies.
class FakeBatch {
 public:
  FakeBatch& put(std::uint8_t space, std::string_view key, std::string_view value) {
    return add({KEEL_STORE_PUT, space, 0, 0, 0, keep(key), keep(value)});
  }
  FakeBatch& erase(std::uint8_t space, std::string_view key, std::uint8_t flags = 0) {
    return add({KEEL_STORE_ERASE, space, flags, 0, 0, keep(key), {}});
  }
  FakeBatch& erase_range(std::uint8_t space, std::string_view from, std::string_view to) {
    return add({KEEL_STORE_ERASE_RANGE, space, 0, 0, 0, keep(from), keep(to)});
  }
  FakeBatch& hold(std::uint8_t space, std::string_view key, std::string_view value,
                  std::uint32_t holders) {
    return add({KEEL_STORE_HOLD, space, 0, 0, holders, keep(key), keep(value)});
  }
  FakeBatch& release(std::uint8_t space, std::string_view key, std::uint32_t holders = 1) {
    return add({KEEL_STORE_RELEASE, space, 0, 0, holders, keep(key), {}});
  }
  // Valid as long as this.
  keel_store_batch c(std::uint64_t ticket) const {
    std::uint64_t bytes = 0;
    for (const keel_store_op& op : ops_) bytes += op.key.size + op.value.size;
    return {sizeof(keel_store_batch), static_cast<std::uint32_t>(ops_.size()), ops_.data(), ticket,
            bytes};
  }

 private:
  FakeBatch& add(keel_store_op op) {
    ops_.push_back(op);
    return *this;
  }
  keel_str keep(std::string_view text) { return to_c(texts_->emplace_back(text)); }
  std::shared_ptr<std::deque<std::string>> texts_ = std::make_shared<std::deque<std::string>>();
  std::vector<keel_store_op> ops_;
};

// What a query was answered.
struct FakeRows {
  keel_status status = KEEL_OK;
  std::vector<std::pair<std::string, std::string>> rows = {};
  bool more = false;
  std::uint64_t counted = 0, octets = 0;
};
struct FakeCondition {
  StoreCondition condition = StoreCondition::fine;
  std::string text;
};
struct FakeSync {
  std::uint64_t duration_ns = 0;
  std::uint32_t operations = 0;
};

}  // namespace keel

namespace keel::fake {

class StoreTable : public KvTable {
 public:
  using KvTable::KvTable;

  // ---- for tests ----
  // Hands a batch to the plugin under the next ticket, which it answers (0: it is no store). The
  // batch is freed as soon as its ticket is reported, and stays for the next version otherwise.
  std::uint64_t store_submit(FakeBatch batch);
  // Whether the ticket was reported as safe, waiting for it for a minute at most.
  bool wait_committed(std::uint64_t ticket);
  std::uint64_t committed() const;
  // Asks for rows and waits for the answer, a minute at most. Nullopt: there was none.
  std::optional<FakeRows> store_read(const StoreQuery& query);
  // Of the plugin.
  Result<StoreInfo> store_info();
  // The condition it reported last, and all of them.
  bool wait_condition(StoreCondition wanted);
  std::vector<FakeCondition> conditions() const;
  std::vector<FakeSync> syncs() const;

 protected:
  struct Side {
    const keel_ext_plugin_store* table = nullptr;
    void* self = nullptr;
  };
  virtual Side store_side() = 0;
  // Gives what was not reported to the plugin that is loaded now, with what it has already.
  void resubmit();

  const keel_ext_store& store_table();

 private:
  struct Batch {
    std::uint64_t ticket;
    FakeBatch batch;
    keel_store_batch c;
  };
  static StoreTable& of(const keel_host* host) {
    return static_cast<StoreTable&>(*instance(host).kernel);
  }
  void give(const Side& side, const keel_store_batch& batch);
  // Calls the plugin, which must not report from within.
  template <class F>
  void inside(F&& fn) {
    inside_ = std::this_thread::get_id();
    fn();
    inside_ = std::thread::id();
  }
  template <class F>
  keel_status report(const char* function, F&& fn) {
    if (inside_.load() == std::this_thread::get_id())
      return misused(concat(function, ": called from within submit() or read()"));
    keel_status status = KEEL_OK;
    {
      const std::lock_guard lock(store_mutex_);
      status = fn(*this);
    }
    store_reported_.notify_all();
    return status;
  }
  template <class F>
  bool wait_for(F&& fn) {
    std::unique_lock lock(store_mutex_);
    return store_reported_.wait_for(lock, std::chrono::minutes(1), fn);
  }

  mutable std::mutex store_mutex_;  // of what follows, up to the blank line
  std::condition_variable store_reported_;
  std::deque<std::shared_ptr<Batch>> store_batches_;
  std::map<std::uint64_t, std::optional<FakeRows>> store_answers_;
  std::vector<FakeCondition> store_conditions_;
  std::vector<FakeSync> store_syncs_;
  std::uint64_t store_committed_ = 0, last_request_ = 0;

  std::uint64_t last_ticket_ = 0;
  std::atomic<std::thread::id> inside_{};
};

}  // namespace keel::fake
