// durability: whether changes reach the disk, how fast, and what would be lost now.
#include <fmt/format.h>

#include "kernel/admin/commands.hpp"
#include "kernel/admin/json.hpp"
#include "kernel/admin/text.hpp"
#include "kernel/config/durability_words.hpp"

namespace keel::kernel {
namespace {

std::string_view condition_word(StoreCondition condition) {
  switch (condition) {
    case StoreCondition::fine:
      return "fine";
    case StoreCondition::low:
      return "low";
    case StoreCondition::lower:
      return "lower";
    case StoreCondition::full:
      return "full";
    case StoreCondition::failing:
      return "failing";
  }
  return "unknown";
}

// What the kernel refuses meanwhile; each what those before it refuse, too.
std::string_view refused_text(StoreCondition condition) {
  switch (condition) {
    case StoreCondition::fine:
      return "nothing";
    case StoreCondition::low:
      return "messages for clients that are away";
    case StoreCondition::lower:
      return "messages for clients that are away, retained messages";
    case StoreCondition::full:
    case StoreCondition::failing:
      return "everything that has to be durable";
  }
  return "unknown";
}

std::string milliseconds(std::uint64_t us) {
  return fmt::format("{:.3f} ms", static_cast<double>(us) / 1000);
}

// "name: value" lines, one below the other.
class Lines {
 public:
  explicit Lines(Reply& reply) : reply_(reply) {}
  template <class... Values>
  void add(std::string_view name, fmt::format_string<Values...> format, Values&&... values) {
    reply_.line(
        fmt::format("{:<16}: {}", name, fmt::format(format, std::forward<Values>(values)...)));
  }

 private:
  Reply& reply_;
};

void add_policy(Lines& lines, const Settings& settings) {
  const DurabilitySettings& durability = settings.durability;
  lines.add("policy", "{}", durability_word(durability.policy));
  for (const DurabilityRule& rule : durability.rules)
    lines.add("rule", "{}", one_line(print_durability_rule(rule)));
  for (const ListenerSettings& listener : settings.listeners) {
    if (listener.durability == Durability::inherit) continue;
    lines.add("listener", "{} = {}", listener.name, durability_word(listener.durability));
  }
}

Exit show_durability(const Settings& settings, const Journal::State& state, Reply& reply) {
  Lines lines(reply);
  lines.add("store", "{}", state.attached ? "loaded" : "none");
  add_policy(lines, settings);
  if (!state.attached) {
    reply.line(
        "Sessions, their queues and retained messages are in memory only: they end with the "
        "broker, and");
    reply.line("the policy has no effect. To keep them on disk: ctl plugins load emqx_store");
    return Exit::ok;
  }
  lines.add("condition", "{}", condition_word(state.condition));
  if (!state.text.empty()) lines.add("cause", "{}", one_line(state.text));
  if (state.condition != StoreCondition::fine)
    lines.add("refused", "{}", refused_text(state.condition));
  lines.add("sync p50", "{}", milliseconds(state.sync_us.p50));
  lines.add("sync p99", "{}", milliseconds(state.sync_us.p99));
  lines.add("sync max", "{}", milliseconds(state.sync_us.max));
  lines.add("batch p50", "{} operations", state.batch.p50);
  lines.add("batch max", "{} operations", state.batch.max);
  lines.add("commits", "{}", state.commits);
  lines.add("operations", "{}", state.operations);
  lines.add("backlog", "{} operations, {} bytes", state.waiting_ops, state.waiting_bytes);
  lines.add("window of loss", "{}",
            milliseconds(static_cast<std::uint64_t>(state.oldest_waiting_us)));
  lines.add("submitted", "{}", state.submitted);
  lines.add("safe", "{}", state.safe);
  return Exit::ok;
}

std::string policy_json(const Settings& settings) {
  JsonArray rules;
  for (const DurabilityRule& rule : settings.durability.rules) {
    rules.add_raw(
        JsonObject().add("filter", rule.filter).add("policy", durability_word(rule.policy)).str());
  }
  JsonObject listeners;
  for (const ListenerSettings& listener : settings.listeners) {
    if (listener.durability != Durability::inherit)
      listeners.add(listener.name, durability_word(listener.durability));
  }
  return JsonObject()
      .add("default", durability_word(settings.durability.policy))
      .add_raw("rules", rules.str())
      .add_raw("listeners", listeners.str())
      .str();
}

std::string measure_json(const LatencyRecord::Summary& measure) {
  return JsonObject().add("p50", measure.p50).add("p99", measure.p99).add("max", measure.max).str();
}

Exit show_json(const Settings& settings, const Journal::State& state, Reply& reply) {
  JsonObject out;
  out.add("store", state.attached).add_raw("policy", policy_json(settings));
  if (state.attached) {
    out.add("condition", condition_word(state.condition))
        .add("cause", state.text)
        .add_raw("sync_us", measure_json(state.sync_us))
        .add_raw("batch", measure_json(state.batch))
        .add("commits", state.commits)
        .add("operations", state.operations)
        .add("backlog_batches", state.waiting_batches)
        .add("backlog_operations", state.waiting_ops)
        .add("backlog_bytes", state.waiting_bytes)
        .add("window_us", state.oldest_waiting_us)
        .add("submitted", state.submitted)
        .add("safe", state.safe);
  }
  reply.line(out.str());
  return Exit::ok;
}

}  // namespace

void add_durability_command(CommandTable& table, AdminContext& context) {
  table.add("durability", {{"durability", "Show whether changes reach the disk, and how fast"}},
            [&context](Args args, Reply& reply) {
              if (!args.empty()) return Exit::usage;
              const auto settings = context.realm.settings();
              const Journal::State state = context.realm.journal.state();
              return reply.json() ? show_json(*settings, state, reply)
                                  : show_durability(*settings, state, reply);
            });
}

}  // namespace keel::kernel
