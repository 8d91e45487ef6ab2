// $SYS/brokers/<node>/clients/<id>/connected and /disconnected: JSON as EMQ X publishes it, `ts` in
// milliseconds. Written only while somebody is subscribed.
#include <fmt/format.h>

#include "kernel/base/utf8.hpp"
#include "kernel/broker/broker.hpp"
#include "kernel/broker/connection.hpp"

namespace keel::kernel {

namespace {

std::string json_quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\')
      (out += '\\') += c;
    else if (octet(c) < 0x20)
      out += fmt::format("\\u{:04x}", octet(c));
    else
      out += c;
  }
  return out += '"';
}

std::string name_or_undefined(std::string_view username) {
  return username.empty() ? "\"undefined\"" : json_quoted(username);
}

// As in CONNECT; of a gateway's client what it calls its protocol.
std::string_view protocol_name(const ConnectionInfo& info) {
  if (!info.speaks_mqtt()) return info.protocol;
  return info.version == Version::v31 ? "MQIsdp" : "MQTT";
}

}  // namespace

void Broker::publish_presence(std::string_view client_id, std::string_view what,
                              FunctionRef<std::string()> json) {
  if (!settings_->sys.presence || settings_->sys.interval_ms == 0) return;
  // A client id with a topic's own characters would make another topic, or none at all.
  if (client_id.find_first_of("/+#") != std::string_view::npos) return;
  const std::string topic =
      fmt::format("$SYS/brokers/{}/clients/{}/{}", settings_->kernel.node_name, client_id, what);
  if (!routes_.find(topic).empty()) publish_own(topic, json(), settings_->sys.presence_qos, false);
}

void Broker::presence_connected(const Connection& connection) {
  publish_presence(connection.session()->client_id, "connected", [&] {
    const ConnectionInfo info = connection.info();
    return fmt::format(
        R"({{"clientid":{},"username":{},"ipaddress":{},"connack":0,"ts":{},"proto_ver":{},)"
        R"("proto_name":{},"clean_start":{},"keepalive":{}}})",
        json_quoted(info.client_id), name_or_undefined(info.username),
        json_quoted(std::string_view(info.peer).substr(0, info.peer.rfind(':'))), unix_ms(),
        info.speaks_mqtt() ? fmt::format("{}", static_cast<int>(info.version)) : "null",
        json_quoted(protocol_name(info)), info.clean_start, info.keep_alive_s);
  });
}

void Broker::presence_disconnected(const Connection& connection, std::string_view reason) {
  publish_presence(connection.session()->client_id, "disconnected", [&] {
    return fmt::format(R"({{"clientid":{},"username":{},"reason":{},"ts":{}}})",
                       json_quoted(connection.session()->client_id),
                       name_or_undefined(connection.username()), json_quoted(reason), unix_ms());
  });
}

}  // namespace keel::kernel
