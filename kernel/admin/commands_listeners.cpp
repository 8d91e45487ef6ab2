// listeners: where the broker can be reached.
#include <fmt/format.h>

#include "kernel/admin/commands.hpp"
#include "kernel/admin/json.hpp"
#include "kernel/admin/text.hpp"
#include "kernel/base/log.hpp"

namespace keel::kernel {
namespace {

std::string as_json(const ListenerStatus& status) {
  JsonObject closed;
  for (const auto& [cause, count] : status.shutdowns) closed.add(cause, count);
  return JsonObject()
      .add("name", status.name)
      .add("protocol", status.proto)
      .add("listen_on", status.bound)
      .add("running", status.running)
      .add("max_conns", status.max)
      .add("current_conn", status.current)
      .add("accepted", status.accepted)
      .add("refused", status.refused)
      .add_raw("shutdown_count", closed.str())
      .str();
}

void print(const ListenerStatus& status, Reply& reply) {
  std::string closed;
  for (const auto& [cause, count] : status.shutdowns)
    closed += fmt::format("{}{{{},{}}}", closed.empty() ? "" : ",", cause, count);
  const auto line = [&](std::string_view name, auto value) {
    reply.line(fmt::format("  {:<16}: {}", name, value));
  };
  reply.line(fmt::format("listener on {}:{}", status.proto, one_line(status.bound)));
  line("name", one_line(status.name));
  line("running", status.running);
  line("acceptors", 1);
  line("max_conns", status.max);
  line("current_conn", status.current);
  line("accepted", status.accepted);
  line("refused", status.refused);
  line("shutdown_count", fmt::format("[{}]", closed));
}

Exit list_listeners(AdminContext& context, Reply& reply) {
  const auto all = context.gate.control([](AdminHost& host) { return host.listeners(); });
  if (!all) return reply.fail(kStopping);
  if (reply.json()) reply.begin_list();
  for (const ListenerStatus& status : *all) {
    if (reply.json()) {
      reply.entry(as_json(status));
    } else {
      print(status, reply);
    }
  }
  return reply.json() ? reply.end_list() : Exit::ok;
}

// A listener by the name of its section, or as EMQ X names them: protocol and address, of which the
// port alone is enough.
const ListenerStatus* find(const std::vector<ListenerStatus>& all, Args args) {
  for (const ListenerStatus& status : all) {
    if (args.size() == 1 && status.name == args[0]) return &status;
    if (args.size() == 2 && status.proto == args[0] &&
        (status.bound == args[1] || status.bound.ends_with(":" + args[1])))
      return &status;
  }
  return nullptr;
}

enum class Change { start, stop, restart };

Result<void> apply(AdminHost& host, Change change, const std::string& name) {
  switch (change) {
    case Change::start:
      return host.start_listener(name);
    case Change::stop:
      return host.stop_listener(name);
    case Change::restart:
      return host.restart_listener(name);
  }
  return {};
}

Exit change_one(AdminContext& context, Change change, Args args, Reply& reply) {
  static constexpr std::string_view kVerbs[] = {"Start", "Stop", "Restart"};
  static constexpr std::string_view kFailed[] = {"start", "stop", "restart"};
  const auto which = static_cast<std::size_t>(change);
  const std::lock_guard serial(context.changes);
  const auto all = context.gate.control([](AdminHost& host) { return host.listeners(); });
  if (!all) return reply.fail(kStopping);
  const ListenerStatus* const status = find(*all, args);
  if (status == nullptr) {
    const std::string words = args.size() == 1 ? args[0] : fmt::format("{}:{}", args[0], args[1]);
    return reply.fail(
        fmt::format("Failed to {} listener {}, error:not_found; `listeners` shows "
                    "their names",
                    kFailed[which], one_line(words)));
  }
  const auto done = context.gate.control(
      [change, name = status->name](AdminHost& host) { return apply(host, change, name); });
  if (!done) return reply.fail(kStopping);
  if (!*done)
    return reply.fail(fmt::format("Failed to {} {} listener on {}, error:{}", kFailed[which],
                                  status->proto, status->bound, done->error()));
  KEEL_LOG(notice, "ctl: {} listener {} on {}", kFailed[which], status->name, status->bound);
  return reply.ok(fmt::format("{} {} listener on {} successfully.", kVerbs[which], status->proto,
                              status->bound));
}

Exit reload_all(AdminContext& context, Reply& reply) {
  const std::lock_guard serial(context.changes);
  const auto done = context.gate.control([](AdminHost& host) { return host.reload_listeners(); });
  if (!done) return reply.fail(kStopping);
  if (!*done) return reply.fail(fmt::format("Failed to reload listeners, error:{}", done->error()));
  KEEL_LOG(notice, "ctl: listeners reloaded");
  return reply.ok("Reload listeners successfully.");
}

}  // namespace

void add_listener_commands(CommandTable& table, AdminContext& context) {
  table.add("listeners",
            {{"listeners", "List all listeners"},
             {"listeners stop <Name>", "Take no more connections there"},
             {"listeners stop <Proto> <[IP:]Port>", "The same, as in 'mqtt:tcp 1883'"},
             {"listeners start <Name>", "Take connections again"},
             {"listeners start <Proto> <[IP:]Port>", "The same"},
             {"listeners restart <Name>", "Stop and start"},
             {"listeners reload", "Read all certificates, keys and their lists again"}},
            [&context](Args args, Reply& reply) {
              if (args.empty() || fits(args, "list")) return list_listeners(context, reply);
              if (fits(args, "reload")) return reload_all(context, reply);
              if (args.size() > 3 || args.size() < 2) return Exit::usage;
              const Args which = args.subspan(1);
              if (args[0] == "stop") return change_one(context, Change::stop, which, reply);
              if (args[0] == "start") return change_one(context, Change::start, which, reply);
              if (args[0] == "restart") return change_one(context, Change::restart, which, reply);
              return Exit::usage;
            });
}

}  // namespace keel::kernel
