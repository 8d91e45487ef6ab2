// What the gateway tells of itself in numbers: the broker's metrics lwm2m_..., and the totals for
// `ctl lwm2m stats`. Made on the control thread; shards hand in what they counted every second.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <keel/host.hpp>
#include <string>
#include <vector>

#include "emqx_lwm2m/coap/counters.hpp"
#include "emqx_lwm2m/device/counters.hpp"
#include "emqx_lwm2m/gateway/counters.hpp"

namespace lwm2m {

class Gateway;
class ShardRoom;

class Metrics {
 public:
  // How many numbers these have.
  static constexpr std::size_t kDevice = sizeof(DeviceCounters) / sizeof(std::uint64_t),
                               kCoap = sizeof(coap::Counters) / sizeof(std::uint64_t),
                               kGateway = sizeof(GatewayCounters) / sizeof(std::uint64_t);

  // From now on, until the plugin stops. [control]
  keel::Status start(keel::Host& host, const Gateway& gateway);

  // Takes what one shard counted, which begins at zero again. [its shard]
  void take(ShardRoom& room);

  struct Total {
    const char* group;
    std::string name;  // as in /metrics, without lwm2m_ and _total
    std::uint64_t value;
  };
  // Since the plugin was started. [any]
  std::vector<Total> totals() const;

 private:
  // One metric and what it has come to.
  class Sum {
   public:
    keel::Status make(keel::Host& host, const std::string& name, const char* help);
    void take(std::uint64_t& n);
    std::uint64_t total() const { return total_.load(std::memory_order_relaxed); }

   private:
    keel::Counter counter_;
    std::atomic<std::uint64_t> total_{0};
  };
  keel::Status make_gauges(keel::Host& host, const Gateway& gateway);

  std::array<Sum, kDevice> device_;
  std::array<Sum, kCoap> coap_;
  std::array<Sum, kGateway> gateway_;
  std::vector<keel::Metric> gauges_;
  keel::Timer timer_;
};

}  // namespace lwm2m
