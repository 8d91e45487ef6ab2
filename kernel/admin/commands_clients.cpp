// clients: who is connected.
#include <fmt/format.h>

#include "kernel/admin/commands.hpp"
#include "kernel/admin/json.hpp"
#include "kernel/admin/text.hpp"
#include "kernel/base/log.hpp"

namespace keel::kernel {
namespace {

std::string_view version_text(Version version) {
  switch (version) {
    case Version::v31:
      return "3.1";
    case Version::v311:
      return "3.1.1";
    case Version::v5:
      return "5.0";
  }
  return "unknown";
}

std::string as_json(const ConnectionInfo& info) {
  JsonObject out;
  out.add("clientid", info.client_id);
  if (info.username.empty()) {
    out.add_null("username");
  } else {
    out.add("username", info.username);
  }
  out.add("peername", info.peer).add("listener", info.listener).add("protocol", info.protocol);
  if (info.speaks_mqtt()) {
    out.add("proto_ver", version_text(info.version));
  } else {
    out.add_null("proto_ver");
  }
  out.add("clean_start", info.clean_start)
      .add("keepalive", info.keep_alive_s)
      .add("connected_at", info.connected_at_s)
      .add("tls", info.tls)
      .add("output_bytes", info.output_bytes);
  return out.str();
}

std::string as_text(const ConnectionInfo& info) {
  return fmt::format("Connection({}, clean_start={}, username={}, peername={}, connected_at={}{})",
                     one_line(info.client_id), info.clean_start,
                     info.username.empty() ? "undefined" : one_line(info.username),
                     one_line(info.peer), info.connected_at_s,
                     info.speaks_mqtt() ? "" : ", protocol=" + one_line(info.protocol));
}

std::string render(const ConnectionInfo& info, bool json) {
  return json ? as_json(info) : as_text(info);
}

Exit list_clients(AdminContext& context, Reply& reply) {
  return list_shards(
      context.gate, reply, [](Broker& broker, std::uint64_t cursor, ListChunk& chunk) {
        return broker.each_connection(cursor, kSlice, [&](const ConnectionInfo& info) {
          chunk.add(render(info, chunk.json()));
        });
      });
}

Exit show_client(AdminContext& context, const std::string& id, Reply& reply) {
  const auto found =
      context.gate.shard(context.gate.home(id), [id, json = reply.json()](Broker& broker) {
        std::string text;
        broker.show_connection(id, [&](const ConnectionInfo& info) { text = render(info, json); });
        return text;
      });
  if (!found) return reply.fail(kStopping);
  if (found->empty()) return reply.fail("Not Found.");
  reply.line(*found);
  return Exit::ok;
}

Exit kick(AdminContext& context, const std::string& id, Reply& reply) {
  const std::lock_guard serial(context.changes);
  const auto kicked =
      context.gate.shard(context.gate.home(id), [id](Broker& broker) { return broker.kick(id); });
  if (!kicked) return reply.fail(kStopping);
  if (!*kicked) return reply.fail("Not Found.");
  KEEL_LOG(notice, "ctl: client={} kicked", one_line(id));
  return reply.ok();
}

}  // namespace

void add_client_commands(CommandTable& table, AdminContext& context) {
  table.add("clients",
            {{"clients list", "List all clients that are connected"},
             {"clients show <ClientId>", "Show a client"},
             {"clients kick <ClientId>", "Disconnect a client"}},
            [&context](Args args, Reply& reply) {
              if (fits(args, "list")) return list_clients(context, reply);
              if (fits(args, "show *")) return show_client(context, args[1], reply);
              if (fits(args, "kick *")) return kick(context, args[1], reply);
              return Exit::usage;
            });
}

}  // namespace keel::kernel
