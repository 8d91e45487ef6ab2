#include "kernel/plugin/call_stats.hpp"

#include <algorithm>
#include <bit>

namespace keel::kernel {

const char* site_name(CallSite site) {
  static constexpr const char* kNames[] = {"none",
                                           "client_connect",
                                           "client_connack",
                                           "client_authenticate",
                                           "client_enhanced_auth",
                                           "client_authorize",
                                           "client_subscribe",
                                           "client_unsubscribe",
                                           "message_publish",
                                           "client_connected",
                                           "client_disconnected",
                                           "session_created",
                                           "session_resumed",
                                           "session_taken_over",
                                           "session_terminated",
                                           "session_subscribed",
                                           "session_unsubscribed",
                                           "message_delivered",
                                           "message_acked",
                                           "message_dropped",
                                           "post",
                                           "timer",
                                           "fd",
                                           "udp",
                                           "tcp",
                                           "stream",
                                           "session",
                                           "retained",
                                           "worker",
                                           "worker_done",
                                           "clients",
                                           "recheck",
                                           "ctl",
                                           "gauge",
                                           "create",
                                           "start",
                                           "stop",
                                           "destroy",
                                           "drain",
                                           "save",
                                           "load",
                                           "settings",
                                           "health",
                                           "store",
                                           "kv"};
  static_assert(std::size(kNames) == kCallSites);
  return site < CallSite::count_ ? kNames[static_cast<std::size_t>(site)] : "unknown";
}

std::uint64_t CallSum::quantile_ns(double q) const {
  std::uint64_t timed = 0;
  for (const std::uint64_t n : histogram) timed += n;
  if (timed == 0) return 0;
  const auto wanted = static_cast<std::uint64_t>(q * static_cast<double>(timed));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < histogram.size(); ++i) {
    seen += histogram[i];
    if (seen > wanted) return std::min(max_ns, (std::uint64_t{1} << i) - 1);
  }
  return max_ns;
}

CallSum& CallSum::operator+=(const CallSum& other) {
  calls += other.calls;
  exceptions += other.exceptions;
  slow += other.slow;
  max_ns = std::max(max_ns, other.max_ns);
  for (std::size_t i = 0; i < histogram.size(); ++i) histogram[i] += other.histogram[i];
  return *this;
}

void CallStats::note_time(std::uint64_t ns) {
  const std::size_t bucket = std::min<std::size_t>(std::bit_width(ns), histogram_.size() - 1);
  auto& cell = histogram_[bucket];
  cell.store(cell.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  if (ns > max_ns_.load(std::memory_order_relaxed)) max_ns_.store(ns, std::memory_order_relaxed);
}

CallSum CallStats::sum() const {
  CallSum sum;
  sum.calls = calls_.load(std::memory_order_relaxed);
  sum.exceptions = exceptions_.load(std::memory_order_relaxed);
  sum.slow = slow_.load(std::memory_order_relaxed);
  sum.max_ns = max_ns_.load(std::memory_order_relaxed);
  for (std::size_t i = 0; i < histogram_.size(); ++i)
    sum.histogram[i] = histogram_[i].load(std::memory_order_relaxed);
  return sum;
}

}  // namespace keel::kernel
