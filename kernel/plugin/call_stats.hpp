// What a plugin's code does on a thread: how often it is called, how long that takes, what goes
// wrong. One writer, the thread it belongs to; read by any.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace keel::kernel {

// Where the kernel calls a plugin. The first ones are the hook points in the order of
// keel_hook_point.
enum class CallSite : std::uint8_t {
  none,
  client_connect,
  client_connack,
  client_authenticate,
  client_enhanced_auth,
  client_authorize,
  client_subscribe,
  client_unsubscribe,
  message_publish,
  client_connected,
  client_disconnected,
  session_created,
  session_resumed,
  session_taken_over,
  session_terminated,
  session_subscribed,
  session_unsubscribed,
  message_delivered,
  message_acked,
  message_dropped,
  post,
  timer,
  watch,
  udp,
  tcp,
  stream,
  session,
  retained,
  worker,
  worker_done,
  clients,
  recheck,
  command,
  gauge,
  create,
  start,
  stop,
  destroy,
  drain,
  save,
  load,
  settings,
  health,
  store,
  kv,
  count_
};
inline constexpr std::size_t kCallSites = static_cast<std::size_t>(CallSite::count_);
inline constexpr std::size_t kHookSites = static_cast<std::size_t>(CallSite::message_dropped) + 1;
const char* site_name(CallSite site);

// Sums of one call site over threads, for showing.
struct CallSum {
  std::uint64_t calls = 0, exceptions = 0, slow = 0, max_ns = 0;
  std::array<std::uint64_t, 40> histogram{};  // by power of two of nanoseconds

  // Upper bound of the power of two in which the share `q` of the timed calls ends; 0: none timed.
  std::uint64_t quantile_ns(double q) const;
  CallSum& operator+=(const CallSum& other);
};

class CallStats {
 public:
  // Counts a call; true: this one is to be timed. `mask` 0 times all.
  bool count(std::uint64_t mask) {
    const std::uint64_t n = calls_.load(std::memory_order_relaxed);
    calls_.store(n + 1, std::memory_order_relaxed);
    return (n & mask) == 0;
  }
  void note_time(std::uint64_t ns);
  void note_exception() { bump(exceptions_); }
  void note_slow() { bump(slow_); }
  CallSum sum() const;

 private:
  static void bump(std::atomic<std::uint64_t>& n) {
    n.store(n.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  std::atomic<std::uint64_t> calls_{0}, exceptions_{0}, slow_{0}, max_ns_{0};
  std::array<std::atomic<std::uint32_t>, 40> histogram_{};
};

}  // namespace keel::kernel
