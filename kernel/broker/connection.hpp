// The MQTT protocol machine of one connection: bytes in, frames out, requests to the broker. Knows
// no sockets: it talks to a Link. Owned by its link; moves with it to the shard its client id
// belongs to. Everything is [shard].
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "kernel/broker/authorize_cache.hpp"
#include "kernel/broker/client_info.hpp"
#include "kernel/broker/gate.hpp"
#include "kernel/broker/hook_table.hpp"
#include "kernel/broker/publication.hpp"
#include "kernel/broker/rate_limiter.hpp"
#include "kernel/codec/decoder.hpp"
#include "kernel/codec/encoder.hpp"
#include "kernel/net/link.hpp"
#include "kernel/session/session.hpp"

namespace keel::kernel {

class Broker;

// Notes on a delivery which subscriptions it is for.
void set_subscription_ids(Delivery& delivery, std::span<const std::uint32_t> ids, FilterId group,
                          bool shared);

// Whether a topic name keeps to the limits, and to what a packet can carry below its mountpoint.
bool topic_fits(Bytes topic, std::size_t mount_size, const Limits& limits);

// Topics that no client writes: the broker's own, and prefixes that mean something else.
bool reserved_topic(Bytes topic);

class Connection final : public LinkHandler {
 public:
  static constexpr std::size_t kMaxTopicSize = 65'535;  // what a packet can carry

  Connection(Broker& broker, Link& link);
  ~Connection() override;

  std::size_t on_data(std::string_view data) override;
  void on_drained() override;
  void on_closed(CloseCause cause, std::string_view detail) override;

  // ---- for the broker
  // ----------------------------------------------------------------------------
  bool open() const { return state_ == State::open; }
  Session* session() const { return session_; }
  Version version() const { return version_; }
  // Empty: none. While it has a session.
  Bytes username() const { return session_ ? session_->username() : Bytes(); }
  const PeerInfo& peer() const { return link_.peer(); }
  ConnectionInfo info() const;
  HookClient hook_client() const;

  // A client that sleeps stays connected, but everything for it waits in its session: at most
  // `queue_limit` messages (0: the session's own limit). Its silence is not held against it.
  // False: not connected yet, or not any more.
  bool suspend(std::uint32_t queue_limit);
  bool resume();
  bool suspended() const { return sleep_ != nullptr; }
  std::uint32_t queue_limit() const { return sleep_ ? sleep_->queue_limit : 0; }
  // What waits now is sent to a client that sleeps, as its window allows; what comes later waits. A
  // PINGRESP, which it has not asked for, marks the end: exactly one for each poll, also when
  // another order ends it early. False: it does not sleep.
  bool poll();
  bool polling() const { return sleep_ && sleep_->polling; }
  // The end of a poll: nothing that was waiting is left.
  void end_poll();
  // Whether anything may be sent to the client of what waits for it.
  bool receives() const { return !sleep_ || sleep_->polling; }
  // Whether the first message of the session's queue may be sent.
  bool queue_due() const { return (!sleep_ || sleep_->queued != 0) && !session_->nothing_waits(); }
  // The message at this place has left the session's queue.
  void left_queue(std::size_t place) {
    if (sleep_ && place < sleep_->queued) --sleep_->queued;
  }
  // The retained messages that may be sent next; null: none.
  const FilterId* retained_due();
  // Whether messages may go past the session's queue.
  bool direct() const { return queueing_ == 0; }
  // Called when something is in the session's queue or is to be sent again: from now on messages
  // go behind it, where they must not overtake it. A client of a gateway gets all messages in
  // order, others those of one QoS [MQTT5 4.6].
  void keep_order();
  // The session's queue has been sent.
  void caught_up() { queueing_ &= kSuspended; }

  // Whether the client's window takes one more QoS 1/2 message.
  bool window_open() const { return window_left() != 0; }
  std::size_t window_left() const;
  // Whether the output buffer is below its bound; if not, on_drained will follow.
  bool writable();
  // As writable, with a lower bound: for what need not be hurried.
  bool writable_below(std::size_t bytes);

  // Sends a fresh message now. QoS 1/2: the caller has checked window and queue. A message over the
  // client's maximum packet size is dropped, as [MQTT-3.1.2-25] asks.
  void send_fresh(Publication& publication, std::uint8_t qos, bool retain,
                  std::span<const std::uint32_t> ids, FilterId group, bool shared);
  // Sends a queued delivery now.
  void send_queued(Delivery delivery);
  // Sends again what was in flight when the last connection ended, as far as window and socket
  // allow. False: not everything yet.
  bool resend();
  bool nothing_to_resend() const { return !extras_ || extras_->resend.empty(); }
  // Whether nothing waits for this client to take it.
  bool at_rest() const {
    return direct() && !sleep_ && nothing_to_resend() && session_->nothing_waits() &&
           !session_->retained();
  }
  // How many in flight still wait to be sent again.
  std::size_t unsent() const { return extras_ ? extras_->unsent : 0; }
  void start_resend();
  // Turns have become safe: sends what waited for them. True: something still waits.
  bool release_gate();

  // Ends the connection from the broker's side: v5 clients are told why.
  void disconnect(Reason reason, std::string_view word, bool publish_will);
  // Another connection took the session.
  void taken_over();
  // The shards it publishes to keep up again.
  void release();
  // The answer to a pending question.
  void resolved(std::uint64_t ticket, AuthAnswer answer);
  bool waits_for(std::uint64_t ticket) const { return extras_ && extras_->ticket == ticket; }

 private:
  friend class Broker;
  enum class State : std::uint8_t { await_connect, open, closing };
  enum class Outcome : std::uint8_t {
    done,
    later,  // the packet is not consumed: it is shown again after a move or an answer
  };
  enum class Allowed : std::uint8_t { yes, no, later };
  // Why nothing is read; all must be over before reading goes on.
  enum Pause : std::uint8_t {
    kRate = 1,    // more was published than the rate allows
    kAnswer = 2,  // a question is under way
    kHeld = 4,    // in the broker's list of held connections: another shard does not keep up
    kChoked = 8,  // the client does not read its answers
    kGate = 16,   // too much waits for the disk
  };
  // Why even QoS 0 messages go through the session's queue.
  enum Queueing : std::uint8_t {
    kSuspended = 1,  // the client sleeps
    kBehind = 2,     // what waits there, or to be sent again, is to stay in front
  };

  // Of a client that sleeps.
  struct Sleep {
    std::uint32_t queue_limit = 0;
    // While a poll is under way: what of that which waited is still to be sent.
    std::uint32_t queued = 0;  // of the session's queue, from the front
    bool polling = false;
    std::vector<FilterId> retained;  // owed for these subscriptions, the first one last
  };

  // What few connections need.
  struct Extras {
    explicit Extras(Connection& owner);
    std::vector<std::string> alias_in;  // by alias - 1
    std::unordered_map<std::string, std::uint16_t> alias_out;
    std::uint16_t alias_out_max = 0;
    std::vector<std::uint16_t> resend;  // packet ids, the first one last
    std::size_t unsent = 0;             // those of `resend` that still wait to be sent
    std::string mountpoint;
    std::string auth_method;
    std::unique_ptr<ConnectAnswer> edits;  // of a hook, until CONNECT is taken
    std::string assigned_id;               // while a question about CONNECT is under way
    std::string connect_copy;              // CONNECT's body during an exchange of AUTH packets
    std::uint64_t end_turn = 0;  // with which the session before this one ends; 0: none is awaited
    std::unique_ptr<ConnackAnswer> said;  // of a hook, meanwhile
    AuthorizeCache decisions;
    // By key: what was answered about the packet that is shown again. Kept apart from the cache,
    // which may forget: a packet with many filters would be asked about for ever.
    std::unordered_map<std::string, bool> answers;
    std::unique_ptr<std::vector<FilterChoice>> choices;  // of a hook, until SUBSCRIBE is taken
    TokenBucket packets, bytes;
    Timer wait;                   // for the end of a pause
    std::unique_ptr<Timer> life;  // of the client's credential; null: unlimited
    // A question under way.
    std::uint64_t ticket = 0;
    std::string asked;              // the decision's key; empty: authentication
    std::uint32_t asked_rules = 0;  // Broker::rules() when it was asked
    bool reauthenticating = false;  // AUTH packets go back and forth
    bool answered = false;          // authentication has been decided, in `answer`
    AuthAnswer answer;
  };
  Extras& extras();

  // connection.cpp
  bool of_gateway() const;
  Outcome handle(const FixedHeader& header, Bytes body);
  void limit_output();
  void fail(const Fault& fault);
  void finish(Reason reason, std::string_view word, bool publish_will);
  void close_link(Reason why);
  std::uint32_t clock_ms() const;
  void arm_keep_alive();
  void timer_due();
  void trace(std::string_view what, Bytes topic = {}) const;  // while anything is traced
  void trace_in(const FixedHeader& header, Bytes body) const;
  Outcome handle_disconnect(Bytes body);
  Bytes client_name() const;

  // access.cpp
  Fault check_bans(const ConnectView& connect) const;
  void end_if_banned();
  bool presents_credentials(const ConnectView& connect) const;
  bool failed_too_often(const ConnectView& connect) const;
  Outcome turn_away();
  void note_failure(Reason reason) const;

  // connect.cpp
  Outcome handle_connect(Bytes body, const AuthView* auth = nullptr);
  Fault check_connect(const ConnectView& connect) const;
  Fault identify(ConnectView& connect) const;
  Fault apply_edits(ConnectView& connect);
  Fault check_client_id(const ConnectView& connect) const;
  std::string assigned_id() const;
  bool move_home(std::string_view client_id);
  Reason decide(const ConnectView& connect, const AuthAnswer& answer, Metric& how) const;
  Allowed admit(const ConnectView& connect, bool unnamed, AuthAnswer& answer);
  void keep_answer(AuthAnswer& answer);
  void ask_for_more(const ConnectView& connect, Bytes body, const AuthAnswer& answer);
  Fault below_mountpoint(const ConnectView& connect, const AuthAnswer& answer,
                         std::string& mountpoint, std::unique_ptr<Will>& will) const;
  Allowed accept_session(const ConnectView& connect, bool assigned, AuthAnswer& answer);
  void tell_connected(const ConnectView& connect, bool present);
  void apply_limits(const ConnectView& connect);
  std::uint16_t asked_keep_alive(const ConnectView& connect) const;
  std::uint32_t session_expiry(const ConnectView& connect) const;
  HookClient hook_client(const ConnectView& connect) const;

  // connack.cpp
  void refuse(const ConnectView* connect, const Fault& fault);
  void refuse(const ConnectView* connect, const Fault& fault, ConnackAnswer said);
  bool ask_connack(const ConnectView& connect, Reason reason, bool present, ConnackAnswer& said);
  void send_connack(const ConnectView& connect, bool present, bool assigned,
                    const AuthAnswer& answer, const ConnackAnswer& said);
  void write_connack(const ConnectView* connect, ConnackFields& fields, const ConnackAnswer& said);

  // reauthenticate.cpp
  Outcome handle_auth(Bytes body);
  Outcome reauthenticate(const AuthView& auth);

  // questions.cpp
  bool ask(AuthRequest request, bool enhanced, AuthAnswer& answer);
  Allowed authorize(Action action, std::uint8_t qos, bool retain, Bytes topic,
                    const ConnectView* connect = nullptr);
  [[gnu::noinline]] Allowed ask_authorize(AuthorizeRequest request, const ConnectView* connect);
  std::optional<bool> remembered(const DecisionKey& key);
  void remember(const DecisionKey& key, bool allowed);
  void wait_for_answer(std::uint64_t ticket, std::string key);
  void wait_over();
  void drop_question();
  void limit_life(std::uint32_t expiry_s);

  // inbound.cpp
  Outcome handle_publish(const FixedHeader& header, Bytes body);
  Fault resolve_alias(PublishView& publish);
  Outcome break_rule(const PublishView& publish, const Fault& fault, Reason in_ack);
  Outcome refuse_publish(const PublishView& publish, Reason reason);
  Outcome refuse_for_store(const PublishView& publish, Reason reason);
  void acknowledge_publish(const PublishView& publish, Reason reason, std::uint64_t turn);
  Bytes as_it_came(const PublishView& publish, std::uint32_t expiry_s, const FixedHeader& header,
                   Bytes body) const;
  void take_publish(const PublishView& publish, const FixedHeader& header, Bytes body);
  void limit_rate(std::size_t packet_size);
  std::size_t mount_size() const { return extras_ ? extras_->mountpoint.size() : 0; }
  Bytes mounted(Bytes topic, std::string& scratch) const;
  void pause(Pause reason);
  void unpause(Pause reason);

  // acks.cpp
  void answer(PacketType type, std::uint16_t packet_id, Reason reason, std::uint64_t turn);
  void send_ack(PacketType type, std::uint16_t packet_id, Reason reason);
  void mark_sent(Delivery& delivery);
  void tell_acked(const Delivery& delivery, Reason reason) const;
  void send_what_waits();
  Outcome handle_ack(PacketType type, Bytes body);
  void handle_puback(const AckView& ack);
  void handle_pubrec(const AckView& ack);
  void handle_pubrel(const AckView& ack);
  void handle_pubcomp(const AckView& ack);

  // subscribe.cpp
  Outcome handle_subscribe(Bytes body);
  Outcome handle_unsubscribe(Bytes body);
  Reason check_filter(const FilterView& view, ParsedFilter& parsed) const;
  void choose_filters(SubscribeView& view, std::vector<Reason>& reasons);
  void choose_filters(UnsubscribeView& view, std::vector<FilterChoice>& choices);
  void take_subscribe(const SubscribeView& view, std::span<const ParsedFilter> parsed,
                      std::vector<Reason>& reasons);

  void answer_filters(PacketType type, std::uint16_t packet_id, std::span<const Reason> reasons);

  // gated.cpp
  void await_end(std::uint64_t turn, AuthAnswer& answer);
  bool end_awaited();
  void await_release();
  void wait_at_gate(Gate::Item item);
  void let_through(const Gate::Item& item);

  // outbound.cpp
  bool note_sent(const Delivery& delivery);
  void forget_inflight(std::uint16_t packet_id);
  void send_gated(std::uint16_t packet_id);
  bool write(const MessageView& message, const MessagePtr& holder, std::uint8_t qos, bool retain,
             bool dup, std::uint16_t packet_id, std::span<const std::uint32_t> ids);
  const FrameCache::Frame& make_frame(Publication& publication, std::uint8_t qos) const;
  bool write_frame(Publication& publication, const FrameCache::Frame& frame, std::uint8_t qos,
                   bool retain, std::uint16_t packet_id);
  std::size_t largest_packet() const;
  std::uint16_t pick_alias(Bytes& topic);
  void count_sent(const MessageView& message, std::uint8_t qos, bool again);
  void tell_sent(const MessageView& message, std::uint8_t qos, bool again);
  void too_large(const MessageView& message);
  std::uint32_t remaining_expiry(const MessageView& message) const;
  void trace_out(Bytes topic, std::uint8_t qos, std::size_t payload) const;

  Broker* broker_;
  Link& link_;
  Session* session_ = nullptr;
  Timer timer_;  // time for CONNECT, then keep alive
  std::unique_ptr<Extras> extras_;
  std::unique_ptr<Sleep> sleep_;      // null: awake
  std::unique_ptr<Gate> gate_;        // null: nothing ever had to wait for the disk
  std::uint32_t last_received_ms_;    // the low half: no keep alive is as long as 49 days
  std::uint32_t connected_at_s_ = 0;  // Unix time
  std::uint32_t max_packet_in_ = 0;   // 0: none
  std::uint32_t max_packet_out_ = 0;
  std::uint16_t receive_max_ = 65535;
  std::uint16_t keep_alive_s_ = 0;
  Version version_ = Version::v311;
  State state_ = State::await_connect;
  bool registered_ : 1 = false;
  bool clean_start_ : 1 = true;
  bool superuser_ : 1 = false;
  bool has_password_ : 1 = false;
  bool connect_asked_ : 1 = false;  // the client_connect hook has been called
  bool connack_asked_ : 1 = false;
  bool gated_ : 1 = false;         // in the broker's list of those with something at their gate
  std::uint8_t paused_ : 5 = 0;    // the Pause reasons for which no packet is taken now
  std::uint8_t queueing_ : 2 = 0;  // the Queueing reasons
};
static_assert(sizeof(Connection) <= 120, "with malloc's header, 128 bytes a client");

}  // namespace keel::kernel
