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

Exit show(AdminContext& context, std::string_view wanted, Reply& reply) {
  const auto lines = context.gate.control([](AdminHost& host) { return host.settings(); });
  if (!lines) return reply.fail(kStopping);
  JsonObject out;
  bool found = false;
  for (const SettingLine& line : *lines) {
    if (!selected(line.key, wanted)) continue;
    found = true;
    if (reply.json()) {
      out.add(line.key, line.value);
    } else {
      reply.line(fmt::format("{} = {}", one_line(line.key), one_line(line.value)));
    }
  }
  if (!found)
    return reply.fail(fmt::format("no setting '{}'; `conf show` lists all", one_line(wanted)));
  if (reply.json()) reply.line(out.str());
  return Exit::ok;
}

std::string json_list(const std::vector<std::string>& lines) {
  JsonArray out;
  for (const std::string& line : lines) out.add(line);
  return out.str();
}

Exit check(AdminContext& context, const std::string& file, Reply& reply) {
  const auto errors =
      context.gate.control([file](AdminHost& host) { return host.check_settings(file); });
  if (!errors) return reply.fail(kStopping);
  if (reply.json()) {
    reply.line(
        JsonObject().add("valid", errors->empty()).add_raw("errors", json_list(*errors)).str());
  } else if (errors->empty()) {
    reply.line("ok");
  } else {
    for (const std::string& error : *errors) reply.line(one_line(error));
  }
  return errors->empty() ? Exit::ok : Exit::error;
}

void print(const ReloadReport& report, Reply& reply) {
  for (const std::string& line : report.errors) reply.line(one_line(line));
  if (!report.errors.empty()) {
    reply.line("Nothing was changed.");
    return;
  }
  for (const std::string& line : report.changed) reply.line("changed: " + one_line(line));
  for (const std::string& line : report.restart) reply.line("needs a restart: " + one_line(line));
  for (const std::string& line : report.notes) reply.line("note: " + one_line(line));
  if (report.changed.empty() && report.restart.empty()) reply.line("no changes");
  reply.line("ok");
}

Exit reload(AdminContext& context, Reply& reply) {
  const std::lock_guard serial(context.changes);
  const auto report = context.gate.control([](AdminHost& host) { return host.reload_settings(); });
  if (!report) return reply.fail(kStopping);
  if (reply.json()) {
    reply.line(JsonObject()
                   .add("reloaded", report->errors.empty())
                   .add_raw("errors", json_list(report->errors))
                   .add_raw("changed", json_list(report->changed))
                   .add_raw("needs_restart", json_list(report->restart))
                   .add_raw("notes", json_list(report->notes))
                   .str());
  } else {
    print(*report, reply);
  }
  return report->errors.empty() ? Exit::ok : Exit::error;
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
              if (fits(args, "show")) return show(context, {}, reply);
              if (fits(args, "show *")) return show(context, args[1], reply);
              if (fits(args, "check")) return check(context, {}, reply);
              if (fits(args, "check *")) return check(context, args[1], reply);
              if (fits(args, "reload")) return reload(context, reply);
              return Exit::usage;
            });
}

}  // namespace keel::kernel
