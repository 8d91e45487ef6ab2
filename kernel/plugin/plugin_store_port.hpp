// The kernel's store over a plugin's table plugin_store/1: batches and queries in, reports
// (store/1) out. One per slot whose plugin has the table, made before start() and as long as the
// slot, since the plugin's own threads report on whenever they like. Any thread unless marked.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "keel/ext/plugin_store.h"
#include "keel/ext/store.h"
#include "kernel/base/result.hpp"
#include "kernel/durable/journal.hpp"
#include "kernel/durable/store_port.hpp"

namespace keel::kernel {

class Slot;

class PluginStorePort final : public StorePort {
 public:
  // Null: the plugin is no store. An error: its table lacks something. [control]
  static Result<std::unique_ptr<PluginStorePort>> find(Slot& slot);

  // After start(), just before the journal is given this: asks how far the store is. From now on
  // what it reports counts. [control]
  Result<void> open();
  // It is no longer, or not yet, the one that is written to: what it says of its condition is
  // kept back. Commits still count. [control]
  void set_aside();
  // After stop(): what it was given it does not look at any more. [control]
  void forget_batches();

  std::uint64_t last_ticket() override { return last_ticket_; }
  bool incomplete() override { return incomplete_; }
  void submit(const Batch& batch) override;
  void keep(std::vector<std::unique_ptr<Batch>> batches) override;
  void read(const StoreQuery& query, std::function<void(StoreRows)> done) override;

  // ---- what the plugin reports
  keel_status committed(std::uint64_t ticket);
  keel_status rows(std::uint64_t request, const keel_store_rows& rows);
  keel_status condition(StoreCondition condition, std::string text);
  keel_status synced(std::uint64_t duration_ns, std::uint32_t operations);

 private:
  // A batch in the plugin's terms, until it is committed.
  struct Given {
    keel_store_batch batch;
    std::unique_ptr<keel_store_op[]> ops;
  };

  PluginStorePort(Slot& slot, const keel_ext_plugin_store& table);
  const keel_store_batch& note(const Batch& batch);
  void refused(std::uint64_t ticket, keel_status status);
  void unread(std::uint64_t request);
  void tell_condition();
  bool from_within() const { return inside_.load() == std::this_thread::get_id(); }

  Slot& slot_;
  const keel_ext_plugin_store& table_;
  Journal& journal_;
  std::uint64_t last_ticket_ = 0;                  // [control]
  bool incomplete_ = false;                        // [control]
  std::vector<std::unique_ptr<Batch>> abandoned_;  // [control]
  std::atomic<bool> broken_{false};                // it refused a batch
  std::atomic<std::thread::id> inside_{};          // the thread that calls it; they take turns

  std::mutex mutex_;  // of what follows
  std::deque<Given> given_;
  std::unordered_map<std::uint64_t, std::function<void(StoreRows)>> asked_;
  std::uint64_t last_request_ = 0;
  bool opened_ = false;  // its commits count
  bool in_use_ = false;  // its condition counts
  StoreCondition condition_ = StoreCondition::fine;
  std::string condition_text_;
  bool has_condition_ = false;
};

}  // namespace keel::kernel
