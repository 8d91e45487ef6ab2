// udp/1. The sockets are in plugin_udp.* and udp_end.*.
#include "kernel/plugin/host_support.hpp"
#include "kernel/plugin/plugin_udp.hpp"
#include "kernel/plugin/tables.hpp"

namespace keel::kernel {
namespace {

// Sizes of version 1.0.
constexpr std::size_t kOptions = offsetof(keel_udp_options, idle_timeout_s) + 4;
constexpr std::size_t kUdpCallbacks = offsetof(keel_udp_callbacks, session) + sizeof(void*);
constexpr std::size_t kStats = offsetof(keel_udp_stats, handshakes_failed) + 8;

Result<UdpWish> read_wish(const Slot& slot, const keel_udp_options& from) {
  UdpWish wish;
  auto address =
      parse_bind(view(from.address), slot.runtime().realm().settings()->kernel.default_address);
  if (!address) return Error{address.error()};
  if (!address->unix_path.empty())
    return Error{
        fmt::format("'{}' is no address for UDP; write PORT or ADDRESS:PORT", view(from.address))};
  if ((from.flags & ~std::uint32_t{KEEL_UDP_PER_SHARD | KEEL_UDP_BROADCAST}) != 0)
    return Error{fmt::format("unknown flags {}", from.flags)};
  wish.address = std::move(*address);
  wish.per_shard = (from.flags & KEEL_UDP_PER_SHARD) != 0;
  wish.socket.broadcast = (from.flags & KEEL_UDP_BROADCAST) != 0;
  wish.socket.rcvbuf = from.recv_buffer;
  if (from.max_sessions != 0) wish.max_sessions = from.max_sessions;
  if (from.idle_timeout_s != 0) wish.idle_timeout_s = from.idle_timeout_s;
  if (!from.tls) return wish;
  auto tls = read_plugin_tls(slot, *from.tls);
  if (!tls) return Error{tls.error()};
  wish.tls = std::move(*tls);
  return wish;
}

keel_status udp_bind(const keel_host* host, const keel_udp_options* options,
                     const keel_udp_callbacks* callbacks, void* ctx, keel_handle* out) {
  Slot& slot = Slot::of(host);
  if (const keel_status bad = check_control(slot, "udp.bind")) return bad;
  keel_udp_options from{};
  UdpOwner owner{.slot = &slot, .ctx = ctx};
  if (!out || !read_struct(options, kOptions, from))
    return fail(KEEL_E_INVAL, "udp.bind: options with their size and a result are needed");
  if (!read_struct(callbacks, kUdpCallbacks, owner.fns) || !owner.fns.datagrams)
    return fail(KEEL_E_INVAL,
                "udp.bind: the callback `datagrams` is needed, and the size of the struct");
  auto wish = read_wish(slot, from);
  if (!wish) return fail(KEEL_E_INVAL, "udp.bind: " + wish.error());
  if (!wish->per_shard)
    if (const keel_status bad =
            pick_thread(slot, from.shard, ControlAllowed::no, "udp.bind", wish->shard))
      return bad;
  if (wish->tls) {
    owner.psk_lookup = wish->tls->psk_lookup;
    owner.psk_ctx = wish->tls->psk_ctx;
  }
  return open_plugin_udp(slot, std::move(*wish), owner, out);
}

keel_status stale(const char* function) {
  return fail(KEEL_E_STALE, fmt::format("{}: there is no such udp (any more)", function));
}

PluginUdp* find_bind(Slot& slot, keel_handle socket, keel_status& status, const char* function) {
  auto* const bind = slot.find<PluginUdp>(socket, ObjectKind::udp, status, function);
  if (!bind || !bind->gone()) return bind;
  status = stale(function);
  return nullptr;
}

// The socket that this shard has of a bind.
UdpEnd* find_end(Slot& slot, keel_handle socket, keel_status& status, const char* function) {
  const PluginUdp* const bind = find_bind(slot, socket, status, function);
  if (!bind) return nullptr;
  UdpEnd* const end = bind->here();
  if (!end) status = refuse_thread(slot, function, "the shard of the socket");
  return end;
}

// What any thread may ask.
template <class Fn>
keel_status visit_bind(Slot& slot, keel_handle socket, const char* function, const Fn& fn) {
  keel_status status = stale(function);
  slot.runtime().handles().visit(socket, ObjectKind::udp, [&](HostObject& object) {
    auto& bind = static_cast<PluginUdp&>(object);
    if (&object.slot() != &slot)
      status = fail(KEEL_E_DENIED, fmt::format("{}: the handle is another plugin's", function));
    else if (!bind.gone())
      status = fn(bind);
  });
  return status;
}

keel_status udp_send(const keel_host* host, keel_handle socket, const keel_addr* peer,
                     const keel_str* pieces, std::uint32_t n) {
  keel_status status = KEEL_OK;
  UdpEnd* const end = find_end(Slot::of(host), socket, status, "udp.send");
  if (!end) return status;
  if (!peer || (!pieces && n != 0)) return fail(KEEL_E_INVAL, "udp.send: a peer is needed");
  return end->send(*peer, pieces, n);
}

keel_status udp_join(const keel_host* host, keel_handle socket, const keel_addr* group,
                     std::uint32_t interface_index) {
  Slot& slot = Slot::of(host);
  if (const keel_status bad = check_control(slot, "udp.join")) return bad;
  keel_status status = KEEL_OK;
  PluginUdp* const bind = find_bind(slot, socket, status, "udp.join");
  if (!bind) return status;
  if (!group) return fail(KEEL_E_INVAL, "udp.join: a group is needed");
  const Endpoint wanted = to_endpoint(*group);
  const auto joined = bind->join(wanted, interface_index);
  if (!joined) return fail(KEEL_E_IO, "udp.join: " + joined.error());
  if (!*joined)
    return fail(KEEL_E_EXISTS, "udp.join: the socket is a member of " + wanted.host() + " already");
  return KEEL_OK;
}

keel_status udp_local(const keel_host* host, keel_handle socket, keel_addr* out) {
  if (!out) return fail(KEEL_E_INVAL, "udp.local: a result is needed");
  return visit_bind(Slot::of(host), socket, "udp.local", [out](const PluginUdp& bind) {
    *out = bind.local();
    return KEEL_OK;
  });
}

keel_status udp_close_peer(const keel_host* host, keel_handle socket, const keel_addr* peer) {
  keel_status status = KEEL_OK;
  UdpEnd* const end = find_end(Slot::of(host), socket, status, "udp.close_peer");
  if (!end) return status;
  return peer ? end->close_peer(*peer) : fail(KEEL_E_INVAL, "udp.close_peer: a peer is needed");
}

keel_status udp_stats(const keel_host* host, keel_handle socket, keel_udp_stats* out) {
  if (!out || out->size < kStats)
    return fail(KEEL_E_INVAL, "udp.stats: a result with its size is needed");
  return visit_bind(Slot::of(host), socket, "udp.stats", [out](const PluginUdp& bind) {
    const std::uint32_t size = std::min<std::uint32_t>(out->size, sizeof(keel_udp_stats));
    keel_udp_stats sums = bind.stats();
    sums.size = out->size;
    __builtin_memcpy(out, &sums, size);
    return KEEL_OK;
  });
}

keel_status udp_reload_tls(const keel_host* host, keel_handle socket) {
  Slot& slot = Slot::of(host);
  if (const keel_status bad = check_control(slot, "udp.reload_tls")) return bad;
  keel_status status = KEEL_OK;
  PluginUdp* const bind = find_bind(slot, socket, status, "udp.reload_tls");
  if (!bind) return status;
  if (auto loaded = bind->reload_tls(); !loaded)
    return fail(KEEL_E_IO, "udp.reload_tls: " + loaded.error());
  return KEEL_OK;
}

// The handle is stale at once, and this shard calls no more; the sockets are closed by the control
// thread.
keel_status udp_close(const keel_host* host, keel_handle socket) {
  Slot& slot = Slot::of(host);
  const keel_status status = visit_bind(slot, socket, "udp.close", [](PluginUdp& bind) {
    bind.let_go();
    if (UdpEnd* const end = bind.here()) end->hold();
    return KEEL_OK;
  });
  if (status != KEEL_OK) return status;
  const auto close_here = [&slot, socket] {
    HostObject* const found = slot.runtime().handles().find(socket, ObjectKind::udp);
    if (!found || &found->slot() != &slot) return;
    auto* const bind = static_cast<PluginUdp*>(found);
    bind->close();
    if (!bind->parked()) slot.drop(*bind);
  };
  HostThread& control = slot.runtime().control_thread();
  if (HostThread::current() == &control)
    close_here();
  else
    control.post(close_here);
  return KEEL_OK;
}

}  // namespace

const keel_ext_udp tables::udp = {.size = sizeof(keel_ext_udp),
                                  .reserved = 0,
                                  .bind = udp_bind,
                                  .send = udp_send,
                                  .join = udp_join,
                                  .local = udp_local,
                                  .close_peer = udp_close_peer,
                                  .stats = udp_stats,
                                  .reload_tls = udp_reload_tls,
                                  .close = udp_close};

}  // namespace keel::kernel
