// The threads that a plugin started while the control thread was in it: code that one of them runs
// must not be unmapped. Knows of those that came to be during the calls it is shown and that were
// there when these ended; threads started from hooks, timers or other threads it does not see. A
// thread that another plugin's thread started at that very moment counts as well: then code stays
// that could have gone. Part of a slot; [control].
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace keel::kernel {

class OwnThreads {
 public:
  // Makes the call; what it starts belongs to the plugin.
  template <class F>
  auto during(const F& call) {
    const std::vector<Thread> before = all();
    auto result = call();
    add_since(before);
    return result;
  }

  // Whether none of them runs any more.
  bool ended();
  // The same, after a moment if need be: one that was joined may still be on the system's list.
  bool ended_in_a_moment();
  // "thread 4711 still runs".
  std::string text() const;

 private:
  struct Thread {
    pid_t id = 0;
    std::uint64_t start = 0;  // when, by the system's clock: numbers are used again
    bool operator==(const Thread&) const = default;
  };
  struct Seen;

  static bool look(pid_t id, Seen& out);
  static std::vector<Thread> all();
  void add_since(const std::vector<Thread>& before);

  std::vector<Thread> threads_;
};

}  // namespace keel::kernel
