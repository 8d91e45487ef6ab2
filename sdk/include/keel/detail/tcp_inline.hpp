// How tcp.hpp meets the table.
#pragma once

#include "keel/tcp.hpp"

namespace keel {

namespace detail {

inline ConnectionContext::ConnectionContext(Core& of, std::uint32_t on,
                                            std::unique_ptr<TcpHandler> given)
    : Context(of, on), handler(std::move(given)) {
  if (handler) handler->connection_ = Connection(this);
}
inline ConnectionContext::~ConnectionContext() = default;
inline void ConnectionContext::abandoned() noexcept { handler.reset(); }

inline const keel_tcp_callbacks& ConnectionContext::callbacks(keel_tcp_callbacks& out) {
  out = {};
  out.size = sizeof out;
  out.opened = &ConnectionContext::connected;
  out.data = &ConnectionContext::data;
  out.drained = &ConnectionContext::drained;
  out.closed = &ConnectionContext::ended;
  return out;
}

inline void* ConnectionContext::connected(void* ctx, keel_handle conn, const keel_tcp_info* info) {
  auto* const self = static_cast<ConnectionContext*>(ctx);
  self->handle = conn;
  guarded(self->core, [&] { self->handler->opened(TcpInfo(*info)); });
  return ctx;
}

// A null ctx is a connection that the plugin refused and that is being closed.
inline std::size_t ConnectionContext::data(void* ctx, keel_handle conn, keel_str bytes) {
  if (!ctx) return bytes.size;
  auto* const self = static_cast<ConnectionContext*>(ctx);
  return guarded(self->core, bytes.size, [&] {
    try {
      return self->handler->data(view(bytes));
    } catch (...) {  // what it read is lost: the connection cannot go on
      self->core.tcp.call(&keel_ext_tcp::close, self->core.host, conn);
      throw;
    }
  });
}

inline void ConnectionContext::drained(void* ctx, keel_handle) {
  if (!ctx) return;
  auto* const self = static_cast<ConnectionContext*>(ctx);
  guarded(self->core, [&] { self->handler->drained(); });
}

inline void ConnectionContext::ended(void* ctx, keel_handle, std::uint32_t reason,
                                     keel_str detail) {
  if (!ctx) return;
  const Ref<ConnectionContext> self(static_cast<ConnectionContext*>(ctx));
  self->handle = 0;
  guarded(self->core, [&] { self->handler->closed({reason, view(detail)}); });
  self->handler.reset();
  self->core.release(*self);
}

class ListenerContextBase : public Context {
 public:
  using Context::Context;
  // A connection in the middle of its handshake may still come; so this stays until stop().
  void shut() noexcept override {
    if (core.current_shard() == KEEL_SHARD_CONTROL && end(*this) != KEEL_E_STATE) return;
    guarded(core, [&] {
      post(core, KEEL_SHARD_CONTROL, [ref = Ref<Context>(this)](bool cancelled) {
        if (!cancelled) end(*ref);
      });
    });
  }
  TlsArguments tls;

 private:
  static keel_status end(Context& listener) {
    return listener.core.tcp.call(&keel_ext_tcp::close_listener, listener.core.host,
                                  listener.handle.load());
  }
};

template <class F>
class ListenerContext final : public ListenerContextBase {
 public:
  ListenerContext(Core& of, F f) : ListenerContextBase(of), fn(std::move(f)) {}
  static void* accepted(void* ctx, keel_handle conn, const keel_tcp_info* info) {
    auto* const self = static_cast<ListenerContext*>(ctx);
    void* out = nullptr;
    guarded(self->core, [&] {
      std::unique_ptr<TcpHandler> handler;
      if (self->open()) handler = self->fn(TcpInfo(*info));
      if (!handler) return;
      auto context = make_context<ConnectionContext>(self->core, self->core.current_shard(),
                                                     std::move(handler));
      self->core.hold(*context);
      out = ConnectionContext::connected(context.get(), conn, info);
    });
    if (!out) self->core.tcp.call(&keel_ext_tcp::close, self->core.host, conn);
    return out;
  }
  F fn;
};

}  // namespace detail

// Its connections stay when it goes.
class TcpListener : public Handle {
 public:
  TcpListener() = default;
  explicit TcpListener(detail::Ref<detail::Context> context) : Handle(std::move(context)) {}

  // Where it listens. [any]
  Address local() const {
    keel_addr out{};
    with([&](detail::Core& core, keel_handle listener) {
      return core.tcp.call(&keel_ext_tcp::local, core.host, listener, &out);
    }).ignore();
    return out;
  }
};

template <class F>
Result<TcpListener> Tcp::listen(const TcpListenOptions& options, F fn) const {
  auto context = detail::make_context<detail::ListenerContext<F>>(core_, std::move(fn));
  keel_tcp_listen_options c{};
  c.size = sizeof c;
  c.flags = options.proxy_protocol ? std::uint32_t{KEEL_TCP_PROXY_PROTOCOL} : 0u;
  if (options.allow_anonymous)
    c.flags |= *options.allow_anonymous ? KEEL_TCP_ADMIT_ANONYMOUS : KEEL_TCP_REFUSE_ANONYMOUS;
  c.address = to_c(options.address);
  c.name = to_c(options.name);
  c.proto = to_c(options.proto);
  c.backlog = options.backlog;
  c.max_connections = options.max_connections;
  c.connect_rate = options.connect_rate;
  c.send_timeout_ms = options.send_timeout_ms;
  keel_tls_options tls{};
  if (options.tls) {
    tls = context->tls.c(core_, *options.tls);
    c.tls = &tls;
  }
  keel_tcp_callbacks callbacks;
  detail::ConnectionContext::callbacks(callbacks);
  callbacks.opened = &detail::ListenerContext<F>::accepted;
  core_.hold(*context);
  keel_handle handle = 0;
  const keel_status status =
      core_.tcp.call(&keel_ext_tcp::listen, core_.host, &c, &callbacks, context.get(), &handle);
  if (status != KEEL_OK) {
    core_.release(*context);
    return core_.status(status);
  }
  context->handle = handle;
  return TcpListener(std::move(context));
}

inline Status Tcp::connect(const TcpConnectOptions& options,
                           std::unique_ptr<TcpHandler> handler) const {
  std::uint32_t shard = options.shard;
  if (shard == kHere) shard = core_.current_shard();
  if (shard == kControl) shard = 0;
  auto context = detail::make_context<detail::ConnectionContext>(core_, shard, std::move(handler));
  keel_tcp_connect_options c{};
  c.size = sizeof c;
  c.shard = shard;
  c.host = to_c(options.host);
  c.port = options.port;
  c.timeout_ms = options.timeout_ms;
  c.server_name = to_c(options.server_name);
  keel_tls_options tls{};
  if (options.tls) {
    context->tls = std::make_unique<detail::TlsArguments>();
    tls = context->tls->c(core_, *options.tls);
    c.tls = &tls;
  }
  keel_tcp_callbacks callbacks;
  detail::ConnectionContext::callbacks(callbacks);
  core_.hold(*context);
  keel_handle handle = 0;
  const keel_status status =
      core_.tcp.call(&keel_ext_tcp::connect, core_.host, &c, &callbacks, context.get(), &handle);
  if (status != KEEL_OK) {
    core_.release(*context);
    return core_.status(status);
  }
  return {};
}

inline Status Tcp::adopt(keel_handle connection, std::unique_ptr<TcpHandler> handler) const {
  auto context =
      detail::make_context<detail::ConnectionContext>(core_, detail::kAnyShard, std::move(handler));
  context->handle = connection;
  keel_tcp_callbacks callbacks;
  detail::ConnectionContext::callbacks(callbacks);
  core_.hold(*context);
  const keel_status status =
      core_.tcp.call(&keel_ext_tcp::adopt, core_.host, connection, &callbacks, context.get());
  if (status != KEEL_OK) {
    context->handle = 0;
    core_.release(*context);
  }
  return core_.status(status);
}

}  // namespace keel
