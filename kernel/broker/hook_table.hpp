// The points where the plugin host takes part. Each shard holds a plain pointer to an immutable
// table, replaced only by a task that runs on the shard, so calling a hook costs no synchronisation
// and a point nobody uses costs one test. One hook per point: whoever installs it walks the
// plugins' chain. A hook runs in the middle of the broker's work: it must call nothing of the
// broker that publishes, subscribes, ends or answers anything, but post that (Broker::in_hook()
// tells). Views are valid during the call. [shard]
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kernel/codec/message.hpp"
#include "kernel/codec/packet.hpp"
#include "kernel/net/link.hpp"

namespace keel::kernel {

enum class Verdict : std::uint8_t {
  next,  // no opinion: what holds without hooks
  allow,
  deny,
  pending,  // authenticate, enhanced_auth, authorize: Broker::resolve() tells, with the ticket
  more,     // enhanced_auth goes on: send `data` to the client
};

// Names a question that waits for its answer: connection and sequence, valid on one shard.
struct AuthTicket {
  std::uint32_t shard = 0;
  std::uint64_t number = 0;
};

// Who a hook is called about.
struct HookClient {
  std::string_view client_id, username;
  const PeerInfo* peer = nullptr;  // null: a session whose client is away, or none at all
  Version version = Version::v5;   // means something with a peer
  bool clean_start = true;
  bool has_username = false, has_password = false;
  std::uint16_t keep_alive_s = 0;
  std::uint32_t session_expiry_s = 0;
};

// ---- client_connect: CONNECT has been checked, nobody has authenticated it. Called once per
// CONNECT, on the shard that accepted the connection, which need not be its home.
struct ConnectRequest {
  HookClient client;  // client id empty: one will be assigned
  std::uint16_t receive_maximum = 65535;
  std::uint16_t topic_alias_maximum = 0;
  std::uint32_t maximum_packet_size = 0;  // 0: none
  bool has_will = false;
  std::string_view will_topic;
};

struct ConnectAnswer {
  Verdict verdict = Verdict::next;         // deny, or anything else to go on
  Reason reason = Reason::not_authorized;  // with deny
  std::optional<std::string> client_id, username;
  std::optional<std::uint16_t> keep_alive_s;
  std::optional<std::uint32_t> session_expiry_s;
  // What the client takes can only be narrowed; 0 and more than the client said change nothing.
  std::optional<std::uint32_t> receive_maximum, maximum_packet_size;
  std::optional<std::uint16_t> topic_alias_maximum;  // can only be narrowed, down to 0
};

// ---- client_connack: at most once per CONNECT, before the session is opened and CONNACK sent.
struct ConnackRequest {
  HookClient client;
  Reason reason = Reason::success;  // otherwise refused already: `deny` changes nothing
  bool session_present = false;
};

struct ConnackAnswer {
  Verdict verdict = Verdict::next;
  Reason reason = Reason::not_authorized;  // with deny
  // v5 only. Left out when CONNACK would exceed the client's maximum packet size.
  std::string reason_string;
  std::string response_information;  // only for a client that asked for it
  std::vector<std::pair<std::string, std::string>> user_properties;
};

// ---- authenticate, enhanced_auth
struct AuthRequest {
  HookClient client;
  Bytes password;
  std::string_view auth_method;  // enhanced_auth only
  Bytes auth_data;
  AuthTicket ticket;
};

struct AuthAnswer {
  Verdict verdict = Verdict::next;
  Reason reason = Reason::not_authorized;  // with deny
  bool superuser = false;                  // with allow: no authorization checks
  std::uint32_t expiry_s = 0;  // with allow: the connection ends then; 0: the credential lasts
  std::string mountpoint;      // with allow: replaces the listener's
  std::string data;            // with more, and optionally with allow
};

// ---- authorize: decisions are remembered per connection, see Broker::forget_decisions()
enum class Action : std::uint8_t { publish, subscribe };

struct AuthorizeRequest {
  Action action{};
  std::uint8_t qos = 0;
  bool retain = false;
  std::string_view topic;  // name or filter (without share prefix), as the client knows it
  HookClient client;       // filled in by the connection
  AuthTicket ticket;
};

// ---- subscribe, unsubscribe: once per packet, with all its filters, which the hook edits in
// place. What comes out is checked like what a client sends, then authorized.
struct FilterChoice {
  std::string_view filter;           // as asked for
  std::string replacement;           // not empty: stands in its place
  Reason reason = Reason::success;   // an error: this filter is denied with it
  std::uint8_t qos = 0;              // the options: subscribe only
  std::uint8_t retain_handling = 0;  // 0 send, 1 send if new, 2 do not
  bool no_local = false, retain_as_published = false;
};

struct FiltersRequest {
  HookClient client;
  std::uint32_t subscription_id = 0;  // 0: none
  std::span<FilterChoice> filters;
};

// ---- publish: of clients, their wills, plugins; not the broker's own messages
struct PublishRequest {
  const MessageView& message;
  std::string_view client_id, username;  // of the publisher, or a plugin's service identity
};

// `next` and `allow` let it pass, `deny` drops it with `reason`.
struct PublishAnswer {
  Verdict verdict = Verdict::next;
  Reason reason = Reason::not_authorized;
  MessagePtr replacement;  // goes on in place of the message
};

// ---- notify
enum class Event : std::uint8_t {
  client_connected,      // CONNECT was answered, `code` tells how; also when it was refused
  client_disconnected,   // of an accepted client
  session_created,       // before its client_connected
  session_resumed,       // likewise
  session_taken_over,    // before client_disconnected of the earlier connection
  session_terminated,    // after client_disconnected, if there was a connection
  session_subscribed,    // also when the subscription was only replaced
  session_unsubscribed,  // also each one that goes with its session, before session_terminated
  message_delivered,     // sent to a client; not when it is sent again
  message_acked,         // by the receiver: PUBACK or the first PUBREC, `code` is its reason
  message_dropped        // `client`: whose copy it was, or who may not publish it; empty: all
};
inline constexpr std::size_t kEvents = 11;
constexpr std::uint32_t event_bit(Event event) { return 1u << static_cast<unsigned>(event); }

struct EventInfo {
  Event event{};
  HookClient client;
  std::string_view topic;  // filter (with share prefix) or topic name where there is one
  std::uint8_t qos = 0;    // granted, or of the delivery
  Reason code = Reason::success;
  std::string_view reason;               // a word: "success", "kicked", "queue_full", ...
  const MessageView* message = nullptr;  // message_* only
};

template <class Fn>
struct Hook {
  Fn fn = nullptr;
  void* ctx = nullptr;
  explicit operator bool() const { return fn != nullptr; }
};

struct HookTable {
  Hook<ConnectAnswer (*)(void*, const ConnectRequest&)> client_connect;
  Hook<ConnackAnswer (*)(void*, const ConnackRequest&)> client_connack;
  Hook<AuthAnswer (*)(void*, const AuthRequest&)> authenticate, enhanced_auth;
  Hook<Verdict (*)(void*, const AuthorizeRequest&)> authorize;
  Hook<void (*)(void*, const FiltersRequest&)> subscribe, unsubscribe;
  Hook<PublishAnswer (*)(void*, const PublishRequest&)> publish;
  Hook<void (*)(void*, const EventInfo&)> notify;
  std::uint32_t event_mask = 0;  // event_bit() of each event `notify` is called for
  // A pending question that nobody waits for any more: its time is up or its client is gone.
  Hook<void (*)(void*, const AuthTicket&)> forgotten;
};

const HookTable& no_hooks();

}  // namespace keel::kernel
