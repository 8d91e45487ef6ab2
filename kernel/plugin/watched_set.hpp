// The descriptors that a plugin has watched, by shard, so that one is not watched twice. [any]
#pragma once

#include <cstdint>
#include <mutex>
#include <set>
#include <utility>

namespace keel::kernel {

class WatchedSet {
 public:
  bool add(std::uint32_t shard, int fd) {  // false: it is there already
    const std::lock_guard lock(mutex_);
    return set_.emplace(shard, fd).second;
  }
  void remove(std::uint32_t shard, int fd) {
    const std::lock_guard lock(mutex_);
    set_.erase({shard, fd});
  }

 private:
  std::mutex mutex_;
  std::set<std::pair<std::uint32_t, int>> set_;
};

}  // namespace keel::kernel
