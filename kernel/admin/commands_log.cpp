// log: levels of the log and of its handlers.
#include <fmt/format.h>

#include "kernel/admin/commands.hpp"
#include "kernel/admin/json.hpp"
#include "kernel/admin/text.hpp"
#include "kernel/base/log.hpp"

namespace keel::kernel {
namespace {

constexpr std::string_view kLevels =
    "debug, info, notice, warning, error, critical, alert or emergency";

std::string unknown_level(std::string_view text) {
  return fmt::format("unknown level '{}'; it is one of {}", one_line(text), kLevels);
}

Exit set_level(const std::string& text, Reply& reply) {
  const auto level = log::parse_level(text);
  if (!level)
    return reply.fail(fmt::format("[error] set overall log level failed: {}", unknown_level(text)));
  log::set_level(*level);
  KEEL_LOG(notice, "ctl: log level {}", text);
  return reply.ok(log::level_name(*level));
}

Exit list_handlers(Reply& reply) {
  reply.begin_list();
  for (const log::Handler& handler : log::handlers()) {
    const std::string_view level = log::level_name(handler.level);
    if (reply.json()) {
      reply.entry(JsonObject()
                      .add("id", handler.id)
                      .add("level", level)
                      .add("destination", handler.destination)
                      .str());
    } else {
      reply.entry(fmt::format("LogHandler(id={}, level={}, destination={})", handler.id, level,
                              one_line(handler.destination)));
    }
  }
  return reply.end_list();
}

Exit set_handler_level(const std::string& id, const std::string& text, Reply& reply) {
  const auto level = log::parse_level(text);
  if (!level) return reply.fail(fmt::format("[error] {}", unknown_level(text)));
  if (!log::set_handler_level(id, *level))
    return reply.fail(
        fmt::format("[error] no log handler '{}'; `log handlers list` shows them", one_line(id)));
  KEEL_LOG(notice, "ctl: log handler {} level {}", id, text);
  return reply.ok(log::level_name(*level));
}

}  // namespace

void add_log_commands(CommandTable& table) {
  table.add("log",
            {{"log set-level <Level>", "Set the level of the log and all its handlers"},
             {"log primary-level", "Show the level of the log"},
             {"log primary-level <Level>", "Set it"},
             {"log handlers list", "List the handlers: where log lines go"},
             {"log handlers set-level <Handler> <Level>", "Set the level of one handler"}},
            [](Args args, Reply& reply) {
              if (fits(args, "set-level *")) return set_level(args[1], reply);
              if (fits(args, "primary-level")) return reply.ok(log::level_name(log::level()));
              if (fits(args, "primary-level *")) return set_level(args[1], reply);
              if (fits(args, "handlers list")) return list_handlers(reply);
              if (fits(args, "handlers set-level * *"))
                return set_handler_level(args[2], args[3], reply);
              return Exit::usage;
            });
}

}  // namespace keel::kernel
