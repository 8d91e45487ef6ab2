// A hook of a plugin's: what hooks/1 add() made. [control]
#pragma once

#include "keel/ext/hooks.h"
#include "kernel/plugin/hook_chains.hpp"
#include "kernel/plugin/host_object.hpp"

namespace keel::kernel {

class HookObject final : public HostObject {
 public:
  HookObject(Slot& slot, HookChains& chains, std::uint32_t point, std::int32_t priority,
             std::uint32_t sample, keel_hook_fn fn, void* ctx);
  ~HookObject() override;

  // The registry has put other chains into force before: there is nothing left to do.
  void revoke() override { removed = true; }

  const std::uint32_t point;  // keel_hook_point
  const std::int32_t priority;
  const std::uint32_t sample;  // one event in so many; at least 1
  const keel_hook_fn fn;
  void* const ctx;
  bool removed = false;  // given back by the plugin

 private:
  HookChains& chains_;
};

}  // namespace keel::kernel
