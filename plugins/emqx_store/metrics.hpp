// The plugin's metrics: keel_store_...{plugin="emqx_store"}. Added on the control thread, counted
// on the store's own ones.
#pragma once

#include <cstdint>
#include <functional>
#include <keel/host.hpp>

#include "emqx_store/run/service.hpp"

namespace emqx_store {

class Metrics {
 public:
  // `status` is asked at each scrape, on the control thread.
  keel::Status add(const keel::Host& host, std::function<Service::Status()> status);

  void synced(std::uint64_t duration_ns, std::uint32_t batches, std::uint32_t operations) const;
  void read(std::size_t rows, bool complete) const;

 private:
  keel::Counter commits_, batches_, operations_, reads_, rows_, damaged_;
  keel::Histogram sync_seconds_, group_operations_;
};

}  // namespace emqx_store
