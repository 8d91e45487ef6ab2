// How the kernel enters a plugin's code: counted, now and then timed, named while it lasts, and
// with no way out for an exception.
//
//   call_plugin(slot, CallSite::timer, [&] { fn_(ctx_); });
//   const int verdict = call_plugin(slot, CallSite::client_authorize, [&] { return fn(...); },
//   KEEL_DENY);
#pragma once

#include <ctime>
#include <type_traits>

#include "kernel/plugin/host_thread.hpp"
#include "kernel/plugin/slot.hpp"

namespace keel::kernel {

// Marks the thread as being inside `slot` while it lives. Threads of the worker pool and the
// plugin's own have no HostThread and are not marked.
class PluginCall {
 public:
  // Hooks are timed once in so many calls, everything else always.
  static constexpr std::uint64_t kHookMask = 1023;
  static constexpr std::uint64_t kBudgetNs = 1'000'000;  // longer calls on a shard are reported

  PluginCall(Slot& slot, CallSite site) : thread_(HostThread::current()), slot_(slot), site_(site) {
    if (!thread_) return;
    CallStats& stats = slot.stats(thread_->index(), site);
    outer_ = thread_->inside.slot.load(std::memory_order_relaxed);
    outer_site_ = thread_->inside.site.load(std::memory_order_relaxed);
    thread_->inside.site.store(site, std::memory_order_relaxed);
    thread_->inside.slot.store(&slot, std::memory_order_relaxed);
    thread_->inside.calls.store(thread_->inside.calls.load(std::memory_order_relaxed) + 1,
                                std::memory_order_relaxed);
    const bool hot = static_cast<std::size_t>(site) < kHookSites;
    if (stats.count(hot ? kHookMask : 0)) started_ns_ = now_ns();
  }
  PluginCall(const PluginCall&) = delete;
  PluginCall& operator=(const PluginCall&) = delete;
  ~PluginCall() {
    if (!thread_) return;
    thread_->inside.slot.store(outer_, std::memory_order_relaxed);
    thread_->inside.site.store(outer_site_, std::memory_order_relaxed);
    if (started_ns_ != 0) slot_.note_time(*thread_, site_, now_ns() - started_ns_);
  }
  static std::uint64_t now_ns() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
           static_cast<std::uint64_t>(now.tv_nsec);
  }

 private:
  HostThread* thread_;
  Slot& slot_;
  const Slot* outer_ = nullptr;
  std::uint64_t started_ns_ = 0;
  CallSite site_;
  CallSite outer_site_ = CallSite::none;
};

// Calls `fn`; an exception is counted and logged, and `otherwise` is the answer.
template <class F, class R = std::invoke_result_t<F&>>
R call_plugin(Slot& slot, CallSite site, F&& fn, std::type_identity_t<R> otherwise) {
  const PluginCall call(slot, site);
  try {
    return fn();
  } catch (...) {
    slot.note_exception(site);
    return otherwise;
  }
}

template <class F>
requires std::is_void_v<std::invoke_result_t<F&>>
void call_plugin(Slot& slot, CallSite site, F&& fn) {
  const PluginCall call(slot, site);
  try {
    fn();
  } catch (...) {
    slot.note_exception(site);
  }
}

}  // namespace keel::kernel
