// What keel/fake/kernel.hpp declares: queues, and the checks before each call. See
// keel/fake/impl/fn.hpp.
#pragma once

#include <algorithm>
#include <utility>

#include "keel/fake/impl/fn.hpp"
#include "keel/fake/kernel.hpp"

namespace keel::fake {

KEEL_FAKE_FN void Kernel::run() {
  for (bool ran = true; ran;) {
    ran = false;
    for (std::uint32_t i = 0; i < queues_.size(); ++i) {
      while (!queues_[i].empty()) {
        const std::function<void()> task = std::move(queues_[i].front());
        queues_[i].pop_front();
        on(i == 0 ? KEEL_SHARD_CONTROL : i - 1, task);
        ran = true;
      }
    }
  }
}

KEEL_FAKE_FN void Kernel::fail_next(const std::string& function, keel_status status, int times) {
  faults_[function] = {status, times};
}

KEEL_FAKE_FN bool Kernel::logged(std::string_view part) const {
  const std::lock_guard lock(log_mutex_);
  return std::any_of(log_.begin(), log_.end(), [&](const FakeLine& line) {
    return line.text.find(part) != std::string::npos;
  });
}

KEEL_FAKE_FN void Kernel::clear_log() {
  const std::lock_guard lock(log_mutex_);
  log_.clear();
}

KEEL_FAKE_FN int Kernel::calls(const std::string& function) const {
  const auto found = calls_.find(function);
  return found == calls_.end() ? 0 : found->second;
}

KEEL_FAKE_FN std::size_t Kernel::handles(std::string_view kind) const {
  return static_cast<std::size_t>(std::count_if(
      objects_.begin(), objects_.end(),
      [&](const auto& entry) { return kind.empty() || kind == entry.second->kind(); }));
}

KEEL_FAKE_FN keel_status Kernel::enter(Instance& caller, const char* function, On where) {
  ++calls_[function];
  if (const auto fault = faults_.find(function); fault != faults_.end()) {
    const keel_status status = fault->second.status;
    if (--fault->second.times <= 0) faults_.erase(fault);
    return fail(status, concat(function, ": failed on order"));
  }
  if (caller.phase == Phase::created) {
    return misused(concat(function, ": only log and config may be used in create()"));
  }
  if (caller.phase == Phase::unloading || caller.phase == Phase::stopped) {
    return fail(KEEL_E_STATE, concat(function, ": the plugin is being unloaded"));
  }
  const bool control = current_ == KEEL_SHARD_CONTROL;
  if (where == On::control && !control) {
    return misused(concat(function, ": belongs on the control thread"));
  }
  if (where == On::shard && control) return misused(concat(function, ": belongs on a shard"));
  return KEEL_OK;
}

KEEL_FAKE_FN keel_status Kernel::fail(keel_status status, std::string text) {
  error_ = std::move(text);
  return status;
}

KEEL_FAKE_FN keel_status Kernel::misused(std::string text) {
  misuse_.push_back(text);
  return fail(KEEL_E_STATE, std::move(text));
}

KEEL_FAKE_FN std::uint32_t Kernel::pick_shard(std::uint32_t wanted) const {
  if (wanted != KEEL_SHARD_CURRENT) return wanted;
  return current_ == KEEL_SHARD_CONTROL ? 0 : current_;
}

KEEL_FAKE_FN void Kernel::queue(std::uint32_t thread, std::function<void()> task) {
  queues_[thread == KEEL_SHARD_CONTROL ? 0 : thread + 1].push_back(std::move(task));
}

KEEL_FAKE_FN void Kernel::move_clock(std::int64_t ms) {
  now_ms_ += ms;
  wall_ms += ms;
}

KEEL_FAKE_FN void Kernel::add_line(std::uint32_t level, std::string text) {
  const std::lock_guard lock(log_mutex_);
  log_.push_back({level, std::move(text)});
}

}  // namespace keel::fake
