// stream/1: MQTT over bytes that the plugin carries. The streams are in plugin_stream.*.
#include "kernel/plugin/gateway_peer.hpp"
#include "kernel/plugin/host_support.hpp"
#include "kernel/plugin/plugin_connection.hpp"
#include "kernel/plugin/plugin_stream.hpp"
#include "kernel/plugin/tables.hpp"

namespace keel::kernel {
namespace {

// Null: they do not do, and the status says so.
const keel_stream_callbacks* read_callbacks(Slot& slot, const keel_stream_callbacks* from,
                                            keel_status& status) {
  keel_stream_callbacks given{};
  if (read_struct(from, offsetof(keel_stream_callbacks, closed) + sizeof given.closed, given) &&
      given.output) {
    status = KEEL_OK;
    return slot.stream_callbacks.keep(given);
  }
  status = fail(KEEL_E_INVAL, "stream: the callbacks need at least output, and their size");
  return nullptr;
}

keel_status describe_peer(Slot& slot, const keel_stream_options& options, PeerInfo& peer) {
  if (options.connection != 0) {
    keel_status status = KEEL_OK;
    const auto* carrier = slot.find<PluginConnection>(options.connection, ObjectKind::connection,
                                                      status, "stream.open");
    if (!carrier) return status;
    const PeerInfo* const known = carrier->peer();
    if (!known) return fail(KEEL_E_STATE, "stream.open: the connection is not open");
    const bool stated = options.peer.family != KEEL_ADDR_NONE;  // by a proxy
    if (stated && options.peer.family != KEEL_ADDR_IP4 && options.peer.family != KEEL_ADDR_IP6)
      return fail(KEEL_E_INVAL, "stream.open: the stated peer is no IP address");
    peer.endpoint = stated ? to_endpoint(options.peer) : known->endpoint;
    peer.listener = known->listener;
    if (known->verified)
      peer.verified = std::make_unique<const PeerInfo::Verified>(*known->verified);
    return KEEL_OK;
  }
  peer.endpoint = to_endpoint(options.peer);
  const std::string_view given = view(options.listener_name);
  peer.listener = slot.runtime().gateways().get(given.empty() ? slot.name() : given, "mqtt",
                                                options.loopback_only != 0, false);
  peer.verified = copy_verified(options.verified);
  return KEEL_OK;
}

keel_status stream_open(const keel_host* host, const keel_stream_options* given,
                        const keel_stream_callbacks* fns, void* ctx, keel_handle* out) {
  Slot& slot = Slot::of(host);
  keel_status status = KEEL_OK;
  HostThread* const thread = check_shard(slot, "stream.open", status);
  if (!thread) return status;
  keel_stream_options options{};
  if (!out || !read_struct(given, offsetof(keel_stream_options, verified) + sizeof(void*), options))
    return fail(KEEL_E_INVAL, "stream.open: options with their size, and a result are needed");
  const keel_stream_callbacks* const callbacks = read_callbacks(slot, fns, status);
  if (!callbacks) return status;
  PeerInfo peer;
  if ((status = describe_peer(slot, options, peer))) return status;
  auto stream = std::make_unique<PluginStream>(slot, thread->index(), *callbacks, ctx);
  if (auto opened = stream->open(*thread, std::move(peer)); !opened)
    return fail(KEEL_E_LIMIT, "stream.open: " + opened.error());
  return slot.add(std::move(stream), out);
}

PluginStream* find_stream(const keel_host* host, keel_handle handle, const char* function,
                          keel_status& status) {
  Slot& slot = Slot::of(host);
  auto* stream = slot.find<PluginStream>(handle, ObjectKind::stream, status, function);
  if (stream && !stream->end()) {
    status = fail(KEEL_E_STALE, fmt::format("{}: the stream has ended", function));
    return nullptr;
  }
  return stream;
}

keel_status stream_feed(const keel_host* host, keel_handle handle, keel_str bytes,
                        std::uint64_t* backlog) {
  keel_status status = KEEL_OK;
  Slot& slot = Slot::of(host);
  if (!slot.accepting()) return refuse_unloading("stream.feed");
  PluginStream* const stream = find_stream(host, handle, "stream.feed", status);
  if (!stream) return status;
  const StreamEnd::Fed fed = stream->feed(view(bytes));
  if (backlog) *backlog = fed.waiting;
  if (!fed.taken) return fail(KEEL_E_LIMIT, "stream.feed: the broker has not taken what was fed");
  slot.bytes_in.fetch_add(bytes.size, std::memory_order_relaxed);
  return KEEL_OK;
}

keel_status stream_pause(const keel_host* host, keel_handle handle) {
  keel_status status = KEEL_OK;
  if (PluginStream* stream = find_stream(host, handle, "stream.pause", status))
    stream->end()->pause();
  return status;
}

keel_status stream_resume(const keel_host* host, keel_handle handle) {
  keel_status status = KEEL_OK;
  if (PluginStream* stream = find_stream(host, handle, "stream.resume", status))
    stream->end()->resume();
  return status;
}

keel_status stream_close(const keel_host* host, keel_handle handle) {
  keel_status status = KEEL_OK;
  PluginStream* const stream = find_stream(host, handle, "stream.close", status);
  if (!stream) return status;
  stream->give_up();
  stream->slot().drop(*stream);
  return KEEL_OK;
}

keel_status stream_adopt(const keel_host* host, keel_handle handle,
                         const keel_stream_callbacks* fns, void* ctx) {
  Slot& slot = Slot::of(host);
  keel_status status = KEEL_OK;
  const keel_stream_callbacks* const callbacks = read_callbacks(slot, fns, status);
  if (!callbacks) return status;
  HostObject* const object = find_parked(slot, handle, ObjectKind::stream, "stream.adopt", status);
  if (!object) return status;
  static_cast<PluginStream*>(object)->rebind(*callbacks, ctx);
  adopt_parked(slot, *object);
  return KEEL_OK;
}

}  // namespace

const keel_ext_stream tables::stream = {.size = sizeof(keel_ext_stream),
                                        .reserved = 0,
                                        .open = stream_open,
                                        .feed = stream_feed,
                                        .pause = stream_pause,
                                        .resume = stream_resume,
                                        .close = stream_close,
                                        .adopt = stream_adopt};

}  // namespace keel::kernel
