// retainer: retained messages. The store may be used from any thread, in bounded steps.
#include <fmt/format.h>

#include <chrono>

#include "kernel/admin/commands.hpp"
#include "kernel/admin/json.hpp"
#include "kernel/admin/text.hpp"
#include "kernel/base/clock.hpp"
#include "kernel/base/log.hpp"
#include "kernel/router/topic.hpp"

namespace keel::kernel {
namespace {

Exit info(const AdminContext& context, Reply& reply) {
  const auto& store = context.realm.retained;
  if (reply.json()) {
    reply.line(JsonObject()
                   .add("retained/total", store.count())
                   .add("retained/bytes", store.bytes())
                   .str());
  } else {
    reply.line(fmt::format("retained/total: {}", store.count()));
  }
  return Exit::ok;
}

// What clients keep, as `info` counts it; the broker's own topics below $SYS stand in a store
// apart.
Exit topics(const AdminContext& context, Reply& reply) {
  reply.begin_list();
  std::string after;
  for (bool done = false; !done;) {
    std::vector<MessagePtr> found;
    done = context.realm.retained.match("#", after, kSlice, monotonic_ms(), found);
    for (const MessagePtr& message : found)
      reply.entry(reply.json() ? json_string(message->topic()) : one_line(message->topic()));
    if (!reply.alive()) return Exit::error;
  }
  return reply.end_list();
}

Exit clean(AdminContext& context, const std::string& filter, Reply& reply) {
  ParsedFilter parsed;
  if (const FilterError error = parse_filter(filter, 0, 0, parsed);
      error != FilterError::none || parsed.shared())
    return reply.fail(fmt::format("Error: not a topic filter: {}", error == FilterError::none
                                                                       ? "it has a share prefix"
                                                                       : filter_error_text(error)));
  const std::lock_guard serial(context.changes);
  RetainedStore& store = context.realm.retained_for(filter);
  std::size_t removed = 0;
  for (bool done = false; !done;) {
    const auto step = store.clean(filter, kSlice);
    removed += step.removed;
    done = step.done;
  }
  KEEL_LOG(notice, "ctl: {} retained messages removed, filter {}", removed, one_line(filter));
  return reply.ok(fmt::format("Cleaned {} retained messages", removed));
}

}  // namespace

void add_retainer_commands(CommandTable& table, AdminContext& context) {
  table.add("retainer",
            {{"retainer info", "Show how many messages are retained"},
             {"retainer topics", "List the topics of all retained messages"},
             {"retainer clean", "Remove all retained messages of clients"},
             {"retainer clean <Topic>", "Remove those that a topic filter matches"}},
            [&context](Args args, Reply& reply) {
              if (fits(args, "info")) return info(context, reply);
              if (fits(args, "topics")) return topics(context, reply);
              if (fits(args, "clean")) return clean(context, "#", reply);
              if (fits(args, "clean *")) return clean(context, args[1], reply);
              return Exit::usage;
            });
}

}  // namespace keel::kernel
