// Threads for work that may block: files, hashing, resolving. What a job has to say to a shard it
// posts. The threads are nice: hashing a thousand passwords must not displace the shards from their
// processors.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "kernel/base/task.hpp"

namespace keel::kernel {

class WorkerPool {
 public:
  static constexpr int kNice = 10;  // of the threads, where the system lets them

  struct Options {
    std::uint32_t threads = 2;
    std::size_t max_queued = 10'000;
  };

  explicit WorkerPool(Options options);  // the threads run at once
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;
  ~WorkerPool();

  // False: too much is waiting already, or the pool has stopped; `job` is destroyed. An exception
  // that leaves a job is logged and counted, and ends nothing but the job. [any]
  [[nodiscard]] bool submit(Task job);

  // [any]
  struct Load {
    std::size_t queued = 0;   // waiting for a thread
    std::size_t running = 0;  // under way
    std::uint64_t done = 0, failed = 0;
  };
  Load load() const;
  std::size_t max_queued() const { return max_queued_; }

  // Lets the jobs under way end, destroys those waiting, joins. [control]
  void stop();

 private:
  void work();

  const std::size_t max_queued_;
  mutable std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<Task> jobs_;
  Load load_;  // `queued` is that of jobs_
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace keel::kernel
