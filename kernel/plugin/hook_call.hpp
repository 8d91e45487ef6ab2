// The way into the hooks of one chain, one after the other: as call_plugin(), but what they have in
// common is done once. Lives on the stack of a chain's run. [shard]
#pragma once

#include <utility>
#include "keel/ext/hooks.h"

#include "kernel/plugin/call.hpp"

namespace keel::kernel {

struct ChainedHook {
  keel_handle handle = 0;
  Slot* slot = nullptr;
  keel_hook_fn fn = nullptr;
  void* ctx = nullptr;
  std::int32_t priority = 0;
  std::uint32_t sample = 1;
  std::uint32_t seen = 0;      // events since the last one passed on
  CallStats* stats = nullptr;  // the plugin's at this point, on this shard
};

class HookCalls {
 public:
  HookCalls(HostThread& thread, CallSite site)
      : thread_(thread),
        outer_(thread.inside.slot.load(std::memory_order_relaxed)),
        site_(site),
        outer_site_(thread.inside.site.load(std::memory_order_relaxed)) {
    thread.inside.site.store(site, std::memory_order_relaxed);
    thread.inside.calls.store(thread.inside.calls.load(std::memory_order_relaxed) + 1,
                              std::memory_order_relaxed);
  }
  HookCalls(const HookCalls&) = delete;
  HookCalls& operator=(const HookCalls&) = delete;
  ~HookCalls() {
    thread_.inside.slot.store(outer_, std::memory_order_relaxed);
    thread_.inside.site.store(outer_site_, std::memory_order_relaxed);
  }

  // What the hook answers to `fn`, which calls it; `otherwise` when it throws.
  template <class F>
  std::int32_t ask(const ChainedHook& hook, F&& fn, std::int32_t otherwise) {
    thread_.inside.slot.store(hook.slot, std::memory_order_relaxed);
    const bool timed = hook.stats->count(PluginCall::kHookMask);
    const std::uint64_t started = timed ? PluginCall::now_ns() : 0;
    std::int32_t answer = otherwise;
    try {
      answer = fn();
    } catch (...) {
      hook.slot->note_exception(site_);
    }
    if (timed) [[unlikely]]
      hook.slot->note_time(thread_, site_, PluginCall::now_ns() - started);
    return answer;
  }

 private:
  HostThread& thread_;
  const Slot* const outer_;
  const CallSite site_, outer_site_;
};

}  // namespace keel::kernel
