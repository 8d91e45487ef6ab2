// Where other threads leave tasks for a shard: first in, first out. One lock around a vector; the
// owner takes everything at once, and only the sender that finds it empty wakes the owner.
#pragma once

#include <mutex>
#include <vector>

#include "kernel/base/task.hpp"

namespace keel::kernel {

class Mailbox {
 public:
  // True: the owner is to be woken. A task for a closed mailbox is destroyed here. [any]
  [[nodiscard]] bool push(Task task) {
    const std::lock_guard lock(mutex_);
    if (closed_) return false;
    tasks_.push_back(std::move(task));
    return std::exchange(scheduled_, true) == false;
  }

  // Moves what is waiting to `out`, which is empty. [owner]
  void take(std::vector<Task>& out) {
    const std::lock_guard lock(mutex_);
    out.swap(tasks_);
    scheduled_ = false;
  }

  // Destroys what is waiting and everything pushed from now on. [owner]
  void close() {
    std::vector<Task> rest;
    const std::lock_guard lock(mutex_);
    closed_ = true;
    rest.swap(tasks_);
  }

 private:
  std::mutex mutex_;
  std::vector<Task> tasks_;
  bool scheduled_ = false;
  bool closed_ = false;
};

}  // namespace keel::kernel
