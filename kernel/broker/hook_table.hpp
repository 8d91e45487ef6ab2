// The points where plugins take part. Each shard holds a plain pointer to an immutable table,
// replaced only by a task that runs on the shard, so calling a hook costs no synchronisation.
// Chains are ordered: the first hook that decides ends the chain. A hook runs in the middle of the
// broker's work: it must not call the broker's publishing functions, but post what it wants to
// publish.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/codec/message.hpp"
#include "kernel/codec/packet.hpp"
#include "kernel/net/link.hpp"

namespace keel::kernel {

enum class Verdict : std::uint8_t {
  next,  // no opinion: ask the next one
  allow,
  deny,
  pending,  // the answer comes later through AuthGate, with the request's ticket
  more,     // enhanced authentication goes on: send `data` to the client
};

// Names a question that waits for its answer: connection and sequence, valid on one shard.
struct AuthTicket {
  std::uint32_t shard = 0;
  std::uint64_t number = 0;
};

struct AuthRequest {
  Version version{};
  bool clean_start = true;
  std::string_view client_id, username;
  Bytes password;
  bool has_username = false, has_password = false;
  const PeerInfo* peer = nullptr;
  std::string_view auth_method;  // enhanced authentication only
  Bytes auth_data;
  AuthTicket ticket;
};

struct AuthAnswer {
  Verdict verdict = Verdict::next;
  Reason reason = Reason::not_authorized;  // with deny
  bool superuser = false;                  // with allow: no authorization checks
  std::string mountpoint;                  // with allow: replaces the listener's
  std::string data;                        // with more, and optionally with allow
};

enum class Action : std::uint8_t { publish, subscribe };

struct AuthorizeRequest {
  Action action{};
  std::uint8_t qos = 0;
  bool retain = false;
  std::string_view client_id, username, topic;
  const PeerInfo* peer = nullptr;
  AuthTicket ticket;
};

// message_publish: `next` leaves the message, `deny` drops it with `reason`, `allow` ends the
// chain.
struct PublishAnswer {
  Verdict verdict = Verdict::next;
  Reason reason = Reason::not_authorized;
  MessagePtr replacement;  // with next or allow: goes on in place of the message
};

enum class Event : std::uint8_t {
  client_connected,
  client_disconnected,
  session_created,
  session_resumed,
  session_taken_over,
  session_terminated,
  session_subscribed,
  session_unsubscribed,
  message_delivered,
  message_acked,
  message_dropped
};

struct EventInfo {
  Event event{};
  std::string_view client_id, username;
  std::string_view topic;  // filter or topic name where there is one
  std::uint8_t qos = 0;
  std::string_view reason;  // a word
  const PeerInfo* peer = nullptr;
};

template <class Fn>
struct Hook {
  Fn fn;
  void* ctx;
};

struct HookTable {
  std::vector<Hook<AuthAnswer (*)(void*, const AuthRequest&)>> authenticate;
  std::vector<Hook<AuthAnswer (*)(void*, const AuthRequest&)>> enhanced_auth;
  std::vector<Hook<Verdict (*)(void*, const AuthorizeRequest&)>> authorize;
  std::vector<Hook<PublishAnswer (*)(void*, const MessageView&)>> publish;
  std::vector<Hook<void (*)(void*, const EventInfo&)>> notify;
};

}  // namespace keel::kernel
