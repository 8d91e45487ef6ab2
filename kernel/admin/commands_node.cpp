// status, broker, metrics, stop: the node as a whole.
#include <fmt/format.h>

#include "kernel/admin/commands.hpp"
#include "kernel/admin/json.hpp"
#include "kernel/admin/metrics_text.hpp"
#include "kernel/admin/plugin_report.hpp"
#include "kernel/admin/text.hpp"
#include "kernel/base/clock.hpp"
#include "kernel/base/log.hpp"

namespace keel::kernel {
namespace {

Exit status(const AdminContext& context, Reply& reply) {
  const AdminHost& host = context.host;
  const std::string_view state = host.draining() ? "stopping" : "started";
  if (reply.json()) {
    reply.line(JsonObject()
                   .add("node", host.node_name())
                   .add("status", state)
                   .add("running", true)
                   .add("version", host.version())
                   .add("uptime_s", unix_time_s() - host.started_unix_s())
                   .str());
    return Exit::ok;
  }
  reply.line(fmt::format("Node '{}' is {}", one_line(host.node_name()), state));
  reply.line(fmt::format("keel v{} is running", host.version()));
  return Exit::ok;
}

Exit broker(const AdminContext& context, Reply& reply) {
  const AdminHost& host = context.host;
  const std::int64_t now = unix_time_s();
  const std::array<std::pair<const char*, std::string>, 4> lines = {{
      {"sysdescr", "Keel MQTT Broker"},
      {"version", fmt::format("v{}", host.version())},
      {"uptime", uptime_text(now - host.started_unix_s())},
      {"datetime", datetime_text(now)},
  }};
  if (reply.json()) {
    JsonObject out;
    for (const auto& [name, value] : lines) out.add(name, value);
    out.add("uptime_s", now - host.started_unix_s());
    reply.line(out.str());
    return Exit::ok;
  }
  for (const auto& [name, value] : lines) reply.line(fmt::format("{:<10}: {}", name, value));
  return Exit::ok;
}

template <class List>
Exit numbers(const List& list, Reply& reply) {
  JsonObject out;
  for (const auto& [name, value] : list) {
    if (reply.json()) {
      out.add(name, value);
    } else {
      reply.line(fmt::format("{:<30}: {}", name, value));
    }
  }
  if (reply.json()) reply.line(out.str());
  return Exit::ok;
}

Exit prometheus(AdminContext& context, Reply& reply) {
  const NodeFacts facts{context.host.node_name(), context.host.version(),
                        context.host.started_unix_s()};
  std::string text = prometheus_text(context.realm, facts, unix_time_s());
  const auto more = context.gate.control([](AdminHost& host) {
    return host.plugins() ? plugin_metrics(*host.plugins()) : std::string();
  });
  text += more.value_or("");
  if (reply.json()) return reply.ok(text);
  text.pop_back();  // line() ends it
  reply.line(text);
  return Exit::ok;
}

}  // namespace

void add_node_commands(CommandTable& table, AdminContext& context) {
  table.add("status", {{"status", "Show whether the broker runs"}},
            [&context](Args args, Reply& reply) {
              return args.empty() ? status(context, reply) : Exit::usage;
            });
  table.add("broker",
            {{"broker", "Show version, uptime and time"},
             {"broker stats", "Show how many there are of everything"},
             {"broker metrics", "Show what has been counted"}},
            [&context](Args args, Reply& reply) {
              if (args.empty()) return broker(context, reply);
              if (fits(args, "stats")) return numbers(context.stats.list(), reply);
              if (fits(args, "metrics")) return numbers(metric_counts(context.realm), reply);
              return Exit::usage;
            });
  table.add("metrics",
            {{"metrics", "Show what has been counted"},
             {"metrics --prometheus", "The same and all levels, in Prometheus' text format"}},
            [&context](Args args, Reply& reply) {
              if (args.empty()) return numbers(metric_counts(context.realm), reply);
              return fits(args, "--prometheus") ? prometheus(context, reply) : Exit::usage;
            });
  table.add("stop", {{"stop", "Disconnect all clients and end the broker"}},
            [&context](Args args, Reply& reply) {
              if (!args.empty()) return Exit::usage;
              KEEL_LOG(notice, "ctl: stop");
              AdminHost* const host = &context.host;
              reply.then(Task([host] { host->post(Task([host] { host->stop(); })); }));
              return reply.ok("ok");
            });
}

}  // namespace keel::kernel
