#include "emqx_sn/settings.hpp"

#include "emqx_sn/predefined.hpp"

namespace sn {
namespace {

using keel::concat;
using keel::Config;
using keel::Result;
using keel::Status;

std::uint32_t number(const Config& config, const char* key) {
  return static_cast<std::uint32_t>(config.integer(key));
}
std::uint32_t millis(const Config& config, const char* key) {
  return static_cast<std::uint32_t>(config.duration_ms(key));
}
std::uint32_t seconds(const Config& config, const char* key) {
  return static_cast<std::uint32_t>((config.duration_ms(key) + 999) / 1000);
}
std::string file(const Config& config, const char* key) {
  const std::string name = config.text(key);
  return name.empty() ? name : config.path(name);
}
std::optional<std::string> optional_text(const Config& config, const char* key) {
  if (!config.has(key)) return std::nullopt;
  return config.text(key);
}

Status add_listener(const Config& config, const char* name, const char* key,
                    std::optional<DtlsSettings> dtls, std::vector<ListenerSettings>& out) {
  ListenerSettings listener;
  listener.name = name;
  listener.key = key;
  listener.address = config.text(key);
  listener.dtls = std::move(dtls);
  listener.recv_buffer = static_cast<std::uint32_t>(config.size("mqtt.sn.recv_buffer"));
  if (listener.address.empty()) return {};
  if (listener.address.starts_with("unix:")) {
    return config.fail(key, "a datagram socket has no path; give a port or address:port");
  }
  for (const ListenerSettings& other : out) {
    const bool same = other.address == listener.address && !listener.address.ends_with(":0");
    if (same)
      return config.fail(key,
                         concat("is the address of ", other.key, ", too; remove one of the two"));
  }
  out.push_back(std::move(listener));
  return {};
}

Result<DtlsSettings> read_dtls(const Config& config) {
  DtlsSettings out;
  out.section = config.text("mqtt.sn.dtls.tls");
  out.certfile = file(config, "mqtt.sn.dtls.certfile");
  out.keyfile = file(config, "mqtt.sn.dtls.keyfile");
  out.key_password = config.text("mqtt.sn.dtls.key_password");
  out.cafile = file(config, "mqtt.sn.dtls.cacertfile");
  out.pskfile = file(config, "mqtt.sn.dtls.psk_file");
  out.psk_hint = config.text("mqtt.sn.dtls.psk_hint");
  out.ciphers = config.text("mqtt.sn.dtls.ciphers");
  out.session_timeout_s = seconds(config, "mqtt.sn.dtls.session_timeout");
  out.max_sessions = number(config, "mqtt.sn.dtls.max_sessions");
  const std::string identity = config.text("mqtt.sn.dtls.peer_identity_as_username");
  out.identity = identity == "psk"  ? Identity::psk
                 : identity == "cn" ? Identity::cn
                                    : Identity::none;
  if (config.text("mqtt.sn.dtls.verify") == "verify_peer") {
    const bool needed = config.boolean("mqtt.sn.dtls.fail_if_no_peer_cert");
    out.verify = needed ? keel::Verify::require : keel::Verify::optional;
  }
  return out;
}

Status check_dtls(const Config& config, const DtlsSettings& dtls) {
  if (!dtls.section.empty()) {
    if (dtls.certfile.empty() && dtls.pskfile.empty()) return {};
    return config.fail(dtls.certfile.empty() ? "mqtt.sn.dtls.psk_file" : "mqtt.sn.dtls.certfile",
                       "stands beside mqtt.sn.dtls.tls; give one of the two");
  }
  if (dtls.certfile.empty() != dtls.keyfile.empty()) {
    return config.fail(dtls.certfile.empty() ? "mqtt.sn.dtls.keyfile" : "mqtt.sn.dtls.certfile",
                       "certfile and keyfile belong together; give both");
  }
  if (dtls.certfile.empty() && dtls.pskfile.empty()) {
    return config.fail("mqtt.sn.dtls.port",
                       "DTLS needs mqtt.sn.dtls.certfile and .keyfile, or .psk_file, or .tls");
  }
  if (dtls.verify != keel::Verify::none && dtls.cafile.empty()) {
    return config.fail("mqtt.sn.dtls.verify",
                       "needs mqtt.sn.dtls.cacertfile, against which certificates are checked");
  }
  if (dtls.identity == Identity::psk && dtls.pskfile.empty()) {
    return config.fail("mqtt.sn.dtls.peer_identity_as_username",
                       "\"psk\" needs mqtt.sn.dtls.psk_file; else nobody has an identity");
  }
  if (dtls.identity == Identity::cn && dtls.verify == keel::Verify::none) {
    return config.fail("mqtt.sn.dtls.peer_identity_as_username",
                       "\"cn\" needs mqtt.sn.dtls.verify = \"verify_peer\"; else nobody is asked "
                       "for a certificate");
  }
  return {};
}

Status read_listeners(const Config& config, GatewaySettings& out) {
  KEEL_TRY(add_listener(config, "sn:default", "mqtt.sn.port", std::nullopt, out.listeners));
  for (const std::string& name : config.keys("mqtt.sn.listener")) {
    KEEL_TRY(add_listener(config, concat("sn:", name).c_str(),
                          concat("mqtt.sn.listener.", name).c_str(), std::nullopt, out.listeners));
  }
  if (!config.text("mqtt.sn.dtls.port").empty()) {
    auto dtls = read_dtls(config);
    if (!dtls) return dtls.status();
    KEEL_TRY(check_dtls(config, *dtls));
    KEEL_TRY(add_listener(config, "sn:dtls", "mqtt.sn.dtls.port", std::move(*dtls), out.listeners));
  }
  if (!out.listeners.empty()) return {};
  return config.fail("mqtt.sn.port", "there is nothing to listen on; set it, or mqtt.sn.dtls.port");
}

// "224.0.1.187": an address without a port.
std::optional<keel::Address> bare_address(std::string_view text) {
  const auto out = keel::Address::parse(text);
  if (!out || out->port() != 0) return std::nullopt;
  return out;
}

bool is_multicast(const keel::Address& address) {
  const auto& bytes = address.c().bytes;
  return address.family() == KEEL_ADDR_IP4 ? (bytes[0] & 0xf0) == 0xe0 : bytes[0] == 0xff;
}

Status read_discovery(const Config& config, DiscoverySettings& out) {
  out.period_s = seconds(config, "mqtt.sn.advertise_duration");
  out.broadcast = config.boolean("mqtt.sn.broadcast");
  for (const std::string& text : config.list("mqtt.sn.broadcast_address")) {
    const auto address = bare_address(text);
    if (!address || address->family() != KEEL_ADDR_IP4 || is_multicast(*address)) {
      return config.fail("mqtt.sn.broadcast_address",
                         concat("'", text, "' is no IPv4 broadcast address; give \"10.0.0.255\""));
    }
    out.instead.push_back(*address);
  }
  const std::string group = config.text("mqtt.sn.multicast");
  if (group.empty()) return {};
  out.multicast = bare_address(group);
  if (out.multicast && is_multicast(*out.multicast)) return {};
  return config.fail("mqtt.sn.multicast",
                     concat("'", group,
                            "' is no multicast group; give \"224.0.1.187\" or "
                            "\"ff02::fd%2\", the 2 being the interface's number"));
}

// Where a client's id has to stand when it is none that a key can be made of.
constexpr std::string_view kClientId = "clientid";

std::optional<std::uint16_t> topic_id(std::string_view text) {
  std::uint32_t id = 0;
  if (text.empty() || text.size() > 5) return std::nullopt;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    id = id * 10 + static_cast<std::uint32_t>(c - '0');
  }
  if (id >= 0xffff) return std::nullopt;
  return static_cast<std::uint16_t>(id);
}

// The names at `table`; .0 is EMQ X's reminder that there is no such id.
Status read_names(const Config& config, const std::string& table, std::string_view client,
                  Predefined& out) {
  for (const std::string& text : config.keys(table.c_str())) {
    const std::string key = concat(table, '.', text);
    if (!client.empty() && text == kClientId) continue;
    const auto id = topic_id(text);
    if (!id) return config.fail(key.c_str(), concat("'", text, "' is no topic id from 1 to 65534"));
    if (*id == 0) continue;
    const std::string topic = config.text(key.c_str());
    if (topic.empty() || topic.find_first_of("#+") != std::string::npos) {
      return config.fail(key.c_str(), "a topic is not empty and has no wildcards");
    }
    if (topic.size() > 65'535) return config.fail(key.c_str(), "is longer than a topic can be");
    if (!out.add(client, *id, topic)) {
      return config.fail(key.c_str(), concat("the id ", *id, " has another name already"));
    }
  }
  return {};
}

Status read_clients(const Config& config, ClientSettings& out) {
  out.retry_interval_ms = millis(config, "mqtt.sn.retry_interval");
  out.max_retry = number(config, "mqtt.sn.max_retry");
  out.wait_interval_ms = millis(config, "mqtt.sn.wait_interval");
  out.idle_timeout_ms = millis(config, "mqtt.sn.idle_timeout");
  out.await_rel_timeout_ms = millis(config, "mqtt.sn.await_rel_timeout");
  out.max_packet_size = static_cast<std::uint32_t>(config.size("mqtt.sn.max_packet_size"));
  out.max_inflight = static_cast<std::uint16_t>(config.integer("mqtt.sn.max_inflight"));
  out.max_awaiting_rel = number(config, "mqtt.sn.max_awaiting_rel");
  out.max_topics = number(config, "mqtt.sn.max_topics");
  out.resume_on_wakeup = config.text("mqtt.sn.wakeup") == "resume";
  out.lenient_topic_id = config.boolean("mqtt.sn.lenient_topic_id");
  out.enable_qos3 = config.boolean("mqtt.sn.enable_qos3");
  out.subs_resume = config.boolean("mqtt.sn.subs_resume");
  out.session_expiry_s = seconds(config, "mqtt.sn.session_expiry");
  out.mountpoint = config.text("mqtt.sn.mountpoint");
  if (out.mountpoint.find_first_of("#+") != std::string::npos || out.mountpoint.size() > 4096) {
    return config.fail("mqtt.sn.mountpoint", "has no wildcards and at most 4096 characters");
  }
  auto predefined = std::make_shared<Predefined>();
  KEEL_TRY(read_names(config, "mqtt.sn.predefined.topic", {}, *predefined));
  for (const std::string& name : config.keys("mqtt.sn.predefined.client")) {
    const std::string table = concat("mqtt.sn.predefined.client.", name);
    const std::string key = concat(table, '.', kClientId);
    const std::string client = config.text(key.c_str(), name);
    if (client.empty()) return config.fail(key.c_str(), "is empty; give the client id");
    KEEL_TRY(read_names(config, table, client, *predefined));
  }
  out.predefined = std::move(predefined);
  return {};
}

}  // namespace

keel::Tls DtlsSettings::tls() const {
  keel::Tls out;
  out.section = section;
  out.certfile = certfile;
  out.keyfile = keyfile;
  out.key_password = key_password;
  out.cafile = cafile;
  out.pskfile = pskfile;
  out.psk_hint = psk_hint;
  out.ciphers = ciphers;
  out.verify = verify;
  return out;
}

keel::UdpOptions ListenerSettings::options(const keel::Tls* tls) const {
  keel::UdpOptions out;
  out.address = address;
  out.per_shard = true;
  out.broadcast = !dtls;
  out.recv_buffer = recv_buffer;
  out.tls = tls;
  if (dtls) {
    out.max_sessions = dtls->max_sessions;
    out.idle_timeout_s = dtls->session_timeout_s;
  }
  return out;
}

keel::Result<SettingsPtr> read_settings(const Config& config) {
  auto out = std::make_shared<GatewaySettings>();
  auto clients = std::make_shared<ClientSettings>();
  out->gateway_id = static_cast<std::uint8_t>(config.integer("mqtt.sn.gateway_id"));
  out->allow_anonymous = config.boolean_if_set("mqtt.sn.allow_anonymous");
  out->username = optional_text(config, "mqtt.sn.username");
  out->password = optional_text(config, "mqtt.sn.password");
  out->qos_neg1 = config.boolean("mqtt.sn.enable_qos3");
  out->forwarder = config.boolean("mqtt.sn.forwarder");
  out->rebind = config.boolean("mqtt.sn.rebind");
  out->persist = config.boolean("mqtt.sn.persist");
  out->max_connections = number(config, "mqtt.sn.max_connections");
  out->connect_rate = number(config, "mqtt.sn.max_conn_rate");
  if (out->password && !out->username) {
    return config.fail("mqtt.sn.password", "needs mqtt.sn.username, without which it is not sent");
  }
  KEEL_TRY(read_listeners(config, *out));
  KEEL_TRY(read_discovery(config, out->discovery));
  KEEL_TRY(read_clients(config, *clients));
  out->clients = std::move(clients);
  return SettingsPtr(std::move(out));
}

}  // namespace sn
