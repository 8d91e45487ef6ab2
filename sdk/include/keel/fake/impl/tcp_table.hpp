// The functions of FakeHost's table tcp. Part of keel/fake.hpp.
#pragma once

#include "keel/fake/impl/fn.hpp"
#include "keel/fake/tcp.hpp"

namespace keel::fake {

KEEL_FAKE_FN const keel_ext_tcp& Connections::tcp_table() {
  struct F {
    static keel_status local(const keel_host* host, keel_handle handle, keel_addr* out) {
      Listener* listener;
      const auto status = of(host).enter(instance(host), "tcp.local", On::any, handle, listener);
      if (status == KEEL_OK) *out = listener->local.c();
      return status;
    }
    static keel_status close_listener(const keel_host* host, keel_handle handle) {
      Listener* listener;
      const auto status =
          of(host).enter_end(instance(host), "tcp.close_listener", On::control, handle, listener);
      if (status == KEEL_OK) of(host).drop(handle);
      return status;
    }
    static keel_status write(const keel_host* host, keel_handle handle, const keel_str* pieces,
                             std::uint32_t n) {
      return of(host).write(instance(host), handle, pieces, n);
    }
    static keel_status write_message(const keel_host* host, keel_handle handle, keel_message*,
                                     keel_str bytes) {
      return of(host).write(instance(host), handle, &bytes, 1);
    }
    static keel_status pending(const keel_host* host, keel_handle handle, std::uint64_t* out) {
      return with(host, "tcp.pending", handle, [&](TcpConnection&) { *out = 0; });
    }
    static keel_status notify(const keel_host* host, keel_handle handle) {
      Connections& self = of(host);
      return with(host, "tcp.notify_drained", handle, [&](TcpConnection& connection) {
        connection.wants_drained = true;
        if (connection.far->stalled) return;
        self.queue(connection.shard, [&self, handle] { self.drained(handle); });
      });
    }
    static keel_status pause(const keel_host* host, keel_handle handle) {
      return with(host, "tcp.pause", handle,
                  [](TcpConnection& connection) { connection.paused = true; });
    }
    static keel_status resume(const keel_host* host, keel_handle handle) {
      Connections& self = of(host);
      return with(host, "tcp.resume", handle, [&](TcpConnection& connection) {
        connection.paused = false;
        self.queue(connection.shard, [&self, handle] { self.show(handle); });
      });
    }
    static keel_status shutdown(const keel_host* host, keel_handle handle) {
      Connections& self = of(host);
      return with(host, "tcp.shutdown", handle, [&](TcpConnection& connection) {
        connection.far->shut_down = true;
        self.finish(handle, KEEL_CLOSE_LOCAL, "shut down");
      });
    }
    static keel_status close(const keel_host* host, keel_handle handle) {
      TcpConnection* connection;
      const auto status =
          of(host).enter_end(instance(host), "tcp.close", On::shard, handle, connection);
      if (status == KEEL_OK) of(host).finish(handle, KEEL_CLOSE_LOCAL, "closed");
      return status;
    }
    static keel_status info(const keel_host* host, keel_handle handle,
                            void (*fn)(void*, const keel_tcp_info*), void* ctx) {
      return with(host, "tcp.info", handle, [&](TcpConnection& connection) {
        with_info(connection, [&](const keel_tcp_info& shown) { fn(ctx, &shown); });
      });
    }
    static keel_status adopt(const keel_host* host, keel_handle handle,
                             const keel_tcp_callbacks* callbacks, void* ctx) {
      Connections& self = of(host);
      if (const auto status = self.enter(instance(host), "tcp.adopt", On::control)) return status;
      auto* const connection = self.find_any<TcpConnection>(handle);
      if (!connection || !connection->parked) {
        return self.fail(KEEL_E_STALE, "tcp.adopt: there is no such parked connection");
      }
      connection->owner = &instance(host);
      connection->parked = false;
      connection->callbacks = *callbacks;
      connection->ctx = ctx;
      return KEEL_OK;
    }
  };
  static const keel_ext_tcp table{
      sizeof table,
      0,
      [](const keel_host* host, const keel_tcp_listen_options* options,
         const keel_tcp_callbacks* callbacks, void* ctx, keel_handle* out) -> keel_status {
        return of(host).listen(instance(host), *options, *callbacks, ctx, out);
      },
      &F::local,
      &F::close_listener,
      [](const keel_host* host, const keel_tcp_connect_options* options,
         const keel_tcp_callbacks* callbacks, void* ctx, keel_handle* out) -> keel_status {
        return of(host).dial(instance(host), *options, *callbacks, ctx, out);
      },
      &F::write,
      &F::write_message,
      &F::pending,
      &F::notify,
      &F::pause,
      &F::resume,
      &F::shutdown,
      &F::close,
      &F::info,
      &F::adopt};
  return table;
}

}  // namespace keel::fake
