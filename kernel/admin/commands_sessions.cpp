// sessions: what outlives connections.
#include <fmt/format.h>

#include "kernel/admin/commands.hpp"
#include "kernel/admin/json.hpp"
#include "kernel/admin/text.hpp"
#include "kernel/base/log.hpp"

namespace keel::kernel {
namespace {

std::string as_json(const SessionInfo& info) {
  return JsonObject()
      .add("clientid", info.client_id)
      .add("connected", info.connected)
      .add("clean_start", info.clean_start)
      .add("expiry_interval", info.expiry_s)
      .add("subscriptions_count", info.subscriptions)
      .add("max_inflight", info.max_inflight)
      .add("inflight", info.inflight)
      .add("mqueue_len", info.queued)
      .add("mqueue_bytes", info.queued_bytes)
      .add("mqueue_dropped", info.dropped)
      .add("awaiting_rel", info.awaiting_rel)
      .add("deliver_msg", info.delivered)
      .add("enqueue_msg", info.enqueued)
      .add("created_at", info.created_at_s)
      .str();
}

std::string as_text(const SessionInfo& info) {
  return fmt::format(
      "Session({}, clean_start={}, expiry_interval={}, subscriptions_count={}, max_inflight={}, "
      "inflight={}, mqueue_len={}, mqueue_dropped={}, awaiting_rel={}, deliver_msg={}, "
      "enqueue_msg={}, created_at={})",
      one_line(info.client_id), info.clean_start, info.expiry_s, info.subscriptions,
      info.max_inflight, info.inflight, info.queued, info.dropped, info.awaiting_rel,
      info.delivered, info.enqueued, info.created_at_s);
}

std::string render(const SessionInfo& info, bool json) {
  return json ? as_json(info) : as_text(info);
}

enum class Which { all, persistent, transient };

bool wanted(const SessionInfo& info, Which which) {
  return which == Which::all || (info.expiry_s > 0) == (which == Which::persistent);
}

Exit list_sessions(AdminContext& context, Which which, Reply& reply) {
  return list_shards(context.gate, reply,
                     [which](Broker& broker, std::uint64_t cursor, ListChunk& chunk) {
                       return broker.each_session(cursor, kSlice, [&](const SessionInfo& info) {
                         if (wanted(info, which)) chunk.add(render(info, chunk.json()));
                       });
                     });
}

Exit show_session(AdminContext& context, const std::string& id, Reply& reply) {
  const auto found =
      context.gate.shard(context.gate.home(id), [id, json = reply.json()](Broker& broker) {
        std::string text;
        broker.show_session(id, [&](const SessionInfo& info) { text = render(info, json); });
        return text;
      });
  if (!found) return reply.fail(kStopping);
  if (found->empty()) return reply.fail("Not Found.");
  reply.line(*found);
  return Exit::ok;
}

Exit clean_persistent(AdminContext& context, const std::string& id, Reply& reply) {
  const std::lock_guard serial(context.changes);
  const auto cleaned = context.gate.shard(
      context.gate.home(id), [id](Broker& broker) { return broker.clean_persistent(id); });
  if (!cleaned) return reply.fail(kStopping);
  switch (*cleaned) {
    case Broker::Cleaned::not_found:
      return reply.fail("Not Found.");
    case Broker::Cleaned::connected:
      return reply.fail("Couldn't clean a session with a valid connection.");
    case Broker::Cleaned::done:
      break;
  }
  KEEL_LOG(notice, "ctl: client={} session cleaned", one_line(id));
  return reply.ok("Clean persistent session successfully.");
}

}  // namespace

void add_session_commands(CommandTable& table, AdminContext& context) {
  table.add("sessions",
            {{"sessions list", "List all sessions"},
             {"sessions list persistent", "List those that outlive their connection"},
             {"sessions list transient", "List those that end with their connection"},
             {"sessions show <ClientId>", "Show a session"},
             {"sessions clean-persistent <ClientId>", "Remove the session of an absent client"}},
            [&context](Args args, Reply& reply) {
              if (fits(args, "list")) return list_sessions(context, Which::all, reply);
              if (fits(args, "list persistent"))
                return list_sessions(context, Which::persistent, reply);
              if (fits(args, "list transient"))
                return list_sessions(context, Which::transient, reply);
              if (fits(args, "show *")) return show_session(context, args[1], reply);
              if (fits(args, "clean-persistent *"))
                return clean_persistent(context, args[1], reply);
              return Exit::usage;
            });
}

}  // namespace keel::kernel
