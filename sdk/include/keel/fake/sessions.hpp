// FakeHost's table session: gateways' clients, with answers that tests script. Part of
// keel/fake.hpp.
#pragma once

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
  SessionPeer* session(std::string_view client_id);
  // Messages for a client; wait while it is suspended, or has as many to acknowledge as it takes at
  // once. QoS 0 has the id 0.
  void deliver(std::string_view client_id, const FakeMessage& message);
  // The broker ends it: taken over, kicked.
  void session_end(std::string_view client_id, std::uint8_t reason, std::string_view word);

 protected:
  const void* session_table_for(std::string_view id);
  void pump_sessions();

 private:
  static SessionTable& of(const keel_host* host) {
    return static_cast<SessionTable&>(*instance(host).kernel);
  }
  void pump_session(keel_handle handle);
  void pump_later(const Session& session);
  // Those a plugin of an older SDK does not know stay null.
  static keel_session_callbacks copy(const keel_session_callbacks& given);
  void finish_session(keel_handle handle, std::uint8_t reason, std::string word);
  static FakeMessage will_of(const keel_will& will);
  keel_status open(Instance& caller, const keel_session_request& request,
                   const keel_session_callbacks& callbacks, void* ctx, keel_handle* out);
  template <class F>
  static keel_status with(const keel_host* host, const char* function, keel_handle handle, F&& fn) {
    Session* session;
    const auto status = of(host).enter(instance(host), function, On::shard, handle, session);
    if (status != KEEL_OK) return status;
    return fn(*session);
  }
  void answer_codes(const Session& session, std::uint64_t token, std::vector<std::uint8_t> codes);

  void answer_published(const Session& session, std::uint64_t token, std::uint8_t reason);

  static const keel_ext_session& session_table();

  std::map<keel_handle, SessionPeer> session_peers_;
  std::uint32_t next_delivery_ = 1;
};

}  // namespace keel::fake
