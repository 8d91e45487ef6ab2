// conf: the settings in force, and taking over changed ones.
#include <fmt/format.h>

#include "kernel/admin/commands.hpp"
#include "kernel/admin/json.hpp"
#include "kernel/admin/text.hpp"
#include "kernel/base/log.hpp"

namespace keel::kernel {
namespace {

// `wanted` empty: everything; else that key, or all below it.
bool selected(std::string_view key, std::string_view wanted) {
  if (wanted.empty() || key == wanted) return true;
  return key.size() > wanted.size() && key.starts_with(wanted) && key[wanted.size()] == '.';
}

Exit show_conf(const AdminContext& context, std::string_view wanted, Reply& reply) {
  JsonObject out;
  bool found = false;
  for (const SettingDescription& setting : describe_settings(*context.realm.settings())) {
    if (!selected(setting.key, wanted)) continue;
    found = true;
    if (reply.json()) {
      out.add(setting.key, setting.value);
    } else {
      reply.line(fmt::format("{} = {}", one_line(setting.key), one_line(setting.value)));
    }
  }
  if (!found)
    return reply.fail(fmt::format("no setting '{}'; `conf show` lists all", one_line(wanted)));
  if (reply.json()) reply.line(out.str());
  return Exit::ok;
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (end > 0) out.push_back(one_line(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::string json_list(const std::vector<std::string>& lines) {
  JsonArray out;
  for (const std::string& line : lines) out.add(line);
  return out.str();
}

// What is wrong with the settings, a line per problem.
Exit refuse(std::string_view verdict, const std::vector<std::string>& errors, Reply& reply) {
  if (reply.json()) {
    reply.line(JsonObject().add(verdict, false).add_raw("errors", json_list(errors)).str());
  } else {
    for (const std::string& error : errors) reply.line(error);
  }
  return Exit::error;
}

Exit check_conf(AdminContext& context, const std::string& file, Reply& reply) {
  const auto checked =
      context.gate.control([file](AdminHost& host) { return host.check_settings(file); });
  if (!checked) return reply.fail(kStopping);
  if (!*checked) return refuse("valid", lines_of(checked->error()), reply);
  const std::vector<std::string>& notices = **checked;
  if (reply.json()) {
    reply.line(JsonObject().add("valid", true).add_raw("notices", json_list(notices)).str());
  } else {
    for (const std::string& notice : notices) reply.line("note: " + one_line(notice));
    reply.line("ok");
  }
  return Exit::ok;
}

std::string change_json(const SettingChange& change) {
  return JsonObject()
      .add("key", change.key)
      .add("old", change.old_value)
      .add("new", change.new_value)
      .add("needs_restart", change.needs_restart)
      .str();
}

void print(const ReloadReport& report, Reply& reply) {
  for (const bool restart : {false, true}) {
    for (const SettingChange& change : report.changes) {
      if (change.needs_restart != restart) continue;
      reply.line(fmt::format("{}: {}: {} -> {}", restart ? "needs a restart" : "changed",
                             one_line(change.key), one_line(change.old_value),
                             one_line(change.new_value)));
    }
  }
  for (const std::string& notice : report.notices) reply.line("note: " + one_line(notice));
  if (report.changes.empty()) reply.line("no changes");
  reply.line("ok");
}

Exit reload(AdminContext& context, Reply& reply) {
  const std::lock_guard serial(context.changes);
  const auto report = context.gate.control([](AdminHost& host) { return host.reload_settings(); });
  if (!report) return reply.fail(kStopping);
  if (!*report) {
    auto errors = lines_of(report->error());
    if (!reply.json()) errors.emplace_back("Nothing was changed.");
    return refuse("reloaded", errors, reply);
  }
  if (!reply.json()) {
    print(**report, reply);
    return Exit::ok;
  }
  JsonArray changes;
  for (const SettingChange& change : (*report)->changes) changes.add_raw(change_json(change));
  reply.line(JsonObject()
                 .add("reloaded", true)
                 .add_raw("changes", changes.str())
                 .add_raw("notices", json_list((*report)->notices))
                 .str());
  return Exit::ok;
}

}  // namespace

void add_conf_commands(CommandTable& table, AdminContext& context) {
  table.add("conf",
            {{"conf show", "Show all settings in force"},
             {"conf show <Key>", "Show one setting or one section"},
             {"conf check", "Check the settings file that the broker was started with"},
             {"conf check <File>", "Check another one"},
             {"conf reload", "Take over what changed in the settings file"}},
            [&context](Args args, Reply& reply) {
              if (fits(args, "show")) return show_conf(context, {}, reply);
              if (fits(args, "show *")) return show_conf(context, args[1], reply);
              if (fits(args, "check")) return check_conf(context, {}, reply);
              if (fits(args, "check *")) return check_conf(context, args[1], reply);
              if (fits(args, "reload")) return reload(context, reply);
              return Exit::usage;
            });
}

}  // namespace keel::kernel
