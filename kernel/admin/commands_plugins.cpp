// plugins: loading, unloading, upgrading, and what they do; hooks: the chains they form.
#include <fmt/format.h>

#include <algorithm>

#include "kernel/admin/commands.hpp"
#include "kernel/admin/plugin_report.hpp"
#include "kernel/admin/text.hpp"
#include "kernel/plugin/registry.hpp"

namespace keel::kernel {
namespace {

constexpr const char* kNoPlugins = "There are no plugins in this program.";

// Starts an operation of the registry and waits for its end.
template <class Begin>
std::optional<PluginOutcome> run_operation(AdminContext& context, Begin begin) {
  return context.gate.control_later<PluginOutcome>(
      [begin = std::move(begin)](AdminHost& host, Registry::Done done) {
        if (Registry* registry = host.plugins()) return begin(*registry, std::move(done));
        done(PluginOutcome::fail("not_found", kNoPlugins));
      });
}

// What `fn(Registry&)` answers on the control thread; nothing: the broker stops, or has no plugins.
template <class F>
auto ask(AdminContext& context, F fn) -> std::optional<std::invoke_result_t<F&, Registry&>> {
  using R = std::invoke_result_t<F&, Registry&>;
  auto answer = context.gate.control([fn = std::move(fn)](AdminHost& host) -> std::optional<R> {
    if (Registry* registry = host.plugins()) return fn(*registry);
    return std::nullopt;
  });
  return answer ? std::move(*answer) : std::nullopt;
}

// "loaded", "load": how EMQ X words the end of an operation.
Exit report(const std::optional<PluginOutcome>& outcome, const std::string& name,
            std::string_view verb, std::string_view past, Reply& reply) {
  if (!outcome) return reply.fail(kStopping);
  if (reply.json()) {
    JsonObject out;
    JsonArray notices;
    for (const std::string& notice : outcome->notices) notices.add(notice);
    if (outcome->ok)
      out.add("result", fmt::format("Plugin {} {} successfully.", name, past));
    else
      out.add("error", outcome->word);
    out.add("plugin", name).add("detail", outcome->text).add_raw("notices", notices.str());
    reply.line(out.str());
    return outcome->ok ? Exit::ok : Exit::error;
  }
  for (const std::string& notice : outcome->notices)
    reply.line(fmt::format("notice: {}", one_line(notice)));
  if (!outcome->ok)
    return reply.fail(fmt::format("{}: {}: {}", verb, outcome->word, outcome->text));
  reply.line(fmt::format("Plugin {} {} successfully.", name, past));
  if (!outcome->text.empty()) reply.line(outcome->text);
  return Exit::ok;
}

Exit load(AdminContext& context, const std::string& name, bool once, Reply& reply) {
  const auto outcome =
      run_operation(context, [name, once](Registry& registry, Registry::Done done) {
        registry.load(name, {.remember = !once}, std::move(done));
      });
  if (outcome && outcome->ok && !reply.json()) reply.line(fmt::format("Start apps: [{}]", name));
  return report(outcome, name, "load plugin error", "loaded", reply);
}

Exit unload(AdminContext& context, const std::string& name, bool now, Reply& reply) {
  const auto outcome = run_operation(context, [name, now](Registry& registry, Registry::Done done) {
    registry.unload(name, {.now = now}, std::move(done));
  });
  return report(outcome, name, "unload plugin error", "unloaded", reply);
}

Exit reload(AdminContext& context, const std::string& name, Reply& reply) {
  const auto outcome = run_operation(context, [name](Registry& registry, Registry::Done done) {
    registry.reload(name, std::move(done));
  });
  return report(outcome, name, "Reload plugin error", "reloaded", reply);
}

Exit upgrade(AdminContext& context, const std::string& name, const std::string& file,
             Reply& reply) {
  const auto outcome =
      run_operation(context, [name, file](Registry& registry, Registry::Done done) {
        registry.upgrade(name, file, std::move(done));
      });
  return report(outcome, name, "upgrade plugin error", "upgraded", reply);
}

Exit check_plugin(AdminContext& context, const std::string& file, Reply& reply) {
  const auto outcome = ask(context, [file](Registry& registry) { return registry.check(file); });
  if (!outcome) return reply.fail(kStopping);
  for (const std::string& notice : outcome->notices)
    if (!reply.json()) reply.line("notice: " + one_line(notice));
  if (!outcome->ok)
    return reply.fail(fmt::format("check plugin error: {}: {}", outcome->word, outcome->text));
  return reply.ok(outcome->text);
}

Exit list_plugins(AdminContext& context, Reply& reply) {
  const auto plugins = ask(context, [](Registry& registry) { return registry.list(); });
  if (!plugins) return reply.fail(kStopping);
  reply.begin_list();
  for (const PluginInfo& plugin : *plugins)
    reply.entry(reply.json() ? plugin_json(plugin) : plugin_line(plugin));
  return reply.end_list();
}

Exit show_plugin(AdminContext& context, const std::string& name, Reply& reply) {
  const auto text = ask(context, [name, json = reply.json()](Registry& registry) {
    return plugin_details(registry, name, json);
  });
  if (!text) return reply.fail(kStopping);
  if (text->empty())
    return reply.fail(fmt::format(
        "show plugin error: not_found: no plugin '{}'; see ctl plugins list", one_line(name)));
  reply.line(*text);
  return Exit::ok;
}

Exit describe(AdminContext& context, const std::string& name, Reply& reply) {
  const auto text = ask(context, [name, json = reply.json()](Registry& registry) {
    return plugin_schema(registry, name, json);
  });
  if (!text) return reply.fail(kStopping);
  if (!*text) return reply.fail("describe plugin error: " + text->error());
  reply.line(**text);
  return Exit::ok;
}

Exit top(AdminContext& context, Reply& reply) {
  const auto text = ask(
      context, [json = reply.json()](Registry& registry) { return plugin_top(registry, json); });
  if (!text) return reply.fail(kStopping);
  reply.line(*text);
  return Exit::ok;
}

Exit hooks(AdminContext& context, Reply& reply) {
  const auto chains = ask(context, [](Registry& registry) { return registry.hooks().list(); });
  if (!chains) return reply.fail(kStopping);
  reply.begin_list();
  for (const HookChains::Entry& hook : *chains)
    reply.entry(reply.json()
                    ? JsonObject()
                          .add("point", hook.point)
                          .add("plugin", hook.plugin)
                          .add("priority", hook.priority)
                          .add("sample", hook.sample)
                          .str()
                    : fmt::format("{:<22} {:>6}  {}", hook.point, hook.priority, hook.plugin));
  return reply.end_list();
}

// Takes a flag out of the words; whether it was there.
bool take_flag(std::vector<std::string>& words, std::string_view flag) {
  return std::erase(words, flag) != 0;
}

Exit plugins(AdminContext& context, Args args, Reply& reply) {
  std::vector<std::string> words(args.begin(), args.end());
  const std::string verb = words.empty() ? "list" : words[0];
  const bool once = (verb == "load" || verb == "top") && take_flag(words, "--once");
  const bool now = verb == "unload" && take_flag(words, "--now");
  if (words.empty() || fits(words, "list")) return list_plugins(context, reply);
  if (fits(words, "load *")) return load(context, words[1], once, reply);
  if (fits(words, "unload *")) return unload(context, words[1], now, reply);
  if (fits(words, "reload *")) return reload(context, words[1], reply);
  if (fits(words, "upgrade * *")) return upgrade(context, words[1], words[2], reply);
  if (fits(words, "show *")) return show_plugin(context, words[1], reply);
  if (fits(words, "describe *")) return describe(context, words[1], reply);
  if (fits(words, "check *")) return check_plugin(context, words[1], reply);
  if (fits(words, "top")) return top(context, reply);
  return Exit::usage;
}

}  // namespace

void add_plugin_commands(CommandTable& table, AdminContext& context) {
  table.add("plugins",
            {{"plugins list", "Show the plugins, loaded or not"},
             {"plugins load <Plugin> [--once]", "Load a plugin; --once: not after a restart"},
             {"plugins unload <Plugin> [--now]", "Unload a plugin; --now: without goodbyes"},
             {"plugins reload <Plugin>", "Read its settings again, and its file if that changed"},
             {"plugins upgrade <Plugin> <File>", "Put another version in its place"},
             {"plugins show <Plugin>", "Show what a plugin holds and does, and its settings"},
             {"plugins describe <Plugin>", "Show the settings that a plugin knows"},
             {"plugins check <File>", "Look at a file as loading it would"},
             {"plugins top [--once]", "Show what plugins cost"},
             {"plugins new <Plugin> [--kind <Kind>]", "Write the project of a new plugin"}},
            [&context](Args args, Reply& reply) { return plugins(context, args, reply); });
  table.add("hooks", {{"hooks list", "Show every hook in the order of its chain"}},
            [&context](Args args, Reply& reply) {
              return args.empty() || fits(args, "list") ? hooks(context, reply) : Exit::usage;
            });
}

}  // namespace keel::kernel
