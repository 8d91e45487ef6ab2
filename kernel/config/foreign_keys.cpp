#include "kernel/config/foreign_keys.hpp"

#include <string_view>

#include "kernel/config/schema.hpp"

namespace keel::kernel {

namespace {

struct ForeignKey {
  std::string_view pattern;  // `*` is one part, a last `**` any number of them
  std::string_view instead;  // a key of ours; with a blank, a sentence; empty: nothing
};

// Keys that EMQ X allows in a zone and, most of them, globally below mqtt.
constexpr ForeignKey kZoneKeys[] = {
    {"max_packet_size", "limits.max_packet_size"},
    {"max_clientid_len", "limits.max_clientid_len"},
    {"max_topic_levels", "limits.max_topic_levels"},
    {"max_qos_allowed", "mqtt.max_qos"},
    {"idle_timeout", "limits.connect_timeout"},
    {"publish_limit", "limits.publish_rate"},
    {"keepalive_backoff", "mqtt.keepalive_multiplier"},
    {"server_keepalive", "mqtt.server_keepalive"},
    {"max_subscriptions", "limits.max_subscriptions"},
    {"upgrade_qos", "mqtt.upgrade_qos"},
    {"max_inflight", "limits.max_inflight"},
    {"max_awaiting_rel", "limits.max_awaiting_rel"},
    {"session_expiry_interval", "mqtt.session_expiry"},
    {"max_mqueue_len", "limits.max_queued"},
    {"mqueue_store_qos0", "mqtt.queue_qos0"},
    {"use_username_as_clientid", "listener.<name>.username_as_clientid"},
    {"mountpoint", "listener.<name>.mountpoint"},
    {"allow_anonymous", "listener.<name>.allow_anonymous"},
    {"acl_deny_action", "mqtt.acl_deny_action"},
    {"max_topic_alias", "mqtt.max_topic_alias"},
    {"retain_available", "mqtt.retain_available"},
    {"wildcard_subscription", "mqtt.wildcard_subscription"},
    {"shared_subscription", "mqtt.shared_subscription"},
    {"ignore_loop_deliver", "mqtt.ignore_loop_deliver"},
    {"retry_interval", ""},
    {"await_rel_timeout", ""},
    {"mqueue_priorities", ""},
    {"mqueue_default_priority", ""},
    {"enable_acl", "mqtt.acl_nomatch and the plugin emqx_acl"},
    {"enable_ban", "`ctl banned`, whose list always holds,"},
    {"enable_stats", ""},
    {"force_gc_policy", ""},
    {"force_shutdown_policy", ""},
    {"enable_flapping_detect", "flapping.enabled"},
    {"flapping_threshold", "flapping.max_disconnects and flapping.window"},
    {"flapping_banned_expiry_interval", "flapping.ban_for"},
};

// The first match holds.
constexpr ForeignKey kKeys[] = {
    {"acl_nomatch", "mqtt.acl_nomatch"},
    {"acl_file", "the settings of the plugin emqx_acl"},
    {"enable_acl_cache", "mqtt.acl_cache"},
    {"acl_cache_max_size", "mqtt.acl_cache_size"},
    {"acl_cache_ttl", "mqtt.acl_cache_ttl"},
    {"node.name", "kernel.node_name"},
    {"node.data_dir", "kernel.data_dir"},
    {"node.**", ""},
    {"cluster.**", ""},
    {"rpc.**", ""},
    {"bridge.**", ""},
    {"rewrite.**", ""},
    {"delayed.**", ""},
    {"sysmon.**", ""},
    {"os_mon.**", ""},
    {"vm_mon.**", ""},
    {"module.presence", "sys.presence"},
    {"module.presence.qos", "sys.presence_qos"},
    {"module.**", ""},
    {"modules.**", ""},
    {"broker.sys_interval", "sys.interval"},
    {"broker.sys_heartbeat", "sys.heartbeat"},
    {"broker.shared_subscription_strategy", "mqtt.shared_strategy"},
    {"broker.**", ""},
    {"retainer.max_retained_messages", "limits.max_retained"},
    {"retainer.max_payload_size", "limits.max_retained_payload"},
    {"retainer.expiry_interval", "retain.expiry"},
    {"retainer.**", ""},
    {"psk.file.path", "tls.<name>.pskfile"},
    {"management.listener.http", "http.bind"},
    {"management.**", ""},
    {"dashboard.**", ""},
    {"auth.**", "the settings of the plugin, in plugins/ beside this file"},
    {"log.to", "log.console, log.file and log.journal"},
    {"log.dir", "log.file"},
    {"log.rotation", ""},
    {"log.rotation.size", "log.rotation_size"},
    {"log.rotation.count", "log.rotation_count"},
    {"log.*.file", "log.file_level"},
    {"plugins.etc_dir", "plugin settings in plugins/ beside this file"},
    {"plugins.loaded_file", "plugins.load"},
    {"plugins.expand_plugins_dir", "plugins.dir"},
    {"listener.ws.*.**", "the plugin emqx_ws"},
    {"listener.wss.*.**", "the plugin emqx_ws"},
    {"listener.*.max_conn_rate", "listener.<name>.connect_rate"},
    {"listener.*.*.max_conn_rate", "listener.<name>.connect_rate"},
    {"listener.*.rate_limit", "listener.<name>.publish_bytes_rate"},
    {"listener.*.*.rate_limit", "listener.<name>.publish_bytes_rate"},
    {"listener.*.peer_cert_as_username", "listener.<name>.username_from"},
    {"listener.*.*.peer_cert_as_username", "listener.<name>.username_from"},
    {"listener.*.certfile", "tls.<name>.certfile and listener.<name>.tls"},
    {"listener.*.keyfile", "tls.<name>.keyfile and listener.<name>.tls"},
    {"listener.*.cacertfile", "tls.<name>.cafile"},
    {"listener.*.verify", "tls.<name>.verify"},
    {"listener.*.handshake_timeout", "limits.handshake_timeout"},
    {"listener.*.*.handshake_timeout", "limits.handshake_timeout"},
    {"listener.*.*.certfile", "tls.<name>.certfile and listener.<name>.tls"},
    {"listener.*.*.keyfile", "tls.<name>.keyfile and listener.<name>.tls"},
    {"listener.*.*.cacertfile", "tls.<name>.cafile"},
    {"listener.*.*.verify", "tls.<name>.verify"},
    {"listener.*.zone", ""},
    {"listener.*.acceptors", ""},
    {"listener.*.active_n", ""},
    {"listener.tcp.external", "[listener.<name>] with its key bind"},
    {"listener.tcp.internal", "[listener.<name>] with its key bind"},
    {"listener.ssl.external", "[listener.<name>] with its keys bind and tls"},
    {"listener.tcp.*.**", "the keys of [listener.<name>]"},
    {"listener.ssl.*.*.**", "the keys of [listener.<name>] and [tls.<name>]"},
};

bool matches(const std::vector<std::string>& pattern, const std::vector<std::string>& path) {
  const bool open = pattern.back() == "**";
  const std::size_t parts = pattern.size() - (open ? 1 : 0);
  if (open ? path.size() < parts : path.size() != parts) return false;
  for (std::size_t i = 0; i < parts; ++i) {
    if (pattern[i] != "*" && pattern[i] != path[i]) return false;
  }
  return true;
}

std::string advice(std::string_view instead) {
  std::string text = "is not part of this version; ";
  if (instead.empty()) return text + "remove it";
  const bool key = instead.find(' ') == std::string_view::npos;
  return text.append("use ")
      .append(key ? "'" : "")
      .append(instead)
      .append(key ? "'" : "")
      .append(" instead");
}

}  // namespace

std::optional<std::string> foreign_key(const std::vector<std::string>& path) {
  const bool zone = path[0] == "zone";
  const bool global = path.size() == 1 || (path.size() == 2 && path[0] == "mqtt");
  if (zone || global) {
    for (const auto& key : kZoneKeys) {
      if (key.pattern == path.back()) return advice(key.instead);
    }
  }
  if (zone) return advice("");
  for (const auto& key : kKeys) {
    if (matches(split_path(key.pattern), path)) return advice(key.instead);
  }
  return std::nullopt;
}

}  // namespace keel::kernel
