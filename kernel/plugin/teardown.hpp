// The end of one plugin, step by step; see Registry::tear_down().
#pragma once

#include <atomic>
#include <memory>

#include "kernel/plugin/registry.hpp"

namespace keel::kernel {

struct Registry::Teardown {
  explicit Teardown(Slot& which) : slot(which) {}

  Slot& slot;
  Done done;
  bool refuse_questions = true;
};

}  // namespace keel::kernel
