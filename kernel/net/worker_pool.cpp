#include "kernel/net/worker_pool.hpp"

#include <fmt/format.h>
#include <pthread.h>
#include <sys/resource.h>

#include <algorithm>
#include <exception>

#include "kernel/base/log.hpp"

namespace keel::kernel {
namespace {

// The calling thread gives way to the others; Linux has a nice value for each.
void be_nice() {
  const int now = ::getpriority(PRIO_PROCESS, 0);
  ::setpriority(PRIO_PROCESS, 0, std::max(now, WorkerPool::kNice));
}

// False: an exception left the job.
bool run_contained(Task& job) {
  try {
    job();
    return true;
  } catch (const std::exception& error) {
    KEEL_LOG(error, "a job of the worker pool ended with an exception: {}", error.what());
  } catch (...) {
    KEEL_LOG(error, "a job of the worker pool ended with an exception of an unknown type");
  }
  return false;
}

}  // namespace

WorkerPool::WorkerPool(Options options) : max_queued_(options.max_queued) {
  for (std::uint32_t i = 0; i < options.threads; ++i) {
    std::thread& thread = threads_.emplace_back([this] { work(); });
    ::pthread_setname_np(thread.native_handle(), fmt::format("keel/work{}", i).c_str());
  }
}

WorkerPool::~WorkerPool() { stop(); }

bool WorkerPool::submit(Task job) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || jobs_.size() >= max_queued_) return false;
    jobs_.push_back(std::move(job));
  }
  ready_.notify_one();
  return true;
}

void WorkerPool::work() {
  be_nice();
  std::unique_lock lock(mutex_);
  for (;;) {
    ready_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    if (stopping_) return;
    Task job = std::move(jobs_.front());
    jobs_.pop_front();
    ++load_.running;
    lock.unlock();
    const bool well = run_contained(job);
    job = Task();
    lock.lock();
    --load_.running;
    ++(well ? load_.done : load_.failed);
  }
}

WorkerPool::Load WorkerPool::load() const {
  const std::lock_guard lock(mutex_);
  Load load = load_;
  load.queued = jobs_.size();
  return load;
}

void WorkerPool::stop() {
  std::deque<Task> dropped;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    dropped.swap(jobs_);
  }
  ready_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

}  // namespace keel::kernel
