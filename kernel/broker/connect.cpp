// CONNECT [MQTT5 3.1]: checks, identity, authentication, session.
//
// The packet stays unconsumed until the connection is on the shard its client id belongs to and
// every question about it has been answered; each time it is shown again it is simply parsed again.
#include <algorithm>
#include <type_traits>
#include <utility>

#include "kernel/base/log.hpp"
#include "kernel/base/utf8.hpp"
#include "kernel/broker/broker.hpp"
#include "kernel/broker/connection.hpp"
#include "kernel/broker/hook_reasons.hpp"
#include "kernel/broker/identity.hpp"

namespace keel::kernel {

namespace {

constexpr std::size_t kMaxStringSize = 65'535;

std::string_view version_name(Version version) {
  return version == Version::v5 ? "5.0" : version == Version::v311 ? "3.1.1" : "3.1";
}

// What the client speaks, for the log: "version=5.0"; of a gateway's client "protocol=mqtt-sn".
std::string protocol_text(const PeerInfo& peer, Version version) {
  std::string scratch;
  if (!peer.listener || peer.listener->protocol == "mqtt")
    return fmt::format("version={}", version_name(version));
  return fmt::format("protocol={}", printable(peer.listener->protocol, scratch));
}

const char* refusal(Reason reason) {
  switch (reason) {
    case Reason::bad_user_name_or_password:
      return "it gives a user name or password, and nothing here accepts them; a client without "
             "any is anonymous";
    case Reason::not_authorized:
      return "nothing authenticated it, and the listener does not admit anonymous clients";
    case Reason::bad_authentication_method:
      return "no plugin knows its authentication method";
    default:
      return "not authenticated";
  }
}

}  // namespace

Connection::Outcome Connection::handle_connect(Bytes body, const AuthView* auth) {
  ConnectView connect;
  Fault fault = parse_connect(body, connect, broker_->property_scratch());
  version_ = connect.version;
  if (fault) {
    refuse(nullptr, fault);
    return Outcome::done;
  }
  const bool unnamed = connect.client_id.empty();
  if (!connect_asked_ && failed_too_often(connect)) return turn_away();
  fault = check_connect(connect);
  if (!fault) fault = identify(connect);
  if (!fault) fault = apply_edits(connect);
  if (!fault) fault = check_client_id(connect);
  if (!fault) fault = check_bans(connect);
  if (fault) {
    refuse(&connect, fault);
    return Outcome::done;
  }
  std::string assigned;
  if (connect.client_id.empty()) {
    assigned = assigned_id();
    connect.client_id = assigned;
  } else if (move_home(connect.client_id)) {
    return Outcome::later;
  }
  if (auth) connect.auth_data = auth->data;
  AuthAnswer answer;
  const bool known =
      ask({hook_client(connect), connect.password, connect.auth_method, connect.auth_data, {}},
          !connect.auth_method.empty(), answer);
  if (known && answer.verdict == Verdict::more) {
    if (!assigned.empty()) extras().assigned_id = assigned;
    ask_for_more(connect, body, answer);
    return Outcome::done;
  }
  if (known && admit(connect, unnamed, answer) != Allowed::later) return Outcome::done;
  if (!assigned.empty()) extras().assigned_id = assigned;
  return Outcome::later;
}

// Who the client is has been settled: what is left to check, then its session.
Connection::Allowed Connection::admit(const ConnectView& connect, bool unnamed,
                                      AuthAnswer& answer) {
  MetricsCell& metrics = broker_->metrics();
  Metric admitted = Metric::auth_success;
  if (const Reason reason = decide(connect, answer, admitted); is_error(reason)) {
    metrics.add(Metric::auth_failure);
    metrics.add(Metric::connack_auth_error);
    if (presents_credentials(connect)) note_failure(reason);
    refuse(&connect,
           {reason, answer.verdict == Verdict::next ? refusal(reason) : "a plugin denies it"});
    return Allowed::no;
  }
  superuser_ = answer.verdict == Verdict::allow && answer.superuser;
  if (connect.has_will) {
    const Allowed allowed = authorize(Action::publish, connect.will.qos, connect.will.retain,
                                      connect.will.topic, &connect);
    if (allowed == Allowed::later) {
      keep_answer(answer);
      return allowed;
    }
    if (allowed == Allowed::no) {
      metrics.add(admitted);
      refuse(&connect, {Reason::not_authorized, "the will may not be published to its topic"});
      return allowed;
    }
  }
  const Allowed accepted = accept_session(connect, unnamed, answer);
  if (accepted != Allowed::later) metrics.add(admitted);
  return accepted;
}

// For when CONNECT is shown again.
void Connection::keep_answer(AuthAnswer& answer) {
  extras().answer = std::move(answer);
  extras_->answered = true;
}

Fault Connection::check_connect(const ConnectView& connect) const {
  if (const auto& listener = link_.peer().listener) {
    const bool allowed = connect.version == Version::v5    ? listener->settings.v5
                         : connect.version == Version::v31 ? listener->settings.v31
                                                           : listener->settings.v311;
    if (!allowed)
      return {Reason::unsupported_protocol_version,
              "protocol version not allowed on this listener"};
  }
  if (broker_->realm().recovering.load(std::memory_order_relaxed))
    return {Reason::server_unavailable, "sessions are being read from the store: try again soon"};
  if (broker_->draining()) return {Reason::server_unavailable, "the broker is shutting down"};
  if (connect.has_will) return broker_->check_will(connect.will, link_.peer().listener.get(), 0);
  return {};
}

// Puts what the transport proved in place of what the client said, where the listener wants that.
Fault Connection::identify(ConnectView& connect) const {
  const auto& listener = link_.peer().listener;
  const auto* verified = link_.peer().verified.get();
  if (!listener) return {};
  const ListenerSettings& settings = listener->settings;
  if (settings.username_from != CertificateIdentity::none) {
    connect.username = certificate_attribute(verified, settings.username_from);
    connect.has_password = false;
    connect.has_username = !connect.username.empty();
    if (!connect.has_username)
      return {Reason::not_authorized, "the certificate lacks the attribute that is the user name"};
  }
  if (settings.clientid_from != CertificateIdentity::none) {
    connect.client_id = certificate_attribute(verified, settings.clientid_from);
    if (connect.client_id.empty())
      return {Reason::client_identifier_not_valid,
              "the certificate lacks the attribute that is the client id"};
  }
  if (verified && !connect.has_username && connect.username.empty())
    connect.username = verified->psk_identity;
  if (settings.username_as_clientid && !connect.username.empty())
    connect.client_id = connect.username;
  return {};
}

// Puts in what the client_connect hook changed. It is asked when CONNECT is seen first: before the
// connection may have to move, and before anyone has authenticated the client.
Fault Connection::apply_edits(ConnectView& connect) {
  const auto& hook = broker_->hooks().client_connect;
  const bool first = !connect_asked_;
  connect_asked_ = true;
  if (first && hook) {
    ConnectAnswer answer =
        broker_->call(hook, ConnectRequest{hook_client(connect), connect.receive_maximum,
                                           connect.topic_alias_maximum, connect.maximum_packet_size,
                                           connect.has_will, connect.will.topic});
    if (answer.verdict == Verdict::deny)
      return {connack_reason(answer.reason), "a plugin refused it"};
    extras().edits = std::make_unique<ConnectAnswer>(std::move(answer));
  }
  if (!extras_ || !extras_->edits) return {};
  const ConnectAnswer& edits = *extras_->edits;
  if (edits.client_id && !edits.client_id->empty()) connect.client_id = *edits.client_id;
  if (edits.username) connect.username = *edits.username;
  if (edits.username) connect.has_username = !edits.username->empty();
  const auto narrow = [](auto& value, const auto& edit) {
    if (edit && *edit != 0 && (value == 0 || *edit < value))
      value = static_cast<std::remove_reference_t<decltype(value)>>(*edit);
  };
  narrow(connect.receive_maximum, edits.receive_maximum);
  narrow(connect.maximum_packet_size, edits.maximum_packet_size);
  if (edits.topic_alias_maximum)
    connect.topic_alias_maximum = std::min(connect.topic_alias_maximum, *edits.topic_alias_maximum);
  return {};
}

// Checked on the id that counts, whoever named it [MQTT3 3.1.3.1].
Fault Connection::check_client_id(const ConnectView& connect) const {
  const std::uint32_t longest = broker_->settings().limits.max_clientid_len;
  if (longest != 0 && connect.client_id.size() > longest)
    return {Reason::client_identifier_not_valid, "client id longer than limits.max_clientid_len"};
  if (connect.client_id.empty() && (connect.version == Version::v31 ||
                                    (connect.version == Version::v311 && !connect.clean_start)))
    return {Reason::client_identifier_not_valid, "client id empty"};
  if (extras_ && extras_->edits &&
      (connect.client_id.size() > kMaxStringSize || !valid_utf8(connect.client_id) ||
       connect.username.size() > kMaxStringSize || !valid_utf8(connect.username)))
    return {Reason::implementation_specific_error,
            "a plugin gave it a client id or user name that no packet can carry"};
  return {};
}

// For a client that gave none: at home here.
std::string Connection::assigned_id() const {
  if (extras_ && !extras_->assigned_id.empty()) return extras_->assigned_id;
  std::string id;
  do id = random_client_id();
  while (broker_->realm().home(id) != link_.shard().index());
  return id;
}

bool Connection::move_home(std::string_view client_id) {
  Realm& realm = broker_->realm();
  const std::uint32_t home = realm.home(client_id);
  if (home == link_.shard().index()) return false;
  Broker* target = realm.brokers[home];
  timer_.cancel();
  link_.move_to(target->shard(), [this, target] {
    broker_ = target;
    if (const std::int64_t allowed = target->settings().limits.connect_timeout_ms; allowed > 0)
      target->shard().timers().arm(timer_, allowed);
  });
  return true;
}

// What the answer means for CONNECT; success: it is admitted, and counted as `how`.
Reason Connection::decide(const ConnectView& connect, const AuthAnswer& answer, Metric& how) const {
  if (answer.verdict == Verdict::allow) return Reason::success;
  if (answer.verdict != Verdict::next) return connack_reason(answer.reason);

  // Nobody decided.
  if (!connect.auth_method.empty()) return Reason::bad_authentication_method;
  if (presents_credentials(connect)) return Reason::bad_user_name_or_password;
  const auto& listener = link_.peer().listener;
  const auto* verified = link_.peer().verified.get();
  if (verified && (!verified->dn.empty() || !verified->psk_identity.empty()))
    return Reason::success;
  if (listener && !listener->allow_anonymous()) return Reason::not_authorized;
  how = Metric::auth_anonymous;
  return Reason::success;
}

// Enhanced authentication goes on: CONNECT is kept until AUTH packets have decided [MQTT5 4.12].
void Connection::ask_for_more(const ConnectView& connect, Bytes body, const AuthAnswer& answer) {
  if (extras().connect_copy.empty()) extras_->connect_copy = body;
  extras_->auth_method = connect.auth_method;
  encode_auth(link_.out, Reason::continue_authentication, connect.auth_method, answer.data);
  link_.touch();
  broker_->metrics().add(Metric::auth_sent);
}

std::uint16_t Connection::asked_keep_alive(const ConnectView& connect) const {
  return extras_ && extras_->edits ? extras_->edits->keep_alive_s.value_or(connect.keep_alive_s)
                                   : connect.keep_alive_s;
}

std::uint32_t Connection::session_expiry(const ConnectView& connect) const {
  const MqttSettings& mqtt = broker_->settings().mqtt;
  const bool v5 = connect.version == Version::v5;
  if (!v5 && connect.clean_start) return 0;  // ends with its connection [MQTT-3.1.2-6]
  if (extras_ && extras_->edits && extras_->edits->session_expiry_s)
    return std::min(*extras_->edits->session_expiry_s, mqtt.max_session_expiry_s);
  if (!v5) return mqtt.session_expiry_s;
  return connect.has_session_expiry ? std::min(connect.session_expiry_s, mqtt.max_session_expiry_s)
                                    : 0;
}

HookClient Connection::hook_client(const ConnectView& connect) const {
  return {connect.client_id,    connect.username,          &link_.peer(),
          connect.version,      connect.clean_start,       connect.has_username,
          connect.has_password, asked_keep_alive(connect), session_expiry(connect)};
}

// The mountpoint of the session to be, and the will below it.
Fault Connection::below_mountpoint(const ConnectView& connect, const AuthAnswer& answer,
                                   std::string& mountpoint, std::unique_ptr<Will>& will) const {
  const auto& listener = link_.peer().listener;
  const std::string_view pattern = !answer.mountpoint.empty() ? std::string_view(answer.mountpoint)
                                   : listener ? std::string_view(listener->settings.mountpoint)
                                              : std::string_view();
  if (!pattern.empty() &&
      !expand_mountpoint(pattern, connect.client_id, connect.username, mountpoint))
    return {Reason::not_authorized, "client id or user name does not fit the mountpoint"};
  if (!connect.has_will) return {};
  if (!topic_fits(connect.will.topic, mountpoint.size(), broker_->settings().limits))
    return {Reason::topic_name_invalid, "will topic too long below the mountpoint"};
  will = std::make_unique<Will>(Will::from(connect.will));
  will->topic = mountpoint + will->topic;
  if (!broker_->has_room(static_cast<std::size_t>(will->size())))
    return {Reason::quota_exceeded, "limits.max_total_queued_bytes reached"};
  return {};
}

// Later: a session that is kept has to end first. CONNECT is shown again when that is safe.
Connection::Allowed Connection::accept_session(const ConnectView& connect, bool assigned,
                                               AuthAnswer& answer) {
  constexpr Fault kNoRoom{Reason::quota_exceeded, "limits.max_sessions reached"};
  const auto no = [&](const Fault& fault, ConnackAnswer why = {}) {
    refuse(&connect, fault, std::move(why));
    return Allowed::no;
  };
  std::string mountpoint;
  std::unique_ptr<Will> will;
  if (const Fault fault = below_mountpoint(connect, answer, mountpoint, will)) return no(fault);
  Broker::OpenRequest request{connect.client_id,       connect.username, connect.clean_start,
                              session_expiry(connect), mountpoint,       std::move(will)};
  ConnackAnswer said;
  if (connack_asked_) {
    if (extras_ && extras_->said) said = std::move(*extras_->said);
  } else if (broker_->hooks().client_connack) {
    bool present = false;
    if (!broker_->preview(request, present)) return no(kNoRoom);
    if (!ask_connack(connect, Reason::success, present, said))
      return no({connack_reason(said.reason), "a plugin refused it"}, said);
  }
  if (const std::uint64_t turn = broker_->discard_kept(request); turn != 0) {
    if (connack_asked_) extras().said = std::make_unique<ConnackAnswer>(std::move(said));
    await_end(turn, answer);
    return Allowed::later;
  }
  const Broker::Opened opened = broker_->open_session(*this, std::move(request));
  if (!opened.session) return no(kNoRoom);

  session_ = opened.session;
  state_ = State::open;
  clean_start_ = connect.clean_start;
  has_password_ = connect.has_password;
  receive_max_ = connect.receive_maximum;
  max_packet_out_ = connect.maximum_packet_size;
  connected_at_s_ = static_cast<std::uint32_t>(broker_->unix_ms() / 1000);
  if (!mountpoint.empty()) extras().mountpoint = std::move(mountpoint);
  apply_limits(connect);
  if (answer.verdict == Verdict::allow) limit_life(answer.expiry_s);
  broker_->register_connection(*this);
  broker_->metrics().add(Metric::connect_received);
  send_connack(connect, opened.present, assigned, answer, said);
  start_resend();  // before anything new can be sent
  keep_order();
  tell_connected(connect, opened.present);
  if (extras_) {  // what only CONNECT needed
    extras_->connect_copy = {};
    extras_->edits.reset();
    extras_->said.reset();
  }
  broker_->pump(*session_);
  return Allowed::yes;
}

void Connection::tell_connected(const ConnectView& connect, bool present) {
  std::string name, user;
  KEEL_LOG(info, "client={} peer={}: connected: {} clean_start={} keepalive={} username={}",
           printable(connect.client_id, name), link_.peer().address(),
           protocol_text(link_.peer(), version_), connect.clean_start, keep_alive_s_,
           printable(username(), user));
  if (broker_->traces())
    trace(fmt::format(
        "received CONNECT {} clean_start={} keepalive={} will={}; sent CONNACK session_present={}",
        protocol_text(link_.peer(), version_), connect.clean_start, keep_alive_s_, connect.has_will,
        present));
  broker_->presence_connected(*this);
  broker_->tell_session(present ? Event::session_resumed : Event::session_created, *session_,
                        "success");
  if (broker_->wants(Event::client_connected))
    broker_->notify(
        {.event = Event::client_connected, .client = hook_client(), .reason = "success"});
}

// Keep alive, rates and aliases, as settings and client agree on them.
void Connection::apply_limits(const ConnectView& connect) {
  const Settings& settings = broker_->settings();
  keep_alive_s_ = asked_keep_alive(connect);
  if (version_ == Version::v5) {
    if (settings.mqtt.server_keepalive_s != 0)
      keep_alive_s_ = static_cast<std::uint16_t>(settings.mqtt.server_keepalive_s);
    else if (settings.mqtt.max_keepalive_s != 0 &&
             (keep_alive_s_ == 0 || keep_alive_s_ > settings.mqtt.max_keepalive_s) &&
             settings.mqtt.max_keepalive_s < 65535)
      keep_alive_s_ = static_cast<std::uint16_t>(settings.mqtt.max_keepalive_s);
    if (const auto aliases = std::min(connect.topic_alias_maximum, settings.mqtt.max_topic_alias);
        aliases != 0)
      extras().alias_out_max = aliases;
    if (!connect.auth_method.empty()) extras().auth_method = connect.auth_method;
  }
  arm_keep_alive();

  std::uint64_t packets = settings.limits.publish_rate, bytes = settings.limits.publish_bytes_rate;
  if (const auto& listener = link_.peer().listener) {
    if (listener->settings.publish_rate) packets = listener->settings.publish_rate;
    if (listener->settings.publish_bytes_rate) bytes = listener->settings.publish_bytes_rate;
  }
  if (packets != 0 || bytes != 0) {
    extras().packets = TokenBucket(packets, link_.shard().now_ms());
    extras().bytes = TokenBucket(bytes, link_.shard().now_ms());
  }
}

}  // namespace keel::kernel
