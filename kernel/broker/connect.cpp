// CONNECT [MQTT5 3.1]: checks, identity, authentication, session, CONNACK.
//
// The packet stays unconsumed until the connection is on the shard its client id belongs to and
// every question about it has been answered; each time it is shown again it is simply parsed again.
#include <algorithm>

#include "kernel/base/log.hpp"
#include "kernel/base/utf8.hpp"
#include "kernel/broker/broker.hpp"
#include "kernel/broker/connection.hpp"
#include "kernel/broker/identity.hpp"
#include "kernel/codec/encoder.hpp"

namespace keel::kernel {

namespace {

std::string_view version_name(Version version) {
  return version == Version::v5 ? "5.0" : version == Version::v311 ? "3.1.1" : "3.1";
}

std::string_view refusal(Reason reason) {
  switch (reason) {
    case Reason::bad_user_name_or_password:
      return "it gives a user name or password, and nothing here accepts them; a client without "
             "any "
             "is anonymous";
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
  if (!fault) fault = check_connect(connect);
  if (fault) {
    broker_->metrics().add(Metric::connect_received);
    refuse(fault.reason, fault.what);
    return Outcome::done;
  }
  std::string assigned;
  const bool unnamed = connect.client_id.empty();
  if (!identify(connect)) return Outcome::done;
  if (const Fault bad = check_client_id(connect)) {
    broker_->metrics().add(Metric::connect_received);
    refuse(bad.reason, bad.what);
    return Outcome::done;
  }
  const bool assign = connect.client_id.empty();
  if (assign) {
    if (extras_ && !extras_->assigned_id.empty()) {
      assigned = extras_->assigned_id;
    } else {
      do assigned = random_client_id();
      while (broker_->realm().home(assigned) != link_.shard().index());
    }
    connect.client_id = assigned;
  } else if (move_home(connect.client_id)) {
    return Outcome::later;
  }

  if (auth) connect.auth_data = auth->data;

  AuthAnswer answer;
  switch (authenticate(connect, answer)) {
    case Allowed::later:
      if (assign) extras().assigned_id = assigned;
      return Outcome::later;
    case Allowed::no:
      if (answer.verdict == Verdict::more) {
        if (assign) extras().assigned_id = assigned;
        ask_for_more(connect, body, answer);
        return Outcome::done;
      }
      broker_->metrics().add(Metric::connect_received);
      broker_->metrics().add(Metric::auth_failure);
      broker_->metrics().add(Metric::connack_auth_error);
      refuse(answer.reason, refusal(answer.reason));
      return Outcome::done;
    case Allowed::yes:
      break;
  }
  superuser_ = answer.superuser;
  if (connect.has_will) {
    const Allowed allowed = authorize({Action::publish, connect.will.qos, connect.will.retain,
                                       connect.client_id, connect.username, connect.will.topic});
    if (allowed == Allowed::later) {
      if (assign) extras().assigned_id = assigned;
      extras().answer = std::move(answer);
      extras_->answered = true;
      return Outcome::later;
    }
    if (allowed == Allowed::no) {
      broker_->metrics().add(Metric::connect_received);
      refuse(Reason::not_authorized, "the will may not be published to its topic");
      return Outcome::done;
    }
  }
  broker_->metrics().add(Metric::connect_received);
  accept_session(connect, unnamed, answer);
  return Outcome::done;
}

Fault Connection::check_connect(const ConnectView& connect) const {
  const Settings& settings = broker_->settings();
  if (const auto& listener = link_.peer().listener) {
    const bool allowed = connect.version == Version::v5    ? listener->settings.v5
                         : connect.version == Version::v31 ? listener->settings.v31
                                                           : listener->settings.v311;
    if (!allowed)
      return {Reason::unsupported_protocol_version,
              "protocol version not allowed on this listener"};
  }
  if (broker_->draining()) return {Reason::server_unavailable, "the broker is shutting down"};
  if (connect.has_will) {
    const WillView& will = connect.will;
    const std::uint8_t max_qos =
        std::min(settings.mqtt.max_qos,
                 link_.peer().listener ? link_.peer().listener->settings.max_qos : std::uint8_t{2});
    if (will.qos > max_qos)
      return {Reason::qos_not_supported, "will above the highest QoS allowed"};
    if (will.retain && !settings.mqtt.retain_available)
      return {Reason::retain_not_supported, "will with retain where retain is not available"};
    if (!topic_fits(will.topic, 0, settings.limits))
      return {Reason::topic_name_invalid, "will topic longer or deeper than the limits allow"};
  }
  return {};
}

// Puts what the transport proved in place of what the client said, where the listener wants that.
bool Connection::identify(ConnectView& connect) {
  const auto& listener = link_.peer().listener;
  const auto* verified = link_.peer().verified.get();
  if (!listener) return true;
  const ListenerSettings& settings = listener->settings;
  if (settings.username_from != CertificateIdentity::none) {
    connect.username = certificate_attribute(verified, settings.username_from);
    connect.has_password = false;
    connect.has_username = !connect.username.empty();
    if (!connect.has_username) {
      refuse(Reason::not_authorized, "the certificate lacks the attribute that is the user name");
      return false;
    }
  }
  if (settings.clientid_from != CertificateIdentity::none) {
    connect.client_id = certificate_attribute(verified, settings.clientid_from);
    if (connect.client_id.empty()) {
      refuse(Reason::client_identifier_not_valid,
             "the certificate lacks the attribute that is the client id");
      return false;
    }
  }
  if (verified && !connect.has_username && connect.username.empty())
    connect.username = verified->psk_identity;
  if (settings.username_as_clientid && !connect.username.empty())
    connect.client_id = connect.username;
  return true;
}

// Checked on the id that counts, whoever named it [MQTT3 3.1.3.1].
Fault Connection::check_client_id(const ConnectView& connect) const {
  const std::uint32_t longest = broker_->settings().limits.max_clientid_len;
  if (longest != 0 && connect.client_id.size() > longest)
    return {Reason::client_identifier_not_valid, "client id longer than limits.max_clientid_len"};
  if (connect.client_id.empty() && (connect.version == Version::v31 ||
                                    (connect.version == Version::v311 && !connect.clean_start)))
    return {Reason::client_identifier_not_valid, "client id empty"};
  return {};
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

Connection::Allowed Connection::authenticate(const ConnectView& connect, AuthAnswer& answer) {
  const HookTable& hooks = broker_->hooks();
  const bool enhanced = !connect.auth_method.empty();
  const auto& chain = enhanced ? hooks.enhanced_auth : hooks.authenticate;
  if (extras_ && extras_->answered) {
    answer = std::move(extras_->answer);
    extras_->answered = false;
  } else if (!chain.empty()) {
    AuthRequest request{connect.version,      connect.clean_start,  connect.client_id,
                        connect.username,     connect.password,     connect.has_username,
                        connect.has_password, &link_.peer(),        connect.auth_method,
                        connect.auth_data,    broker_->new_ticket()};
    for (const auto& hook : chain) {
      answer = hook.fn(hook.ctx, request);
      if (answer.verdict != Verdict::next) break;
    }
    if (answer.verdict == Verdict::pending) {
      extras().ticket = request.ticket.number;
      extras_->asked.clear();
      wait_for_answer();
      return Allowed::later;
    }
  }
  if (answer.verdict == Verdict::allow) {
    broker_->metrics().add(Metric::auth_success);
    return Allowed::yes;
  }
  if (answer.verdict != Verdict::next) return Allowed::no;

  // Nobody decided.
  answer.reason = Reason::not_authorized;
  if (enhanced) {
    answer.reason = Reason::bad_authentication_method;
    return Allowed::no;
  }
  const auto& listener = link_.peer().listener;
  const bool replaced = listener && listener->settings.username_from != CertificateIdentity::none;
  if (!replaced && (connect.has_username || connect.has_password)) {
    answer.reason = Reason::bad_user_name_or_password;
    return Allowed::no;
  }
  const auto* verified = link_.peer().verified.get();
  if (verified && (!verified->dn.empty() || !verified->psk_identity.empty())) {
    broker_->metrics().add(Metric::auth_success);
    return Allowed::yes;
  }
  if (listener && !listener->allow_anonymous()) return Allowed::no;
  broker_->metrics().add(Metric::auth_anonymous);
  return Allowed::yes;
}

// Enhanced authentication goes on: CONNECT is kept until AUTH packets have decided [MQTT5 4.12].
void Connection::ask_for_more(const ConnectView& connect, Bytes body, const AuthAnswer& answer) {
  if (extras().connect_copy.empty()) extras_->connect_copy = body;
  extras_->auth_method = connect.auth_method;
  encode_auth(link_.out, Reason::continue_authentication, connect.auth_method, answer.data);
  link_.touch();
  broker_->metrics().add(Metric::auth_sent);
}

void Connection::refuse(Reason reason, std::string_view why) {
  MetricsCell& metrics = broker_->metrics();
  metrics.add(Metric::connack_error);
  KEEL_LOG(notice, "peer={}: CONNECT refused: {} (0x{:02x} {})", link_.peer().address(), why,
           code(reason), reason_name(reason));
  // A v3 client gets a CONNACK only for what v3 has a code for [MQTT-3.1.4-1].
  const bool answered = version_ == Version::v5 || reason == Reason::unsupported_protocol_version ||
                        reason == Reason::client_identifier_not_valid ||
                        (code(reason) >= code(Reason::bad_user_name_or_password) &&
                         reason != Reason::topic_name_invalid);
  if (answered) {
    ConnackFields fields;
    fields.reason = reason;
    encode_connack(link_.out, version_, fields);
    link_.touch();
    metrics.add(Metric::connack_sent);
  }
  close_link();
}

std::uint32_t Connection::session_expiry(const ConnectView& connect) const {
  const MqttSettings& mqtt = broker_->settings().mqtt;
  if (connect.version != Version::v5) return connect.clean_start ? 0 : mqtt.session_expiry_s;
  return connect.has_session_expiry ? std::min(connect.session_expiry_s, mqtt.max_session_expiry_s)
                                    : 0;
}

void Connection::accept_session(const ConnectView& connect, bool assigned, AuthAnswer& answer) {
  const auto& listener = link_.peer().listener;
  std::string mountpoint;
  const std::string_view pattern = !answer.mountpoint.empty() ? std::string_view(answer.mountpoint)
                                   : listener ? std::string_view(listener->settings.mountpoint)
                                              : std::string_view();
  if (!pattern.empty() &&
      !expand_mountpoint(pattern, connect.client_id, connect.username, mountpoint))
    return refuse(Reason::not_authorized, "client id or user name does not fit the mountpoint");
  std::unique_ptr<Will> will;
  if (connect.has_will) {
    if (!topic_fits(connect.will.topic, mountpoint.size(), broker_->settings().limits))
      return refuse(Reason::topic_name_invalid, "will topic too long below the mountpoint");
    will = std::make_unique<Will>(Will::from(connect.will));
    will->topic = mountpoint + will->topic;
  }
  if (will && !broker_->has_room(static_cast<std::size_t>(will->size())))
    return refuse(Reason::quota_exceeded, "limits.max_total_queued_bytes reached");
  const Broker::Opened opened =
      broker_->open_session(*this, {connect.client_id, connect.username, connect.clean_start,
                                    session_expiry(connect), mountpoint, std::move(will)});
  if (!opened.session) return refuse(Reason::quota_exceeded, "limits.max_sessions reached");

  session_ = opened.session;
  state_ = State::open;
  username_ = connect.username;
  clean_start_ = connect.clean_start;
  receive_max_ = connect.receive_maximum;
  max_packet_out_ = connect.maximum_packet_size;
  connected_at_s_ = broker_->unix_ms() / 1000;
  if (!mountpoint.empty()) extras().mountpoint = std::move(mountpoint);
  if (extras_) extras_->connect_copy = {};  // the exchange is over
  apply_limits(connect);
  broker_->register_connection(*this);

  std::string name, user;
  KEEL_LOG(info, "client={} peer={}: connected: version={} clean_start={} keepalive={} username={}",
           printable(connect.client_id, name), link_.peer().address(), version_name(version_),
           connect.clean_start, keep_alive_s_, printable(username_, user));
  send_connack(connect, opened.present, assigned, answer);
  if (broker_->traces())
    trace(
        fmt::format("received CONNECT version={} clean_start={} keepalive={} will={}; sent CONNACK "
                    "session_present={}",
                    version_name(version_), connect.clean_start, keep_alive_s_, connect.has_will,
                    opened.present));
  start_resend();  // before anything new can be sent
  broker_->presence_connected(*this);
  broker_->notify(opened.present ? Event::session_resumed : Event::session_created,
                  session_->client_id, username_);
  broker_->notify(Event::client_connected, session_->client_id, username_, {}, 0, "success",
                  &link_.peer());
  broker_->pump(*session_);
}

// Keep alive, rates and aliases, as settings and client agree on them.
void Connection::apply_limits(const ConnectView& connect) {
  const Settings& settings = broker_->settings();
  keep_alive_s_ = connect.keep_alive_s;
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
  timer_.cancel();
  if (keep_alive_s_ != 0)
    link_.shard().timers().arm(
        timer_,
        static_cast<std::int64_t>(keep_alive_s_ * 1000.0 * settings.mqtt.keepalive_multiplier));

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

void Connection::send_connack(const ConnectView& connect, bool present, bool assigned,
                              const AuthAnswer& answer) {
  const Settings& settings = broker_->settings();
  const auto& listener = link_.peer().listener;
  ConnackFields fields;
  fields.session_present = present;
  if (version_ == Version::v5) {
    const std::uint32_t granted = session_->expiry_s;
    fields.has_session_expiry = connect.has_session_expiry && granted != connect.session_expiry_s;
    fields.session_expiry_s = granted;
    if (settings.limits.max_awaiting_rel != 0)
      fields.receive_maximum = std::min<std::uint32_t>(settings.limits.max_awaiting_rel, 65535);
    fields.maximum_qos =
        std::min(settings.mqtt.max_qos, listener ? listener->settings.max_qos : std::uint8_t{2});
    fields.retain_available = settings.mqtt.retain_available;
    fields.maximum_packet_size = max_packet_in_;
    if (assigned) fields.assigned_client_id = session_->client_id;
    fields.topic_alias_maximum = settings.mqtt.max_topic_alias;
    fields.wildcard_available = settings.mqtt.wildcard_subscription;
    fields.shared_available = settings.mqtt.shared_subscription;
    fields.has_server_keep_alive = keep_alive_s_ != connect.keep_alive_s;
    fields.server_keep_alive_s = keep_alive_s_;
    if (connect.request_response_information)
      fields.response_information = settings.mqtt.response_information;
    fields.auth_method = connect.auth_method;
    fields.auth_data = answer.data;
  }
  encode_connack(link_.out, version_, fields);
  link_.touch();
  broker_->metrics().add(Metric::connack_sent);
}

}  // namespace keel::kernel
