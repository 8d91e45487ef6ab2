// What the threads of the store said, for tests that wait for it. Any thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "emqx_store/run/events.hpp"
#include "emqx_store/tests/store_harness.hpp"

namespace emqx_store_test {

class Recorder final : public emqx_store::Events {
 public:
  struct Reply {
    Fault fault;
    Rows rows;
  };
  struct Seen {
    std::vector<std::uint64_t> committed;
    std::vector<std::uint32_t> operations;  // of each write
    std::vector<std::pair<std::uint32_t, std::string>> conditions;
    std::map<std::uint64_t, Reply> replies;
    std::vector<std::string> damages;
  };

  void committed(std::uint64_t ticket) override {
    change([&] { seen_.committed.push_back(ticket); });
  }
  void synced(std::uint64_t, std::uint32_t, std::uint32_t operations) override {
    change([&] { seen_.operations.push_back(operations); });
  }
  bool condition(std::uint32_t condition, std::string_view text) override {
    change([&] {
      if (listening_) seen_.conditions.emplace_back(condition, text);
    });
    return listening_;
  }
  // Whether conditions are taken.
  void listen(bool yes) { listening_ = yes; }
  void damaged(std::string_view text) override {
    change([&] { seen_.damages.emplace_back(text); });
  }
  void rows(std::uint64_t request, const Answer& answer) override {
    change([&] { seen_.replies[request] = {answer.outcome.fault(), rows_of(answer)}; });
  }

  // Returns what was seen once `enough` says so.
  template <class F>
  Seen wait(F enough) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return enough(seen_); });
    return seen_;
  }
  // Once this ticket was reported.
  Seen wait_for(std::uint64_t ticket) {
    return wait([&](const Seen& seen) {
      return !seen.committed.empty() && seen.committed.back() >= ticket;
    });
  }
  Seen seen() {
    return wait([](const Seen&) { return true; });
  }

 private:
  template <class F>
  void change(F fn) {
    {
      const std::lock_guard lock(mutex_);
      fn();
    }
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  Seen seen_;
  std::atomic<bool> listening_{true};
};

}  // namespace emqx_store_test
