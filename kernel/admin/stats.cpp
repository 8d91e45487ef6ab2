#include "kernel/admin/stats.hpp"

#include <algorithm>

namespace keel::kernel {
namespace {

void raise_to(std::atomic<std::int64_t>& mark, std::int64_t value) {
  std::int64_t seen = mark.load(std::memory_order_relaxed);
  while (seen < value && !mark.compare_exchange_weak(seen, value, std::memory_order_relaxed)) {
  }
}

}  // namespace

void Stats::sample_locked() {
  const auto counts = realm_.subscriptions.counts();
  const auto subscriptions = static_cast<std::int64_t>(counts.subscriptions);
  const auto filters = static_cast<std::int64_t>(counts.filters);
  // In the order of pairs_. A subscription has one set of options and one subscriber.
  const std::array<std::int64_t, 10> now = {
      realm_.total(Gauge::connections),
      realm_.sessions.load(std::memory_order_relaxed),
      realm_.total(Gauge::sessions_persistent),
      subscriptions,
      subscriptions,
      subscriptions,
      static_cast<std::int64_t>(counts.shared_subscriptions),
      filters,
      filters,
      static_cast<std::int64_t>(realm_.retained.count()),
  };
  raise_to(realm_.connections_max, now[0]);
  raise_to(realm_.sessions_max, now[1]);
  for (std::size_t i = 0; i < now.size(); ++i) {
    pairs_[i].count = now[i];
    pairs_[i].max = std::max(pairs_[i].max, now[i]);
  }
  pairs_[0].max = std::max(pairs_[0].max, realm_.connections_max.load(std::memory_order_relaxed));
  pairs_[1].max = std::max(pairs_[1].max, realm_.sessions_max.load(std::memory_order_relaxed));
}

void Stats::sample() {
  const std::lock_guard lock(mutex_);
  sample_locked();
}

std::vector<Stat> Stats::list() {
  std::vector<Stat> out;
  {
    const std::lock_guard lock(mutex_);
    sample_locked();
    for (const Pair& pair : pairs_) {
      out.push_back({pair.count_name, pair.count});
      out.push_back({pair.max_name, pair.max});
    }
  }
  std::sort(out.begin(), out.end(), [](const Stat& a, const Stat& b) { return a.name < b.name; });
  return out;
}

std::int64_t Stats::get(std::string_view name) {
  const auto all = list();
  const auto at =
      std::find_if(all.begin(), all.end(), [&](const Stat& s) { return s.name == name; });
  return at == all.end() ? 0 : at->value;
}

}  // namespace keel::kernel
