#include "kernel/admin/plugin_report.hpp"

#include <ctime>

#include "keel/ext/plugin_health.h"
#include "kernel/admin/text.hpp"
#include "kernel/config/plugin_report.hpp"
#include "kernel/plugin/call.hpp"
#include "kernel/plugin/host_support.hpp"
#include "kernel/plugin/metric_registry.hpp"

namespace keel::kernel {
namespace {

void field(std::string& out, std::string_view name, std::string_view value) {
  fmt::format_to(std::back_inserter(out), "\n  {:<12}: {}", name, one_line(value));
}

std::string handles_text(const PluginInfo& plugin) {
  std::string text;
  for (std::size_t i = 0; i < plugin.handles.size(); ++i)
    if (plugin.handles[i] != 0)
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", plugin.handles[i],
                          kind_name(static_cast<ObjectKind>(i)));
  return text.empty() ? "none" : text;
}

std::string handles_json(const PluginInfo& plugin) {
  JsonObject out;
  for (std::size_t i = 1; i < plugin.handles.size(); ++i)
    if (plugin.handles[i] != 0) out.add(kind_name(static_cast<ObjectKind>(i)), plugin.handles[i]);
  return out.str();
}

// "1.5us", wide enough for hours.
std::string time_text(std::uint64_t ns) {
  if (ns < 1'000) return fmt::format("{}ns", ns);
  if (ns < 1'000'000) return fmt::format("{:.1f}us", static_cast<double>(ns) / 1e3);
  if (ns < 1'000'000'000) return fmt::format("{:.1f}ms", static_cast<double>(ns) / 1e6);
  return fmt::format("{:.1f}s", static_cast<double>(ns) / 1e9);
}

struct SiteCost {
  CallSite site;
  CallSum sum;
};

// The places a plugin was called at.
std::vector<SiteCost> costs(const Slot& slot) {
  std::vector<SiteCost> all;
  for (std::size_t i = 1; i < kCallSites; ++i) {
    const auto site = static_cast<CallSite>(i);
    if (CallSum sum = slot.calls(site); sum.calls != 0) all.push_back({site, sum});
  }
  return all;
}

std::string cost_json(const SiteCost& cost) {
  return JsonObject()
      .add("site", site_name(cost.site))
      .add("calls", cost.sum.calls)
      .add("exceptions", cost.sum.exceptions)
      .add("slow", cost.sum.slow)
      .add("p50_ns", cost.sum.quantile_ns(0.5))
      .add("p99_ns", cost.sum.quantile_ns(0.99))
      .add("max_ns", cost.sum.max_ns)
      .str();
}

std::string cost_line(std::string_view plugin, const SiteCost& cost) {
  return fmt::format("{:<20} {:<22} {:>12} {:>9} {:>9} {:>9} {:>5} {:>5}", plugin,
                     site_name(cost.site), cost.sum.calls, time_text(cost.sum.quantile_ns(0.5)),
                     time_text(cost.sum.quantile_ns(0.99)), time_text(cost.sum.max_ns),
                     cost.sum.slow, cost.sum.exceptions);
}

std::string cost_header() {
  return fmt::format("{:<20} {:<22} {:>12} {:>9} {:>9} {:>9} {:>5} {:>5}", "PLUGIN", "CALLED AT",
                     "CALLS", "P50", "P99", "MAX", "SLOW", "EXC");
}

struct Health {
  std::string_view word;
  std::string text;
};

std::optional<Health> health_of(Slot& slot) {
  const auto* table =
      static_cast<const keel_ext_plugin_health*>(slot.extension(KEEL_EXT_PLUGIN_HEALTH));
  if (!table || table->size < sizeof *table || !table->report) return std::nullopt;
  Health health;
  const std::int32_t answer = call_plugin(
      slot, CallSite::health,
      [&] { return table->report(slot.plugin.self, sink_into(health.text)); }, KEEL_HEALTH_BAD);
  health.word = answer == KEEL_HEALTH_GOOD       ? "good"
                : answer == KEEL_HEALTH_DEGRADED ? "degraded"
                                                 : "bad";
  return health;
}

std::string settings_json(const Slot& slot) {
  JsonArray all;
  for (const PluginSettingLine& line : show_plugin_settings(slot.settings))
    all.add_raw(JsonObject()
                    .add("key", line.key)
                    .add("value", line.value)
                    .add("default", line.is_default)
                    .add("at", line.at)
                    .str());
  return all.str();
}

std::string details_json(const Registry& registry, const PluginInfo& info, Slot* slot) {
  JsonObject out;
  out.add_raw("plugin", plugin_json(info)).add("stamp", info.stamp);
  if (!slot) return out.str();
  JsonArray hooks, sites;
  for (const HookChains::Entry& hook : registry.hooks().list())
    if (hook.plugin == info.name)
      hooks.add_raw(JsonObject().add("point", hook.point).add("priority", hook.priority).str());
  for (const SiteCost& cost : costs(*slot)) sites.add_raw(cost_json(cost));
  out.add_raw("hooks", hooks.str())
      .add_raw("calls", sites.str())
      .add_raw("settings", settings_json(*slot));
  if (const auto health = health_of(*slot))
    out.add("health", health->word).add("health_text", health->text);
  return out.str();
}

}  // namespace

std::string plugin_line(const PluginInfo& plugin) {
  return fmt::format("Plugin({}, version={}, description={}, active={}{})", plugin.name,
                     plugin.version.empty() ? "unknown" : one_line(plugin.version),
                     one_line(plugin.summary), plugin.active(),
                     plugin.state == PluginState::available || plugin.state == PluginState::running
                         ? ""
                         : fmt::format(", state={}", plugin_state_name(plugin.state)));
}

std::string plugin_json(const PluginInfo& plugin) {
  return JsonObject()
      .add("name", plugin.name)
      .add("version", plugin.version)
      .add("description", plugin.summary)
      .add("active", plugin.active())
      .add("state", plugin_state_name(plugin.state))
      .add("file", plugin.file)
      .add("generation", plugin.generation)
      .add("uptime_s",
           plugin.running_since_s == 0 ? 0 : std::time(nullptr) - plugin.running_since_s)
      .add("hooks", plugin.hooks)
      .add_raw("handles", handles_json(plugin))
      .add("calls", plugin.calls)
      .add("exceptions", plugin.exceptions)
      .add("bytes_in", plugin.bytes_in)
      .add("bytes_out", plugin.bytes_out)
      .add("jobs_waiting", plugin.jobs_waiting)
      .add("jobs_running", plugin.jobs_running)
      .add("posts_waiting", plugin.posts_waiting)
      .add("last_error", plugin.problem)
      .str();
}

std::string plugin_details(const Registry& registry, const std::string& name, bool json) {
  const auto info = registry.info(name);
  if (!info) return {};
  Slot* const slot = registry.running(name);
  if (json) return details_json(registry, *info, slot);
  std::string out = plugin_line(*info);
  field(out, "state", plugin_state_name(info->state));
  field(out, "file", info->file);
  field(out, "built with", info->stamp);
  if (!info->problem.empty()) field(out, "last error", info->problem);
  if (!slot) return out;
  field(out, "uptime", uptime_text(std::time(nullptr) - info->running_since_s));
  field(out, "generation", std::to_string(info->generation));
  if (const auto health = health_of(*slot))
    field(out, "health", fmt::format("{} {}", health->word, health->text));
  field(out, "holds", handles_text(*info));
  field(out, "bytes", fmt::format("{} in, {} out", info->bytes_in, info->bytes_out));
  field(out, "jobs", fmt::format("{} running, {} waiting", info->jobs_running, info->jobs_waiting));
  field(out, "exceptions", std::to_string(info->exceptions));
  for (const HookChains::Entry& hook : registry.hooks().list())
    if (hook.plugin == name)
      field(out, "hook", fmt::format("{} priority {}", hook.point, hook.priority));
  for (const PluginSettingLine& line : show_plugin_settings(slot->settings))
    field(out, "setting",
          fmt::format("{} = {}{}", line.key, line.value,
                      line.is_default ? "" : fmt::format("  ({})", line.at)));
  out += "\n\n" + cost_header();
  for (const SiteCost& cost : costs(*slot)) out += "\n" + cost_line(name, cost);
  return out;
}

Result<std::string> plugin_schema(Registry& registry, const std::string& name, bool json) {
  const auto described = registry.describe(name);
  if (!described) return Error{described.error()};
  if (json) {
    JsonArray all;
    for (const PluginSettingHelp& help : describe_schema(*described->schema))
      all.add_raw(JsonObject()
                      .add("key", help.key)
                      .add("takes", help.takes)
                      .add("default", help.fallback)
                      .add("required", help.required)
                      .add("secret", help.secret)
                      .add("reloadable", help.reloadable)
                      .add("help", help.help)
                      .str());
    return JsonObject().add("name", described->name).add_raw("settings", all.str()).str();
  }
  std::string out = fmt::format("{}: {}", described->name, one_line(described->summary));
  const auto lines = describe_schema_lines(*described->schema);
  for (const std::string& line : lines) out += "\n" + line;
  if (lines.empty()) out += "\nIt has no settings.";
  return out;
}

std::string plugin_top(const Registry& registry, bool json) {
  JsonArray all;
  std::string out = fmt::format("{:<20} {:<10} {:>7} {:>7} {:>8} {:>8} {:>12} {:>12} {:>7} {:>5}",
                                "PLUGIN", "STATE", "HOOKS", "HANDLES", "SESSIONS", "JOBS",
                                "BYTES IN", "BYTES OUT", "POSTS", "EXC");
  std::string sites = cost_header();
  for (const PluginInfo& info : registry.loaded()) {
    Slot* const slot = registry.running(info.name);
    if (!slot) continue;
    std::uint32_t handles = 0;
    for (const std::uint32_t n : info.handles) handles += n;
    fmt::format_to(std::back_inserter(out),
                   "\n{:<20} {:<10} {:>7} {:>7} {:>8} {:>8} {:>12} {:>12} {:>7} {:>5}", info.name,
                   plugin_state_name(info.state), info.hooks, handles,
                   info.handles[static_cast<std::size_t>(ObjectKind::session)] +
                       info.handles[static_cast<std::size_t>(ObjectKind::stream)],
                   info.jobs_running + info.jobs_waiting, info.bytes_in, info.bytes_out,
                   info.posts_waiting, info.exceptions);
    JsonArray calls;
    for (const SiteCost& cost : costs(*slot)) {
      sites += "\n" + cost_line(info.name, cost);
      calls.add_raw(cost_json(cost));
    }
    all.add_raw(
        JsonObject().add_raw("plugin", plugin_json(info)).add_raw("calls", calls.str()).str());
  }
  return json ? all.str() : out + "\n\n" + sites;
}

std::string plugin_metrics(const Registry& registry) {
  std::string out;
  const auto to = std::back_inserter(out);
  const auto family = [&](std::string_view name, std::string_view type, std::string_view help) {
    fmt::format_to(to, "# HELP {0} {2}\n# TYPE {0} {1}\n", name, type, help);
  };
  const auto plugins = registry.list();
  family("keel_plugin_active", "gauge", "Whether the plugin runs.");
  for (const PluginInfo& info : plugins)
    fmt::format_to(to, "keel_plugin_active{{plugin=\"{}\",version=\"{}\"}} {}\n", info.name,
                   info.version, info.active() ? 1 : 0);
  family("keel_plugin_calls_total", "counter", "Calls into the plugin, by place.");
  for (const PluginInfo& info : plugins)
    if (const Slot* slot = registry.running(info.name))
      for (const SiteCost& cost : costs(*slot))
        fmt::format_to(to, "keel_plugin_calls_total{{plugin=\"{}\",at=\"{}\"}} {}\n", info.name,
                       site_name(cost.site), cost.sum.calls);
  family("keel_plugin_exceptions_total", "counter", "Exceptions that left the plugin's code.");
  for (const PluginInfo& info : plugins)
    if (info.active())
      fmt::format_to(to, "keel_plugin_exceptions_total{{plugin=\"{}\"}} {}\n", info.name,
                     info.exceptions);
  family("keel_plugin_handles", "gauge", "What the kernel holds for the plugin, by kind.");
  for (const PluginInfo& info : plugins)
    for (std::size_t i = 1; i < info.handles.size(); ++i)
      if (info.handles[i] != 0)
        fmt::format_to(to, "keel_plugin_handles{{plugin=\"{}\",kind=\"{}\"}} {}\n", info.name,
                       kind_name(static_cast<ObjectKind>(i)), info.handles[i]);
  family("keel_plugins_resident_total", "counter",
         "Plugins whose code stayed in memory after unloading.");
  fmt::format_to(to, "keel_plugins_resident_total {}\n", registry.resident_total());
  return out + registry.runtime().metrics().text();
}

}  // namespace keel::kernel
