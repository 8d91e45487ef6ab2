// Clients of another protocol as ordinary MQTT sessions, for gateways. All [shard that called
// open].
#pragma once

#include <memory>
#include <span>

#include "keel/address.hpp"
#include "keel/handle.hpp"
#include "keel/message.hpp"
#include "keel/tls.hpp"

namespace keel {

struct Will {
  std::string_view topic, payload;
  std::uint8_t qos = 0;
  bool retain = false;
  std::uint32_t delay_s = 0;

  keel_will c() const {
    keel_will out{};
    out.size = sizeof out;
    out.qos = qos;
    out.retain = retain ? 1 : 0;
    out.topic = to_c(topic);
    out.payload = to_c(payload);
    out.delay_s = delay_s;
    return out;
  }
};

struct SessionRequest {
  std::string_view client_id;
  std::optional<std::string_view> username = {}, password = {};
  bool clean = true;
  std::uint32_t expiry_s = 0;      // 0xffffffff: never
  std::uint16_t keep_alive_s = 0;  // for hooks and lists: the gateway itself watches
  std::uint16_t receive_maximum = 0;
  const Will* will = nullptr;
  Address peer = {};
  std::string_view protocol = {};       // "mqtt-sn"
  std::string_view listener_name = {};  // "emqx_sn:udp:1884"
  bool loopback_only = false;           // the gateway can be reached from this machine only
  Verified verified{nullptr};
};

// A message for the client. QoS 1/2 must be answered with Session::ack(id()).
class Delivery {
 public:
  Delivery(detail::Core& core, const keel_delivery& delivery)
      : core_(&core), delivery_(&delivery) {}
  std::uint32_t id() const { return delivery_->id; }
  Message message() const { return {*core_, delivery_->message}; }

 private:
  detail::Core* core_;
  const keel_delivery* delivery_;
};

struct Subscription {
  std::string_view filter;
  std::uint8_t qos = 0;
  bool no_local = false, retain_as_published = false;
  std::uint8_t retain_handling = 0;
};

// Must outlive the Session; usually the object that has it as a member. `reason` is an MQTT 5
// reason code. The Session may be destroyed within any of them.
class SessionHandler {
 public:
  virtual ~SessionHandler() = default;
  // 0 and whether the broker had the session, or the refusal: then the Session names nothing.
  virtual void opened(std::uint8_t reason, bool present) = 0;
  virtual void deliver(const Delivery& delivery) = 0;
  // One code per filter of subscribe() or unsubscribe().
  virtual void suback(std::uint64_t token, std::span<const std::uint8_t> codes) {
    static_cast<void>(token), static_cast<void>(codes);
  }
  // A publish() of QoS 1/2, a set_will() or a clear_will() is done.
  virtual void published(std::uint64_t token, std::uint8_t reason) {
    static_cast<void>(token), static_cast<void>(reason);
  }
  // A poll() is done: all it is about has been delivered, though perhaps not acknowledged.
  virtual void polled() {}
  // The last call.
  virtual void session_closed(std::uint8_t reason, std::string_view word) = 0;
};

namespace detail {
class SessionContext final : public Context {
 public:
  SessionContext(Core& of, std::uint32_t on, SessionHandler& to) : Context(of, on), handler(to) {}
  // The kernel's last call is `closed`, which releases.
  void shut() noexcept override { close_on_shard(*this); }
  keel_status shut_here() noexcept override {
    const keel_status status =
        core.session.call(&keel_ext_session::close, core.host, handle.load(), std::uint8_t{0});
    if (status == KEEL_E_STALE) core.release(*this);
    return status;
  }
  inline static keel_session_callbacks callbacks();

  SessionHandler& handler;
};

inline keel_session_callbacks SessionContext::callbacks() {
  using Self = const Ref<SessionContext>;
  keel_session_callbacks out{};
  out.size = sizeof out;
  out.opened = [](void* ctx, keel_handle, std::uint8_t reason, std::int32_t present) {
    Self self(static_cast<SessionContext*>(ctx));
    if (reason != 0) self->handle = 0;
    if (self->open()) guarded(self->core, [&] { self->handler.opened(reason, present != 0); });
    if (reason != 0) self->core.release(*self);
  };
  out.deliver = [](void* ctx, keel_handle, const keel_delivery* deliveries, std::uint32_t n) {
    Self self(static_cast<SessionContext*>(ctx));
    self->note_shard();
    for (std::uint32_t i = 0; i < n && self->open(); ++i) {
      guarded(self->core, [&] { self->handler.deliver(Delivery(self->core, at(deliveries, i))); });
    }
  };
  out.suback = [](void* ctx, keel_handle, std::uint64_t token, const std::uint8_t* codes,
                  std::uint32_t n) {
    Self self(static_cast<SessionContext*>(ctx));
    if (self->open()) guarded(self->core, [&] { self->handler.suback(token, {codes, n}); });
  };
  out.published = [](void* ctx, keel_handle, std::uint64_t token, std::uint8_t reason) {
    Self self(static_cast<SessionContext*>(ctx));
    if (self->open()) guarded(self->core, [&] { self->handler.published(token, reason); });
  };
  out.closed = [](void* ctx, keel_handle, std::uint8_t reason, keel_str word) {
    Self self(static_cast<SessionContext*>(ctx));
    self->handle = 0;
    if (self->open()) {
      guarded(self->core, [&] { self->handler.session_closed(reason, view(word)); });
    }
    self->core.release(*self);
  };
  out.polled = [](void* ctx, keel_handle) {
    Self self(static_cast<SessionContext*>(ctx));
    if (self->open()) guarded(self->core, [&] { self->handler.polled(); });
  };
  return out;
}
}  // namespace detail

// Destroying it closes the session normally; close() first to tell another reason.
class Session : public Handle {
 public:
  Session() = default;
  explicit Session(detail::Ref<detail::Context> context) : Handle(std::move(context)) {}

  // As the client. KEEL_E_LIMIT: too many are under way.
  Status publish(const Publish& message, std::uint64_t token = 0) const {
    const keel_message_view view = message.c();
    return call(&keel_ext_session::publish, &view, token);
  }
  Status subscribe(const Subscription& one, std::uint64_t token = 0) const {
    keel_subscription c{};
    c.size = sizeof c;
    c.qos = one.qos;
    c.no_local = one.no_local ? 1 : 0;
    c.retain_as_published = one.retain_as_published ? 1 : 0;
    c.retain_handling = one.retain_handling;
    c.filter = to_c(one.filter);
    return subscribe(std::span<const keel_subscription>(&c, 1), token);
  }
  Status subscribe(std::span<const keel_subscription> all, std::uint64_t token) const {
    return call(&keel_ext_session::subscribe, all.data(), static_cast<std::uint32_t>(all.size()),
                token);
  }
  Status unsubscribe(std::string_view filter, std::uint64_t token = 0) const {
    const keel_str c = to_c(filter);
    return call(&keel_ext_session::unsubscribe, &c, std::uint32_t{1}, token);
  }
  // QoS 2, optional: the client has it (PUBREC); ack() follows.
  Status received(std::uint32_t delivery) const {
    return call(&keel_ext_session::received, delivery);
  }
  Status ack(std::uint32_t delivery, std::uint8_t reason = 0) const {
    return call(&keel_ext_session::ack, delivery, reason);
  }
  // Replaces the will; SessionHandler::published follows with the token: 0, or why the old one
  // stays.
  Status set_will(const Will& will, std::uint64_t token = 0) const {
    const keel_will c = will.c();
    return call(&keel_ext_session::set_will, &c, token);
  }
  Status clear_will(std::uint64_t token = 0) const {
    return call(&keel_ext_session::set_will, static_cast<const keel_will*>(nullptr), token);
  }
  // The client sleeps: everything waits in the broker.
  Status suspend(std::uint32_t queue_limit = 0) const {
    return call(&keel_ext_session::suspend, queue_limit);
  }
  Status resume() const { return call(&keel_ext_session::resume); }
  // While suspended: what waits now is delivered as acknowledgements make room, what comes later
  // waits on. SessionHandler::polled() follows, unless resume(), suspend() or poll() comes before.
  Status poll() const { return call(&keel_ext_session::poll); }
  // fn(const keel_session_stats*) once, later; null: the session ended, or the plugin is going.
  template <class F>
  Status inspect(F fn) const {
    struct Query {
      detail::Core& core;
      F fn;
    };
    return with([&](detail::Core& core, keel_handle session) {
      auto query = std::make_unique<Query>(Query{core, std::move(fn)});
      const keel_status status =
          core.session.call(&keel_ext_session::inspect, core.host, session,
                            keel_session_stats_fn([](void* ctx, const keel_session_stats* stats) {
                              const std::unique_ptr<Query> self(static_cast<Query*>(ctx));
                              detail::guarded(self->core, [&] { self->fn(stats); });
                            }),
                            query.get());
      if (status == KEEL_OK) query.release();
      return status;
    });
  }
  // 0: normally, without will; else as a lost client. session_closed() follows, never from within.
  Status close(std::uint8_t reason = 0) const { return call(&keel_ext_session::close, reason); }

 private:
  template <class... P, class... A>
  Status call(keel_status (*keel_ext_session::*member)(const keel_host*, keel_handle, P...),
              A... arguments) const {
    return with([&](detail::Core& core, keel_handle session) {
      return core.session.call(member, core.host, session, arguments...);
    });
  }
};

class Sessions {
 public:
  explicit Sessions(detail::Core& core) : core_(core) {}

  // Connects a client; SessionHandler::opened follows, never from within. [shard]
  Result<Session> open(const SessionRequest& request, SessionHandler& handler) const {
    keel_session_request c{};
    c.size = sizeof c;
    c.flags = (request.clean ? std::uint32_t{KEEL_SESSION_CLEAN} : 0u) |
              (request.username ? std::uint32_t{KEEL_SESSION_HAS_USERNAME} : 0u) |
              (request.password ? std::uint32_t{KEEL_SESSION_HAS_PASSWORD} : 0u) |
              (request.loopback_only ? std::uint32_t{KEEL_SESSION_LOOPBACK_ONLY} : 0u);
    c.client_id = to_c(request.client_id);
    c.username = to_c(request.username.value_or(std::string_view()));
    c.password = to_c(request.password.value_or(std::string_view()));
    c.expiry_s = request.expiry_s;
    c.keep_alive_s = request.keep_alive_s;
    c.receive_maximum = request.receive_maximum;
    keel_will will{};
    if (request.will) {
      will = request.will->c();
      c.will = &will;
    }
    c.peer = request.peer.c();
    c.protocol = to_c(request.protocol);
    c.listener_name = to_c(request.listener_name);
    c.verified = request.verified.c();
    return start(core_.current_shard(), handler,
                 [&](const keel_session_callbacks& callbacks, void* ctx, keel_handle& handle) {
                   return core_.session.call(&keel_ext_session::open, core_.host, &c, &callbacks,
                                             ctx, &handle);
                 });
  }
  // Takes over a session of the old version. [control, in start()]
  Result<Session> attach(keel_handle session, SessionHandler& handler) const {
    return start(detail::kAnyShard, handler,
                 [&](const keel_session_callbacks& callbacks, void* ctx, keel_handle& handle) {
                   handle = session;
                   return core_.session.call(&keel_ext_session::attach, core_.host, session,
                                             &callbacks, ctx);
                 });
  }

 private:
  template <class F>
  Result<Session> start(std::uint32_t shard, SessionHandler& handler, F&& call) const {
    auto context = detail::make_context<detail::SessionContext>(core_, shard, handler);
    const keel_session_callbacks callbacks = detail::SessionContext::callbacks();
    core_.hold(*context);
    keel_handle handle = 0;
    if (const keel_status status = call(callbacks, context.get(), handle); status != KEEL_OK) {
      core_.release(*context);
      return core_.status(status);
    }
    context->handle = handle;
    return Session(std::move(context));
  }

  detail::Core& core_;
};

}  // namespace keel
