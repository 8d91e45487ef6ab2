// How many there are of everything, and the most there have been: `ctl broker stats`, $SYS,
// Prometheus. The maxima are as good as the sampling: main samples every second. [any]
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <string_view>
#include <vector>

#include "kernel/broker/realm.hpp"

namespace keel::kernel {

struct Stat {
  std::string_view name;  // "connections/count"
  std::int64_t value;
};

class Stats {
 public:
  explicit Stats(Realm& realm) : realm_(realm) {}
  Stats(const Stats&) = delete;
  Stats& operator=(const Stats&) = delete;

  void sample();
  // Sampled now, sorted by name.
  std::vector<Stat> list();
  // 0 for a name that list() does not have.
  std::int64_t get(std::string_view name);

 private:
  struct Pair {
    std::string_view count_name, max_name;
    std::int64_t count = 0, max = 0;
  };
  void sample_locked();

  Realm& realm_;
  std::mutex mutex_;
  std::array<Pair, 10> pairs_{{
      {"connections/count", "connections/max"},
      {"sessions/count", "sessions/max"},
      {"sessions/persistent/count", "sessions/persistent/max"},
      {"suboptions/count", "suboptions/max"},
      {"subscribers/count", "subscribers/max"},
      {"subscriptions/count", "subscriptions/max"},
      {"subscriptions/shared/count", "subscriptions/shared/max"},
      {"topics/count", "topics/max"},
      {"routes/count", "routes/max"},
      {"retained/count", "retained/max"},
  }};
};

}  // namespace keel::kernel
