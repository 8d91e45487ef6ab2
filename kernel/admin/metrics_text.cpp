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
  void counter(std::string_view name, std::string_view help, auto value) {
    family(name, "counter", help);
    sample(name, value);
  }
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
  out.gauge("keel_connections_tls", "Of those, over TLS.", realm.total(Gauge::connections_tls));
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

std::string to_seconds(std::uint64_t us) {
  return fmt::format("{:.6f}", static_cast<double>(us) / 1e6);
}

void write_durability(Writer& out, const Journal::State& state) {
  out.gauge("keel_durability_store", "1 if a store is loaded.", state.attached ? 1 : 0);
  out.gauge("keel_durability_condition",
            "How the store is: 0 fine, 1 low, 2 lower, 3 full, 4 failing.",
            static_cast<int>(state.condition));
  out.counter("keel_durability_commits_total", "Synced writes.", state.commits);
  out.counter("keel_durability_operations_total", "Operations in synced writes.", state.operations);
  out.counter("keel_durability_sync_seconds_total", "Time that synced writes took.",
              to_seconds(state.sync_total_us));
  out.gauge("keel_durability_sync_p50_seconds", "Median of the last synced writes.",
            to_seconds(state.sync_us.p50));
  out.gauge("keel_durability_sync_p99_seconds", "99th percentile of the last synced writes.",
            to_seconds(state.sync_us.p99));
  out.gauge("keel_durability_batch_p50_operations", "Median of the last synced writes' sizes.",
            state.batch.p50);
  out.gauge("keel_durability_backlog_operations", "Operations that are not on disk yet.",
            state.waiting_ops);
  out.gauge("keel_durability_backlog_bytes", "Bytes that are not on disk yet.",
            state.waiting_bytes);
  out.gauge("keel_durability_window_seconds", "Age of the oldest change that is not on disk.",
            to_seconds(static_cast<std::uint64_t>(state.oldest_waiting_us)));
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
  write_durability(out, realm.journal.state());
  for (const NamedCount& metric : metric_counts(realm)) {
    out.counter(counter_name(metric.name), fmt::format("Count of {} since the start.", metric.name),
                metric.value);
  }
  write_process(out, facts, now_unix_s);
  return out.take();
}

}  // namespace keel::kernel
