// Those who wait on a plugin's behalf until the journal has committed something: kv/1's sync() and
// list(). Any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>

#include "kernel/base/task.hpp"

namespace keel::kernel {

class Slot;

class CommitWaits {
 public:
  // Everything up to `ticket` is committed.
  void committed(std::uint64_t ticket);

  // Runs `then` once `ticket` is committed, on whichever thread brings that about; here, if it is
  // already.
  void add(std::uint64_t ticket, const Slot& slot, Task then);
  // The slot's tasks run now, whatever was committed.
  void flush(const Slot& slot);

  // False: it is not committed by then.
  bool wait(std::uint64_t ticket, std::chrono::steady_clock::time_point deadline);

 private:
  struct Waiting {
    const Slot* slot;
    Task then;
  };
  std::mutex mutex_;
  std::condition_variable grown_;
  std::uint64_t safe_ = 0;
  std::multimap<std::uint64_t, Waiting> waiting_;  // by ticket
};

}  // namespace keel::kernel
