#include "kernel/plugin/commit_waits.hpp"

#include <algorithm>
#include <vector>

namespace keel::kernel {

void CommitWaits::committed(std::uint64_t ticket) {
  std::vector<Task> due;
  {
    const std::lock_guard lock(mutex_);
    safe_ = std::max(safe_, ticket);
    const auto end = waiting_.upper_bound(safe_);
    for (auto at = waiting_.begin(); at != end; ++at) due.push_back(std::move(at->second.then));
    waiting_.erase(waiting_.begin(), end);
  }
  grown_.notify_all();
  for (Task& then : due) then();
}

void CommitWaits::add(std::uint64_t ticket, const Slot& slot, Task then) {
  {
    const std::lock_guard lock(mutex_);
    if (ticket > safe_) {
      waiting_.emplace(ticket, Waiting{&slot, std::move(then)});
      return;
    }
  }
  then();
}

void CommitWaits::flush(const Slot& slot) {
  std::vector<Task> due;
  {
    const std::lock_guard lock(mutex_);
    for (auto at = waiting_.begin(); at != waiting_.end();) {
      if (at->second.slot != &slot) {
        ++at;
        continue;
      }
      due.push_back(std::move(at->second.then));
      at = waiting_.erase(at);
    }
  }
  for (Task& then : due) then();
}

bool CommitWaits::wait(std::uint64_t ticket, std::chrono::steady_clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  return grown_.wait_until(lock, deadline, [&] { return safe_ >= ticket; });
}

}  // namespace keel::kernel
