// The tables of callbacks that a plugin gave: few, each used by many objects, which point here
// instead of having one each. Kept as long as the plugin's slot. Any thread.
#pragma once

#include <cstring>
#include <deque>
#include <mutex>

namespace keel::kernel {

template <class T>
class CallbackTables {
 public:
  const T* keep(const T& given) {
    const std::lock_guard lock(mutex_);
    for (const T& known : known_)
      if (std::memcmp(&known, &given, sizeof given) == 0) return &known;
    return &known_.emplace_back(given);
  }

 private:
  std::mutex mutex_;
  std::deque<T> known_;
};

}  // namespace keel::kernel
