// routes, topics, subscriptions: who gets what.
#include <fmt/format.h>

#include "kernel/admin/commands.hpp"
#include "kernel/admin/json.hpp"
#include "kernel/admin/text.hpp"
#include "kernel/base/log.hpp"

namespace keel::kernel {
namespace {

std::string render_route(std::string_view filter, std::string_view node, bool json) {
  if (json) return JsonObject().add("topic", filter).add("node", node).str();
  return fmt::format("{} -> {}", one_line(filter), one_line(node));
}

// The table may be read from any thread, so routes need no shard.
Exit list_routes(AdminContext& context, Reply& reply) {
  const std::string_view node = context.host.node_name();
  reply.begin_list();
  std::uint64_t cursor = 0;
  do {
    ListChunk chunk(reply.json());
    cursor = context.realm.subscriptions.each_filter(
        cursor, kSlice, [&](std::string_view filter, std::size_t) {
          chunk.add(render_route(filter, node, chunk.json()));
        });
    reply.append(chunk);
    if (!reply.alive()) return Exit::error;
  } while (cursor != 0);
  return reply.end_list();
}

Exit show_route(AdminContext& context, const std::string& topic, Reply& reply) {
  bool found = false;
  std::uint64_t cursor = 0;
  do {
    cursor = context.realm.subscriptions.each_filter(
        cursor, kSlice,
        [&](std::string_view filter, std::size_t) { found = found || filter == topic; });
  } while (cursor != 0 && !found);
  if (!found) return reply.fail("Not Found.");
  reply.line(render_route(topic, context.host.node_name(), reply.json()));
  return Exit::ok;
}

std::string render(const SubscriptionInfo& info, bool json) {
  if (!json)
    return fmt::format("{} -> {}:{}", one_line(info.client_id), one_line(info.filter), info.qos);
  return JsonObject()
      .add("clientid", info.client_id)
      .add("topic", info.filter)
      .add("qos", info.qos)
      .add("no_local", info.no_local)
      .add("retain_as_published", info.retain_as_published)
      .add("subscription_id", info.subscription_id)
      .str();
}

Exit list_subscriptions(AdminContext& context, Reply& reply) {
  return list_shards(
      context.gate, reply, [](Broker& broker, std::uint64_t cursor, ListChunk& chunk) {
        return broker.each_subscription(cursor, kSlice, [&](const SubscriptionInfo& info) {
          chunk.add(render(info, chunk.json()));
        });
      });
}

Exit show_subscription(AdminContext& context, const std::string& id, Reply& reply) {
  const auto found = context.gate.shard(
      context.gate.home(id), [id, json = reply.json()](Broker& broker) -> std::optional<ListChunk> {
        ListChunk chunk(json);
        const bool known = broker.show_subscriptions(
            id, [&](const SubscriptionInfo& info) { chunk.add(render(info, json)); });
        if (!known) return std::nullopt;
        return chunk;
      });
  if (!found) return reply.fail(kStopping);
  if (!*found) return reply.fail("Not Found.");
  reply.begin_list();
  reply.append(**found);
  return reply.end_list();
}

Exit answer(const std::optional<Broker::Changed>& changed, Reply& reply) {
  if (!changed) return reply.fail(kStopping);
  switch (*changed) {
    case Broker::Changed::done:
      return reply.ok("ok");
    case Broker::Changed::no_session:
      return reply.fail("Error: Session not found!");
    case Broker::Changed::bad_filter:
      return reply.fail("Error: not a topic filter, or one that the settings do not allow!");
    case Broker::Changed::not_subscribed:
      return reply.fail("Error: Subscription not found!");
    case Broker::Changed::limit:
      return reply.fail("Error: limits.max_subscriptions reached by this client!");
  }
  return Exit::error;
}

Exit add(AdminContext& context, const std::string& id, const std::string& filter,
         const std::string& qos_text, Reply& reply) {
  std::uint64_t qos = 0;
  if (!parse_number(qos_text, qos, 2)) return reply.fail("QoS should be 0, 1, 2");
  const std::lock_guard serial(context.changes);
  KEEL_LOG(notice, "ctl: client={} subscribe {} qos={}", one_line(id), one_line(filter), qos);
  return answer(context.gate.shard(context.gate.home(id),
                                   [id, filter, qos](Broker& broker) {
                                     return broker.add_subscription(id, filter,
                                                                    static_cast<std::uint8_t>(qos));
                                   }),
                reply);
}

Exit remove(AdminContext& context, const std::string& id, const std::string& filter, Reply& reply) {
  const std::lock_guard serial(context.changes);
  KEEL_LOG(notice, "ctl: client={} unsubscribe {}", one_line(id), one_line(filter));
  return answer(
      context.gate.shard(context.gate.home(id),
                         [id, filter](Broker& b) { return b.remove_subscription(id, filter); }),
      reply);
}

}  // namespace

void add_route_commands(CommandTable& table, AdminContext& context) {
  for (const std::string name : {"routes", "topics"}) {
    table.add(name,
              {{name + " list", "List all topic filters that are subscribed to"},
               {name + " show <Topic>", "Show one of them"}},
              [&context](Args args, Reply& reply) {
                if (fits(args, "list")) return list_routes(context, reply);
                if (fits(args, "show *")) return show_route(context, args[1], reply);
                return Exit::usage;
              });
  }
}

void add_subscription_commands(CommandTable& table, AdminContext& context) {
  table.add("subscriptions",
            {{"subscriptions list", "List all subscriptions"},
             {"subscriptions show <ClientId>", "Show the subscriptions of a client"},
             {"subscriptions add <ClientId> <Topic> <QoS>", "Subscribe a client to a topic"},
             {"subscriptions del <ClientId> <Topic>", "Remove a subscription of a client"}},
            [&context](Args args, Reply& reply) {
              if (fits(args, "list")) return list_subscriptions(context, reply);
              if (fits(args, "show *")) return show_subscription(context, args[1], reply);
              if (fits(args, "add * * *")) return add(context, args[1], args[2], args[3], reply);
              if (fits(args, "del * *")) return remove(context, args[1], args[2], reply);
              return Exit::usage;
            });
}

}  // namespace keel::kernel
