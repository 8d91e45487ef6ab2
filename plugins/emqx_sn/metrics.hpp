// What the gateway tells of itself in numbers: the broker's metrics sn_..., and the totals for
// `ctl sn stats`. Made on the control thread; shards hand in what they counted every second.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <keel/host.hpp>
#include <string>
#include <vector>

#include "emqx_sn/counters.hpp"

namespace sn {

class Gateway;

class Metrics {
 public:
  static constexpr std::size_t kTypes = 0x20;  // of messages; see Counters
  static constexpr std::size_t kSums = 21;     // its other numbers

  // From now on, until the plugin stops. [control]
  keel::Status start(keel::Host& host, Gateway& gateway);

  // Takes what one shard counted, which begins at zero again. [its shard]
  void take(Counters& counters);

  struct Total {
    const char* name;  // as in /metrics, without sn_ and _total
    std::uint64_t value;
  };
  // Since the plugin was started. [any]
  std::vector<Total> totals() const;
  std::uint64_t packets_in(std::size_t type) const { return in_[type].total(); }
  std::uint64_t packets_out(std::size_t type) const { return out_[type].total(); }

 private:
  // One metric and what it has come to.
  class Sum {
   public:
    keel::Status make(keel::Host& host, const char* name, const char* help, const char* labels);
    void take(std::uint64_t& n);
    std::uint64_t total() const { return total_.load(std::memory_order_relaxed); }

   private:
    keel::Counter counter_;
    std::atomic<std::uint64_t> total_{0};
  };
  keel::Status make_gauges(keel::Host& host, Gateway& gateway);

  std::array<Sum, kTypes> in_, out_;
  std::array<Sum, kSums> sums_;
  std::vector<keel::Metric> gauges_;
  std::vector<keel::Timer> timers_;
};

}  // namespace sn
