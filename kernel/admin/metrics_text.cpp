#include "kernel/admin/metrics_text.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "kernel/admin/system_info.hpp"

namespace keel::kernel {
namespace {

class Writer {
 public:
  void family(std::string_view name, std::string_view type, std::string_view help) {
    append("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
  }
  void sample(std::string_view name, auto value) { append("{} {}\n", name, value); }
  void gauge(std::string_view name, std::string_view help, auto value) {
    family(name, "gauge", help);
    sample(name, value);
  }
  template <class... Args>
  void append(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

// "packets/connect/received" becomes "keel_packets_connect_received_total".
std::string counter_name(std::string_view name) {
  std::string out = fmt::format("keel_{}_total", name);
  std::replace(out.begin(), out.end(), '/', '_');
  return out;
}

std::string label_value(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out;
}

void write_levels(Writer& out, const Realm& realm) {
  const auto counts = realm.subscriptions.counts();
  out.gauge("keel_connections", "Clients connected.", realm.total(Gauge::connections));
  out.gauge("keel_sessions", "Sessions, connected or not.",
            realm.sessions.load(std::memory_order_relaxed));
  out.gauge("keel_sessions_persistent", "Sessions that outlive their connection.",
            realm.total(Gauge::sessions_persistent));
  out.gauge("keel_subscriptions", "Subscriptions of all sessions.", counts.subscriptions);
  out.gauge("keel_subscriptions_shared", "Shared subscriptions of all sessions.",
            counts.shared_subscriptions);
  out.gauge("keel_topic_filters", "Distinct topic filters subscribed to.", counts.filters);
  out.gauge("keel_subscription_table_bytes", "Memory of the subscription table.", counts.bytes);
  out.gauge("keel_queued_messages", "Messages waiting in session queues.",
            realm.total(Gauge::queued_messages));
  out.gauge("keel_queued_bytes", "Bytes waiting in session queues.",
            realm.total(Gauge::queued_bytes));
  out.gauge("keel_retained_messages", "Retained messages.", realm.retained.count());
  out.gauge("keel_retained_bytes", "Bytes of retained messages.", realm.retained.bytes());
}

void write_process(Writer& out, const NodeFacts& facts, std::int64_t now_unix_s) {
  const ProcessMemory memory = process_memory();
  out.gauge("keel_uptime_seconds", "Seconds since the broker started.",
            now_unix_s - facts.started_unix_s);
  out.gauge("process_start_time_seconds", "When the broker started, Unix time.",
            facts.started_unix_s);
  out.gauge("process_resident_memory_bytes", "Memory in use.", memory.resident);
  out.gauge("process_virtual_memory_bytes", "Address space in use.", memory.virtual_size);
  out.gauge("process_open_fds", "File descriptors in use.", open_descriptors());
  out.gauge("process_max_fds", "File descriptors allowed.", max_descriptors());
  out.gauge("process_threads", "Threads.", thread_count());
}

}  // namespace

std::vector<NamedCount> metric_counts(const Realm& realm) {
  std::vector<NamedCount> out;
  out.reserve(kMetricCount);
  for (std::size_t i = 0; i < kMetricCount; ++i)
    out.push_back({kMetricNames[i], realm.total(static_cast<Metric>(i))});
  std::sort(out.begin(), out.end(),
            [](const NamedCount& a, const NamedCount& b) { return a.name < b.name; });
  return out;
}

std::string prometheus_text(const Realm& realm, const NodeFacts& facts, std::int64_t now_unix_s) {
  Writer out;
  out.family("keel_info", "gauge", "Which broker this is.");
  out.append("keel_info{{node=\"{}\",version=\"{}\"}} 1\n", label_value(facts.node_name),
             label_value(facts.version));
  write_levels(out, realm);
  for (const NamedCount& metric : metric_counts(realm)) {
    const std::string name = counter_name(metric.name);
    out.family(name, "counter", fmt::format("Count of {} since the start.", metric.name));
    out.sample(name, metric.value);
  }
  write_process(out, facts, now_unix_s);
  return out.take();
}

}  // namespace keel::kernel
