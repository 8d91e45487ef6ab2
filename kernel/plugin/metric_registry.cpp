#include "kernel/plugin/metric_registry.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "kernel/plugin/call.hpp"

namespace keel::kernel {
namespace {

const char* type_name(PluginMetric::Type type) {
  switch (type) {
    case PluginMetric::Type::counter:
      return "counter";
    case PluginMetric::Type::histogram:
      return "histogram";
    default:
      return "gauge";
  }
}

// One writer for the cells of shards; the shared cell has many.
template <class T>
void bump(std::atomic<T>& cell, T n, bool shared) {
  if (!shared)
    return cell.store(cell.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  T seen = cell.load(std::memory_order_relaxed);
  while (!cell.compare_exchange_weak(seen, seen + n, std::memory_order_relaxed)) {
  }
}

}  // namespace

PluginMetric::PluginMetric(Slot& slot, MetricRegistry& registry, Definition definition,
                           std::uint32_t cells)
    : HostObject(slot, ObjectKind::metric, kEveryThread),
      registry_(registry),
      definition_(std::move(definition)) {
  if (definition_.type != Type::counter && definition_.type != Type::histogram) return;
  for (std::uint32_t i = 0; i < cells; ++i) {
    cells_.push_back(std::make_unique<Cell>());
    cells_.back()->buckets = std::vector<std::atomic<std::uint64_t>>(definition_.bounds.size());
  }
}

void PluginMetric::revoke() { registry_.remove(*this); }

void PluginMetric::add(std::uint32_t cell, std::uint64_t n) {
  bump(cells_[cell]->count, n, cell + 1 == cells_.size());
}

void PluginMetric::observe(std::uint32_t cell, double value) {
  const bool shared = cell + 1 == cells_.size();
  Cell& mine = *cells_[cell];
  bump(mine.count, std::uint64_t{1}, shared);
  bump(mine.sum, value, shared);
  const auto bound = std::ranges::lower_bound(definition_.bounds, value);
  if (bound != definition_.bounds.end())
    bump(mine.buckets[static_cast<std::size_t>(bound - definition_.bounds.begin())],
         std::uint64_t{1}, shared);
}

std::string PluginMetric::series(std::string_view suffix, std::string_view more_labels) const {
  return fmt::format("keel_{}{}{{plugin=\"{}\"{}{}{}{}}}", definition_.name, suffix, slot().name(),
                     definition_.labels.empty() ? "" : ",", definition_.labels,
                     more_labels.empty() ? "" : ",", more_labels);
}

void PluginMetric::print(std::string& out) {
  const auto to = std::back_inserter(out);
  switch (definition_.type) {
    case Type::counter: {
      std::uint64_t sum = 0;
      for (const auto& cell : cells_) sum += cell->count.load(std::memory_order_relaxed);
      fmt::format_to(to, "{} {}\n", series("", ""), sum);
      break;
    }
    case Type::gauge:
      fmt::format_to(to, "{} {}\n", series("", ""), gauge_.load(std::memory_order_relaxed));
      break;
    case Type::gauge_fn: {
      if (!running_) return;
      const double value = call_plugin(
          slot(), CallSite::gauge, [this] { return definition_.fn(definition_.ctx); }, 0.0);
      fmt::format_to(to, "{} {}\n", series("", ""), value);
      break;
    }
    case Type::histogram: {
      std::uint64_t below = 0, count = 0;
      double sum = 0;
      for (const auto& cell : cells_) {
        count += cell->count.load(std::memory_order_relaxed);
        sum += cell->sum.load(std::memory_order_relaxed);
      }
      for (std::size_t i = 0; i < definition_.bounds.size(); ++i) {
        for (const auto& cell : cells_) below += cell->buckets[i].load(std::memory_order_relaxed);
        fmt::format_to(to, "{} {}\n",
                       series("_bucket", fmt::format("le=\"{}\"", definition_.bounds[i])), below);
      }
      fmt::format_to(to, "{} {}\n{} {}\n{} {}\n", series("_bucket", "le=\"+Inf\""), count,
                     series("_sum", ""), sum, series("_count", ""), count);
    }
  }
}

bool MetricRegistry::add(PluginMetric& metric) {
  const auto& wanted = metric.definition();
  for (const PluginMetric* each : metrics_) {
    const auto& there = each->definition();
    if (there.name != wanted.name) continue;
    if (std::string_view(type_name(there.type)) != type_name(wanted.type)) return false;
    if (&each->slot() == &metric.slot() && there.labels == wanted.labels) return false;
  }
  const auto at = std::ranges::upper_bound(
      metrics_, wanted.name, {},
      [](const PluginMetric* each) -> const std::string& { return each->definition().name; });
  metrics_.insert(at, &metric);
  return true;
}

void MetricRegistry::remove(PluginMetric& metric) { std::erase(metrics_, &metric); }

std::string MetricRegistry::text() const {
  std::string out;
  const std::string* last = nullptr;
  for (PluginMetric* metric : metrics_) {
    const auto& definition = metric->definition();
    if (!last || *last != definition.name)
      fmt::format_to(std::back_inserter(out), "# HELP keel_{} {}\n# TYPE keel_{} {}\n",
                     definition.name, definition.help, definition.name, type_name(definition.type));
    last = &definition.name;
    metric->print(out);
  }
  return out;
}

}  // namespace keel::kernel
