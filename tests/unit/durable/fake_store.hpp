// A store in memory that commits when it is told to, and says what was done wrong to it.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "kernel/durable/journal.hpp"

namespace keel::test {

using namespace keel::kernel;

class FakeStore final : public StorePort {
 public:
  explicit FakeStore(std::uint64_t applied = 0) : applied_(applied), seen_(applied) {}

  bool incomplete() override { return false; }
  std::uint64_t last_ticket() override {
    const std::lock_guard lock(mutex_);
    return applied_;
  }
  void submit(const Batch& batch) override {
    const std::lock_guard lock(mutex_);
    if (closed_) fault("a batch after the end");
    if (batch.ticket <= seen_) fault("tickets do not ascend");
    seen_ = batch.ticket;
    waiting_.push_back(&batch);
  }
  void keep(std::vector<std::unique_ptr<Batch>> batches) override { kept_ = std::move(batches); }
  void read(const StoreQuery& query, std::function<void(StoreRows)> done) override {
    const std::lock_guard lock(mutex_);
    if (closed_) fault("a query after the end");
    asked_.emplace_back(query.from);
    questions_.push_back(std::move(done));
  }

  // Applies the first `count` batches that wait; answers the ticket to report, 0 when there was
  // none. The batches must not be touched once that has been done.
  std::uint64_t apply(std::size_t count = SIZE_MAX) {
    const std::lock_guard lock(mutex_);
    std::uint64_t ticket = 0;
    for (; count != 0 && !waiting_.empty(); --count) {
      const Batch& batch = *waiting_.front();
      waiting_.pop_front();
      for (const StoreOp& op : batch.ops()) keys_.emplace_back(op.key);
      tickets_.push_back(batch.ticket);
      applied_ = ticket = batch.ticket;
    }
    return ticket;
  }
  // Nothing may come from now on.
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    waiting_.clear();
  }

  // What a store has when it is opened again, or by its successor.
  std::vector<std::string> keys() const { return copy(keys_); }
  std::vector<std::uint64_t> tickets() const { return copy(tickets_); }
  std::vector<std::string> faults() const { return copy(faults_); }
  std::vector<std::string> asked() const { return copy(asked_); }
  std::vector<std::function<void(StoreRows)>> questions() const { return copy(questions_); }
  std::vector<std::uint64_t> waiting() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::uint64_t> tickets;
    for (const Batch* batch : waiting_) tickets.push_back(batch->ticket);
    return tickets;
  }

 private:
  void fault(std::string what) { faults_.push_back(std::move(what)); }
  template <class T>
  T copy(const T& value) const {
    const std::lock_guard lock(mutex_);
    return value;
  }

  mutable std::mutex mutex_;
  std::deque<const Batch*> waiting_;
  std::vector<std::unique_ptr<Batch>> kept_;
  std::vector<std::string> keys_, faults_, asked_;
  std::vector<std::uint64_t> tickets_;
  std::vector<std::function<void(StoreRows)>> questions_;
  std::uint64_t applied_, seen_;
  bool closed_ = false;
};

inline std::unique_ptr<Batch> batch_of(std::initializer_list<std::string_view> keys) {
  auto batch = std::make_unique<Batch>();
  for (const std::string_view key : keys) batch->put(Space::meta, key, "value");
  return batch;
}

}  // namespace keel::test
