#include "kernel/config/kernel_schema.hpp"

#include <algorithm>

#include "kernel/config/durability_words.hpp"
#include "kernel/config/kernel_schema_builder.hpp"

namespace keel::kernel {

namespace {

using namespace schema_builder;

constexpr std::int64_t kHour = 3'600'000;
const char* const kAddresses = "port, addr:port, [ipv6]:port or unix:PATH";

void kernel_rows(Table& table) {
  section<&Settings::kernel>(table, "kernel")
      .row("node_name", &KernelSettings::node_name, filled_text(),
           "this broker's name in $SYS topics and ctl")
      .row("shards", &KernelSettings::shards, integer(0, 256),
           "threads for clients; 0: one per core")
      .row("data_dir", &KernelSettings::data_dir, filled_text(), "ctl socket and run-time files")
      .row("default_address", &KernelSettings::default_address, filled_text(),
           "where a bare port binds; \"0.0.0.0\" opens it to the network")
      .row("pin_shards", &KernelSettings::pin_shards, boolean(), "bind each shard to a core")
      .all_need_restart();
  section<&Settings::plugins>(table, "plugins")
      .row("dir", &PluginSettings::dir, text(), "where the .so files are; \"\": beside the binary")
      .needs_restart()
      .row("load", &PluginSettings::load, list(), "plugins loaded at start")
      .needs_restart()
      .row("stop_timeout", &PluginSettings::stop_timeout_ms, millis(100, kHour),
           "how long a plugin may take to stop")
      .row("handover_timeout", &PluginSettings::handover_timeout_ms, millis(100, kHour),
           "how long a plugin's clients may take to move to its new version");
}

void mqtt_rows(Table& table) {
  using M = MqttSettings;
  section<&Settings::mqtt>(table, "mqtt")
      .row("keepalive_multiplier", &M::keepalive_multiplier, floating(1.0, 10.0),
           "a client silent for keep alive x this is lost")
      .row("server_keepalive", &M::server_keepalive_s, seconds(0, 65'535),
           "keep alive told to v5 clients; 0: their own holds")
      .row("max_keepalive", &M::max_keepalive_s, seconds(0, 65'535), "longest keep alive granted")
      .row("session_expiry", &M::session_expiry_s, seconds(), "life of an absent 3.x session")
      .row("max_session_expiry", &M::max_session_expiry_s, seconds(), "cap of the v5 property")
      .row("max_message_expiry", &M::max_message_expiry_s, seconds(),
           "cap and default of the message expiry; 0: none")
      .row("max_qos", &M::max_qos, integer(0, 2), "highest QoS a client may publish with")
      .row("retain_available", &M::retain_available, boolean(), "retained messages are allowed")
      .row("wildcard_subscription", &M::wildcard_subscription, boolean(), "+ and # are allowed")
      .row("shared_subscription", &M::shared_subscription, boolean(),
           "$share and $queue are allowed")
      .row("shared_strategy", &M::shared_strategy,
           choice({"random", "round_robin", "sticky", "hash"}),
           "who of a group gets a message: random, round_robin, sticky, hash")
      .row("upgrade_qos", &M::upgrade_qos, boolean(),
           "deliver at the higher of published and subscribed QoS")
      .row("queue_qos0", &M::queue_qos0, boolean(), "keep QoS 0 messages for absent sessions")
      .row("ignore_loop_deliver", &M::ignore_loop_deliver, boolean(),
           "3.x clients do not get their own messages back")
      .custom(
          "acl_nomatch", choice({"allow", "deny"}), "where no rule decides on a topic: allow, deny",
          [](const M& m) { return Value(m.acl_nomatch_allow ? "allow" : "deny"); },
          [](M& m, const Value& v) { m.acl_nomatch_allow = std::get<std::string>(v) == "allow"; })
      .custom(
          "acl_deny_action", choice({"ignore", "disconnect"}),
          "a publish not allowed: ignore drops it, disconnect ends the connection",
          [](const M& m) { return Value(m.acl_deny_disconnect ? "disconnect" : "ignore"); },
          [](M& m, const Value& v) {
            m.acl_deny_disconnect = std::get<std::string>(v) == "disconnect";
          })
      .row("acl_cache", &M::acl_cache, boolean(), "remember what each client may do")
      .row("acl_cache_size", &M::acl_cache_size, integer(1, 1'024),
           "decisions remembered per client; over it the oldest goes")
      .row("acl_cache_ttl", &M::acl_cache_ttl_ms, millis(1, 24 * kHour),
           "how long a decision is remembered")
      .row("max_topic_alias", &M::max_topic_alias, integer(0),
           "topic aliases per direction; 0: off")
      .row("response_information", &M::response_information, text(),
           "answered to v5 clients that ask; \"\": not answered");
}

void limit_rows(Table& table) {
  section<&Settings::limits>(table, "limits")
      .row("max_packet_size", &Limits::max_packet_size, size(0, 268'435'460), "of one MQTT packet")
      .row("max_clientid_len", &Limits::max_clientid_len, integer(0, 65'535),
           "bytes of a client id")
      .row("max_topic_levels", &Limits::max_topic_levels, integer(0, 65'535), "levels of a topic")
      .row("max_topic_length", &Limits::max_topic_length, integer(0, 65'535), "bytes of a topic")
      .row("max_subscriptions", &Limits::max_subscriptions, integer(0), "per client")
      .row("max_inflight", &Limits::max_inflight, integer(0, 65'535),
           "unacknowledged QoS 1/2 deliveries per client")
      .row("max_awaiting_rel", &Limits::max_awaiting_rel, integer(0, 65'535),
           "unfinished QoS 2 publishes per client")
      .row("max_queued", &Limits::max_queued, integer(0),
           "messages waiting per session; over it the oldest goes")
      .row("max_queued_bytes", &Limits::max_queued_bytes, size(), "bytes waiting per session")
      .row("max_total_queued_bytes", &Limits::max_total_queued_bytes, size(),
           "bytes waiting in all sessions")
      .row("max_output_bytes", &Limits::max_output_bytes, size(), "unsent bytes per connection")
      .row("max_connections", &Limits::max_connections, integer(0), "of all listeners")
      .row("connect_rate", &Limits::connect_rate, integer(0), "connections accepted per second")
      .row("publish_rate", &Limits::publish_rate, integer(0), "publishes per second and client")
      .row("publish_bytes_rate", &Limits::publish_bytes_rate, size(),
           "published bytes per second and client")
      .row("max_sessions", &Limits::max_sessions, integer(0), "connected or not")
      .row("max_retained", &Limits::max_retained, integer(0), "retained messages")
      .row("max_retained_bytes", &Limits::max_retained_bytes, size(), "bytes of all of them")
      .row("max_retained_payload", &Limits::max_retained_payload, size(0, 268'435'460),
           "payload of one of them")
      .row("connect_timeout", &Limits::connect_timeout_ms, millis(0, kHour),
           "from accepting a connection to its CONNECT")
      .row("handshake_timeout", &Limits::handshake_timeout_ms, millis(0, kHour),
           "for the TLS handshake and the PROXY header")
      .row("send_timeout", &Limits::send_timeout_ms, millis(0, kHour),
           "a socket that takes no byte for so long is closed");
  section<&Settings::retain>(table, "retain")
      .row("expiry", &RetainSettings::expiry_s, seconds(),
           "longest life of a retained message; 0: until replaced");
}

Value rules_of(const DurabilitySettings& durability) {
  std::vector<std::string> rules;
  for (const auto& rule : durability.rules) rules.push_back(print_durability_rule(rule));
  return rules;
}

void set_rules(DurabilitySettings& durability, const Value& value) {
  durability.rules.clear();
  for (const auto& rule : std::get<std::vector<std::string>>(value))
    durability.rules.push_back(parse_durability_rule(rule));
}

void durability_rows(Table& table) {
  using D = DurabilitySettings;
  section<&Settings::durability>(table, "durability")
      .custom(
          "policy", choice({"fsync", "async", "none"}),
          "fsync: on disk, async: on its way there, none: in memory only",
          [](const D& d) { return Value(std::string(durability_word(d.policy))); },
          [](D& d, const Value& v) { d.policy = *parse_durability(std::get<std::string>(v)); })
      .custom("rules", list(),
              "for some topics, such as [\"telemetry/# = async\"]; the first match holds", rules_of,
              set_rules)
      .row("store", &D::store, text(),
           "the plugin that is the store: if it is to be loaded and cannot be, keel does not start")
      .row("queue_window", &D::queue_window, integer(1, 1'000'000),
           "messages per absent session kept in memory besides; the rest is read when needed")
      .row("max_backlog", &D::max_backlog, size(65'536),
           "waiting for the disk; over it publishers wait");
}

void access_rows(Table& table) {
  section<&Settings::auth>(table, "auth")
      .row("max_failures", &AuthSettings::max_failures, integer(0, 10'000),
           "failed logins per address and window; 0: no limit")
      .row("failure_window", &AuthSettings::failure_window_s, seconds(1, 24 * 3'600),
           "counted from the first failure on");
  using F = FlappingSettings;
  section<&Settings::flapping>(table, "flapping")
      .row("enabled", &F::enabled, boolean(), "ban client ids that come and go without end")
      .row("max_disconnects", &F::max_disconnects, integer(1, 10'000),
           "disconnects per client id and window; one more bans it")
      .row("window", &F::window_s, seconds(1, 24 * 3'600), "counted from the first disconnect on")
      .row("ban_for", &F::ban_for_s, seconds(1), "how long; `ctl banned list` shows it");
}

void set_verify(TlsSettings& tls, const Value& value) {
  const auto& word = std::get<std::string>(value);
  tls.verify_peer = word != "none";
  tls.require_peer = word == "require";
}

void tls_rows(Table& table) {
  using T = TlsSettings;
  Section<T>(
      table, "tls.*",
      [](const Settings& settings, std::string_view name) -> const T* {
        const auto found = settings.tls.find(std::string(name));
        return found != settings.tls.end() ? &found->second : nullptr;
      },
      tls_section)
      .row("certfile", &T::certfile, text(), "certificate chain, PEM")
      .row("keyfile", &T::keyfile, text(), "its private key, PEM")
      .row("key_password", &T::key_password, secret_text(), "if the key is encrypted")
      .row("cafile", &T::cafile, text(), "authorities that client certificates must come from, PEM")
      .row("crlfile", &T::crlfile, text(), "revoked client certificates, PEM")
      .row("pskfile", &T::pskfile, text(), "pre-shared keys, lines of identity:hexkey")
      .row("psk_hint", &T::psk_hint, text(), "told to PSK clients")
      .custom(
          "verify", choice({"none", "optional", "require"}),
          "client certificates: none, optional, require",
          [](const T& t) {
            return Value(!t.verify_peer ? "none" : t.require_peer ? "require" : "optional");
          },
          set_verify)
      .row("min_version", &T::min_version, choice({"1.2", "1.3"}), "oldest TLS version")
      .row("max_version", &T::max_version, choice({"1.2", "1.3"}), "newest TLS version")
      .row("ciphers", &T::ciphers, text(), "of TLS 1.2, in OpenSSL's form; \"\": its defaults")
      .row("ciphersuites", &T::ciphersuites, text(), "of TLS 1.3; \"\": OpenSSL's defaults")
      .row("prefer_server_ciphers", &T::prefer_server_ciphers, boolean(),
           "the server's order of ciphers holds");
}

Value versions_of(const ListenerSettings& listener) {
  std::vector<std::string> versions;
  if (listener.v31) versions.emplace_back("3.1");
  if (listener.v311) versions.emplace_back("3.1.1");
  if (listener.v5) versions.emplace_back("5.0");
  return versions;
}

void set_versions(ListenerSettings& listener, const Value& value) {
  const auto& versions = std::get<std::vector<std::string>>(value);
  const auto has = [&](const char* version) {
    return std::find(versions.begin(), versions.end(), version) != versions.end();
  };
  listener.v31 = has("3.1");
  listener.v311 = has("3.1.1");
  listener.v5 = has("5.0");
}

void listener_rows(Table& table) {
  using L = ListenerSettings;
  const auto identity = [] { return choice({"none", "cn", "san", "dn"}); };
  Section<L>(table, "listener.*", find_listener, listener_section)
      .row("bind", &L::bind, address({.may_be_empty = false}), kAddresses)
      .example("1883")
      .row("tls", &L::tls, text(), "name of a [tls.*] section; \"\": no TLS")
      .row("enabled", &L::enabled, boolean(), "false keeps the section without listening")
      .row("allow_anonymous", &L::allow_anonymous, boolean(),
           "clients without a user name; unset: on loopback and Unix sockets only")
      .example("true")
      .row("mountpoint", &L::mountpoint, text(), "prefix of all topics; %c client id, %u user name")
      .custom("versions", list({"3.1", "3.1.1", "5.0"}), "MQTT versions admitted", versions_of,
              set_versions)
      .row("proxy_protocol", &L::proxy_protocol, boolean(),
           "expect a PROXY v1/v2 header before everything else")
      .row("proxy_from", &L::proxy_from, list(), "addresses or networks that may send it; []: any")
      .row("username_from", &L::username_from, identity(),
           "user name from the client certificate: none, cn, san, dn")
      .row("clientid_from", &L::clientid_from, identity(),
           "client id from the client certificate: none, cn, san, dn")
      .row("username_as_clientid", &L::username_as_clientid, boolean(),
           "the user name becomes the client id")
      .row("max_connections", &L::max_connections, integer(0),
           "0: only limits.max_connections holds")
      .row("connect_rate", &L::connect_rate, integer(0),
           "accepted per second; 0: only limits.connect_rate holds")
      .row("publish_rate", &L::publish_rate, integer(0), "0: limits.publish_rate holds")
      .row("publish_bytes_rate", &L::publish_bytes_rate, size(),
           "0: limits.publish_bytes_rate holds")
      .row("max_packet_size", &L::max_packet_size, size(0, 268'435'460),
           "0: limits.max_packet_size holds")
      .row("max_qos", &L::max_qos, integer(0, 2), "highest QoS a client may publish with here")
      .row("durability", &L::durability, choice({"", "none", "async", "fsync"}),
           "policy for what is published here: fsync, async, none; \"\": durability.policy")
      .row("backlog", &L::backlog, integer(1, 65'535),
           "connections the system holds until accepted")
      .row("unix_mode", &L::unix_mode, octal(0777), "permissions of a Unix socket")
      .row("reuse_port", &L::reuse_port, boolean(), "one accepting socket per shard");
}

void log_rows(Table& table) {
  const std::vector<std::string> levels = {"debug", "info",     "notice", "warning",
                                           "error", "critical", "alert",  "emergency"};
  std::vector<std::string> or_none = {""};
  or_none.insert(or_none.end(), levels.begin(), levels.end());
  section<&Settings::log>(table, "log")
      .row("level", &LogSettings::level, choice(levels),
           "debug, info, notice, warning, error, critical, alert, emergency")
      .row("console", &LogSettings::console, boolean(), "log to standard error")
      .row("file", &LogSettings::file, text(), "log to this file; \"\": to none")
      .row("file_level", &LogSettings::file_level, choice(or_none),
           "level of the file; \"\": as level")
      .row("journal", &LogSettings::journal, boolean(), "log to the systemd journal")
      .row("rotation_size", &LogSettings::rotation_size, size(),
           "the file is rotated beyond this; 0: never")
      .row("rotation_count", &LogSettings::rotation_count, integer(0, 1'000), "rotated files kept")
      .row("burst", &LogSettings::burst, integer(0),
           "lines of one kind per second before they are only counted; 0: all");
}

void sys_rows(Table& table) {
  section<&Settings::sys>(table, "sys")
      .row("interval", &SysSettings::interval_ms, millis(0, 24 * kHour),
           "between two publications of $SYS; 0: no $SYS")
      .row("heartbeat", &SysSettings::heartbeat_ms, millis(0, 24 * kHour),
           "between two of uptime and datetime")
      .row("presence", &SysSettings::presence, boolean(), "publish who connects and disconnects")
      .row("presence_qos", &SysSettings::presence_qos, integer(0, 2), "QoS of those");
  section<&Settings::http>(table, "http")
      .row("bind", &HttpSettings::bind, address(),
           "/metrics and /health over HTTP, such as \"127.0.0.1:8081\"; \"\": off")
      .needs_restart();
}

KernelSchema build() {
  Table table;
  kernel_rows(table);
  listener_rows(table);
  tls_rows(table);
  mqtt_rows(table);
  limit_rows(table);
  durability_rows(table);
  access_rows(table);
  log_rows(table);
  sys_rows(table);
  return {std::move(table.specs), std::move(table.access)};
}

}  // namespace

const KernelSchema& kernel_schema() {
  static const KernelSchema schema = build();
  return schema;
}

TlsSettings& tls_section(Settings& settings, std::string_view name) {
  return settings.tls[std::string(name)];
}

const ListenerSettings* find_listener(const Settings& settings, std::string_view name) {
  for (const auto& listener : settings.listeners) {
    if (listener.name == name) return &listener;
  }
  return nullptr;
}

ListenerSettings& listener_section(Settings& settings, std::string_view name) {
  for (auto& listener : settings.listeners) {
    if (listener.name == name) return listener;
  }
  settings.listeners.push_back({.name = std::string(name)});
  return settings.listeners.back();
}

}  // namespace keel::kernel
