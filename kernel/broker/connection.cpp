#include "kernel/broker/connection.hpp"

#include "kernel/base/log.hpp"
#include "kernel/base/utf8.hpp"
#include "kernel/broker/broker.hpp"
#include "kernel/codec/encoder.hpp"

namespace keel::kernel {

Connection::Extras::Extras(Connection& owner)
    : wait([](void* connection) { static_cast<Connection*>(connection)->wait_over(); }, &owner) {}

Connection::Connection(Broker& broker, Link& link)
    : broker_(&broker),
      link_(link),
      timer_([](void* self) { static_cast<Connection*>(self)->timer_due(); }, this),
      last_received_ms_(clock_ms()) {
  const Settings& settings = broker.settings();
  max_packet_in_ = settings.limits.max_packet_size;
  if (const auto& listener = link.peer().listener; listener && listener->settings.max_packet_size)
    max_packet_in_ = listener->settings.max_packet_size;
  if (settings.limits.connect_timeout_ms > 0)
    link.shard().timers().arm(timer_, settings.limits.connect_timeout_ms);
}

Connection::~Connection() {
  // Still attached only when the shard itself stops.
  if (session_) session_->connection = nullptr;
  if (extras_ && extras_->ticket != 0) broker_->forget_question(extras_->ticket);
  if (paused_ & kHeld) broker_->forget_held(*this);
  if (gated_) broker_->forget_gated(*this);
  if (registered_) broker_->unregister_connection(*this);
}

std::uint32_t Connection::clock_ms() const {
  return static_cast<std::uint32_t>(link_.shard().now_ms());
}

Connection::Extras& Connection::extras() {
  if (!extras_) extras_ = std::make_unique<Extras>(*this);
  return *extras_;
}

Bytes Connection::client_name() const { return session_ ? Bytes(session_->client_id) : Bytes("-"); }

std::size_t Connection::on_data(std::string_view data) {
  last_received_ms_ = clock_ms();
  std::size_t used = 0;
  broker_->begin_work();
  while (state_ != State::closing && !paused_) {
    const Bytes rest = data.substr(used);
    const bool exchange = extras_ && !extras_->connect_copy.empty();
    if (state_ == State::await_connect && !rest.empty() &&
        octet(rest[0]) != (exchange ? 0xF0 : 0x10)) {
      fail({Reason::protocol_error, "the first packet is not CONNECT"});
      break;
    }
    FixedHeader header;
    const HeaderStatus status = parse_header(rest, header, version_);
    if (status == HeaderStatus::incomplete) break;
    if (status == HeaderStatus::malformed) {
      fail({Reason::malformed_packet, "fixed header malformed"});
      break;
    }
    const std::size_t size = std::size_t{header.size} + header.remaining;
    if (max_packet_in_ != 0 && size > max_packet_in_) {
      fail({Reason::packet_too_large, "packet larger than max_packet_size"});
      break;
    }
    if (rest.size() < size) break;
    const Bytes body = rest.substr(header.size, header.remaining);
    if (broker_->traces()) [[unlikely]]
      trace_in(header, body);
    // Once a packet is answered "later" this object may already belong to another shard.
    if (handle(header, body) == Outcome::later) return used;
    used += size;
    if (extras_ && !extras_->answers.empty()) extras_->answers.clear();
    limit_output();
    if (broker_->work_is_enough() && used < data.size()) {
      link_.resume_reading();  // the rest is shown on the next turn
      break;
    }
  }
  return state_ == State::closing ? data.size() : used;
}

Connection::Outcome Connection::handle(const FixedHeader& header, Bytes body) {
  MetricsCell& metrics = broker_->metrics();
  switch (header.type) {
    case PacketType::publish:
      return handle_publish(header, body);
    case PacketType::puback:
    case PacketType::pubrec:
    case PacketType::pubrel:
    case PacketType::pubcomp:
      return handle_ack(header.type, body);
    case PacketType::connect:
      if (state_ == State::open) {
        fail({Reason::protocol_error, "a second CONNECT"});
        return Outcome::done;
      }
      return handle_connect(body);
    case PacketType::subscribe:
      return handle_subscribe(body);
    case PacketType::unsubscribe:
      return handle_unsubscribe(body);
    case PacketType::pingreq:
      metrics.add(Metric::pingreq_received);
      if (const Fault fault = parse_empty(body)) {
        fail(fault);
      } else {
        encode_pingresp(link_.out);
        link_.touch();
        metrics.add(Metric::pingresp_sent);
        session_->trim();  // as long as its keep alive it has been silent
        if (!gated_) gate_.reset();
      }
      return Outcome::done;
    case PacketType::disconnect:
      return handle_disconnect(body);
    case PacketType::auth:
      return handle_auth(body);
    default:
      fail({Reason::protocol_error, "a packet that only servers send"});
      return Outcome::done;
  }
}

Connection::Outcome Connection::handle_disconnect(Bytes body) {
  broker_->metrics().add(Metric::disconnect_received);
  DisconnectView view;
  if (const Fault fault = parse_disconnect(body, version_, view)) {
    fail(fault);
    return Outcome::done;
  }
  if (view.has_session_expiry && session_) {
    if (session_->expiry_s == 0 && view.session_expiry_s != 0) {
      fail({Reason::protocol_error, "DISCONNECT sets a session expiry where CONNECT had none"});
      return Outcome::done;
    }
    session_->expiry_s =
        std::min(view.session_expiry_s, broker_->settings().mqtt.max_session_expiry_s);
  }
  finish(view.reason, view.reason == Reason::success ? "normal" : reason_name(view.reason),
         view.reason != Reason::success);
  return Outcome::done;
}

// Messages stop at limits.max_output_bytes; what is beyond are answers to a client that asks and
// does not read. It is not read either until it has.
void Connection::limit_output() {
  const std::uint64_t bound = broker_->settings().limits.max_output_bytes;
  if (bound == 0 || link_.out.size() <= 2 * bound || state_ != State::open) return;
  pause(kChoked);
  link_.notify_when_drained();
}

void Connection::on_drained() {
  unpause(kChoked);
  if (session_ && state_ == State::open) broker_->pump(*session_);
}

void Connection::on_closed(CloseCause cause, std::string_view detail) {
  timer_.cancel();
  if (state_ == State::closing) return;
  if (state_ == State::await_connect) {
    if (cause != CloseCause::handshake && cause != CloseCause::local)
      KEEL_LOG(debug, "peer={}: closed before CONNECT", link_.peer().address());
    state_ = State::closing;
    drop_question();
    return;
  }
  const std::string_view word = cause == CloseCause::slow   ? "send_timeout"
                                : cause == CloseCause::peer ? "closed"
                                : detail.empty()            ? "socket_error"
                                                            : detail;
  finish(Reason::unspecified_error, word, true);
}

void Connection::fail(const Fault& fault) {
  broker_->metrics().add(Metric::protocol_errors);
  std::string name;
  KEEL_LOG(warning, "client={} peer={}: {} (0x{:02x} {}); connection closed",
           printable(client_name(), name), link_.peer().address(), fault.what, code(fault.reason),
           reason_name(fault.reason));
  if (state_ == State::open) {
    disconnect(fault.reason, reason_name(fault.reason), true);
  } else {
    close_link(fault.reason);
  }
}

void Connection::disconnect(Reason reason, std::string_view word, bool publish_will) {
  if (state_ == State::closing) return;
  if (state_ == State::open && version_ == Version::v5) {
    encode_disconnect(link_.out, version_, reason);
    broker_->metrics().add(Metric::disconnect_sent);
  }
  finish(reason, word, publish_will);
}

void Connection::taken_over() {
  if (version_ == Version::v5) {
    encode_disconnect(link_.out, version_, Reason::session_taken_over);
    broker_->metrics().add(Metric::disconnect_sent);
  }
  std::string name;
  KEEL_LOG(info, "client={} peer={}: disconnected: taken over by a new connection",
           printable(client_name(), name), link_.peer().address());
  trace("disconnected: taken over by a new connection");
  broker_->note_flapping(*this);
  session_->connection = nullptr;  // nothing is sent behind the DISCONNECT [MQTT-3.14.4-1]
  broker_->presence_disconnected(*this, "conflict");
  if (broker_->wants(Event::client_disconnected))
    broker_->notify({.event = Event::client_disconnected,
                     .client = hook_client(),
                     .code = Reason::session_taken_over,
                     .reason = "conflict"});
  session_ = nullptr;
  close_link(Reason::session_taken_over);
}

// From here on the client is gone as far as its session is concerned, whatever the socket still
// does.
void Connection::finish(Reason reason, std::string_view word, bool publish_will) {
  if (session_) {
    std::string name, shown;
    KEEL_LOG(info, "client={} peer={}: disconnected: {}", printable(client_name(), name),
             link_.peer().address(), printable(word, shown));
    if (broker_->traces()) trace(fmt::format("disconnected: {}", printable(word, shown)));
    // What the operator, a plugin or the clock ended is not the client's doing.
    if (reason != Reason::administrative_action && reason != Reason::maximum_connect_time)
      broker_->note_flapping(*this);
    session_->connection = nullptr;  // nothing is sent behind the DISCONNECT [MQTT-3.14.4-1]
    broker_->presence_disconnected(*this, word);
    if (broker_->wants(Event::client_disconnected))
      broker_->notify({.event = Event::client_disconnected,
                       .client = hook_client(),
                       .code = reason,
                       .reason = word});
    Session& session = *session_;
    session_ = nullptr;
    close_link(reason);
    broker_->detach(session, publish_will);
  } else {
    close_link(reason);
  }
}

void Connection::close_link(Reason why) {
  if (state_ == State::closing) return;
  state_ = State::closing;
  timer_.cancel();
  drop_question();
  if (extras_) {
    extras_->wait.cancel();
    if (extras_->life) extras_->life->cancel();
  }
  if (paused_ & kHeld) broker_->forget_held(*this);
  if (registered_) broker_->unregister_connection(*this);
  link_.set_ending(why);
  link_.close();
}

void Connection::arm_keep_alive() {
  timer_.cancel();
  if (keep_alive_s_ != 0 && !of_gateway())
    link_.shard().timers().arm(
        timer_, static_cast<std::int64_t>(keep_alive_s_ * 1000.0 *
                                          broker_->settings().mqtt.keepalive_multiplier));
}

bool Connection::of_gateway() const {
  const ListenerInfo* listener = link_.peer().listener.get();
  return listener && listener->watches_clients;
}

void Connection::keep_order() {
  if (session_->queue.qos0() != 0 ||
      (of_gateway() && !(session_->nothing_waits() && nothing_to_resend())))
    queueing_ |= kBehind;
}

bool Connection::suspend(std::uint32_t queue_limit) {
  if (!session_ || state_ != State::open) return false;
  if (suspended()) {
    end_poll();
    sleep_->queue_limit = queue_limit;
    return true;
  }
  sleep_ = std::make_unique<Sleep>();
  sleep_->queue_limit = queue_limit;
  queueing_ |= kSuspended;
  timer_.cancel();
  session_->trim();
  broker_->set_shared_online(*session_, false);  // members that are awake go first
  return true;
}

bool Connection::resume() {
  if (!session_ || state_ != State::open) return false;
  if (!suspended()) return true;
  end_poll();
  sleep_.reset();
  queueing_ = 0;
  keep_order();
  last_received_ms_ = clock_ms();
  arm_keep_alive();
  broker_->set_shared_online(*session_, true);
  broker_->pump(*session_);
  return true;
}

bool Connection::poll() {
  if (!session_ || state_ != State::open || !suspended()) return false;
  end_poll();
  sleep_->polling = true;
  // Of a queue that reaches into the store it is not known where it ends now: all of it.
  sleep_->queued = session_->stored && session_->stored->has_tail()
                       ? ~std::uint32_t{0}
                       : static_cast<std::uint32_t>(session_->queue.size());
  if (const RetainedCursors* const cursors = session_->retained())
    for (auto owed = cursors->rbegin(); owed != cursors->rend(); ++owed)
      sleep_->retained.push_back(owed->first);
  broker_->pump(*session_);
  return true;
}

void Connection::end_poll() {
  if (!polling()) return;
  sleep_->polling = false;
  sleep_->queued = 0;
  sleep_->retained = {};
  session_->trim();
  encode_pingresp(link_.out);
  link_.touch();
}

const FilterId* Connection::retained_due() {
  const RetainedCursors* const cursors = session_->retained();
  if (!cursors) return nullptr;
  if (!sleep_) return &cursors->begin()->first;
  std::vector<FilterId>& owed = sleep_->retained;
  while (!owed.empty() && !cursors->contains(owed.back())) owed.pop_back();
  return owed.empty() ? nullptr : &owed.back();
}

void Connection::timer_due() {
  if (state_ == State::await_connect) {
    KEEL_LOG(notice, "peer={}: no CONNECT within {} ms (limits.connect_timeout); connection closed",
             link_.peer().address(), broker_->settings().limits.connect_timeout_ms);
    state_ = State::closing;
    drop_question();
    link_.set_ending(Reason::keep_alive_timeout);
    link_.abort();
    return;
  }
  const auto allowed = static_cast<std::int64_t>(keep_alive_s_ * 1000.0 *
                                                 broker_->settings().mqtt.keepalive_multiplier);
  const std::uint32_t idle = clock_ms() - last_received_ms_;
  // While reading is paused by the broker itself the client's silence is not its own.
  if (idle < allowed || paused_) {
    link_.shard().timers().arm(timer_, paused_ ? allowed : allowed - idle);
    return;
  }
  broker_->metrics().add(Metric::keepalive_timeouts);
  disconnect(Reason::keep_alive_timeout, "keepalive_timeout", true);
}

ConnectionInfo Connection::info() const {
  ConnectionInfo info;
  info.client_id = client_name();
  info.username = username();
  info.peer = link_.peer().address();
  info.endpoint = link_.peer().endpoint;
  if (const auto& listener = link_.peer().listener) {
    info.listener = listener->settings.name;
    info.protocol = listener->protocol;
  }
  info.version = version_;
  info.clean_start = clean_start_;
  info.has_password = has_password_;
  info.verified = link_.peer().verified.get();
  info.keep_alive_s = keep_alive_s_;
  info.connected_at_s = connected_at_s_;
  if (const auto& verified = link_.peer().verified)
    info.tls = verified->tls_version + " " + verified->cipher;
  info.output_bytes = link_.out.size();
  info.suspended = suspended();
  return info;
}

HookClient Connection::hook_client() const {
  HookClient client;
  if (session_) {
    client.client_id = session_->client_id;
    client.session_expiry_s = session_->expiry_s;
  }
  client.username = username();
  client.has_username = !client.username.empty();
  client.has_password = has_password_;
  client.peer = &link_.peer();
  client.version = version_;
  client.clean_start = clean_start_;
  client.keep_alive_s = keep_alive_s_;
  return client;
}

void Connection::trace(std::string_view what, Bytes topic) const {
  if (!broker_->traces()) return;
  std::string name;
  broker_->traces()->write(client_name(), topic,
                           fmt::format("client={} peer={} {}", printable(client_name(), name),
                                       link_.peer().address(), what));
}

void Connection::trace_in(const FixedHeader& header, Bytes body) const {
  if (header.type == PacketType::connect) return;  // its client is not known yet
  Bytes topic;
  if (header.type == PacketType::publish && body.size() >= 2 &&
      body.size() >= 2u + load_be16(body.data()))
    topic = body.substr(2, load_be16(body.data()));
  std::string shown;
  trace(
      fmt::format("received {} {}packet of {} bytes", packet_name(header.type),
                  topic.empty() ? ""
                                : fmt::format("topic={} qos={} retain={} ", printable(topic, shown),
                                              header.flags >> 1 & 3, header.flags & 1),
                  header.size + header.remaining),
      topic);
}

void Connection::trace_out(Bytes topic, std::uint8_t qos, std::size_t payload) const {
  std::string shown;
  trace(fmt::format("sent PUBLISH topic={} qos={} payload of {} bytes", printable(topic, shown),
                    qos, payload),
        topic);
}

}  // namespace keel::kernel
