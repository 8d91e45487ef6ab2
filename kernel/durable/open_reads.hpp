// Queries that a store has not answered yet, with whom to tell. Answers come when they come, on any
// thread, also late, twice or never: each query is answered exactly once all the same, by the store
// or by close(). Any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "kernel/durable/store_port.hpp"

namespace keel::kernel {

class OpenReads {
 public:
  using Done = std::function<void(StoreRows)>;

  // What nothing could be read for.
  static StoreRows unread() {
    StoreRows rows;
    rows.complete = false;
    rows.later = true;
    return rows;
  }

  std::uint64_t open(Done done) {
    const std::lock_guard lock(mutex_);
    open_.emplace(++last_, std::move(done));
    return last_;
  }
  // Nothing happens when the query has been answered.
  void answer(std::uint64_t query, StoreRows rows) {
    Done done;
    {
      const std::lock_guard lock(mutex_);
      const auto found = open_.find(query);
      if (found == open_.end()) return;
      done = std::move(found->second);
      open_.erase(found);
    }
    done(std::move(rows));
  }
  // Answers everything that is open, with nothing read.
  void close() {
    std::unordered_map<std::uint64_t, Done> closed;
    {
      const std::lock_guard lock(mutex_);
      closed.swap(open_);
    }
    for (const auto& [query, done] : closed) done(unread());
  }

 private:
  std::mutex mutex_;
  std::uint64_t last_ = 0;
  std::unordered_map<std::uint64_t, Done> open_;
};

}  // namespace keel::kernel
