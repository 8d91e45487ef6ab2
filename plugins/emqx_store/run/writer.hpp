// The thread that writes. All batches that wait are written together and reported with one sync:
// while the disk is busy with one group, the next one gathers.
//
// submit() from any thread, one at a time, tickets ascending; it only puts the batch into a list.
// What a batch points to stays valid until Events::committed() named its ticket, or stop()
// returned.
//
// When a write fails nothing is skipped and nothing reported: the condition is FAILING, and with
// growing pauses the writer looks whether the disk takes data again, opens the store anew, and goes
// on with what that has not applied. Queries are answered from the engine as it is meanwhile. A
// store that comes back without what was reported is damaged, and not written to: it fails on.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "emqx_store/run/condition.hpp"
#include "emqx_store/run/events.hpp"
#include "emqx_store/run/gate.hpp"

namespace emqx_store {

class Writer {
 public:
  struct Options {
    // How long a group that follows a busy one waits for more, unless it has so many operations.
    std::uint32_t commit_delay_us = 0;
    std::uint32_t commit_operations = 128;
    std::uint32_t first_pause_ms = 100, longest_pause_ms = 5000;  // after failures
    // Opens the store after a fault; a fault stands for a try that failed.
    std::function<Outcome(const Outcome& after, std::unique_ptr<Engine>&)> open = {};
    // Called before that: who uses the engine for long lets it go. May be empty.
    std::function<void()> make_way = {};
    // Whether the disk takes data. May be empty: opening tells.
    std::function<Outcome()> probe = {};
  };

  Writer(Gate& gate, Condition& condition, Events& events, Options options);
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  ~Writer() { stop(); }

  // The gate has an open engine by now.
  void start();
  // Writes what waits, or gives it up if writing fails. What was not reported is forgotten.
  void stop();
  void submit(const keel_store_batch& batch);
  void set_pace(std::uint32_t commit_delay_us, std::uint32_t commit_operations);

  struct State {
    std::uint64_t waiting_batches, waiting_operations;
    std::uint64_t reopened;  // how often a failure made it necessary
  };
  State state() const;

 private:
  static constexpr std::uint64_t kNever = ~std::uint64_t{0};

  void run();
  bool next_group();  // false: the end
  bool write_group();
  bool write(std::span<const keel_store_batch> batches);
  bool recover(const Outcome& fault);
  Outcome reopen(const Outcome& after);
  bool pause(std::uint32_t ms);  // false: the end

  Gate& gate_;
  Condition& condition_;
  Events& events_;
  const Options options_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<keel_store_batch> waiting_;
  std::uint64_t waiting_operations_ = 0;
  std::uint64_t wake_at_ = kNever;  // so many waiting operations wake the thread
  bool stopping_ = false;
  std::atomic<std::uint32_t> delay_us_, enough_operations_;
  std::atomic<std::uint64_t> reopened_{0};

  // Of the thread.
  std::vector<keel_store_batch> group_;
  std::uint64_t reported_ = 0;  // the last ticket; the store must never fall behind it
  std::thread thread_;
};

}  // namespace emqx_store
