// FakeHost's table session: gateways' clients, with answers that tests script. Part of
// keel/fake.hpp.
#pragma once

#include <cstring>

#include "keel/ext/session.h"
#include "keel/fake/streams.hpp"

namespace keel::fake {

// One session as tests see it; stays when it is closed.
struct SessionPeer {
  keel_handle handle = 0;
  std::string client_id, username, password, protocol, listener_name;
  bool clean = false, loopback_only = false;
  bool has_username = false, has_password = false;
  std::optional<FakeVerified> verified;  // what the gateway says the client proved
  std::uint32_t expiry_s = 0;
  std::uint16_t keep_alive_s = 0, receive_maximum = 0;
  std::optional<FakeMessage> will;
  std::string peer;

  bool open = false, closed = false, suspended = false;
  std::uint8_t close_reason = 0;                              // the plugin's
  std::vector<FakeMessage> published;                         // as the client
  std::map<std::string, std::uint8_t> subscriptions;          // filter, QoS
  std::vector<std::pair<std::uint32_t, std::uint8_t>> acked;  // delivery id, reason
  std::vector<std::uint32_t> received;
  std::deque<FakeMessage> waiting;                 // to be delivered: asleep, or no room
  std::map<std::uint32_t, std::uint8_t> inflight;  // delivered but not acknowledged: id, QoS
  std::uint32_t queue_limit = 0;                   // of suspend()
  std::uint64_t dropped = 0;
  std::optional<std::size_t> poll_left;  // while a poll is under way: of `waiting`, the first ones

  bool window_open() const { return receive_maximum == 0 || inflight.size() < receive_maximum; }
};

struct Session final : Object {
  const char* kind() const override { return "session"; }
  bool keeps() const override { return true; }
  keel_session_callbacks callbacks{};
  void* ctx = nullptr;
  SessionPeer* far = nullptr;
  bool ending = false;
  void revoke() override {
    far->closed = true;
    far->open = false;
    callbacks.closed(ctx, handle, 0x8b, to_c("server shutting down"));
  }
};

class SessionTable : public StreamTable {
 public:
  using StreamTable::StreamTable;

  // ---- for tests ----
  // What open(), subscribe() and publish() are answered.
  std::function<std::uint8_t(const SessionPeer&)> session_open = [](auto&) { return 0; };
  bool session_present = false;
  std::function<std::uint8_t(const std::string&, std::uint8_t)> session_subscribe =
      [](const std::string&, std::uint8_t qos) { return qos; };
  std::function<std::uint8_t(const FakeMessage&)> session_publish = [](auto&) { return 0; };

  // The newest session of a client; null: there was none.
  SessionPeer* session(std::string_view client_id) {
    SessionPeer* out = nullptr;
    for (auto& [handle, peer] : session_peers_) {
      if (peer.client_id == client_id) out = &peer;
    }
    return out;
  }
  // Messages for a client; wait while it is suspended, or has as many to acknowledge as it takes at
  // once. QoS 0 has the id 0.
  void deliver(std::string_view client_id, const FakeMessage& message) {
    if (SessionPeer* const peer = session(client_id)) {
      peer->waiting.push_back(message);
      if (peer->suspended && peer->queue_limit != 0 && peer->waiting.size() > peer->queue_limit) {
        peer->waiting.pop_front();
        ++peer->dropped;
        if (peer->poll_left && *peer->poll_left != 0) --*peer->poll_left;
      }
      pump_session(peer->handle);
    }
    run();
  }
  // The broker ends it: taken over, kicked.
  void session_end(std::string_view client_id, std::uint8_t reason, std::string_view word) {
    if (const SessionPeer* const peer = session(client_id)) {
      finish_session(peer->handle, reason, std::string(word));
    }
    run();
  }

 protected:
  const void* session_table_for(std::string_view id) {
    return id == KEEL_EXT_SESSION ? &session_table() : nullptr;
  }
  void pump_sessions() {
    for (const Session* session : all<Session>()) pump_session(session->handle);
  }

 private:
  static SessionTable& of(const keel_host* host) {
    return static_cast<SessionTable&>(*instance(host).kernel);
  }
  void pump_session(keel_handle handle) {
    for (;;) {
      auto* const session = find_any<Session>(handle);
      if (!session || !session->far->open || session->parked ||
          session->owner->phase != Phase::running) {
        return;
      }
      SessionPeer& peer = *session->far;
      if (peer.poll_left == 0) {
        peer.poll_left.reset();
        if (session->callbacks.polled) {
          on(session->shard, [&] { session->callbacks.polled(session->ctx, handle); });
        }
        continue;
      }
      if (peer.waiting.empty() || (peer.suspended && !peer.poll_left)) return;
      const FakeMessage message = peer.waiting.front();
      if (message.qos != 0 && !peer.window_open()) return;
      peer.waiting.pop_front();
      if (peer.poll_left) --*peer.poll_left;
      const FakeMessageView shown(message);
      keel_delivery delivery{};
      delivery.size = sizeof delivery;
      delivery.id = message.qos ? next_delivery_++ : 0;
      delivery.message = shown.c;
      if (message.qos) peer.inflight[delivery.id] = message.qos;
      on(session->shard, [&] { session->callbacks.deliver(session->ctx, handle, &delivery, 1); });
    }
  }
  void pump_later(const Session& session) {
    queue(session.shard, [this, handle = session.handle] { pump_session(handle); });
  }
  // Those a plugin of an older SDK does not know stay null.
  static keel_session_callbacks copy(const keel_session_callbacks& given) {
    keel_session_callbacks out{};
    std::memcpy(&out, &given, std::min<std::size_t>(given.size, sizeof out));
    return out;
  }
  void finish_session(keel_handle handle, std::uint8_t reason, std::string word) {
    auto* const found = find_any<Session>(handle);
    if (!found || std::exchange(found->ending, true)) return;
    queue(found->shard, [this, handle, reason, word = std::move(word)] {
      auto* const session = find_any<Session>(handle);
      if (!session) return;
      session->far->closed = true;
      session->far->open = false;
      session->callbacks.closed(session->ctx, handle, reason, to_c(word));
      drop(handle);
    });
  }
  static FakeMessage will_of(const keel_will& will) {
    FakeMessage out;
    out.topic = view(will.topic);
    out.payload = view(will.payload);
    out.qos = will.qos;
    out.retain = will.retain != 0;
    return out;
  }
  keel_status open(Instance& caller, const keel_session_request& request,
                   const keel_session_callbacks& callbacks, void* ctx, keel_handle* out) {
    if (const auto status = enter(caller, "session.open", On::shard)) return status;
    if (request.client_id.size == 0) return fail(KEEL_E_INVAL, "session.open: no client id");
    auto made = std::make_unique<Session>();
    made->shard = current();
    made->callbacks = copy(callbacks);
    made->ctx = ctx;
    Session& session = add(caller, std::move(made));
    SessionPeer& peer = session_peers_[session.handle];
    session.far = &peer;
    peer.handle = session.handle;
    peer.client_id = view(request.client_id);
    peer.username = view(request.username);
    peer.password = view(request.password);
    peer.protocol = view(request.protocol);
    peer.listener_name = view(request.listener_name);
    peer.clean = (request.flags & KEEL_SESSION_CLEAN) != 0;
    peer.loopback_only = (request.flags & KEEL_SESSION_LOOPBACK_ONLY) != 0;
    peer.has_username = (request.flags & KEEL_SESSION_HAS_USERNAME) != 0;
    peer.has_password = (request.flags & KEEL_SESSION_HAS_PASSWORD) != 0;
    if (request.verified) peer.verified = FakeVerified::copy(*request.verified);
    peer.expiry_s = request.expiry_s;
    peer.keep_alive_s = request.keep_alive_s;
    peer.receive_maximum = request.receive_maximum;
    peer.peer = Address(request.peer).text();
    if (request.will) peer.will = will_of(*request.will);
    *out = session.handle;
    queue(session.shard, [this, handle = session.handle] {
      auto* const opening = find_any<Session>(handle);
      if (!opening || opening->ending) return;
      const std::uint8_t reason = session_open(*opening->far);
      opening->far->open = reason == 0;
      opening->far->closed = reason != 0;
      opening->callbacks.opened(opening->ctx, handle, reason,
                                reason == 0 && session_present ? 1 : 0);
      if (reason != 0) drop(handle);
    });
    return KEEL_OK;
  }
  template <class F>
  static keel_status with(const keel_host* host, const char* function, keel_handle handle, F&& fn) {
    Session* session;
    const auto status = of(host).enter(instance(host), function, On::shard, handle, session);
    if (status != KEEL_OK) return status;
    return fn(*session);
  }
  void answer_codes(const Session& session, std::uint64_t token, std::vector<std::uint8_t> codes) {
    queue(session.shard, [this, handle = session.handle, token, codes = std::move(codes)] {
      auto* const asked = find_any<Session>(handle);
      if (!asked) return;
      asked->callbacks.suback(asked->ctx, handle, token, codes.data(),
                              static_cast<std::uint32_t>(codes.size()));
    });
  }

  void answer_published(const Session& session, std::uint64_t token, std::uint8_t reason) {
    queue(session.shard, [this, handle = session.handle, token, reason] {
      if (auto* const asked = find_any<Session>(handle)) {
        asked->callbacks.published(asked->ctx, handle, token, reason);
      }
    });
  }

  static const keel_ext_session& session_table();

  std::map<keel_handle, SessionPeer> session_peers_;
  std::uint32_t next_delivery_ = 1;
};

}  // namespace keel::fake

#include "keel/fake/session_table.hpp"
