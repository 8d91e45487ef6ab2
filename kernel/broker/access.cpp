// Who is kept out whatever its credentials: bans, client ids that come and go without end,
// addresses whose logins fail again and again.
#include <algorithm>
#include <utility>

#include "kernel/base/log.hpp"
#include "kernel/base/utf8.hpp"
#include "kernel/broker/broker.hpp"
#include "kernel/broker/connection.hpp"

namespace keel::kernel {

namespace {

constexpr std::size_t kSweepSlice = 1'000;

FailureTable::Limit failure_limit(const Settings& settings) {
  return {settings.auth.max_failures, settings.auth.failure_window_s};
}

// Whether the client was told that it is not who it says, or may not come in; not that somebody
// could not tell.
bool is_failed_login(Reason reason) {
  switch (reason) {
    case Reason::bad_user_name_or_password:
    case Reason::not_authorized:
    case Reason::bad_authentication_method:
    case Reason::client_identifier_not_valid:
    case Reason::banned:
      return true;
    default:
      return false;
  }
}

const char* ban_that_holds(const BanTable* bans, std::string_view client_id,
                           std::string_view username, const Endpoint& peer) {
  if (!bans) return nullptr;
  if (!client_id.empty() && bans->has_client(client_id)) return "its client id is banned";
  if (!username.empty() && bans->has_user(username)) return "its user name is banned";
  if (bans->has_address(peer)) return "its address is banned";
  return nullptr;
}

}  // namespace

// By the names that count in the end, whoever put them in.
Fault Connection::check_bans(const ConnectView& connect) const {
  const char* const why = ban_that_holds(link_.shard().bans(), connect.client_id, connect.username,
                                         link_.peer().endpoint);
  if (!why) return {};
  broker_->metrics().add(Metric::banned_refused);
  return {Reason::banned, why};
}

// DISCONNECT has no code for a ban [MQTT5 3.14.2.1]. A banned client's will is not published: it
// has no say any more.
void Connection::end_if_banned() {
  if (session_ && ban_that_holds(link_.shard().bans(), session_->client_id, session_->username(),
                                 link_.peer().endpoint))
    disconnect(Reason::administrative_action, "banned", false);
}

// A user name that the listener takes from the certificate is none of the client's saying.
bool Connection::presents_credentials(const ConnectView& connect) const {
  if (!connect.auth_method.empty()) return true;
  const auto& listener = link_.peer().listener;
  const bool replaced = listener && listener->settings.username_from != CertificateIdentity::none;
  return !replaced && (connect.has_username || connect.has_password);
}

bool Connection::failed_too_often(const ConnectView& connect) const {
  return presents_credentials(connect) &&
         broker_->realm().failures.over(link_.peer().endpoint, failure_limit(broker_->settings()),
                                        link_.shard().now_ms() / 1000);
}

// Cheap, and without a line in the log: there is one when the limit is reached. No plugin is asked,
// and none is told.
Connection::Outcome Connection::turn_away() {
  MetricsCell& metrics = broker_->metrics();
  metrics.add(Metric::connect_received);
  metrics.add(Metric::connack_error);
  metrics.add(Metric::auth_rate_limited);
  ConnackFields fields;
  fields.reason = Reason::connection_rate_exceeded;
  write_connack(nullptr, fields, {});
  close_link(Reason::connection_rate_exceeded);
  return Outcome::done;
}

void Connection::note_failure(Reason reason) const {
  const FailureTable::Limit limit = failure_limit(broker_->settings());
  if (!is_failed_login(reason) ||
      !broker_->realm().failures.note(link_.peer().endpoint, limit, link_.shard().now_ms() / 1000))
    return;
  KEEL_LOG(notice,
           "peer={}: {} logins failed within {} s (auth.max_failures): none from this address are "
           "looked at for the rest of that time",
           link_.peer().address(), limit.max, limit.window_s);
}

void Broker::set_bans(const BanChange& change) {
  shard_.set_bans(change.table);
  for (const std::string& id : change.clients)
    if (Connection* const connection = connection_of(id)) connection->end_if_banned();
  if (!change.others) return;
  sweep_again_ = true;
  if (!sweeping_) sweep_banned();
}

// By session slot. Those that come meanwhile have been looked at when they came.
void Broker::sweep_banned() {
  if (!std::exchange(sweeping_, true)) {
    sweep_from_ = 0;
    sweep_again_ = false;
  }
  sweep_from_ = sessions_.each(sweep_from_, kSweepSlice, [](Session& session) {
    if (session.connection) session.connection->end_if_banned();
  });
  sweeping_ = sweep_from_ != 0;
  if (sweeping_ || sweep_again_) shard_.post([this] { sweep_banned(); });
}

void Broker::note_flapping(const Connection& connection) {
  const FlappingSettings& settings = settings_->flapping;
  const std::string_view id = connection.session()->client_id;
  if (!settings.enabled || draining_ || !flapping_.note(id, settings, shard_.now_ms())) return;
  metrics().add(Metric::flapping_bans);
  std::string name;
  KEEL_LOG(warning, "client={} peer={}: more than {} disconnects within {} s: banned for {} s",
           printable(id, name), connection.peer().address(), settings.max_disconnects,
           settings.window_s, settings.ban_for_s);
  Ban ban;
  ban.kind = BanKind::client;
  ban.value = id;
  ban.at_s = unix_ms() / 1000;
  ban.until_s = ban.at_s + settings.ban_for_s;
  ban.by = "flapping";
  ban.reason =
      fmt::format("more than {} disconnects within {} s, the last from {}",
                  settings.max_disconnects, settings.window_s, connection.peer().endpoint.host());
  realm_.bans.suggest(std::move(ban));
}

}  // namespace keel::kernel
