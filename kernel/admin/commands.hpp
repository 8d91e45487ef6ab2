// The kernel's own commands, by the file that holds them. Each add_* registers one group.
#pragma once

#include <mutex>

#include "kernel/admin/command_table.hpp"
#include "kernel/admin/gate.hpp"
#include "kernel/admin/host.hpp"
#include "kernel/admin/stats.hpp"
#include "kernel/broker/realm.hpp"

namespace keel::kernel {

// What commands work with; outlives the table. Commands hold a reference.
struct AdminContext {
  Realm& realm;
  AdminHost& host;
  Gate& gate;
  Stats& stats;
  std::mutex changes;                      // held by commands that change something: one at a time
  std::shared_ptr<const TraceSet> traces;  // under `changes`; null: nothing is traced
};

void add_node_commands(CommandTable& table, AdminContext& context);    // status broker metrics stop
void add_vm_command(CommandTable& table, AdminContext& context);       // vm
void add_client_commands(CommandTable& table, AdminContext& context);  // clients
void add_banned_command(CommandTable& table, AdminContext& context);   // banned
void add_session_commands(CommandTable& table, AdminContext& context);       // sessions
void add_route_commands(CommandTable& table, AdminContext& context);         // routes topics
void add_subscription_commands(CommandTable& table, AdminContext& context);  // subscriptions
void add_retainer_commands(CommandTable& table, AdminContext& context);      // retainer
void add_durability_command(CommandTable& table, AdminContext& context);     // durability
void add_listener_commands(CommandTable& table, AdminContext& context);      // listeners
void add_log_commands(CommandTable& table);                                  // log
void add_trace_commands(CommandTable& table, AdminContext& context);         // trace
void add_conf_commands(CommandTable& table, AdminContext& context);          // conf
void add_plugin_commands(CommandTable& table, AdminContext& context);        // plugins hooks
// What users of EMQ X look for and this version does not have: refused by name, with a hint.
void add_refused_commands(CommandTable& table);

void add_kernel_commands(CommandTable& table, AdminContext& context);  // all of these

inline constexpr const char* kStopping = "The broker is stopping.";

// A list that is spread over the shards, a slice at a time: `slice(Broker&, cursor, ListChunk&)`
// answers the next cursor, 0 when its shard is done. Memory and time on a shard are those of one
// slice.
template <class Slice>
Exit list_shards(Gate& gate, Reply& reply, Slice slice) {
  struct Part {
    std::uint64_t next;
    ListChunk chunk;
  };
  reply.begin_list();
  for (std::uint32_t shard = 0; shard < gate.shards(); ++shard) {
    std::uint64_t cursor = 0;
    do {
      auto part = gate.shard(shard, [slice, cursor, json = reply.json()](Broker& broker) {
        Part out{0, ListChunk(json)};
        out.next = slice(broker, cursor, out.chunk);
        return out;
      });
      if (!part) return reply.fail(kStopping);
      reply.append(part->chunk);
      cursor = part->next;
      if (!reply.alive()) return Exit::error;
    } while (cursor != 0);
  }
  return reply.end_list();
}

// Entries per slice: a fraction of a millisecond on the shard.
inline constexpr std::size_t kSlice = 256;

}  // namespace keel::kernel
