// The broker's settings as plain values. Every default of the kernel stands here and nowhere else;
// the schema that reads `keel.conf` takes its defaults from a default-constructed Settings. An
// instance is immutable once published: shards hold a pointer to the snapshot in force. Durations
// are milliseconds or seconds as the name says, sizes are bytes, 0 means "no limit" in Limits.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace keel::kernel {

enum class SharedStrategy : std::uint8_t { random, round_robin, sticky, hash };

// Which attribute of a verified client certificate becomes the user name or the client id.
enum class CertificateIdentity : std::uint8_t { none, cn, san, dn };

struct KernelSettings {
  std::string node_name = "keel@127.0.0.1";
  std::uint32_t shards = 0;  // 0: one per core
  std::string data_dir = "data";
  std::string default_address = "127.0.0.1";  // where a bare port binds
  bool pin_shards = false;
};

struct PluginSettings {
  std::string dir;  // empty: found beside the running binary
  std::vector<std::string> load;
  std::int64_t stop_timeout_ms = 5'000;
  std::int64_t handover_timeout_ms = 30'000;
};

struct MqttSettings {
  double keepalive_multiplier = 1.5;
  std::uint32_t server_keepalive_s = 0;  // 0: the client's own keep alive holds
  std::uint32_t max_keepalive_s = 65535;
  std::uint32_t session_expiry_s = 7'200;        // v3 sessions without clean session
  std::uint32_t max_session_expiry_s = 604'800;  // cap of the v5 property
  std::uint32_t max_message_expiry_s = 0;        // cap and default of the message expiry; 0: none
  std::uint8_t max_qos = 2;
  bool retain_available = true;
  bool wildcard_subscription = true;
  bool shared_subscription = true;
  SharedStrategy shared_strategy = SharedStrategy::round_robin;
  bool upgrade_qos = false;           // deliver at max(publish, subscription) instead of min
  bool queue_qos0 = false;            // keep QoS 0 messages for absent persistent sessions
  bool ignore_loop_deliver = false;   // v3 clients do not get their own messages back
  bool acl_nomatch_allow = true;      // what holds where no plugin decides on a topic
  bool acl_deny_disconnect = false;   // refuse the publish, or end the connection
  bool acl_cache = true;              // remember what was decided, per client
  std::uint32_t acl_cache_size = 32;  // so many decisions of each client
  std::int64_t acl_cache_ttl_ms = 60'000;
  std::uint16_t max_topic_alias = 16;  // per direction; 0 turns aliases off
  std::string response_information;    // answered when a v5 client asks; empty: not answered
};

struct Limits {
  std::uint32_t max_packet_size = 1'048'576;
  std::uint32_t max_clientid_len = 1'024;
  std::uint32_t max_topic_levels = 128;
  std::uint32_t max_topic_length = 4'096;
  std::uint32_t max_subscriptions = 10'000;     // per client
  std::uint32_t max_inflight = 32;              // unacknowledged QoS 1/2 deliveries per client
  std::uint32_t max_awaiting_rel = 1'000;       // inbound QoS 2 packet ids per client
  std::uint32_t max_queued = 1'000;             // messages waiting per session
  std::uint64_t max_queued_bytes = 16'777'216;  // bytes waiting per session
  std::uint64_t max_total_queued_bytes = 1'073'741'824;  // bytes waiting in all sessions
  std::uint64_t max_output_bytes = 1'048'576;            // unsent bytes per connection
  std::uint32_t max_connections = 100'000;
  std::uint32_t connect_rate = 10'000;     // accepted connections per second, all listeners
  std::uint32_t publish_rate = 0;          // PUBLISH packets per second and client
  std::uint64_t publish_bytes_rate = 0;    // PUBLISH bytes per second and client
  std::uint32_t max_sessions = 1'000'000;  // connected or not
  std::uint32_t max_retained = 1'000'000;
  std::uint64_t max_retained_bytes = 1'073'741'824;
  std::uint32_t max_retained_payload = 1'048'576;
  std::int64_t connect_timeout_ms = 15'000;    // from accept to CONNECT
  std::int64_t handshake_timeout_ms = 15'000;  // TLS handshake and PROXY header
  std::int64_t send_timeout_ms = 30'000;       // a socket that takes no byte for so long is closed
};

// Addresses that fail to authenticate again and again.
struct AuthSettings {
  std::uint32_t max_failures = 100;     // per address and window; 0: no limit
  std::uint32_t failure_window_s = 60;  // from the first failure on
};

// Clients that come and go without end.
struct FlappingSettings {
  bool enabled = false;
  std::uint32_t max_disconnects = 10;  // per client id and window
  std::uint32_t window_s = 60;         // from the first disconnect on
  std::uint32_t ban_for_s = 3'600;
};

struct RetainSettings {
  std::uint32_t expiry_s = 0;  // 0: kept until replaced; else the longest a retained message lives
};

struct TlsSettings {
  std::string certfile, keyfile, key_password;
  std::string cafile, crlfile;
  std::string pskfile;  // lines identity:hexkey
  std::string psk_hint;
  bool verify_peer = false;   // ask for a client certificate and check it against cafile
  bool require_peer = false;  // refuse clients without one (verify = "require")
  std::string min_version = "1.2", max_version = "1.3";
  std::string ciphers, ciphersuites;
  bool prefer_server_ciphers = true;
  bool operator==(const TlsSettings&) const = default;
};

// What has to have happened to a message before it is acknowledged, while a store is loaded.
enum class Durability : std::uint8_t {
  inherit,  // of a listener: as [durability] says
  none,     // it is in memory
  async,    // it is on its way to the disk
  fsync     // it is on disk
};

struct DurabilityRule {
  std::string filter;  // topic filter
  Durability policy = Durability::fsync;
  bool operator==(const DurabilityRule&) const = default;
};

struct DurabilitySettings {
  Durability policy = Durability::fsync;  // of what no rule and no listener says otherwise
  std::string store = "emqx_store";       // where it is to be loaded the broker needs it
  std::vector<DurabilityRule> rules;      // the first that matches
  std::uint32_t queue_window = 100;       // messages of one queue kept in memory, too
  std::uint64_t max_backlog = 64ull * 1024 * 1024;  // waiting for the disk before publishers wait
  bool operator==(const DurabilitySettings&) const = default;
};

struct ListenerSettings {
  std::string name;
  std::string bind;  // "1883", "addr:1883", "[::1]:1883" or "unix:PATH"
  std::string tls;   // name of a [tls.*] section; empty: plain
  bool enabled = true;
  std::optional<bool> allow_anonymous;  // unset: true on loopback and Unix sockets only
  std::string mountpoint;               // prefix of every topic; %c and %u are replaced
  bool v31 = true, v311 = true, v5 = true;
  bool proxy_protocol = false;          // a PROXY v1/v2 header stands before everything else
  std::vector<std::string> proxy_from;  // addresses or CIDR that may send it; empty: any
  CertificateIdentity username_from = CertificateIdentity::none;
  CertificateIdentity clientid_from = CertificateIdentity::none;
  bool username_as_clientid = false;
  std::uint32_t max_connections = 0;
  std::uint32_t connect_rate = 0;
  std::uint32_t publish_rate = 0;  // per client; overrides limits.publish_rate when not 0
  std::uint64_t publish_bytes_rate = 0;
  std::uint32_t max_packet_size = 0;  // overrides limits.max_packet_size when not 0
  std::uint8_t max_qos = 2;
  Durability durability = Durability::inherit;
  std::uint32_t backlog = 4'096;
  std::uint32_t unix_mode = 0660;
  bool reuse_port = false;
  bool operator==(const ListenerSettings&) const = default;
};

struct LogSettings {
  std::string level = "info";  // debug info notice warning error critical alert emergency
  bool console = true;
  std::string file;        // empty: none
  std::string file_level;  // empty: as level
  bool journal = false;
  std::uint64_t rotation_size = 10'485'760;
  std::uint32_t rotation_count = 5;
  std::uint32_t burst = 50;  // lines of one kind and second before the rest are counted only
};

struct SysSettings {
  std::int64_t interval_ms = 60'000;   // 0 turns $SYS off
  std::int64_t heartbeat_ms = 30'000;  // uptime and datetime
  bool presence = true;                // clients/<id>/connected and disconnected
  std::uint8_t presence_qos = 1;
};

struct HttpSettings {
  std::string bind;  // empty: off
};

struct Settings {
  KernelSettings kernel;
  PluginSettings plugins;
  MqttSettings mqtt;
  Limits limits;
  AuthSettings auth;
  FlappingSettings flapping;
  RetainSettings retain;
  DurabilitySettings durability;
  std::map<std::string, TlsSettings> tls;
  std::vector<ListenerSettings> listeners;  // in the file's order
  LogSettings log;
  SysSettings sys;
  HttpSettings http;
  std::string file;  // where these came from, for messages
};

}  // namespace keel::kernel
