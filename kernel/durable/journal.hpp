// The way of batches from the shards to the store, and of the news that they are safe back to the
// shards. Shared by all shards and made before them. Keeps every batch until it is committed, so
// that a store can be replaced under load: its successor gets what was not committed once more.
//
// Three locks, taken in this order. `order_` is held while the store is called, so that it sees one
// caller at a time and tickets in their order; `report_` while shards are told, so that they hear
// of tickets in their order; `mutex_` guards the data and is held for moments only. A store may
// hold a lock of its own while it calls in here: committed(), set_condition(), synced() and the
// answers to queries never wait for `order_`.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "kernel/base/function_ref.hpp"
#include "kernel/durable/batch.hpp"
#include "kernel/durable/latency_record.hpp"
#include "kernel/durable/open_reads.hpp"
#include "kernel/durable/store_port.hpp"

namespace keel::kernel {

// How the store is; each refuses what those before it refuse, too.
enum class StoreCondition : std::uint8_t {
  fine = 0,
  low = 1,      // no new messages for clients that are away
  lower = 2,    // no new retained messages
  full = 3,     // nothing that has to be durable
  failing = 4,  // as full: a write failed and is being repeated
};

class Journal {
 public:
  Journal() = default;
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  // ---- the store's side -------------------------------------------------------------------------
  // The store to write to. Batches that were not committed are submitted to it, as far as it has
  // not applied them; tickets go on behind the highest that it or this has seen. A store that has
  // seen higher ones than were given here has a history of its own (the broker was started anew):
  // what waits gets new tickets behind those, and counts as committed when all of it is. [control]
  void attach(StorePort& store);
  // No call goes to the store once this has returned; batches are kept for the next one. Queries
  // under way are answered with nothing read. [control]
  void detach();
  // As detach(), and there will be no store: what waits counts as committed, without being on disk.
  // The store that was attached keeps it as long as it may be writing it. [control]
  void abandon();
  // All batches up to `ticket` are safe. Tickets that the store was not given do not count. [any]
  void committed(std::uint64_t ticket);
  void set_condition(StoreCondition condition, std::string text);    // [any]
  void synced(std::uint64_t duration_ns, std::uint32_t operations);  // [any]

  // ---- the shards' side -------------------------------------------------------------------------
  // Whether changes are to be written. Seen by a shard from the task on that switched it on there.
  // Stays true while one store is exchanged for another. [any]
  bool attached() const { return attached_.load(std::memory_order_acquire); }
  StoreCondition condition() const { return condition_.load(std::memory_order_relaxed); }  // [any]
  // Hands a batch over, behind the operations of common() so far; answers the ticket to wait for.
  // Null or empty: the common ones alone, which another shard may have handed over already. The
  // news that the ticket is safe comes after this call has begun, once more if it came before. 0:
  // there has never been anything to wait for. Tickets are the order on disk. [any]
  std::uint64_t submit(std::unique_ptr<Batch> batch);
  // Called with the last committed ticket, by the thread that reported it, one at a time: it posts
  // to the shards. Must not call back into what is [control] here. What was set before is not
  // called any more once this has returned. [control]
  void on_commit(std::function<void(std::uint64_t ticket)> fn);
  // Operations on what shards have in common (retained messages), in the order in which they
  // happened: called under the lock that makes that order. They go to the store in front of the
  // next batch that is submitted, whichever shard's. `fill` is called at once, or not at all when
  // nothing is to be written; it must not call the journal. [any]
  void common(FunctionRef<void(Batch&)> fill);

  // Whether some of them have not been handed over. [any]
  bool common_waits() const { return common_waits_.load(std::memory_order_relaxed); }

  // Reads; `done` as StorePort::read has it, once in any case. Without a store it is called at
  // once, with nothing read and `complete` false. [any]
  void read(const StoreQuery& query, std::function<void(StoreRows)> done);

  // ---- for `ctl durability` and limits ----------------------------------------------------------
  struct State {
    bool attached = false;
    StoreCondition condition = StoreCondition::fine;
    std::string text;                       // of the condition
    std::uint64_t submitted = 0, safe = 0;  // last tickets
    std::uint64_t waiting_batches = 0, waiting_ops = 0, waiting_bytes = 0;
    std::int64_t oldest_waiting_us = 0;  // since its submission; 0: none waits
    std::uint64_t commits = 0, operations = 0, sync_total_us = 0;  // since the start
    LatencyRecord::Summary sync_us, batch;                         // of the last commits
  };
  State state() const;  // [any]
  // What occupies memory until it is committed, in octets: what publishers are held for. [any]
  std::uint64_t backlog() const { return backlog_.load(std::memory_order_relaxed); }

 private:
  struct Waiting {
    std::unique_ptr<Batch> batch;
    std::int64_t since_ns;
  };
  using Batches = std::vector<std::unique_ptr<Batch>>;

  void enqueue(std::unique_ptr<Batch> batch);
  void hand_over(const Batch& batch);
  std::vector<const Batch*> adopt_tickets(std::uint64_t applied);
  void report_again();
  void report(std::uint64_t ticket, Batches& done);
  bool take_committed(std::uint64_t ticket, Batches& done);
  void count_backlog();

  std::mutex order_, report_;
  mutable std::mutex mutex_;
  StorePort* store_ = nullptr;  // under order_
  // The last ticket the store was given; written under order_.
  std::atomic<std::uint64_t> handed_over_{0};
  std::function<void(std::uint64_t)> on_commit_;  // under report_
  const std::shared_ptr<OpenReads> reads_ = std::make_shared<OpenReads>();

  // Under mutex_; the atomics are read without it.
  std::deque<Waiting> waiting_;  // not committed, in order
  std::unique_ptr<Batch> common_;
  std::atomic<bool> common_waits_{false};  // there is one
  std::uint64_t last_ticket_ = 0, safe_ = 0;
  std::uint64_t renumbered_to_ = 0;  // safe_ stays until this one is committed; see attach()
  std::uint64_t waiting_ops_ = 0, waiting_bytes_ = 0, waiting_memory_ = 0;
  std::uint64_t commits_ = 0, operations_ = 0, sync_total_us_ = 0;
  std::string text_;
  bool condition_of_last_store_ = false;  // the one that is attached has not said anything yet
  LatencyRecord sync_us_, batch_;
  std::atomic<std::uint64_t> backlog_{0};
  std::atomic<bool> attached_{false};
  std::atomic<StoreCondition> condition_{StoreCondition::fine};
};

}  // namespace keel::kernel
