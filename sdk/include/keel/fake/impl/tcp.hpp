// What keel/fake/tcp.hpp declares, but for the table itself. See keel/fake/impl/fn.hpp.
#pragma once

#include <utility>

#include "keel/fake/impl/fn.hpp"
#include "keel/fake/tcp.hpp"

namespace keel::fake {

KEEL_FAKE_FN keel_handle Connections::tcp_connect(std::string_view to, std::string_view from,
                                                  std::optional<FakeVerified> verified) {
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

KEEL_FAKE_FN std::uint32_t Connections::tcp_listener_flags(std::string_view address) {
  for (const Listener* listener : all<Listener>())
    if (listener->asked == address || listener->local.text() == address) return listener->flags;
  return 0;
}

KEEL_FAKE_FN void Connections::tcp_send(keel_handle connection, std::string_view bytes) {
  if (auto* const found = find_any<TcpConnection>(connection)) {
    found->waiting.append(bytes);
    show(connection);
    run();
  }
}

KEEL_FAKE_FN void Connections::tcp_close(keel_handle connection, std::uint32_t reason,
                                         std::string_view detail) {
  if (find_any<TcpConnection>(connection)) finish(connection, reason, std::string(detail));
  run();
}

KEEL_FAKE_FN std::string Connections::tcp_take(keel_handle connection) {
  return std::exchange(peers_[connection].received, {});
}

KEEL_FAKE_FN void Connections::tcp_unstall(keel_handle connection) {
  peers_[connection].stalled = false;
  drained(connection);
  run();
}

KEEL_FAKE_FN std::vector<keel_handle> Connections::tcp_outgoing() {
  std::vector<keel_handle> out;
  for (const TcpConnection* connection : all<TcpConnection>()) {
    if (!connection->open && !connection->ending) out.push_back(connection->handle);
  }
  return out;
}

KEEL_FAKE_FN void Connections::tcp_accept(keel_handle connection) {
  if (auto* const found = find_any<TcpConnection>(connection)) opened(*found);
  run();
}

KEEL_FAKE_FN void Connections::tcp_refuse(keel_handle connection, std::string_view detail) {
  tcp_close(connection, KEEL_CLOSE_ERROR, detail);
}

KEEL_FAKE_FN const void* Connections::tcp_table_for(std::string_view id) {
  return id == KEEL_EXT_TCP ? &tcp_table() : nullptr;
}

KEEL_FAKE_FN void Connections::pump_connections() {
  for (const TcpConnection* connection : all<TcpConnection>()) show(connection->handle);
}

KEEL_FAKE_FN void Connections::opened(TcpConnection& connection) {
  connection.open = true;
  with_info(connection, [&](const keel_tcp_info& info) {
    connection.ctx = on(connection.shard, [&] {
      return connection.callbacks.opened(connection.ctx, connection.handle, &info);
    });
  });
}

KEEL_FAKE_FN void Connections::show(keel_handle handle) {
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

KEEL_FAKE_FN void Connections::drained(keel_handle handle) {
  auto* const found = find_any<TcpConnection>(handle);
  if (!found || !std::exchange(found->wants_drained, false) || !found->callbacks.drained) return;
  on(found->shard, [&] { found->callbacks.drained(found->ctx, handle); });
}

KEEL_FAKE_FN void Connections::finish(keel_handle handle, std::uint32_t reason,
                                      std::string detail) {
  auto* const found = find_any<TcpConnection>(handle);
  if (!found || std::exchange(found->ending, true)) return;
  queue(found->shard, [this, handle, reason, detail = std::move(detail)] {
    auto* const ended = find_any<TcpConnection>(handle);
    if (!ended) return;
    ended->end(reason, detail);
    drop(handle);
  });
}

KEEL_FAKE_FN keel_status Connections::listen(Instance& caller,
                                             const keel_tcp_listen_options& options,
                                             const keel_tcp_callbacks& callbacks, void* ctx,
                                             keel_handle* out) {
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

KEEL_FAKE_FN keel_status Connections::dial(Instance& caller,
                                           const keel_tcp_connect_options& options,
                                           const keel_tcp_callbacks& callbacks, void* ctx,
                                           keel_handle* out) {
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

KEEL_FAKE_FN keel_status Connections::write(Instance& caller, keel_handle handle,
                                            const keel_str* pieces, std::uint32_t n) {
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

}  // namespace keel::fake
