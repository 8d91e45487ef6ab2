// What commands ask of a shard's clients and sessions.
#include "kernel/broker/broker.hpp"
#include "kernel/broker/connection.hpp"

namespace keel::kernel {

std::uint32_t Broker::each_connection(std::uint32_t cursor, std::size_t max,
                                      FunctionRef<void(const ConnectionInfo&)> fn) {
  for (; cursor < connections_.size() && max > 0; ++cursor, --max) fn(connections_[cursor]->info());
  return cursor < connections_.size() ? cursor : 0;
}

std::uint32_t Broker::each_session(std::uint32_t cursor, std::size_t max,
                                   FunctionRef<void(const SessionInfo&)> fn) {
  return sessions_.each(cursor, max, [&](Session& session) { fn(session_info(session)); });
}

std::uint32_t Broker::each_subscription(std::uint32_t cursor, std::size_t max,
                                        FunctionRef<void(const SubscriptionInfo&)> fn) {
  // `max` counts subscriptions as well as sessions: one session may hold thousands.
  while (max > 0) {
    std::size_t visited = 1;
    cursor = sessions_.each(cursor, 1, [&](Session& session) {
      visited += session.subscriptions.size();
      visit_subscriptions(session, fn);
    });
    if (cursor == 0) return 0;
    max -= std::min(max, visited);
  }
  return cursor;
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
  visit_subscriptions(*session, fn);
  return true;
}

void Broker::visit_subscriptions(const Session& session,
                                 FunctionRef<void(const SubscriptionInfo&)> fn) {
  for (const FilterId filter : session.subscriptions) {
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
  info.queued = session.queue.size();
  info.queued_bytes = session.queue.bytes();
  info.awaiting_rel = session.awaiting_rel.size();
  info.dropped = session.dropped;
  info.delivered = session.delivered;
  info.enqueued = session.enqueued;
  info.created_at_s = session.created_at_s;
  return info;
}

bool Broker::kick(std::string_view client_id) {
  const Session* session = sessions_.find(client_id);
  if (!session || !session->connection) return false;
  session->connection->disconnect(Reason::administrative_action, "kicked", true);
  return true;
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
