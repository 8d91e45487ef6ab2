// A store in memory that commits when it is told to, and brokers that use it. What was committed
// survives the brokers: the next ones find it.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kernel/broker/durable_state.hpp"
#include "support.hpp"

namespace keel::kernel {

// What is on disk.
struct Disk {
  std::map<std::pair<Space, std::string>, std::string> rows;
  std::map<std::string, std::uint32_t> holders;  // of Space::messages
  std::uint64_t last_ticket = 0;
  bool incomplete = false;

  std::size_t count(Space space) const;
  void apply(const Batch& batch);
};

class MemoryStore final : public StorePort {
 public:
  MemoryStore(Disk& disk, Journal& journal) : disk_(disk), journal_(journal) {}

  std::uint64_t last_ticket() override { return disk_.last_ticket; }
  bool incomplete() override { return disk_.incomplete; }
  void submit(const Batch& batch) override {
    waiting_.push_back(&batch);
    on_submit();
  }
  void keep(std::vector<std::unique_ptr<Batch>> batches) override { kept_ = std::move(batches); }
  void read(const StoreQuery& query, std::function<void(StoreRows)> done) override;

  bool held = false;     // commits and answers nothing
  bool failing = false;  // cannot read now
  bool damaged = false;  // leaves out what it cannot read
  std::function<void()> on_submit = [] {};
  std::size_t waiting() const { return waiting_.size(); }
  std::size_t commits = 0;
  bool work();  // commits and answers everything there is; false: there was nothing
  bool commit_one();
  bool answer_one();

 private:
  Disk& disk_;
  Journal& journal_;
  std::deque<const Batch*> waiting_;
  std::vector<std::unique_ptr<Batch>> kept_;
  std::deque<std::function<void()>> answers_;
};

// Brokers with a store. Everything happens in settle().
class DurableCluster {
 public:
  explicit DurableCluster(Disk& disk, Settings settings = {}, std::uint32_t shards = 1,
                          bool attach = true);
  ~DurableCluster();

  Cluster& cluster() { return cluster_; }
  MemoryStore& store() { return *store_; }
  DurableState& state() { return *state_; }
  Journal& journal() { return cluster_.realm().journal; }
  void settle();  // until nothing is left to do
  void attach();  // and waits until what is in the store has been read
  void advance(std::int64_t ms);

 private:
  Disk& disk_;
  Cluster cluster_;
  std::deque<Task> control_;
  std::unique_ptr<DurableState> state_;
  std::unique_ptr<MemoryStore> store_;
};

}  // namespace keel::kernel
