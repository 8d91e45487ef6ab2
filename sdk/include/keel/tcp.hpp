// TCP connections, plain or TLS, accepted and made. One TcpHandler per connection, owned by this
// layer from the moment it is given until the connection is closed.
//
//   class Echo final : public keel::TcpHandler {
//     std::size_t data(std::string_view bytes) override {
//       connection().write(bytes).ignore();
//       return bytes.size();
//     }
//   };
//   return host().tcp().listen({.address = "127.0.0.1:7"},
//                              [](const keel::TcpInfo&) { return std::make_unique<Echo>(); });
#pragma once

#include <initializer_list>
#include <memory>
#include <optional>

#include "keel/address.hpp"
#include "keel/handle.hpp"
#include "keel/message.hpp"
#include "keel/shard.hpp"
#include "keel/tls.hpp"

namespace keel {

struct TcpListenOptions {
  std::string_view address;     // "8083", "0.0.0.0:8083", "[::]:8083", "unix:PATH"
  std::string_view name = {};   // of the listener: "ws:default"
  std::string_view proto = {};  // as ctl listeners calls it: "mqtt:ws"
  const Tls* tls = nullptr;
  bool proxy_protocol = false;
  // Whether MQTT clients get in that present nothing; unset: on loopback and Unix sockets only.
  std::optional<bool> allow_anonymous = {};
  std::uint32_t backlog = 0;
  std::uint32_t max_connections = 0;
  std::uint32_t connect_rate = 0;
  std::uint32_t send_timeout_ms = 0;
};

struct TcpConnectOptions {
  std::string_view host;
  std::uint16_t port = 0;
  const Tls* tls = nullptr;
  std::string_view server_name = {};
  std::uint32_t timeout_ms = 0;
  std::uint32_t shard = kHere;
};

// Who is at the other end; a view.
class TcpInfo {
 public:
  explicit TcpInfo(const keel_tcp_info& info) : info_(&info) {}
  Address peer() const { return info_->peer; }
  Address local() const { return info_->local; }
  std::string_view listener() const { return view(info_->listener); }
  Verified verified() const { return Verified(info_->verified); }
  const keel_tcp_info& c() const { return *info_; }

 private:
  const keel_tcp_info* info_;
};

// Why a connection (or a stream) ended. `reason` is a KEEL_CLOSE_*.
struct Closed {
  std::uint32_t reason;
  std::string_view detail;
};

class TcpHandler;

namespace detail {
class ConnectionContext final : public Context {
 public:
  ConnectionContext(Core& of, std::uint32_t on, std::unique_ptr<TcpHandler> given);
  ~ConnectionContext() override;
  void shut() noexcept override {}
  void abandoned() noexcept override;
  static const keel_tcp_callbacks& callbacks(keel_tcp_callbacks& out);

  static void* connected(void* ctx, keel_handle conn, const keel_tcp_info* info);
  static std::size_t data(void* ctx, keel_handle conn, keel_str bytes);
  static void drained(void* ctx, keel_handle conn);
  static void ended(void* ctx, keel_handle conn, std::uint32_t reason, keel_str detail);

  std::unique_ptr<TcpHandler> handler;
  std::unique_ptr<TlsArguments> tls;  // of connect()
};
}  // namespace detail

// One connection, as its handler sees it. [shard of the connection]
class Connection {
 public:
  Connection() = default;

  // False before it was opened.
  explicit operator bool() const { return context_ && context_->valid(); }
  keel_handle id() const { return context_ ? context_->handle.load() : 0; }

  // Sent at the end of the turn. KEEL_E_LIMIT: 4 MiB wait already, nothing was taken; drained()
  // follows.
  Status write(std::string_view bytes) const { return write({to_c(bytes)}); }
  Status write(std::initializer_list<keel_str> pieces) const {
    return write(pieces.begin(), pieces.size());
  }
  Status write(const keel_str* pieces, std::size_t n) const {
    return call(&keel_ext_tcp::write, pieces, static_cast<std::uint32_t>(n));
  }
  // Without copying: `bytes` lie inside the message's payload or topic.
  Status write(const MessageRef& message, std::string_view bytes) const {
    return call(&keel_ext_tcp::write_message, message.get(), to_c(bytes));
  }
  // Bytes that wait.
  std::uint64_t pending() const {
    std::uint64_t out = 0;
    call(&keel_ext_tcp::pending, &out).ignore();
    return out;
  }
  // Asks for one drained().
  Status notify_drained() const { return call(&keel_ext_tcp::notify_drained); }
  // No data() until resumed.
  Status pause() const { return call(&keel_ext_tcp::pause); }
  Status resume() const { return call(&keel_ext_tcp::resume); }
  // Sends what waits, then closes. closed() follows, never from within.
  Status shutdown() const { return call(&keel_ext_tcp::shutdown); }
  Status close() const { return call(&keel_ext_tcp::close); }
  // fn(const TcpInfo&), before it returns.
  template <class F>
  Status info(F&& fn) const {
    struct Call {
      detail::Core* core;
      F& fn;
    } shown{context_ ? &context_->core : nullptr, fn};
    return call(
        &keel_ext_tcp::info,
        +[](void* ctx, const keel_tcp_info* info) {
          const auto* const self = static_cast<Call*>(ctx);
          detail::guarded(*self->core, [&] { self->fn(TcpInfo(*info)); });
        },
        static_cast<void*>(&shown));
  }

 private:
  friend class detail::ConnectionContext;
  explicit Connection(detail::ConnectionContext* context) : context_(context) {}

  template <class... P, class... A>
  Status call(keel_status (*keel_ext_tcp::*member)(const keel_host*, keel_handle, P...),
              A... arguments) const {
    if (!*this) return KEEL_E_STALE;
    const detail::Core& core = context_->core;
    return core.plain(core.tcp.call(member, core.host, context_->handle.load(), arguments...));
  }

  detail::ConnectionContext* context_ = nullptr;  // owns the handler that owns this
};

// What a plugin does with one connection. All [shard of the connection]; destroyed after closed().
class TcpHandler {
 public:
  TcpHandler() = default;
  TcpHandler(const TcpHandler&) = delete;
  TcpHandler& operator=(const TcpHandler&) = delete;
  virtual ~TcpHandler() = default;

  // The connection is there (after TLS). Not called after an adoption.
  virtual void opened(const TcpInfo& info) { static_cast<void>(info); }
  // All bytes not consumed yet; answers how many are. An exception closes the connection.
  virtual std::size_t data(std::string_view bytes) = 0;
  // Where `shown` begins, for data() to overwrite what it consumes: to decode in place. Fed to a
  // Stream from there, bytes are not copied.
  static char* in_place(std::string_view shown) { return const_cast<char*>(shown.data()); }
  virtual void drained() {}
  // The last call; also when connecting failed.
  virtual void closed(const Closed& why) { static_cast<void>(why); }

  const Connection& connection() const { return connection_; }

 private:
  friend class detail::ConnectionContext;
  Connection connection_;
};

class TcpListener;

class Tcp {
 public:
  explicit Tcp(detail::Core& core) : core_(core) {}

  // std::unique_ptr<TcpHandler> fn(const keel::TcpInfo&) on the connection's shard; null refuses.
  // [control]
  template <class F>
  Result<TcpListener> listen(const TcpListenOptions& options, F fn) const;
  // `handler` hears opened() or closed(). [any]
  inline Status connect(const TcpConnectOptions& options,
                        std::unique_ptr<TcpHandler> handler) const;
  // Takes over a connection of the old version. [control, in start()]
  inline Status adopt(keel_handle connection, std::unique_ptr<TcpHandler> handler) const;

 private:
  detail::Core& core_;
};

}  // namespace keel

#include "keel/detail/tcp_inline.hpp"
