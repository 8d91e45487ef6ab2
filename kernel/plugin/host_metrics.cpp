// metrics/1.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernel/base/utf8.hpp"
#include "kernel/plugin/host_support.hpp"
#include "kernel/plugin/metric_registry.hpp"
#include "kernel/plugin/tables.hpp"

namespace keel::kernel {
namespace {

using Type = PluginMetric::Type;

constexpr std::size_t kLongestMetric = 100, kLongestText = 500;
constexpr std::uint32_t kMostBounds = 20;

std::string bounded(const char* text, std::size_t longest) {
  return text ? std::string(text, ::strnlen(text, longest + 1)) : "";
}

bool well_formed_name(std::string_view name) {
  if (name.empty() || name.size() > kLongestMetric || name[0] < 'a' || name[0] > 'z') return false;
  return std::ranges::all_of(
      name, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

// name="value"[,name="value"...], with \\ and \" escaped inside.
bool well_formed_labels(std::string_view labels) {
  while (!labels.empty()) {
    const std::size_t equals = labels.find("=\"");
    if (equals == std::string_view::npos || !well_formed_name(labels.substr(0, equals)))
      return false;
    if (labels.substr(0, equals) == "plugin" || labels.substr(0, equals) == "le") return false;
    std::size_t at = equals + 2;
    while (at < labels.size() && labels[at] != '"') {
      if (static_cast<unsigned char>(labels[at]) < 0x20) return false;
      at += labels[at] == '\\' ? 2u : 1u;
    }
    if (at >= labels.size()) return false;
    labels.remove_prefix(at + 1);
    if (labels.empty()) return true;
    if (labels[0] != ',') return false;
    labels.remove_prefix(1);
    if (labels.empty()) return false;
  }
  return true;
}

keel_status define(const keel_host* host, PluginMetric::Definition definition, keel_handle* out) {
  Slot& slot = Slot::of(host);
  if (const keel_status bad = check_control(slot, "metrics")) return bad;
  if (!well_formed_name(definition.name) || !out)
    return fail(KEEL_E_INVAL, "metrics: the name must be [a-z][a-z0-9_]*, at most 100 bytes");
  if (definition.type == Type::counter && !definition.name.ends_with("_total"))
    return fail(KEEL_E_INVAL,
                fmt::format("metrics: the counter '{}' must end in _total", definition.name));
  if (!well_formed_labels(definition.labels) || definition.labels.size() > kLongestText)
    return fail(KEEL_E_INVAL,
                R"(metrics: labels must be name="value",... without 'plugin' and 'le')");
  if (definition.help.size() > kLongestText || definition.help.find('\n') != std::string::npos ||
      !valid_utf8(definition.help))
    return fail(KEEL_E_INVAL, "metrics: the help must be one line of at most 500 bytes");
  MetricRegistry& registry = slot.runtime().metrics();
  auto metric =
      std::make_unique<PluginMetric>(slot, registry, std::move(definition), registry.shards() + 1);
  PluginMetric& added = *metric;
  if (!registry.add(added))
    return fail(KEEL_E_EXISTS, fmt::format("metrics: there is a '{}' already, with these labels or "
                                           "of another type",
                                           added.definition().name));
  const keel_status status = slot.add(std::move(metric), out);
  return status;
}

keel_status counter(const keel_host* host, const char* name, const char* help, const char* labels,
                    keel_handle* out) {
  return define(host,
                {Type::counter, bounded(name, kLongestMetric), bounded(help, kLongestText),
                 bounded(labels, kLongestText)},
                out);
}

keel_status gauge(const keel_host* host, const char* name, const char* help, const char* labels,
                  keel_handle* out) {
  return define(host,
                {Type::gauge, bounded(name, kLongestMetric), bounded(help, kLongestText),
                 bounded(labels, kLongestText)},
                out);
}

keel_status gauge_fn(const keel_host* host, const char* name, const char* help, const char* labels,
                     keel_gauge_fn fn, void* ctx, keel_handle* out) {
  if (!fn) return fail(KEEL_E_INVAL, "metrics.gauge_fn: no function given");
  return define(host,
                {Type::gauge_fn,
                 bounded(name, kLongestMetric),
                 bounded(help, kLongestText),
                 bounded(labels, kLongestText),
                 {},
                 fn,
                 ctx},
                out);
}

keel_status histogram(const keel_host* host, const char* name, const char* help, const char* labels,
                      const double* bounds, std::uint32_t bounds_n, keel_handle* out) {
  if (!bounds || bounds_n == 0 || bounds_n > kMostBounds)
    return fail(KEEL_E_INVAL, "metrics.histogram: 1 to 20 bounds are needed");
  std::vector<double> list(bounds, bounds + bounds_n);
  if (!std::ranges::all_of(list, [](double b) { return std::isfinite(b); }) ||
      std::ranges::adjacent_find(list, std::greater_equal<>()) != list.end())
    return fail(KEEL_E_INVAL, "metrics.histogram: the bounds must be finite and ascend");
  return define(host,
                {Type::histogram, bounded(name, kLongestMetric), bounded(help, kLongestText),
                 bounded(labels, kLongestText), std::move(list)},
                out);
}

// Any thread may count: a metric that ends with its plugin lives as long as the slot, one that the
// plugin removes for a grace period, which shards observe; other threads must not use it any more.
PluginMetric* find(const keel_host* host, keel_handle handle, Type type, keel_status& status) {
  Slot& slot = Slot::of(host);
  HostObject* const object = slot.runtime().handles().find(handle, ObjectKind::metric);
  if (!object) {
    status = fail(KEEL_E_STALE, "metrics: there is no such metric (any more)");
    return nullptr;
  }
  auto* const metric = static_cast<PluginMetric*>(object);
  status = KEEL_OK;
  if (&metric->slot() == &slot && metric->definition().type == type) return metric;
  status = fail(KEEL_E_INVAL, "metrics: the handle is another plugin's, or of another type");
  return nullptr;
}

std::uint32_t cell_index(const keel_host* host) {
  const HostThread* const thread = HostThread::current();
  return thread && !thread->control() ? thread->index() : Slot::of(host).runtime().shard_count();
}

keel_status add(const keel_host* host, keel_handle handle, std::uint64_t n) {
  keel_status status = KEEL_OK;
  if (auto* metric = find(host, handle, Type::counter, status)) metric->add(cell_index(host), n);
  return status;
}

keel_status add_gauge(const keel_host* host, keel_handle handle, std::int64_t n) {
  keel_status status = KEEL_OK;
  if (auto* metric = find(host, handle, Type::gauge, status)) metric->add_gauge(n);
  return status;
}

keel_status set(const keel_host* host, keel_handle handle, std::int64_t value) {
  keel_status status = KEEL_OK;
  if (auto* metric = find(host, handle, Type::gauge, status)) metric->set(value);
  return status;
}

keel_status observe(const keel_host* host, keel_handle handle, double value) {
  keel_status status = KEEL_OK;
  if (auto* metric = find(host, handle, Type::histogram, status))
    metric->observe(cell_index(host), value);
  return status;
}

keel_status remove(const keel_host* host, keel_handle handle) {
  Slot& slot = Slot::of(host);
  const HostThread* const thread = HostThread::current();
  if (!thread || !thread->control())
    return refuse_thread(slot, "metrics.remove", "the control thread");
  keel_status status = KEEL_OK;
  auto* metric = slot.find<PluginMetric>(handle, ObjectKind::metric, status, "metrics.remove");
  if (!metric) return status;
  metric->revoke();
  slot.drop(*metric);
  return KEEL_OK;
}

}  // namespace

const keel_ext_metrics tables::metrics = {.size = sizeof(keel_ext_metrics),
                                          .reserved = 0,
                                          .counter = counter,
                                          .gauge = gauge,
                                          .gauge_fn = gauge_fn,
                                          .histogram = histogram,
                                          .add = add,
                                          .add_gauge = add_gauge,
                                          .set = set,
                                          .observe = observe,
                                          .remove = remove};

}  // namespace keel::kernel
