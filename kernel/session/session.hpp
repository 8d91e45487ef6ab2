// The state of one client that outlives its connection [MQTT5 4.1]. Lives on the shard that the
// client id hashes to; nothing here is touched from elsewhere.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "kernel/base/timer_wheel.hpp"
#include "kernel/router/subscription_table.hpp"
#include "kernel/session/inflight.hpp"
#include "kernel/session/message_queue.hpp"
#include "kernel/session/packet_id_set.hpp"
#include "kernel/session/stored.hpp"
#include "kernel/session/will.hpp"

namespace keel::kernel {

class Connection;  // broker/connection.hpp; a session only knows whether it has one

// Retained messages still owed to a subscriber; fetched as its window allows.
struct RetainedCursor {
  std::string filter;  // with the mountpoint, without share prefix
  std::string after;   // the last topic fetched
  std::uint8_t qos = 0;
  bool no_local = false;
  std::uint32_t subscription_id = 0;
};

class Session {
 public:
  // What is due while the client is away: a delayed will, the end of the session.
  struct Away {
    Away(Timer::Fire fire, void* timer_broker, Session& owner)
        : timer(fire, this), broker(timer_broker), session(owner) {}
    Timer timer;  // its owner is this struct
    void* broker;
    Session& session;
  };

  static constexpr std::uint32_t kNeverExpires = 0xFFFFFFFF;

  Session(std::string id, std::uint64_t session_number, Subscriber subscriber)
      : client_id(std::move(id)), number(session_number), self(subscriber) {}
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  const std::string client_id;
  const std::uint64_t
      number;  // never used again while the broker runs; what "publisher" means in messages
  const Subscriber self;

  Connection* connection = nullptr;  // null while the client is away
  bool clean_start = true;
  bool expires_at_disconnect() const { return expiry_s == 0; }
  std::uint32_t expiry_s = 0;
  std::int64_t created_at_s = 0;  // Unix time

  Inflight inflight;
  MessageQueue queue;
  PacketIdSet awaiting_rel;
  std::vector<FilterId> subscriptions;         // all of them
  std::vector<FilterId> shared_subscriptions;  // those with a share prefix
  std::unique_ptr<Will> will;
  std::unique_ptr<std::map<FilterId, RetainedCursor>> retained;  // by subscription
  bool retained_posted = false;                                  // they go on in a later turn
  std::uint32_t rechecked = 0;  // the last recheck that saw it with its client, see Broker
  std::unique_ptr<Away> away;   // null while the client is there or nothing is due
  std::int64_t away_since_ms = 0;
  std::string username;                           // of the last connection
  std::unique_ptr<const std::string> mountpoint;  // null: none; fixed while the session lives
  std::string_view mount() const { return mountpoint ? std::string_view(*mountpoint) : ""; }

  std::unique_ptr<Stored> stored;  // null: it is in memory only
  // Whether no message waits to be sent, here or in the store.
  bool nothing_waits() const { return queue.empty() && !(stored && stored->has_tail()); }
  std::size_t waiting() const { return queue.size() + (stored ? stored->tail : 0); }

  bool overflow_logged = false;                            // since the queue was last empty
  std::uint32_t delivered = 0, enqueued = 0, dropped = 0;  // counted since it was created
};

}  // namespace keel::kernel
