// trace: what one client or one topic does, written to a file.
#include <fmt/format.h>

#include "kernel/admin/commands.hpp"
#include "kernel/admin/json.hpp"
#include "kernel/admin/text.hpp"
#include "kernel/base/log.hpp"

namespace keel::kernel {
namespace {

std::string_view kind_name(Trace::Kind kind) {
  return kind == Trace::Kind::client ? "client_id" : "topic";
}

Exit list_traces(AdminContext& context, Reply& reply) {
  std::shared_ptr<const TraceSet> traces;
  {
    const std::lock_guard serial(context.changes);
    traces = context.traces;
  }
  reply.begin_list();
  if (traces) {
    for (const Trace& trace : traces->traces()) {
      if (reply.json()) {
        reply.entry(JsonObject()
                        .add(kind_name(trace.kind), trace.subject)
                        .add("level", "debug")
                        .add("destination", trace.file)
                        .add("lost_lines", trace_errors(trace))
                        .str());
      } else {
        const std::uint64_t lost = trace_errors(trace);
        reply.entry(fmt::format("Trace({}={}, level=debug, destination=\"{}\"{})",
                                kind_name(trace.kind), one_line(trace.subject),
                                one_line(trace.file),
                                lost > 0 ? fmt::format(", lost_lines={}", lost) : ""));
      }
    }
  }
  return reply.end_list();
}

// Puts a new set in force, or says why there is none. Under context.changes.
Exit install(AdminContext& context, Result<std::shared_ptr<const TraceSet>> traces,
             const std::string& success, const std::string& failure, Reply& reply) {
  if (!traces) return reply.fail(fmt::format("[error] {}: {}", failure, traces.error()));
  context.traces = *traces;
  const bool told =
      context.gate.every_shard([set = *traces](Broker& broker) { broker.set_traces(set); });
  if (!told) return reply.fail(kStopping);
  KEEL_LOG(notice, "ctl: {}", success);
  return reply.ok(success);
}

Exit start(AdminContext& context, Trace::Kind kind, Args args, Reply& reply) {
  const std::string what = fmt::format("trace {} {}", kind_name(kind), one_line(args[0]));
  if (args.size() == 3 && args[2] != "debug")
    return reply.fail(
        fmt::format("[error] {}: a trace writes everything, its level is debug", what));
  const std::lock_guard serial(context.changes);
  return install(context, TraceSet::with(context.traces.get(), kind, args[0], args[1]),
                 what + " successfully", what, reply);
}

Exit stop(AdminContext& context, Trace::Kind kind, const std::string& subject, Reply& reply) {
  const std::string what = fmt::format("stop tracing {} {}", kind_name(kind), one_line(subject));
  const std::lock_guard serial(context.changes);
  return install(context, TraceSet::without(context.traces.get(), kind, subject),
                 what + " successfully", what, reply);
}

Exit trace(AdminContext& context, Args args, Reply& reply) {
  if (fits(args, "list")) return list_traces(context, reply);
  // The form of 2.x: trace client <id> <file>|off.
  const bool old_form = args.size() == 3 && (args[0] == "client" || args[0] == "topic");
  const bool stopping = old_form ? args[2] == "off" : !args.empty() && args[0] == "stop";
  if (!old_form) {
    if (args.empty() || (!stopping && args[0] != "start")) return Exit::usage;
    args = args.subspan(1);
  }
  if (args.size() < 2 || (args[0] != "client" && args[0] != "topic")) return Exit::usage;
  const auto kind = args[0] == "client" ? Trace::Kind::client : Trace::Kind::topic;
  const std::size_t words = args.size() - 1;
  if (stopping) return words == 1 || old_form ? stop(context, kind, args[1], reply) : Exit::usage;
  return words == 2 || words == 3 ? start(context, kind, args.subspan(1), reply) : Exit::usage;
}

}  // namespace

void add_trace_commands(CommandTable& table, AdminContext& context) {
  table.add("trace",
            {{"trace list", "List all traces"},
             {"trace start client <ClientId> <File>", "Write what a client does to a file"},
             {"trace stop client <ClientId>", "End that"},
             {"trace start topic <Topic> <File>", "Write what matches a topic filter to a file"},
             {"trace stop topic <Topic>", "End that"}},
            [&context](Args args, Reply& reply) { return trace(context, args, reply); });
}

}  // namespace keel::kernel
