// Reclaimers for the router's tests: one that runs tasks at once, one that runs them when told.
#pragma once

#include <deque>
#include <utility>

#include "kernel/base/reclaimer.hpp"

namespace keel::kernel {

// Right only where nobody reads meanwhile.
class ImmediateReclaimer : public Reclaimer {
 public:
  void after_grace_period(Task task) override {
    ++batches;
    task();
  }
  int batches = 0;
};

class DeferredReclaimer : public Reclaimer {
 public:
  void after_grace_period(Task task) override { tasks.push_back(std::move(task)); }
  void run_one() {
    if (tasks.empty()) return;
    Task task = std::move(tasks.front());
    tasks.pop_front();
    task();
  }
  void run_all() {
    while (!tasks.empty()) run_one();
  }
  std::deque<Task> tasks;
};

}  // namespace keel::kernel
