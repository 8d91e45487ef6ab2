// The end of one plugin, step by step; see Registry::tear_down().
#pragma once

#include <chrono>

#include "kernel/plugin/registry.hpp"

namespace keel::kernel {

struct Registry::Teardown {
  explicit Teardown(Slot& which) : slot(which) {}

  Slot& slot;
  const std::chrono::steady_clock::time_point begun = std::chrono::steady_clock::now();
  Done done;
};

}  // namespace keel::kernel
