// The state of one client that outlives its connection [MQTT5 4.1]. Lives on the shard that the
// client id hashes to; nothing here is touched from elsewhere.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "kernel/base/compact_text.hpp"
#include "kernel/base/timer_wheel.hpp"
#include "kernel/router/subscription_table.hpp"
#include "kernel/session/filter_ids.hpp"
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
using RetainedCursors = std::map<FilterId, RetainedCursor>;  // by subscription

// What every session has stands in the object, what few have in a part that is made when it is
// needed: there is one for each client, and most of them are idle.
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

  Session(std::string_view id, std::uint64_t session_number, Subscriber subscriber)
      : client_id(id), number(session_number), self(subscriber) {}
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  const CompactText client_id;
  const std::uint64_t
      number;  // never used again while the broker runs; what "publisher" means in messages
  const Subscriber self;

  std::uint32_t expiry_s = 0;
  bool expires_at_disconnect() const { return expiry_s == 0; }
  Connection* connection = nullptr;  // null while the client is away

  std::unique_ptr<Stored> stored;  // null: it is in memory only
  // Whether no message waits to be sent, here or in the store.
  bool nothing_waits() const { return queue.empty() && !(stored && stored->has_tail()); }
  std::size_t waiting() const { return queue.size() + (stored ? stored->tail : 0); }

  MessageQueue queue;
  [[no_unique_address]] Inflight inflight;  // what follows stands in its padding
  bool clean_start : 1 = true;
  bool overflow_logged : 1 = false;  // since the queue was last empty
  std::uint32_t created_at_s = 0;    // Unix time
  std::uint32_t rechecked = 0;       // the last recheck that saw it with its client, see Broker
  std::uint32_t delivered = 0, enqueued = 0, dropped = 0;  // counted since it was created
  FilterIds subscriptions;                                 // all of them
  std::unique_ptr<Will> will;

  // Of the last connection; empty: none.
  std::string_view username() const { return text_of(username_); }
  void set_username(std::string_view name) { set_text(username_, name); }

  // Empty: none. Fixed while the session lives.
  std::string_view mount() const { return rare_ ? text_of(rare_->mountpoint) : ""; }
  void set_mount(std::string_view mountpoint) { set_text(rare().mountpoint, mountpoint); }

  // Those with a share prefix, which are among the others as well.
  std::span<const FilterId> shared_subscriptions() const {
    return rare_ ? rare_->shared_subscriptions.all() : std::span<const FilterId>();
  }
  void add_shared(FilterId filter) { rare().shared_subscriptions.push_back(filter); }
  // False: it was not there.
  bool erase_shared(FilterId filter) { return rare_ && rare_->shared_subscriptions.erase(filter); }

  // The ids of inbound QoS 2 messages whose PUBREL has not come. `await_rel` and `got_rel` say
  // false when that changed nothing.
  std::span<const std::uint16_t> awaiting_rel() const {
    return rare_ ? rare_->awaiting_rel.ids() : std::span<const std::uint16_t>();
  }
  bool awaits_rel(std::uint16_t packet_id) const {
    return rare_ && rare_->awaiting_rel.contains(packet_id);
  }
  bool await_rel(std::uint16_t packet_id) { return rare().awaiting_rel.insert(packet_id); }
  bool got_rel(std::uint16_t packet_id) { return rare_ && rare_->awaiting_rel.erase(packet_id); }

  // Null: no retained message is owed to it.
  RetainedCursors* retained() const { return rare_ ? rare_->retained.get() : nullptr; }
  // One a subscription, however often it is repeated: it begins anew.
  void owe_retained(FilterId filter, RetainedCursor cursor);
  void forget_retained(FilterId filter);
  // Whether they go on in a later turn.
  bool retained_posted() const { return rare_ && rare_->retained_posted; }
  void set_retained_posted(bool posted) { rare().retained_posted = posted; }

  // Null while the client is there or nothing is due.
  Away* away() const { return rare_ ? rare_->away.get() : nullptr; }
  void set_away(std::unique_ptr<Away> away) { rare().away = std::move(away); }
  std::int64_t away_since_ms() const { return rare_ ? rare_->away_since_ms : 0; }
  void set_away_since(std::int64_t ms) { rare().away_since_ms = ms; }
  void came_back() {
    if (rare_) rare_->away.reset();
  }

  // Gives back memory that is kept for the next message and does not hold any: called when it looks
  // as if there will be none for a while. Never from within what looks into the session's messages.
  void trim();

 private:
  using Text = std::unique_ptr<const CompactText>;
  struct Rare {
    PacketIdSet awaiting_rel;
    FilterIds shared_subscriptions;
    std::unique_ptr<RetainedCursors> retained;
    std::unique_ptr<Away> away;
    std::int64_t away_since_ms = 0;
    Text mountpoint;
    bool retained_posted = false;

    bool empty() const;
  };

  static std::string_view text_of(const Text& text) { return text ? text->view() : ""; }
  static void set_text(Text& text, std::string_view value);
  Rare& rare();

  Text username_;
  std::unique_ptr<Rare> rare_;  // null: it has none of that
};
static_assert(sizeof(Session) <= 120, "with malloc's header, 128 bytes a client");

}  // namespace keel::kernel
