#include "kernel/net/admission.hpp"

#include <algorithm>

namespace keel::kernel {
namespace {

// Raises `count` unless it has reached `max` (0: none).
bool count_up(std::atomic<std::uint32_t>& count, std::uint32_t max) {
  if (count.fetch_add(1, std::memory_order_relaxed) < max || max == 0) return true;
  count.fetch_sub(1, std::memory_order_relaxed);
  return false;
}

const char* admit_counted(const ListenerInfo& info, std::int64_t now_ms) {
  ListenerState& state = *info.state;
  Admission& all = *state.admission;
  if (!state.rate.admit(now_ms, info.settings.connect_rate)) return "its connect_rate";
  if (!all.rate.admit(now_ms, all.connect_rate.load(std::memory_order_relaxed))) {
    return "limits.connect_rate";
  }
  if (!count_up(state.current, info.settings.max_connections)) return "its max_connections";
  if (!count_up(all.current, all.max_connections.load(std::memory_order_relaxed))) {
    state.current.fetch_sub(1, std::memory_order_relaxed);
    return "limits.max_connections";
  }
  return nullptr;
}

}  // namespace

bool RateLimiter::admit(std::int64_t now_ms, std::uint32_t rate) {
  if (rate == 0) return true;
  const std::lock_guard lock(mutex_);
  const std::int64_t full = std::int64_t{rate} * 1000;
  if (last_ms_ < 0) {
    millitokens_ = full;
  } else {
    const std::int64_t elapsed = std::clamp<std::int64_t>(now_ms - last_ms_, 0, 1000);
    millitokens_ = std::min(full, millitokens_ + elapsed * rate);
  }
  last_ms_ = now_ms;
  if (millitokens_ < 1000) return false;
  millitokens_ -= 1000;
  return true;
}

const char* admit(const ListenerInfo& info, std::int64_t now_ms) {
  const char* forbidden = admit_counted(info, now_ms);
  auto& counter = forbidden ? info.state->refused : info.state->accepted;
  counter.fetch_add(1, std::memory_order_relaxed);
  return forbidden;
}

void leave(ListenerState& state) {
  state.current.fetch_sub(1, std::memory_order_relaxed);
  state.admission->current.fetch_sub(1, std::memory_order_relaxed);
}

std::string_view close_cause_name(CloseCause cause) {
  static constexpr std::array<std::string_view, kCloseCauses> kNames = {"peer", "local", "error",
                                                                        "slow", "handshake"};
  return kNames[static_cast<std::size_t>(cause)];
}

}  // namespace keel::kernel
