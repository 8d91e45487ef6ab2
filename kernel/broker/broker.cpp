// Sessions: opened, taken over, left, expired; subscriptions and wills with them.
#include "kernel/broker/broker.hpp"

#include <algorithm>
#include <chrono>

#include "kernel/base/hash.hpp"
#include "kernel/base/log.hpp"
#include "kernel/base/utf8.hpp"
#include "kernel/broker/connection.hpp"

namespace keel::kernel {

Broker::Broker(Realm& realm, ShardCore& shard)
    : realm_(realm),
      shard_(shard),
      settings_(realm.settings()),
      hooks_(&no_hooks()),
      sessions_(shard.index(), realm.reclaimer,
                [&shard](Task task) { shard.post(std::move(task)); }),
      routes_(realm.subscriptions, sessions_, shard.index()),
      recorder_(realm.journal, shard.index()),
      random_state_(hash_seed() + shard.index()),
      release_timer_([](void* self) { static_cast<Broker*>(self)->release_held(); }, this) {
  shard.set_turn_end([](void* self) { static_cast<Broker*>(self)->end_turn(); }, this);
}

Broker::~Broker() = default;

std::unique_ptr<LinkHandler> Broker::accept(Link& link) {
  return std::make_unique<Connection>(*this, link);
}

std::int64_t Broker::unix_ms() const { return unix_time_ms(); }

// Whether the session is the one the client goes on with. One seen through another mountpoint would
// be another tenant's.
bool Broker::goes_on(const Session& session, const OpenRequest& request) {
  return !request.clean_start && !session.expires_at_disconnect() &&
         session.mount() == request.mountpoint;
}

bool Broker::preview(const OpenRequest& request, bool& present) const {
  const Session* session = sessions_.find(request.client_id);
  present = session && goes_on(*session, request);
  const std::uint32_t limit = settings_->limits.max_sessions;
  return session || limit == 0 || realm_.sessions.load(std::memory_order_relaxed) < limit;
}

// What a CONNECT puts an end to: the earlier connection, and a session that it does not go on with.
// Answers the one it goes on with, or null.
Session* Broker::clear_way(const OpenRequest& request) {
  Session* session = sessions_.find(request.client_id);
  if (session && session->connection) {
    metrics().add(Metric::sessions_taken_over);
    tell_session(Event::session_taken_over, *session, "conflict");
    session->connection->taken_over();
    // The earlier connection is lost without a DISCONNECT of its own. A delayed will is cancelled
    // by a client that comes back to its session [MQTT5 3.1.3.2.2]; one whose session ends is not.
    const bool ends = request.clean_start || session->expires_at_disconnect();
    if (session->will && (session->will->delay_s == 0 || ends)) publish_will(*session);
    take_will(*session);
  }
  if (session && !goes_on(*session, request)) {
    const bool discarded = request.clean_start || session->expires_at_disconnect();
    end_session(*session, discarded ? "discarded" : "mountpoint_changed");
    session = nullptr;
  }
  return session;
}

std::uint64_t Broker::discard_kept(const OpenRequest& request) {
  const Session* const session = sessions_.find(request.client_id);
  if (!session || !session->stored || goes_on(*session, request)) return 0;
  clear_way(request);
  return recorder_.pending_turn();
}

Broker::Opened Broker::open_session(Connection& connection, OpenRequest request) {
  Session* session = clear_way(request);
  const bool present = session != nullptr;
  if (!session) {
    const std::uint32_t limit = settings_->limits.max_sessions;
    if (limit != 0 && realm_.sessions.load(std::memory_order_relaxed) >= limit) return {};
    session = sessions_.create(request.client_id);
    if (!session) return {};
    session->created_at_s = static_cast<std::uint32_t>(unix_ms() / 1000);
    realm_.sessions.fetch_add(1, std::memory_order_relaxed);
    metrics().add(Gauge::sessions, 1);
    metrics().add(Metric::sessions_created);
  } else {
    session->came_back();
    if (!session->clean_start) metrics().add(Gauge::sessions_persistent, -1);
    metrics().add(Metric::sessions_resumed);
    set_shared_online(*session, true);
    recheck_resumed(*session);
  }
  session->rechecked = recheck_count_;
  session->connection = &connection;
  session->clean_start = request.clean_start;
  session->expiry_s = request.expiry_s;
  session->set_username(request.username);
  if (!request.mountpoint.empty()) session->set_mount(request.mountpoint);
  put_will(*session, std::move(request.will));
  if (session->stored)
    recorder_.session_changed(*session, 0);
  else if (recorder_.on() && !session->expires_at_disconnect())
    keep(*session);
  if (!session->clean_start) metrics().add(Gauge::sessions_persistent, 1);
  return {session, present};
}

void Broker::detach(Session& session, bool publish_will_now) {
  session.connection = nullptr;
  if (!publish_will_now) take_will(session);
  set_shared_online(session, false);
  if (session.will && session.will->delay_s == 0) publish_will(session);
  if (session.expires_at_disconnect()) return end_session(session, "disconnected");
  if (!draining_) redispatch_shared(session, true);  // else the others are about to go, too
  session.set_away_since(shard_.now_ms());
  session.trim();
  note_away(session);
  away_due(session);
}

// What is due of a session whose client is away; arms the timer for the rest.
void Broker::away_due(Session& session) {
  const std::int64_t away_ms = shard_.now_ms() - session.away_since_ms();
  std::int64_t next_ms = -1;
  const bool expires = session.expiry_s != Session::kNeverExpires;
  if (expires) {
    next_ms = std::int64_t{session.expiry_s} * 1000 - away_ms;
    if (next_ms <= 0) {
      metrics().add(Metric::sessions_expired);
      return end_session(session, "expired");
    }
  }
  if (session.will) {
    const std::int64_t will_ms = std::int64_t{session.will->delay_s} * 1000 - away_ms;
    if (will_ms <= 0) {
      publish_will(session);
      note_away(session);
    } else if (!expires || will_ms < next_ms)
      next_ms = will_ms;
  }
  if (next_ms < 0) return;
  if (!session.away())
    session.set_away(std::make_unique<Session::Away>(
        [](void* context) {
          auto& away = *static_cast<Session::Away*>(context);
          static_cast<Broker*>(away.broker)->away_due(away.session);
        },
        this, session));
  shard_.timers().arm(session.away()->timer, next_ms);
}

void Broker::end_session(Session& session, std::string_view reason) {
  if (session.will) publish_will(session);
  set_shared_online(session, false);
  redispatch_shared(session, false);
  end_subscriptions(session);
  if (session.stored) forget_kept(session);
  account_queue(-static_cast<std::int64_t>(session.queue.size()),
                -static_cast<std::int64_t>(session.queue.bytes()));
  metrics().add(Gauge::sessions, -1);
  if (!session.clean_start) metrics().add(Gauge::sessions_persistent, -1);
  realm_.sessions.fetch_sub(1, std::memory_order_relaxed);
  while (wants(Event::message_dropped) && !session.queue.empty())
    tell_dropped(session.queue.pop().message->view(), "session_terminated", &session);
  tell_session(Event::session_terminated, session, reason);
  std::string name;
  KEEL_LOG(debug, "client={}: session ended: {}", printable(session.client_id, name), reason);
  sessions_.erase(session);
}

void Broker::end_subscriptions(Session& session) {
  for (const FilterId filter : session.subscriptions) {
    const std::string text = wants(Event::session_unsubscribed) || session.stored
                                 ? realm_.subscriptions.text(filter)
                                 : std::string();
    if (session.stored) recorder_.unsubscribed(session, text);
    realm_.subscriptions.remove(filter, session.self);
    if (wants(Event::session_unsubscribed))
      notify({.event = Event::session_unsubscribed,
              .client = hook_client(session),
              .topic = text,
              .reason = "session_terminated"});
  }
  metrics().add(Gauge::subscriptions, -static_cast<std::int64_t>(session.subscriptions.size()));
  metrics().add(Gauge::subscriptions_shared,
                -static_cast<std::int64_t>(session.shared_subscriptions().size()));
}

std::uint32_t Broker::capped_expiry(std::uint32_t expiry_s) const {
  const std::uint32_t cap = settings_->mqtt.max_message_expiry_s;
  return cap != 0 ? std::min(expiry_s, cap) : expiry_s;
}

void Broker::set_shared_online(const Session& session, bool online) {
  for (const FilterId filter : session.shared_subscriptions())
    realm_.subscriptions.set_online(filter, session.self, online);
}

SubscriptionTable::Added Broker::enter(Session& session, const ParsedFilter& filter,
                                       const SubscriptionOptions& options) {
  const auto added = realm_.subscriptions.add(filter, session.self, options);
  if (added.existed) return added;
  session.subscriptions.push_back(added.filter);
  metrics().add(Gauge::subscriptions, 1);
  if (filter.shared()) {
    session.add_shared(added.filter);
    metrics().add(Gauge::subscriptions_shared, 1);
    if (!session.connection || session.connection->suspended())
      realm_.subscriptions.set_online(added.filter, session.self, false);
  }
  return added;
}

void Broker::subscribe(Session& session, const ParsedFilter& filter,
                       const SubscriptionOptions& options, std::uint8_t retain_handling) {
  const auto added = enter(session, filter, options);
  if (session.stored)
    recorder_.subscribed(session, realm_.subscriptions.text(added.filter), options);
  if (wants(Event::session_subscribed)) {
    const std::string text = realm_.subscriptions.text(added.filter);
    notify({.event = Event::session_subscribed,
            .client = hook_client(session),
            .topic = text,
            .qos = options.qos,
            .reason = added.existed ? "replaced" : "success"});
  }
  const bool wants_retained =
      !filter.shared() && (retain_handling == 0 || (retain_handling == 1 && !added.existed));
  if (!wants_retained || realm_.retained_for(filter.filter).count() == 0) return;
  session.owe_retained(
      added.filter,
      {std::string(filter.filter), {}, options.qos, options.no_local, options.subscription_id});
}

bool Broker::unsubscribe(Session& session, const ParsedFilter& filter) {
  const auto id = realm_.subscriptions.id(filter);
  if (!id || !realm_.subscriptions.find(*id, session.self)) return false;
  end_subscription(session, *id, "success");
  return true;
}

// Of one that there is.
void Broker::end_subscription(Session& session, FilterId filter, std::string_view word) {
  const std::string text = wants(Event::session_unsubscribed) || session.stored
                               ? realm_.subscriptions.text(filter)
                               : std::string();
  if (session.stored) recorder_.unsubscribed(session, text);
  realm_.subscriptions.remove(filter, session.self);
  session.subscriptions.erase(filter);
  metrics().add(Gauge::subscriptions, -1);
  if (session.erase_shared(filter))
    metrics().add(Gauge::subscriptions_shared, -1);
  else
    session.forget_retained(filter);
  if (wants(Event::session_unsubscribed))
    notify({.event = Event::session_unsubscribed,
            .client = hook_client(session),
            .topic = text,
            .reason = word});
}

bool Broker::subscribed(const Session& session, const ParsedFilter& filter) const {
  const auto id = realm_.subscriptions.id(filter);
  return id && realm_.subscriptions.find(*id, session.self).has_value();
}

void Broker::count_connection(const Connection& connection, int change) {
  metrics().add(Gauge::connections, change);
  if (connection.link_.peer().verified) metrics().add(Gauge::connections_tls, change);
}

void Broker::register_connection(Connection& connection) {
  connection.registered_ = true;
  ++connections_;
  count_connection(connection, 1);
}

void Broker::unregister_connection(Connection& connection) {
  if (!asked_.empty()) forget_asked(connection);
  connection.registered_ = false;
  --connections_;
  count_connection(connection, -1);
  if (draining_ && connections_ == 0 && drained_) shard_.post(std::move(drained_));
}

void Broker::drain(Reason reason, Task done) {
  draining_ = true;
  drained_ = std::move(done);
  sessions_.each(0, ~std::size_t{0}, [&](Session& session) {
    if (session.connection) session.connection->disconnect(reason, "server_shutting_down", true);
  });
  if (drained_) shard_.post(std::move(drained_));
}

bool Broker::look_at_clock() {
  constexpr std::int64_t kEnoughNs = 2'000'000;
  const std::int64_t now = std::chrono::steady_clock::now().time_since_epoch().count();
  work_ = 0;
  if (work_since_ns_ == 0) work_since_ns_ = now;
  return now - work_since_ns_ > kEnoughNs;
}

}  // namespace keel::kernel
