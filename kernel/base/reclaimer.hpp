// Deferred destruction for structures that shards read without a lock.
#pragma once

#include "kernel/base/task.hpp"

namespace keel::kernel {

// Runs a task once every shard has ended the turn it is in and has run what was posted to it
// before. Implemented by the shard set, and by a plain queue in tests. [any]
class Reclaimer {
 public:
  virtual ~Reclaimer() = default;
  virtual void after_grace_period(Task task) = 0;
};

}  // namespace keel::kernel
