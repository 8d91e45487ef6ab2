// The broker of one shard: the sessions whose client ids hash to it, their connections, and the way
// of messages to them and to the other shards. Created before its shard runs, destroyed after it
// stopped. Everything is [shard] unless marked.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "kernel/broker/client_info.hpp"
#include "kernel/broker/flapping_table.hpp"
#include "kernel/broker/frame_cache.hpp"
#include "kernel/broker/hook_table.hpp"
#include "kernel/broker/realm.hpp"
#include "kernel/broker/recorder.hpp"
#include "kernel/broker/remote_batch.hpp"
#include "kernel/broker/route_cache.hpp"
#include "kernel/broker/trace.hpp"
#include "kernel/net/link.hpp"
#include "kernel/session/session_store.hpp"

namespace keel::kernel {

class Connection;
class Publication;

class Broker {
 public:
  Broker(Realm& realm, ShardCore& shard);
  Broker(const Broker&) = delete;
  Broker& operator=(const Broker&) = delete;
  ~Broker();

  // The protocol machine for a new connection; what listeners are given as their handler factory.
  std::unique_ptr<LinkHandler> accept(Link& link);

  // Sends a message to everyone subscribed and keeps it when it is retained. Answers how many
  // sessions it went to (one per shared group).
  std::size_t publish(const MessageView& message);
  // The same after the hooks had their say about this publisher; `reason` is theirs when they
  // refuse.
  std::size_t publish_hooked(const MessageView& message, std::string_view client_id,
                             std::string_view username, Reason& reason) {
    if (!hooks_->publish) [[likely]]
      return publish(message);
    return ask_publish({message, client_id, username}, reason);
  }
  // A plugin's message: checked like a client's, received now, hooked with `client_id` as its
  // publisher. Not from within a hook.
  std::size_t publish_as(MessageView message, std::string_view client_id, Reason& reason);
  // How many sessions a message to `topic` would go to, on all shards (one per shared group). Also
  // from within a hook.
  std::size_t match_count(std::string_view topic) const;
  // The broker's own messages ($SYS, commands): as publish, received now.
  std::size_t publish_own(std::string_view topic, std::string_view payload, std::uint8_t qos,
                          bool retain);

  // ---- operations, for commands -----------------------------------------------------------------
  // Slices: start at cursor 0; the answer is the next cursor, 0 when done. At most `max` are
  // visited.
  std::uint64_t each_connection(std::uint64_t cursor, std::size_t max,
                                FunctionRef<void(const ConnectionInfo&)> fn);
  std::uint64_t each_session(std::uint64_t cursor, std::size_t max,
                             FunctionRef<void(const SessionInfo&)> fn);
  // One session may hold thousands: this cursor may stand within a session.
  std::uint64_t each_subscription(std::uint64_t cursor, std::size_t max,
                                  FunctionRef<void(const SubscriptionInfo&)> fn);
  // One client; false: no such connection, session.
  bool show_connection(std::string_view client_id, FunctionRef<void(const ConnectionInfo&)> fn);
  bool show_session(std::string_view client_id, FunctionRef<void(const SessionInfo&)> fn);
  bool show_subscriptions(std::string_view client_id,
                          FunctionRef<void(const SubscriptionInfo&)> fn);

  // Who is banned from now on. Clients that are connected and on the list are disconnected, without
  // their wills: client ids at once, the rest in slices.
  void set_bans(const BanChange& change);

  // Rules have changed: asks the authorize hook about the subscriptions there are, or those of one
  // client (`client_id` not empty), some at a turn, and ends those that are no longer allowed.
  // `done` runs on this shard, later, also when it was cancelled.
  struct RecheckProgress {  // of all shards [any]
    std::atomic<std::uint64_t> asked{0}, removed{0};
    std::atomic<bool> cancelled{false};
  };
  void recheck(std::string_view client_id, std::shared_ptr<RecheckProgress> progress,
               std::function<void()> done);

  bool kick(std::string_view client_id);  // ends the connection; the session stays as it would
  // The same with a reason and a word for logs and events; Reason::success: without its will. A
  // reason that no DISCONNECT may carry becomes "administrative action".
  bool disconnect_client(std::string_view client_id, Reason reason, std::string_view word);
  // See Connection::suspend(). False: not connected.
  bool suspend(std::string_view client_id, std::uint32_t queue_limit);
  bool resume(std::string_view client_id);
  bool poll(std::string_view client_id);
  // Replaces or removes the will of a client that is connected, with the checks of CONNECT but the
  // authorize hook's, which is the caller's to ask. The topic is as the client knows it.
  Fault set_will(std::string_view client_id, const WillView& will);
  bool clear_will(std::string_view client_id);  // false: not connected, or it had none
  // Whether a client that is connected may publish or subscribe, from the rules in force; the
  // answer may come at once or later, exactly once. Not connected, or no answer in time: it may
  // not.
  void ask_authorize(std::string_view client_id, Action action, std::uint8_t qos, bool retain,
                     std::string_view topic, std::function<void(bool)> done);
  // Whether the client's connection stands for this session of a gateway.
  bool connected_for(std::string_view client_id, std::uint32_t gateway_session) const;
  enum class Cleaned { done, connected, not_found };
  Cleaned clean_persistent(std::string_view client_id);
  enum class Changed { done, no_session, bad_filter, not_subscribed, limit };
  Changed add_subscription(std::string_view client_id, std::string_view filter, std::uint8_t qos);
  Changed remove_subscription(std::string_view client_id, std::string_view filter);

  // Ends every connection: v5 clients are told `reason`. New CONNECTs are refused from now on.
  // `done` runs on this shard when the last connection is gone.
  void drain(Reason reason, Task done);

  // ---- a store is loaded, or unloaded: see DurableState
  // ---------------------------------------------------------------------
  void restore(std::string_view client_id, SessionRow row);
  void restore_subscription(std::uint64_t store_id, std::string_view filter,
                            const SubscriptionRow& row);
  void restore_sent(std::uint64_t store_id, std::uint64_t sequence, std::uint16_t packet_id);
  void restore_released(std::uint64_t store_id, std::uint16_t packet_id);
  void restore_awaiting(std::uint64_t store_id, std::uint16_t packet_id);
  // All was told, on all shards, and the recorder is on: what is due of the sessions happens, and
  // those that were in memory only are kept from now on.
  void finish_restore();
  // A message that was on its way to a shard when the broker ended, for those of its receivers that
  // are here now. `last`: its row can go.
  void redeliver(std::uint64_t number, const TransitRow& row, const MessagePtr& message, bool last);
  void leave_store();
  // The store has been replaced: what could not be read meanwhile is asked for again.
  void store_is_back() { read_waiting_tails(); }
  std::uint64_t kept_sessions(std::size_t max, std::vector<std::string>& names) const;
  std::size_t fetch_tails();

  void set_settings(std::shared_ptr<const Settings> settings) {
    settings_ = std::move(settings);
    if (!settings_->flapping.enabled) flapping_.clear();
  }
  // Null: none. The table must live until it is replaced. Questions under way are still answered by
  // resolve(); decisions are forgotten.
  void set_hooks(const HookTable* hooks);
  // The rules of authorization have changed: nothing decided before is remembered.
  void forget_decisions() { ++rules_; }
  std::uint32_t rules() const { return rules_; }  // grows with each forget_decisions()
  void set_traces(std::shared_ptr<const TraceSet> traces) { traces_ = std::move(traces); }

  // Answers a pending question; a stale ticket is ignored. Not from within the hook that was asked:
  // post it. [shard of the ticket]
  void resolve(const AuthTicket& ticket, AuthAnswer answer);

  ShardCore& shard() const { return shard_; }
  Realm& realm() const { return realm_; }
  const Settings& settings() const { return *settings_; }
  const HookTable& hooks() const { return *hooks_; }
  const TraceSet* traces() const { return traces_.get(); }
  MetricsCell& metrics() const { return shard_.metrics(); }
  bool draining() const { return draining_; }
  // Whether a hook is running on this shard: what it wants of the broker must be posted.
  bool in_hook() const { return hook_depth_ != 0; }

  // ---- for Connection
  // ----------------------------------------------------------------------------
  struct OpenRequest {
    std::string_view client_id, username;
    bool clean_start;
    std::uint32_t expiry_s;
    std::string_view mountpoint;
    std::unique_ptr<Will> will;
  };
  struct Opened {
    Session* session;  // null: no room for another one
    bool present;
  };
  // What open_session() would do: whether it would find the session to go on with. False: no room.
  bool preview(const OpenRequest& request, bool& present) const;
  // Ends a session that is kept in the store and that open_session() would end, so that nobody is
  // told of it before that is safe. Answers the turn to wait for; 0: there is none.
  std::uint64_t discard_kept(const OpenRequest& request);
  // Finds or makes the session and attaches the connection; an earlier connection is told and
  // closed.
  Opened open_session(Connection& connection, OpenRequest request);
  // The connection is gone. `will`: whether its will is to be published. The session goes, or
  // starts to expire.
  void detach(Session& session, bool publish_will);
  // Sends what waits as far as window and socket allow.
  void pump(Session& session);
  // Keeps a delivery for later, within the bounds of the session and the broker.
  void enqueue(Session& session, Delivery delivery, Publication& publication);

  // ---- while a store is loaded, see recorder.hpp
  // ---------------------------------------------------------------------
  Recorder& recorder() { return recorder_; }
  // What is asked of a store for a message to `topic`; `listener`: where it came in, null: nowhere.
  Durability durability_for(std::string_view topic, const ListenerInfo* listener) const;
  // Whether the store is in no state to take such a message: with which reason; else success.
  Reason store_refuses(std::uint8_t qos, bool retain) const;
  // Whether a message was just refused for a client that is away; forgets it.
  bool take_store_refused() { return std::exchange(store_refused_, false); }
  bool is_kept(const Session& session, const MessageView& message, std::uint8_t qos) const {
    return session.stored && qos != 0 && message.durability != Durability::none;
  }
  // Writes down a delivery to a session that is kept.
  void record(Session& session, Publication& publication, Delivery& delivery);
  // Reads the next page of what waits in the store for this session, if there is any.
  void read_tail(Session& session);
  void note_gated(Connection& connection) { gated_.push_back(&connection); }
  void forget_gated(Connection& connection);
  // The journal has committed; on any thread, it is seen in a later turn. [any]
  void committed(std::uint64_t ticket);

  // Subscribes and, as the options ask, schedules retained messages. `filter` with mountpoint.
  void subscribe(Session& session, const ParsedFilter& filter, const SubscriptionOptions& options,
                 std::uint8_t retain_handling);
  bool unsubscribe(Session& session, const ParsedFilter& filter);
  bool subscribed(const Session& session, const ParsedFilter& filter) const;

  // Whether connections that publish are to be held; a held one is released by the broker.
  bool overloaded() const { return overloaded_; }
  void hold(Connection& connection);
  void forget_held(Connection& connection);

  void count_connection(const Connection& connection, int change);
  void register_connection(Connection& connection);
  void unregister_connection(Connection& connection);

  // How much a connection does before the others get their turn. Units are deliveries, roughly; the
  // clock is read only now and then.
  void begin_work() {
    work_ = 0;
    work_since_ns_ = 0;
  }
  void spend(std::uint32_t units) { work_ += units; }
  bool work_is_enough() { return work_ >= kWorkBetweenLooks && look_at_clock(); }

  // A batch from another shard.
  void deliver_batch(RemoteBatch& batch);
  // Calls a hook that is installed.
  template <class Fn, class Request>
  auto call(const Hook<Fn>& hook, const Request& request) {
    const InHook inside(hook_depth_);
    return hook.fn(hook.ctx, request);
  }
  // Asked before the EventInfo is made: an event nobody wants costs this test.
  bool wants(Event event) const { return hooks_->event_mask & event_bit(event); }
  void notify(const EventInfo& info);  // of an event that is wanted
  HookClient hook_client(const Session& session) const;
  void presence_connected(const Connection& connection);
  void presence_disconnected(const Connection& connection, std::string_view reason);
  std::int64_t unix_ms() const;
  // A client's connection has ended by itself, or by another one: does it come and go all the time?
  void note_flapping(const Connection& connection);
  std::uint32_t capped_expiry(std::uint32_t expiry_s) const;
  // Whether the byte budget has room for `bytes` more.
  bool has_room(std::size_t bytes) const;
  void await_answer(std::uint64_t ticket, Connection& connection) {
    waiting_[ticket] = &connection;
  }
  void forget_question(std::uint64_t ticket) { waiting_.erase(ticket); }
  void abandon_question(std::uint64_t ticket);  // and the hooks are told
  // What CONNECT's will must keep to. `mount_size`: of the mountpoint it will stand below.
  Fault check_will(const WillView& will, const ListenerInfo* listener,
                   std::size_t mount_size) const;
  AuthTicket new_ticket() { return {shard_.index(), next_ticket_++}; }
  // Room for parsing, reused from packet to packet.
  std::string& property_scratch() { return property_scratch_; }
  // The topic of the message before, if it need not be checked again; else empty.
  Bytes known_topic() const { return routes_.last_valid_topic(); }
  std::string& topic_scratch() { return topic_scratch_; }
  SubscribeView& subscribe_scratch() { return subscribe_scratch_; }

 private:
  friend class Connection;

  // While it lives a hook runs.
  class InHook {
   public:
    explicit InHook(std::uint32_t& depth) : depth_(depth) { ++depth_; }
    InHook(const InHook&) = delete;
    InHook& operator=(const InHook&) = delete;
    ~InHook() { --depth_; }

   private:
    std::uint32_t& depth_;
  };

  void deliver(Session& session, Publication& publication, const Target& target,
               std::span<const std::uint32_t> ids);
  bool deliver_to_group(const SharedGroup& group, Publication& publication, Subscriber exclude,
                        bool online_only);
  // To another member of the shared subscription that `target` was picked for.
  bool deliver_again(const Target& target, Publication& publication, bool online_only);
  void send_to(const Target& target, Publication& publication,
               const std::vector<std::uint32_t>& ids);
  void flush_remote();
  bool look_at_clock();
  void hold();
  void release_held();
  bool redispatch(const Session& from, const Delivery& delivery, bool online_only);
  void redispatch_shared(Session& session, bool online_only);
  bool pump_retained(Session& session);
  bool exhausted(const RetainedCursor& cursor) const;
  void continue_later(Session& session);
  bool ignores_own(const Session& session) const;
  std::uint8_t delivered_qos(std::uint8_t published, std::uint8_t subscribed_at) const;
  void keep_retained(Publication& publication);
  void drop(Metric cause, const MessageView& message, std::string_view word,
            const Session* receiver = nullptr);
  void drop_for(Session& session, Metric cause, const MessageView& message, std::string_view word);
  std::size_t ask_publish(const PublishRequest& request, Reason& reason);
  void tell_dropped(const MessageView& message, std::string_view word, const Session* receiver);
  void tell_session(Event event, const Session& session, std::string_view word);
  static bool goes_on(const Session& session, const OpenRequest& request);
  Session* clear_way(const OpenRequest& request);
  void end_subscription(Session& session, FilterId filter, std::string_view word);
  void end_subscriptions(Session& session);
  void end_session(Session& session, std::string_view reason);
  void start_away(Session& session);
  void away_due(Session& session);
  void publish_will(Session& session);
  std::unique_ptr<Will> take_will(Session& session);
  void put_will(Session& session, std::unique_ptr<Will> will);
  void log_overflow(Session& session);
  void account_queue(std::int64_t messages, std::int64_t bytes);
  void set_shared_online(const Session& session, bool online);
  void publish_presence(std::string_view client_id, std::string_view what,
                        FunctionRef<std::string()> json);
  void sweep_banned();
  Connection* connection_of(std::string_view client_id) const;
  SessionInfo session_info(const Session& session) const;
  void visit_subscriptions(const Session& session, std::span<const FilterId> filters,
                           FunctionRef<void(const SubscriptionInfo&)> fn);

  Realm& realm_;
  ShardCore& shard_;
  std::shared_ptr<const Settings> settings_;
  const HookTable* hooks_;
  std::uint32_t hook_depth_ = 0;
  std::uint32_t rules_ = 1;
  std::shared_ptr<const TraceSet> traces_;
  SessionStore sessions_;
  RouteCache routes_;
  FrameCache frames_;

  // turns.cpp
  struct Receipt {
    Broker* origin;
    std::uint64_t turn, own_turn;  // there, and here
    bool refused;
  };
  void end_turn();
  void note_transit(RemoteBatch& batch, const Target& target);
  std::uint32_t write_transit();  // how many shards will send a receipt
  void commits_seen();
  void turns_safe();
  void release_gates();
  void owe_receipt(Broker& origin, std::uint64_t turn);
  void give_receipts();
  void received(std::uint64_t turn, bool refused);
  bool disk_is_behind(std::uint64_t bytes) const {
    return recorder_.on() && realm_.journal.backlog() > bytes;
  }
  void finish_records(Publication& publication) {
    if (publication.holders() != 0) recorder_.finish(publication, row_clock());
  }
  RowClock row_clock() const { return {shard_.now_ms(), unix_ms()}; }
  Recorder recorder_;
  bool store_refused_ = false;
  std::vector<Connection*> gated_, releasing_;  // with something at their gate; being looked at
  std::vector<Receipt> owed_;                   // in the order of own_turn
  std::atomic<std::uint64_t> committed_{0};     // the last ticket [any]
  std::atomic<bool> commit_posted_{false};      // [any]

  // restore.cpp
  struct Restoring;
  Session* restored(std::uint64_t store_id) const;
  std::shared_ptr<Restoring> restoring_;  // null: nothing is being restored

  // kept.cpp
  SubscriptionTable::Added enter(Session& session, const ParsedFilter& filter,
                                 const SubscriptionOptions& options);
  void keep(Session& session);
  void keep_message(Session& session, Delivery& delivery);
  void forget_kept(Session& session);
  void note_away(const Session& session);
  struct Purge {
    std::uint64_t turn, store_id;
  };
  std::vector<Purge> purges_;  // begin when their turn is safe

  // tail.cpp
  struct Page;
  void count_tail(Session& session);
  struct PageRow;
  void page_arrived(Page& page);
  void take_row(Session& session, PageRow& row);
  void ask_for_page(Session& session);
  void give_up_unread(Session& session);
  void read_waiting_tails();
  std::vector<Subscriber> tail_waits_;  // for rows to be safe, so that they can be read
  Session* still(Subscriber subscriber, std::uint64_t number) const;
  std::vector<std::unique_ptr<RemoteBatch>> outgoing_;  // by shard; null: nothing yet this turn
  std::uint64_t random_state_;
  std::uint64_t next_ticket_ = 1;
  // Of a question that is pending. `done` is told allow or deny, or pending: the client left.
  void await_verdict(const AuthTicket& ticket, const Session& session,
                     std::function<void(Verdict)> done);
  void forget_asked(const Connection& connection);
  bool allowed(Verdict verdict) const {
    return verdict == Verdict::next ? settings_->mqtt.acl_nomatch_allow : verdict == Verdict::allow;
  }
  struct Asked;                                                      // see ask_authorize()
  bool answer_asked(std::uint64_t ticket, Verdict verdict);          // false: not one of these
  std::unordered_map<std::uint64_t, std::shared_ptr<Asked>> asked_;  // by ticket
  std::unordered_map<std::uint64_t, Connection*> waiting_;           // by ticket
  struct RecheckWalk;
  struct Rechecks;  // see recheck.cpp
  void recheck_resumed(const Session& session);
  void recheck_client(std::string_view client_id);
  void recheck_later();
  void recheck_some();
  void go_to_next(RecheckWalk& walk);
  void ask_again(const std::shared_ptr<RecheckWalk>& walk, Session& session, FilterId filter);
  void judge(RecheckWalk& walk, Session& session, FilterId filter, const std::string& text,
             Verdict answer);
  void revoke(RecheckWalk& walk, Session& session, FilterId filter, std::string_view text);
  std::shared_ptr<Rechecks> rechecks_;
  std::uint32_t recheck_count_ = 0;
  std::string property_scratch_, topic_scratch_;
  SubscribeView subscribe_scratch_;
  std::atomic<std::size_t> backlog_{0};  // bytes on their way here from other shards [any]
  std::vector<Connection*> held_;        // not read until the shards they publish to keep up
  Timer release_timer_;
  bool overloaded_ = false;
  static constexpr std::uint32_t kWorkBetweenLooks = 256;
  std::uint32_t work_ = 0;
  std::int64_t work_since_ns_ = 0;
  bool draining_ = false;
  Task drained_;
  FlappingTable flapping_;
  std::size_t connections_ = 0;  // that have a session
  // Sessions from this slot on have not been looked at for bans yet; and whether it is to be done
  // again after that.
  std::uint32_t sweep_from_ = 0;
  bool sweeping_ = false, sweep_again_ = false;
};

}  // namespace keel::kernel
