// Reads a store from end to end when it has been loaded, page by page, and tells the shards what is
// theirs. Queues stay where they are. Everything is [control]; kept alive by its own callbacks.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "kernel/base/result.hpp"
#include "kernel/base/task.hpp"
#include "kernel/broker/realm.hpp"
#include "kernel/durable/rows.hpp"
#include "kernel/durable/store_port.hpp"

namespace keel::kernel {

class Recovery final : public std::enable_shared_from_this<Recovery> {
 public:
  struct Counts {
    std::uint64_t sessions = 0, subscriptions = 0, retained = 0, damaged = 0;
  };
  // How often the store has been opened, this time included.
  using Done = std::function<void(Result<std::uint64_t> opened)>;

  // `outdated`: what the store holds is older than what is in memory: none of it is wanted.
  // `incomplete`: rows were lost, or may be older than others [StorePort::incomplete()].
  Recovery(Realm& realm, std::function<void(Task)> post, bool outdated, bool incomplete, Done done);

  void start();
  const Counts& counts() const { return counts_; }
  // Messages that were on their way between shards.
  struct Transit {
    std::uint64_t number;
    TransitRow row;
    MessagePtr message;
  };
  std::vector<Transit> take_transits() { return std::move(transits_); }

 private:
  void meta_arrived(const StoreRows& rows);
  void page_arrived(StoreRows rows);
  void take(const StoreRow& row);
  void take_retained(const StoreRow& row);
  void to_shards();
  void go_on();
  void finish();
  void find_numbers();
  void finish_opened();

  using Telling = std::function<void(Broker&)>;  // what a shard is told about one row

  Realm& realm_;
  const std::function<void(Task)> post_;
  const bool outdated_, incomplete_;
  Done done_;
  Counts counts_;
  std::vector<Transit> transits_;
  std::size_t step_ = 0;                                     // which space is being read
  std::string from_;                                         // where in it the next page begins
  std::uint64_t opened_ = 0;                                 // before this time
  std::uint64_t highest_ = 0;                                // number that was read
  std::unordered_map<std::uint64_t, std::uint32_t> shards_;  // by store id
  std::vector<std::vector<Telling>> shares_;                 // of this page, by shard
};

}  // namespace keel::kernel
