// CONNACK [MQTT5 3.2]: what a client is told of its CONNECT, accepted or refused.
#include <algorithm>

#include "kernel/base/log.hpp"
#include "kernel/base/utf8.hpp"
#include "kernel/broker/broker.hpp"
#include "kernel/broker/connection.hpp"

namespace keel::kernel {

// Called once at most. False: the hook denies.
bool Connection::ask_connack(const ConnectView& connect, Reason reason, bool present,
                             ConnackAnswer& said) {
  const auto& hook = broker_->hooks().client_connack;
  if (!hook || connack_asked_) return true;
  connack_asked_ = true;
  said = broker_->call(hook, ConnackRequest{hook_client(connect), reason, present});
  return said.verdict != Verdict::deny;
}

void Connection::refuse(const ConnectView* connect, const Fault& fault) {
  refuse(connect, fault, {});
}

// `connect`: null when it could not be read. `said`: by the hook, if it has been asked already.
void Connection::refuse(const ConnectView* connect, const Fault& fault, ConnackAnswer said) {
  MetricsCell& metrics = broker_->metrics();
  const Reason reason = fault.reason;
  metrics.add(Metric::connect_received);
  metrics.add(Metric::connack_error);
  KEEL_LOG(notice, "peer={}: CONNECT refused: {} (0x{:02x} {})", link_.peer().address(), fault.what,
           code(reason), reason_name(reason));
  // A v3 client gets a CONNACK only for what v3 has a code for [MQTT-3.1.4-1].
  const bool answered = version_ == Version::v5 || reason == Reason::unsupported_protocol_version ||
                        reason == Reason::client_identifier_not_valid ||
                        (code(reason) >= code(Reason::bad_user_name_or_password) &&
                         reason != Reason::topic_name_invalid);
  if (answered) {
    if (connect) ask_connack(*connect, reason, false, said);
    ConnackFields fields;
    fields.reason = reason;
    write_connack(connect, fields, said);
  }
  if (connect && broker_->wants(Event::client_connected))
    broker_->notify({.event = Event::client_connected,
                     .client = hook_client(*connect),
                     .code = reason,
                     .reason = reason_name(reason)});
  close_link(reason);
}

void Connection::send_connack(const ConnectView& connect, bool present, bool assigned,
                              const AuthAnswer& answer, const ConnackAnswer& said) {
  const Settings& settings = broker_->settings();
  const auto& listener = link_.peer().listener;
  ConnackFields fields;
  fields.session_present = present;
  if (version_ == Version::v5) {
    const std::uint32_t granted = session_->expiry_s;
    fields.has_session_expiry = granted != connect.session_expiry_s;  // absent: 0
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
  write_connack(&connect, fields, said);
}

// With what the hook said, as far as it fits [MQTT-3.2.2-19, MQTT-3.2.2-20].
void Connection::write_connack(const ConnectView* connect, ConnackFields& fields,
                               const ConnackAnswer& said) {
  std::string user_properties;
  if (version_ == Version::v5) {
    for (const auto& [name, value] : said.user_properties)
      if (valid_utf8(name) && valid_utf8(value)) add_user_property(user_properties, name, value);
    fields.user_properties = user_properties;
    if (valid_utf8(said.reason_string)) fields.reason_string = said.reason_string;
    if (connect && connect->request_response_information && !said.response_information.empty() &&
        valid_utf8(said.response_information))
      fields.response_information = said.response_information;
    const std::size_t largest =
        connect && connect->maximum_packet_size != 0
            ? std::min<std::size_t>(connect->maximum_packet_size, kMaxPacketSize)
            : kMaxPacketSize;
    if (connack_size(version_, fields) > largest) fields.user_properties = {};
    if (connack_size(version_, fields) > largest) fields.reason_string = {};
  }
  encode_connack(link_.out, version_, fields);
  link_.touch();
  broker_->metrics().add(Metric::connack_sent);
}

}  // namespace keel::kernel
