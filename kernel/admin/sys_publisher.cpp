#include "kernel/admin/sys_publisher.hpp"

#include <fmt/format.h>

#include <chrono>

#include "kernel/admin/metrics_text.hpp"
#include "kernel/admin/system_info.hpp"
#include "kernel/admin/text.hpp"
#include "kernel/base/clock.hpp"
#include "kernel/broker/broker.hpp"

namespace keel::kernel {
namespace {

// Messages per task on the shard: the table is walked for each.
constexpr std::size_t kBatch = 64;

// A node name may hold anything; in a topic it is one level without wildcards.
std::string topic_level(std::string_view name) {
  std::string out(name);
  for (char& c : out) {
    if (c == '/' || c == '+' || c == '#' || c == '\0') c = '_';
  }
  return out;
}

}  // namespace

SysPublisher::SysPublisher(Realm& realm, const AdminHost& host, Stats& stats)
    : realm_(realm), host_(host), stats_(stats) {}

bool SysPublisher::on() const { return realm_.settings()->sys.interval_ms > 0; }

std::uint64_t SysPublisher::load_source(std::string_view name) const {
  // Mosquitto's `messages` are packets of any kind, its `publish` are application messages.
  if (name == "messages/received") return realm_.total(Metric::packets_received);
  if (name == "messages/sent") return realm_.total(Metric::packets_sent);
  if (name == "publish/received") return realm_.total(Metric::publish_received);
  if (name == "publish/sent") return realm_.total(Metric::publish_sent);
  if (name == "publish/dropped") return realm_.total(Metric::messages_dropped);
  if (name == "bytes/received") return realm_.total(Metric::bytes_received);
  if (name == "bytes/sent") return realm_.total(Metric::bytes_sent);
  if (name == "connections") return realm_.total(Metric::connect_received);
  return realm_.total(Metric::connections_accepted);  // sockets
}

void SysPublisher::sample_loads(std::int64_t now_ms) {
  for (Load& load : loads_) load.average.sample(load_source(load.name), now_ms);
}

void SysPublisher::add_mosquitto_tree(std::vector<SysMessage>& out, std::int64_t now_unix_s) {
  const auto text = [&](std::string_view name, std::string value) {
    out.push_back({fmt::format("$SYS/broker/{}", name), std::move(value), true});
  };
  const auto number = [&](std::string_view name, auto value) { text(name, fmt::to_string(value)); };
  const auto counter = [&](std::string_view name, Metric metric) {
    number(name, realm_.total(metric));
  };

  text("version", fmt::format("keel version {}", host_.version()));
  text("uptime", fmt::format("{} seconds", now_unix_s - host_.started_unix_s()));

  const std::int64_t connected = realm_.total(Gauge::connections);
  const std::int64_t total = std::max(realm_.sessions.load(std::memory_order_relaxed), connected);
  number("clients/connected", connected);
  number("clients/active", connected);
  number("clients/total", total);
  number("clients/disconnected", total - connected);
  number("clients/inactive", total - connected);
  number("clients/maximum", stats_.get("connections/max"));
  counter("clients/expired", Metric::sessions_expired);

  const auto retained = static_cast<std::int64_t>(realm_.retained.count());
  const std::int64_t stored = retained + realm_.total(Gauge::queued_messages);
  counter("messages/received", Metric::packets_received);
  counter("messages/sent", Metric::packets_sent);
  number("messages/stored", stored);
  number("store/messages/count", stored);
  number("store/messages/bytes",
         static_cast<std::int64_t>(realm_.retained.bytes()) + realm_.total(Gauge::queued_bytes));
  number("retained messages/count", retained);
  const auto subscriptions = realm_.subscriptions.counts();
  number("subscriptions/count", subscriptions.subscriptions);
  number("shared_subscriptions/count", subscriptions.shared_subscriptions);
  counter("publish/messages/received", Metric::publish_received);
  counter("publish/messages/sent", Metric::publish_sent);
  counter("publish/messages/dropped", Metric::messages_dropped);
  counter("bytes/received", Metric::bytes_received);
  counter("bytes/sent", Metric::bytes_sent);

  const std::uint64_t heap = process_memory().anonymous;
  heap_max_ = std::max(heap_max_, heap);
  number("heap/current", heap);
  number("heap/maximum", heap_max_);

  for (const Load& load : loads_) {
    for (std::size_t i = 0; i < LoadAverage::kMinutes.size(); ++i)
      text(fmt::format("load/{}/{}min", load.name, LoadAverage::kMinutes[i]),
           fmt::format("{:.2f}", load.average.averages()[i]));
  }
  for (const NamedCount& metric : metric_counts(realm_))
    number(fmt::format("metrics/{}", metric.name), metric.value);
}

void SysPublisher::add_emqx_tree(std::vector<SysMessage>& out, std::int64_t) {
  const std::string node = topic_level(host_.node_name());
  const auto add = [&](std::string_view name, std::string value, bool retain = false) {
    out.push_back({fmt::format("$SYS/brokers/{}/{}", node, name), std::move(value), retain});
  };
  out.push_back({"$SYS/brokers", node, true});
  add("version", std::string(host_.version()), true);
  add("sysdescr", "Keel MQTT Broker", true);
  for (const Stat& stat : stats_.list())
    add(fmt::format("stats/{}", stat.name), fmt::to_string(stat.value));
  for (const NamedCount& metric : metric_counts(realm_))
    add(fmt::format("metrics/{}", metric.name), fmt::to_string(metric.value));
}

std::vector<SysMessage> SysPublisher::heartbeat_messages(std::int64_t now_unix_s) const {
  const std::string prefix = fmt::format("$SYS/brokers/{}/", topic_level(host_.node_name()));
  return {{prefix + "uptime", uptime_text(now_unix_s - host_.started_unix_s()), false},
          {prefix + "datetime", datetime_text(now_unix_s), false}};
}

std::vector<SysMessage> SysPublisher::interval_messages(std::int64_t now_unix_s) {
  std::vector<SysMessage> out;
  add_mosquitto_tree(out, now_unix_s);
  add_emqx_tree(out, now_unix_s);
  return out;
}

void SysPublisher::post(std::vector<SysMessage> messages) {
  if (realm_.brokers.empty()) return;
  Broker* const broker = realm_.brokers[0];
  for (std::size_t first = 0; first < messages.size(); first += kBatch) {
    const std::size_t last = std::min(first + kBatch, messages.size());
    std::vector<SysMessage> batch(std::make_move_iterator(messages.begin() + first),
                                  std::make_move_iterator(messages.begin() + last));
    broker->shard().post(Task([broker, batch = std::move(batch)] {
      for (const SysMessage& message : batch)
        broker->publish_own(message.topic, message.payload, 0, message.retain);
    }));
  }
}

void SysPublisher::publish_heartbeat() {
  if (!on()) return;
  sample_loads(monotonic_ms());
  post(heartbeat_messages(unix_time_s()));
}

void SysPublisher::publish_interval() {
  if (!on()) return;
  sample_loads(monotonic_ms());
  post(interval_messages(unix_time_s()));
}

}  // namespace keel::kernel
