// What commands ask of a shard's clients and sessions.
#include <algorithm>
#include <cassert>
#include <span>

#include "kernel/broker/broker.hpp"
#include "kernel/broker/connection.hpp"
#include "kernel/broker/hook_reasons.hpp"

namespace keel::kernel {

// By session slot: those who come and go meanwhile do not move the others.
std::uint64_t Broker::each_connection(std::uint64_t cursor, std::size_t max,
                                      FunctionRef<void(const ConnectionInfo&)> fn) {
  return sessions_.each(static_cast<std::uint32_t>(cursor), max, [&](Session& session) {
    if (session.connection) fn(session.connection->info());
  });
}

std::uint64_t Broker::each_session(std::uint64_t cursor, std::size_t max,
                                   FunctionRef<void(const SessionInfo&)> fn) {
  return sessions_.each(static_cast<std::uint32_t>(cursor), max,
                        [&](Session& session) { fn(session_info(session)); });
}

std::uint64_t Broker::each_subscription(std::uint64_t cursor, std::size_t max,
                                        FunctionRef<void(const SubscriptionInfo&)> fn) {
  auto slot = static_cast<std::uint32_t>(cursor >> 32);
  std::size_t done = cursor & 0xFFFFFFFF;  // of that session's subscriptions
  while (max > 0) {
    std::size_t visited = 0, left = 0;
    const std::uint32_t next = sessions_.each(slot, 1, [&](Session& session) {
      if (session.self.slot() != slot) done = 0;  // the one the cursor stood in is gone
      slot = session.self.slot();
      const std::span<const FilterId> all = session.subscriptions;
      const auto part = all.subspan(std::min(done, all.size()));
      visited = std::min(max, part.size());
      left = part.size() - visited;
      visit_subscriptions(session, part.first(visited), fn);
    });
    max -= std::min(max, visited + 1);
    if (left != 0) {
      done += visited;
      continue;
    }
    if (next == 0) return 0;
    slot = next;
    done = 0;
  }
  return std::uint64_t{slot} << 32 | done;
}

bool Broker::show_connection(std::string_view client_id,
                             FunctionRef<void(const ConnectionInfo&)> fn) {
  const Session* session = sessions_.find(client_id);
  if (!session || !session->connection) return false;
  fn(session->connection->info());
  return true;
}

bool Broker::show_session(std::string_view client_id, FunctionRef<void(const SessionInfo&)> fn) {
  const Session* session = sessions_.find(client_id);
  if (!session) return false;
  fn(session_info(*session));
  return true;
}

bool Broker::show_subscriptions(std::string_view client_id,
                                FunctionRef<void(const SubscriptionInfo&)> fn) {
  const Session* session = sessions_.find(client_id);
  if (!session) return false;
  visit_subscriptions(*session, session->subscriptions, fn);
  return true;
}

void Broker::visit_subscriptions(const Session& session, std::span<const FilterId> filters,
                                 FunctionRef<void(const SubscriptionInfo&)> fn) {
  for (const FilterId filter : filters) {
    const auto options = realm_.subscriptions.find(filter, session.self);
    if (!options) continue;
    fn({session.client_id, realm_.subscriptions.text(filter), options->qos, options->no_local,
        options->retain_as_published, options->subscription_id});
  }
}

SessionInfo Broker::session_info(const Session& session) const {
  SessionInfo info;
  info.client_id = session.client_id;
  info.clean_start = session.clean_start;
  info.connected = session.connection != nullptr;
  info.expiry_s = session.expiry_s;
  info.subscriptions = session.subscriptions.size();
  info.max_inflight = settings_->limits.max_inflight;
  info.inflight = session.inflight.size();
  info.unsent = session.connection ? session.connection->unsent() : 0;
  info.queued = session.waiting();
  info.queued_bytes = session.queue.bytes();
  info.awaiting_rel = session.awaiting_rel().size();
  info.dropped = session.dropped;
  info.delivered = session.delivered;
  info.enqueued = session.enqueued;
  info.created_at_s = session.created_at_s;
  return info;
}

bool Broker::kick(std::string_view client_id) {
  return disconnect_client(client_id, Reason::administrative_action, "kicked");
}

bool Broker::disconnect_client(std::string_view client_id, Reason reason, std::string_view word) {
  assert(!in_hook());
  Connection* const connection = connection_of(client_id);
  if (!connection) return false;
  const Reason told = disconnect_reason(reason);
  connection->disconnect(told, word, told != Reason::success);
  return true;
}

bool Broker::suspend(std::string_view client_id, std::uint32_t queue_limit) {
  Connection* const connection = connection_of(client_id);
  return connection && connection->suspend(queue_limit);
}

bool Broker::resume(std::string_view client_id) {
  assert(!in_hook());
  Connection* const connection = connection_of(client_id);
  return connection && connection->resume();
}

bool Broker::poll(std::string_view client_id) {
  assert(!in_hook());
  Connection* const connection = connection_of(client_id);
  return connection && connection->poll();
}

Connection* Broker::connection_of(std::string_view client_id) const {
  const Session* const session = sessions_.find(client_id);
  return session ? session->connection : nullptr;
}

Broker::Cleaned Broker::clean_persistent(std::string_view client_id) {
  Session* session = sessions_.find(client_id);
  if (!session) return Cleaned::not_found;
  if (session->connection) return Cleaned::connected;
  end_session(*session, "cleaned");
  return Cleaned::done;
}

Broker::Changed Broker::add_subscription(std::string_view client_id, std::string_view filter,
                                         std::uint8_t qos) {
  Session* session = sessions_.find(client_id);
  if (!session) return Changed::no_session;
  const Limits& limits = settings_->limits;
  ParsedFilter parsed;
  if (parse_filter(filter, limits.max_topic_length, limits.max_topic_levels, parsed) !=
      FilterError::none)
    return Changed::bad_filter;
  if (limits.max_subscriptions != 0 && session->subscriptions.size() >= limits.max_subscriptions &&
      !subscribed(*session, parsed))
    return Changed::limit;
  SubscriptionOptions options;
  options.qos = std::min(qos, settings_->mqtt.max_qos);
  subscribe(*session, parsed, options, 0);
  pump(*session);
  return Changed::done;
}

Broker::Changed Broker::remove_subscription(std::string_view client_id, std::string_view filter) {
  Session* session = sessions_.find(client_id);
  if (!session) return Changed::no_session;
  ParsedFilter parsed;
  if (parse_filter(filter, 0, 0, parsed) != FilterError::none) return Changed::bad_filter;
  return unsubscribe(*session, parsed) ? Changed::done : Changed::not_subscribed;
}

}  // namespace keel::kernel
