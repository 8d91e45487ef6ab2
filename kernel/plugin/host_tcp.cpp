// tcp/1. The connections are in plugin_connection.*, the listeners in plugin_listener.*.
#include "kernel/plugin/host_support.hpp"
#include "kernel/plugin/parking.hpp"
#include "kernel/plugin/plugin_connection.hpp"
#include "kernel/plugin/plugin_listener.hpp"
#include "kernel/plugin/plugin_tls.hpp"
#include "kernel/plugin/tables.hpp"

namespace keel::kernel {
namespace {

// Sizes of version 1.0.
constexpr std::size_t kTcpCallbacks = offsetof(keel_tcp_callbacks, closed) + sizeof(void*);
constexpr std::size_t kListen = offsetof(keel_tcp_listen_options, send_timeout_ms) + 4;
constexpr std::size_t kConnect = offsetof(keel_tcp_connect_options, server_name) + sizeof(keel_str);

keel_status read_callbacks(Slot& slot, const char* function, const keel_tcp_callbacks* from,
                           TcpCallbacks& to) {
  keel_tcp_callbacks given{};
  if (!read_struct(from, kTcpCallbacks, given) || !given.data || !given.closed)
    return fail(KEEL_E_INVAL, fmt::format("{}: the callbacks `data` and `closed` are needed, and "
                                          "the size of their struct",
                                          function));
  to.fns = slot.tcp_callbacks.keep(given);
  return KEEL_OK;
}

keel_status tcp_listen(const keel_host* host, const keel_tcp_listen_options* options,
                       const keel_tcp_callbacks* callbacks, void* ctx, keel_handle* out) {
  Slot& slot = Slot::of(host);
  if (const keel_status bad = check_control(slot, "tcp.listen")) return bad;
  keel_tcp_listen_options from{};
  if (!out || !read_struct(options, kListen, from))
    return fail(KEEL_E_INVAL, "tcp.listen: options with their size and a result are needed");
  ListenerCallbacks called;
  called.ctx = ctx;
  if (const keel_status bad = read_callbacks(slot, "tcp.listen", callbacks, called)) return bad;
  return open_plugin_listener(slot, from, called, out);
}

keel_status tcp_local(const keel_host* host, keel_handle listener, keel_addr* out) {
  Slot& slot = Slot::of(host);
  if (!out) return fail(KEEL_E_INVAL, "tcp.local: a result is needed");
  keel_status status = fail(KEEL_E_STALE, "tcp.local: there is no such listener (any more)");
  slot.runtime().handles().visit(listener, ObjectKind::listener, [&](HostObject& object) {
    if (&object.slot() != &slot) {
      status = fail(KEEL_E_DENIED, "tcp.local: the handle is another plugin's");
      return;
    }
    *out = static_cast<PluginListener&>(object).local();
    status = KEEL_OK;
  });
  return status;
}

keel_status tcp_close_listener(const keel_host* host, keel_handle handle) {
  Slot& slot = Slot::of(host);
  keel_status status = KEEL_OK;
  auto* listener =
      slot.find<PluginListener>(handle, ObjectKind::listener, status, "tcp.close_listener");
  if (!listener) return status;
  if (listener->closed())
    return fail(KEEL_E_STALE, "tcp.close_listener: the listener is closed already");
  listener->close();
  if (!listener->parked()) slot.drop(*listener);
  return KEEL_OK;
}

keel_status tcp_connect(const keel_host* host, const keel_tcp_connect_options* options,
                        const keel_tcp_callbacks* callbacks, void* ctx, keel_handle* out) {
  Slot& slot = Slot::of(host);
  if (!slot.accepting()) return refuse_unloading("tcp.connect");
  keel_tcp_connect_options from{};
  if (!out || !read_struct(options, kConnect, from))
    return fail(KEEL_E_INVAL, "tcp.connect: options with their size and a result are needed");
  TcpCallbacks called;
  called.ctx = ctx;
  if (const keel_status bad = read_callbacks(slot, "tcp.connect", callbacks, called)) return bad;
  if (from.host.size == 0 || from.host.size > 255 || from.port == 0)
    return fail(KEEL_E_INVAL, "tcp.connect: a host of at most 255 bytes and a port are needed");
  std::uint32_t shard = 0;
  if (const keel_status bad =
          pick_thread(slot, from.shard, ControlAllowed::no, "tcp.connect", shard))
    return bad;
  auto target = connect_target(slot, from);
  if (!target) return fail(KEEL_E_INVAL, "tcp.connect: " + target.error());
  return slot.add(std::make_unique<PluginConnection>(slot, shard, std::move(*target), called), out);
}

PluginConnection* find_connection(Slot& slot, keel_handle conn, keel_status& status,
                                  const char* function) {
  return slot.find<PluginConnection>(conn, ObjectKind::connection, status, function);
}

keel_status tcp_write(const keel_host* host, keel_handle conn, const keel_str* pieces,
                      std::uint32_t n) {
  keel_status status = KEEL_OK;
  auto* const connection = find_connection(Slot::of(host), conn, status, "tcp.write");
  if (!connection) return status;
  if (!pieces && n != 0) return fail(KEEL_E_INVAL, "tcp.write: pieces are needed");
  return connection->write(pieces, n);
}

keel_status tcp_write_message(const keel_host* host, keel_handle conn, keel_message* message,
                              keel_str bytes) {
  keel_status status = KEEL_OK;
  auto* const connection = find_connection(Slot::of(host), conn, status, "tcp.write_message");
  if (!connection) return status;
  if (!message || !bytes.data)
    return fail(KEEL_E_INVAL, "tcp.write_message: a message and bytes of it are needed");
  const auto* const ours = reinterpret_cast<const Message*>(message);
  ours->ref();
  return connection->write_message(MessagePtr::adopt(ours), view(bytes));
}

keel_status tcp_pending(const keel_host* host, keel_handle conn, std::uint64_t* out) {
  keel_status status = KEEL_OK;
  auto* const connection = find_connection(Slot::of(host), conn, status, "tcp.pending");
  if (!connection) return status;
  return out ? connection->pending(*out) : fail(KEEL_E_INVAL, "tcp.pending: a result is needed");
}

// The calls without arguments.
template <keel_status (PluginConnection::*kCall)()>
keel_status forward(const keel_host* host, keel_handle conn, const char* function) {
  keel_status status = KEEL_OK;
  auto* const connection = find_connection(Slot::of(host), conn, status, function);
  return connection ? (connection->*kCall)() : status;
}

keel_status tcp_notify_drained(const keel_host* host, keel_handle conn) {
  return forward<&PluginConnection::notify_drained>(host, conn, "tcp.notify_drained");
}
keel_status tcp_pause(const keel_host* host, keel_handle conn) {
  return forward<&PluginConnection::pause>(host, conn, "tcp.pause");
}
keel_status tcp_resume(const keel_host* host, keel_handle conn) {
  return forward<&PluginConnection::resume>(host, conn, "tcp.resume");
}
keel_status tcp_shutdown(const keel_host* host, keel_handle conn) {
  return forward<&PluginConnection::shutdown>(host, conn, "tcp.shutdown");
}
keel_status tcp_close(const keel_host* host, keel_handle conn) {
  return forward<&PluginConnection::close>(host, conn, "tcp.close");
}

keel_status tcp_info(const keel_host* host, keel_handle conn,
                     void (*fn)(void* ctx, const keel_tcp_info* info), void* ctx) {
  keel_status status = KEEL_OK;
  auto* const connection = find_connection(Slot::of(host), conn, status, "tcp.info");
  if (!connection) return status;
  return fn ? connection->info(fn, ctx) : fail(KEEL_E_INVAL, "tcp.info: a function is needed");
}

keel_status tcp_adopt(const keel_host* host, keel_handle conn, const keel_tcp_callbacks* callbacks,
                      void* conn_ctx) {
  Slot& slot = Slot::of(host);
  if (const keel_status bad = check_control(slot, "tcp.adopt")) return bad;
  TcpCallbacks called;
  if (const keel_status bad = read_callbacks(slot, "tcp.adopt", callbacks, called)) return bad;
  Parking* const parking = slot.runtime().parking;
  HostObject* const found = parking ? parking->find(conn, ObjectKind::connection) : nullptr;
  if (!found)
    return fail(KEEL_E_STALE,
                parking ? "tcp.adopt: the connection is gone, or was adopted already"
                        : "tcp.adopt: nothing is being upgraded; it can only be called in start()");
  auto& connection = static_cast<PluginConnection&>(*found);
  parking->take(connection);
  connection.rebind(called, conn_ctx);
  slot.adopt(connection);
  return KEEL_OK;
}

}  // namespace

const keel_ext_tcp tables::tcp = {.size = sizeof(keel_ext_tcp),
                                  .reserved = 0,
                                  .listen = tcp_listen,
                                  .local = tcp_local,
                                  .close_listener = tcp_close_listener,
                                  .connect = tcp_connect,
                                  .write = tcp_write,
                                  .write_message = tcp_write_message,
                                  .pending = tcp_pending,
                                  .notify_drained = tcp_notify_drained,
                                  .pause = tcp_pause,
                                  .resume = tcp_resume,
                                  .shutdown = tcp_shutdown,
                                  .close = tcp_close,
                                  .info = tcp_info,
                                  .adopt = tcp_adopt};

}  // namespace keel::kernel
