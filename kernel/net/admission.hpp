// Who may connect: counts and rates, checked when a connection is accepted, before anything is
// allocated for it. Shared by all listeners; [any].
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

#include "kernel/net/link.hpp"

namespace keel::kernel {

// Admits `rate` events per second, and as many at once after a quiet second.
class RateLimiter {
 public:
  // `rate` 0 admits everything.
  bool admit(std::int64_t now_ms, std::uint32_t rate);

 private:
  std::mutex mutex_;
  std::int64_t last_ms_ = -1;
  std::int64_t millitokens_ = 0;
};

// What all listeners share.
struct Admission {
  std::atomic<std::uint32_t> max_connections{0}, connect_rate{0};  // limits in force; 0: none
  std::atomic<std::uint32_t> current{0};
  RateLimiter rate;
};

// The counters of one listener. They outlive it while it has connections.
struct ListenerState {
  explicit ListenerState(std::shared_ptr<Admission> shared) : admission(std::move(shared)) {}

  std::shared_ptr<Admission> admission;
  std::atomic<std::uint32_t> current{0};
  std::atomic<std::uint64_t> accepted{0}, refused{0};
  std::array<std::atomic<std::uint64_t>, kCloseCauses> closed{};
  RateLimiter rate;
};

// Counts a connection in and returns null, or returns the limit that forbids it, for the log.
const char* admit(const ListenerInfo& info, std::int64_t now_ms);
// Counts out what admit() counted in.
void leave(ListenerState& state);

}  // namespace keel::kernel
