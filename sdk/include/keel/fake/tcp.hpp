// FakeHost's table tcp: pipes of bytes. Part of keel/fake.hpp.
#pragma once

#include "keel/ext/tcp.h"
#include "keel/fake/udp.hpp"

namespace keel::fake {

// The far end of a connection, as tests see it; stays when the connection is gone.
struct TcpPeer {
  std::string received;    // what the plugin wrote
  bool closed = false;     // by whomever
  bool shut_down = false;  // the plugin asked for a close after what waits
  bool stalled = false;    // the far end takes nothing: write() answers KEEL_E_LIMIT
  std::string host;        // connect(): where to
  std::uint16_t port = 0;
};

struct Listener final : Object {
  const char* kind() const override { return "listener"; }
  bool keeps() const override { return true; }
  std::string asked, name;
  std::uint32_t flags = 0;  // KEEL_TCP_*
  Address local;
  keel_tcp_callbacks callbacks{};
  void* ctx = nullptr;
};
struct TcpConnection final : Object {
  const char* kind() const override { return "connection"; }
  bool keeps() const override { return open; }
  keel_tcp_callbacks callbacks{};
  void* ctx = nullptr;  // of the connection, or of connect() before it is open
  bool open = false, paused = false, wants_drained = false;
  std::string waiting;  // bytes that the plugin has not consumed
  std::string listener;
  Address peer, local;
  std::optional<FakeVerified> verified;
  TcpPeer* far = nullptr;
  bool ending = false;
  void revoke() override { end(KEEL_CLOSE_UNLOAD, "the plugin is being unloaded"); }
  void end(std::uint32_t reason, std::string_view detail) {
    far->closed = true;
    if (callbacks.closed) callbacks.closed(ctx, handle, reason, to_c(detail));
  }
};

class Connections : public Datagrams {
 public:
  using Datagrams::Datagrams;

  // ---- for tests ----
  // Somebody connects to a listener (empty: the first one). 0: there is none.
  keel_handle tcp_connect(std::string_view to = {}, std::string_view from = "127.0.0.1:50001",
                          std::optional<FakeVerified> verified = std::nullopt) {
    for (Listener* listener : all<Listener>()) {
      const bool there = to.empty() || listener->asked == to || listener->local.text() == to;
      if (!there || listener->owner->phase != Phase::running) continue;
      auto made = std::make_unique<TcpConnection>();
      made->shard = static_cast<std::uint32_t>(peers_.size()) % shard_count();
      made->callbacks = listener->callbacks;
      made->ctx = listener->ctx;
      made->listener = listener->name;
      made->peer = Address::parse(from).value_or(Address());
      made->local = listener->local;
      made->verified = std::move(verified);
      TcpConnection& connection = add(*listener->owner, std::move(made));
      connection.far = &peers_[connection.handle];
      const keel_handle handle = connection.handle;
      opened(connection);
      run();
      return handle;
    }
    return 0;
  }
  // What the listener that was asked for with this address, or is there, was told. 0: there is
  // none.
  std::uint32_t tcp_listener_flags(std::string_view address) {
    for (const Listener* listener : all<Listener>())
      if (listener->asked == address || listener->local.text() == address) return listener->flags;
    return 0;
  }
  void tcp_send(keel_handle connection, std::string_view bytes) {
    if (auto* const found = find_any<TcpConnection>(connection)) {
      found->waiting.append(bytes);
      show(connection);
      run();
    }
  }
  // The far end closes.
  void tcp_close(keel_handle connection, std::uint32_t reason = KEEL_CLOSE_PEER,
                 std::string_view detail = "closed by the peer") {
    if (find_any<TcpConnection>(connection)) finish(connection, reason, std::string(detail));
    run();
  }
  TcpPeer& tcp_peer(keel_handle connection) { return peers_[connection]; }
  // Takes what was written so far.
  std::string tcp_take(keel_handle connection) {
    return std::exchange(peers_[connection].received, {});
  }
  // The far end takes bytes again: drained() if it was asked for.
  void tcp_unstall(keel_handle connection) {
    peers_[connection].stalled = false;
    drained(connection);
    run();
  }
  // Connections that the plugin wants to make and that wait for tcp_accept() or tcp_refuse().
  std::vector<keel_handle> tcp_outgoing() {
    std::vector<keel_handle> out;
    for (const TcpConnection* connection : all<TcpConnection>()) {
      if (!connection->open && !connection->ending) out.push_back(connection->handle);
    }
    return out;
  }
  void tcp_accept(keel_handle connection) {
    if (auto* const found = find_any<TcpConnection>(connection)) opened(*found);
    run();
  }
  void tcp_refuse(keel_handle connection, std::string_view detail = "connection refused") {
    tcp_close(connection, KEEL_CLOSE_ERROR, detail);
  }

 protected:
  const void* tcp_table_for(std::string_view id) {
    return id == KEEL_EXT_TCP ? &tcp_table() : nullptr;
  }
  void pump_connections() {
    for (const TcpConnection* connection : all<TcpConnection>()) show(connection->handle);
  }

 private:
  static Connections& of(const keel_host* host) {
    return static_cast<Connections&>(*instance(host).kernel);
  }
  template <class F>
  static void with_info(const TcpConnection& connection, F&& fn) {
    keel_tcp_info info{};
    info.size = sizeof info;
    info.peer = connection.peer.c();
    info.local = connection.local.c();
    info.listener = to_c(connection.listener);
    keel_verified verified{};
    if (connection.verified) {
      verified = connection.verified->c();
      info.verified = &verified;
    }
    fn(info);
  }
  void opened(TcpConnection& connection) {
    connection.open = true;
    with_info(connection, [&](const keel_tcp_info& info) {
      connection.ctx = on(connection.shard, [&] {
        return connection.callbacks.opened(connection.ctx, connection.handle, &info);
      });
    });
  }
  void show(keel_handle handle) {
    auto* const found = find_any<TcpConnection>(handle);
    if (!found || !found->open || found->paused || found->ending || found->waiting.empty() ||
        found->parked || found->owner->phase != Phase::running) {
      return;
    }
    std::string bytes = found->waiting;  // the plugin may overwrite it
    const std::size_t taken =
        on(found->shard, [&] { return found->callbacks.data(found->ctx, handle, to_c(bytes)); });
    found->waiting.erase(0, taken);
  }
  void drained(keel_handle handle) {
    auto* const found = find_any<TcpConnection>(handle);
    if (!found || !std::exchange(found->wants_drained, false) || !found->callbacks.drained) return;
    on(found->shard, [&] { found->callbacks.drained(found->ctx, handle); });
  }
  void finish(keel_handle handle, std::uint32_t reason, std::string detail) {
    auto* const found = find_any<TcpConnection>(handle);
    if (!found || std::exchange(found->ending, true)) return;
    queue(found->shard, [this, handle, reason, detail = std::move(detail)] {
      auto* const ended = find_any<TcpConnection>(handle);
      if (!ended) return;
      ended->end(reason, detail);
      drop(handle);
    });
  }
  keel_status listen(Instance& caller, const keel_tcp_listen_options& options,
                     const keel_tcp_callbacks& callbacks, void* ctx, keel_handle* out) {
    if (const auto status = enter(caller, "tcp.listen", On::control)) return status;
    const std::string_view address = view(options.address);
    const auto wanted = address.starts_with("unix:") ? Address() : parse_bind(address);
    if (!wanted || !callbacks.opened || !callbacks.data || !callbacks.closed) {
      return fail(KEEL_E_INVAL, concat("tcp.listen: ", address, " is no address"));
    }
    Listener* listener = nullptr;
    for (Listener* other : all<Listener>()) {
      const bool same = other->asked == address || (other->local == *wanted && wanted->port() != 0);
      if (same && other->parked) {
        listener = other;
        listener->owner = &caller;
        listener->parked = false;
      } else if (same && wanted->port() != 0) {
        return fail(KEEL_E_IO, concat("tcp.listen: ", address, " is in use"));
      }
    }
    if (!listener) {
      listener = &add(caller, std::make_unique<Listener>());
      listener->asked = address;
      listener->local = next_address(*wanted);
    }
    listener->name = view(options.name);
    listener->flags = options.flags;
    listener->callbacks = callbacks;
    listener->ctx = ctx;
    *out = listener->handle;
    return KEEL_OK;
  }
  keel_status dial(Instance& caller, const keel_tcp_connect_options& options,
                   const keel_tcp_callbacks& callbacks, void* ctx, keel_handle* out) {
    if (const auto status = enter(caller, "tcp.connect", On::any)) return status;
    auto made = std::make_unique<TcpConnection>();
    made->shard = pick_shard(options.shard);
    made->callbacks = callbacks;
    made->ctx = ctx;
    TcpConnection& connection = add(caller, std::move(made));
    connection.far = &peers_[connection.handle];
    connection.far->host = view(options.host);
    connection.far->port = options.port;
    connection.peer = Address::parse("127.0.0.1").value().with_port(options.port);
    *out = connection.handle;
    return KEEL_OK;
  }
  keel_status write(Instance& caller, keel_handle handle, const keel_str* pieces, std::uint32_t n) {
    TcpConnection* connection;
    if (const auto status = enter(caller, "tcp.write", On::shard, handle, connection)) {
      return status;
    }
    if (connection->far->stalled) {
      connection->wants_drained = true;
      return fail(KEEL_E_LIMIT, "tcp.write: the peer does not take what waits");
    }
    for (std::uint32_t i = 0; i < n; ++i) connection->far->received += view(pieces[i]);
    return KEEL_OK;
  }

  template <class F>
  static keel_status with(const keel_host* host, const char* function, keel_handle handle, F&& fn) {
    TcpConnection* connection;
    const auto status = of(host).enter(instance(host), function, On::shard, handle, connection);
    if (status == KEEL_OK) fn(*connection);
    return status;
  }

  static const keel_ext_tcp& tcp_table();

  std::map<keel_handle, TcpPeer> peers_;
};

}  // namespace keel::fake

#include "keel/fake/tcp_table.hpp"
