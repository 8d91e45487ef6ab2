// The metrics of plugins: counters and histograms with a cell per shard, gauges, and functions that
// are asked at each scrape. Definitions come and go on the control thread, where they are also
// read.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kernel/plugin/host_object.hpp"

namespace keel::kernel {

// One metric of one plugin; a HostObject of kEveryThread, so any thread may count.
class PluginMetric : public HostObject {
 public:
  enum class Type : std::uint8_t { counter, gauge, gauge_fn, histogram };
  struct Definition {
    Type type{};
    std::string name, help, labels;  // labels without braces; may be empty
    std::vector<double> bounds;      // histogram
    double (*fn)(void*) = nullptr;   // gauge_fn
    void* ctx = nullptr;
  };

  PluginMetric(Slot& slot, class MetricRegistry& registry, Definition definition,
               std::uint32_t cells);
  void begin() override { running_ = true; }
  void revoke() override;

  const Definition& definition() const { return definition_; }
  void add(std::uint32_t cell, std::uint64_t n);
  void add_gauge(std::int64_t n) { gauge_.fetch_add(n, std::memory_order_relaxed); }
  void set(std::int64_t value) { gauge_.store(value, std::memory_order_relaxed); }
  void observe(std::uint32_t cell, double value);

  // Appends the samples in the text form of Prometheus. [control]
  void print(std::string& out);

 private:
  // A shard's; the last one is for all other threads, with real atomic additions.
  struct alignas(64) Cell {
    std::atomic<std::uint64_t> count{0};
    std::atomic<double> sum{0};
    std::vector<std::atomic<std::uint64_t>> buckets;
  };
  std::string series(std::string_view suffix, std::string_view more_labels) const;

  MetricRegistry& registry_;
  const Definition definition_;
  std::vector<std::unique_ptr<Cell>> cells_;
  std::atomic<std::int64_t> gauge_{0};
  bool running_ = false;
};

class MetricRegistry {
 public:
  explicit MetricRegistry(std::uint32_t shards) : shards_(shards) {}

  std::uint32_t shards() const { return shards_; }
  // False: this plugin has one of this name and labels, or a name of another type.
  bool add(PluginMetric& metric);
  void remove(PluginMetric& metric);
  // All of them, grouped by name.
  std::string text() const;

 private:
  std::uint32_t shards_;
  std::vector<PluginMetric*> metrics_;  // sorted by name
};

}  // namespace keel::kernel
