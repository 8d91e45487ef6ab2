// stream/1: MQTT over bytes that the plugin carries.
#include <optional>

#include "keel/ext/tcp.h"
#include "kernel/broker/broker.hpp"
#include "kernel/net/stream_link.hpp"
#include "kernel/plugin/gateway_peer.hpp"
#include "kernel/plugin/host_support.hpp"
#include "kernel/plugin/plugin_connection.hpp"
#include "kernel/plugin/tables.hpp"

namespace keel::kernel {
namespace {

constexpr int kMostPieces = 64;

std::uint32_t to_reason(CloseCause cause) {
  switch (cause) {
    case CloseCause::peer:
      return KEEL_CLOSE_PEER;
    case CloseCause::local:
      return KEEL_CLOSE_LOCAL;
    case CloseCause::slow:
      return KEEL_CLOSE_SLOW;
    case CloseCause::handshake:
      return KEEL_CLOSE_TLS;
    case CloseCause::error:
      break;
  }
  return KEEL_CLOSE_ERROR;
}

class PluginStream final : public HostObject, private StreamUser {
 public:
  PluginStream(Slot& slot, std::uint32_t shard, const keel_stream_callbacks& callbacks, void* ctx)
      : HostObject(slot, ObjectKind::stream, shard), callbacks_(callbacks), ctx_(ctx) {}

  Result<void> open(HostThread& thread, PeerInfo peer) {
    peer.carried = true;
    Realm& realm = thread.runtime().realm();
    auto end = StreamEnd::open(
        thread.shard(), std::move(peer),
        [&realm](Link& link) { return realm.brokers[link.shard().index()]->accept(link); },
        static_cast<StreamUser&>(*this));
    if (!end) return Error{end.error()};
    end_ = std::move(*end);
    return {};
  }

  void begin() override {
    parked_ = false;
    if (closed_) return report(closed_->cause, closed_->detail);
    if (std::exchange(writable_due_, false)) on_writable();
    if (end_) end_->resume();
  }
  void revoke() override {
    if (end_) end_->close(CloseCause::local, "plugin_unloaded");
    end_.reset();
    call_closed(KEEL_CLOSE_UNLOAD, "the plugin is being unloaded");
  }
  bool park() override {
    parked_ = true;
    if (end_) end_->pause();
    return true;
  }
  // The next version's callbacks. [control, while parked]
  void rebind(const keel_stream_callbacks& callbacks, void* ctx) {
    callbacks_ = callbacks;
    ctx_ = ctx;
  }

  StreamEnd* end() const { return end_.get(); }
  // The plugin gave it up: nothing is called any more.
  void give_up() {
    end_->close(CloseCause::peer, "closed");
    end_.reset();
  }

 private:
  struct Closed {
    CloseCause cause;
    std::string detail;
  };

  void on_output(const iovec* pieces, int count) override {
    keel_str views[kMostPieces];
    while (count > 0 && end_) {
      const int n = std::min(count, kMostPieces);
      std::size_t bytes = 0;
      for (int i = 0; i < n; ++i) {
        views[i] = {static_cast<const char*>(pieces[i].iov_base), pieces[i].iov_len};
        bytes += pieces[i].iov_len;
      }
      slot().bytes_out.fetch_add(bytes, std::memory_order_relaxed);
      call_plugin(slot(), CallSite::stream,
                  [&] { callbacks_.output(ctx_, handle(), views, static_cast<std::uint32_t>(n)); });
      pieces += n;
      count -= n;
    }
  }
  void on_writable() override {
    if (parked_) {
      writable_due_ = true;
      return;
    }
    if (callbacks_.writable)
      call_plugin(slot(), CallSite::stream, [&] { callbacks_.writable(ctx_, handle()); });
  }
  void on_closed(CloseCause cause, std::string_view detail) override {
    end_.reset();
    if (parked_)
      closed_ = Closed{cause, std::string(detail)};
    else
      report(cause, detail);
  }
  void report(CloseCause cause, std::string_view detail) {
    call_closed(to_reason(cause), detail);
    slot().drop(*this);
  }
  void call_closed(std::uint32_t reason, std::string_view detail) {
    if (callbacks_.closed)
      call_plugin(slot(), CallSite::stream,
                  [&] { callbacks_.closed(ctx_, handle(), reason, str(detail)); });
  }

  keel_stream_callbacks callbacks_;
  void* ctx_;
  std::unique_ptr<StreamEnd> end_;
  std::optional<Closed> closed_;  // while parked
  bool parked_ = false;
  bool writable_due_ = false;
};

keel_status read_callbacks(const keel_stream_callbacks* from, keel_stream_callbacks& to) {
  if (!read_struct(from, offsetof(keel_stream_callbacks, closed) + sizeof to.closed, to) ||
      !to.output)
    return fail(KEEL_E_INVAL, "stream: the callbacks need at least output, and their size");
  return KEEL_OK;
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
  keel_stream_callbacks callbacks{};
  if (!out || !read_struct(given, offsetof(keel_stream_options, verified) + sizeof(void*), options))
    return fail(KEEL_E_INVAL, "stream.open: options with their size, and a result are needed");
  if ((status = read_callbacks(fns, callbacks))) return status;
  PeerInfo peer;
  if ((status = describe_peer(slot, options, peer))) return status;
  auto stream = std::make_unique<PluginStream>(slot, thread->index(), callbacks, ctx);
  if (auto opened = stream->open(*thread, std::move(peer)); !opened)
    return fail(KEEL_E_LIMIT, "stream.open: " + opened.error());
  return slot.add(std::move(stream), out);
}

PluginStream* find(const keel_host* host, keel_handle handle, const char* function,
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
  PluginStream* const stream = find(host, handle, "stream.feed", status);
  if (!stream) return status;
  const StreamEnd::Fed fed = stream->end()->feed(view(bytes), StreamEnd::When::this_turn);
  if (backlog) *backlog = fed.waiting;
  if (!fed.taken) return fail(KEEL_E_LIMIT, "stream.feed: the broker has not taken what was fed");
  slot.bytes_in.fetch_add(bytes.size, std::memory_order_relaxed);
  return KEEL_OK;
}

keel_status stream_pause(const keel_host* host, keel_handle handle) {
  keel_status status = KEEL_OK;
  if (PluginStream* stream = find(host, handle, "stream.pause", status)) stream->end()->pause();
  return status;
}

keel_status stream_resume(const keel_host* host, keel_handle handle) {
  keel_status status = KEEL_OK;
  if (PluginStream* stream = find(host, handle, "stream.resume", status)) stream->end()->resume();
  return status;
}

keel_status stream_close(const keel_host* host, keel_handle handle) {
  keel_status status = KEEL_OK;
  PluginStream* const stream = find(host, handle, "stream.close", status);
  if (!stream) return status;
  stream->give_up();
  stream->slot().drop(*stream);
  return KEEL_OK;
}

keel_status stream_adopt(const keel_host* host, keel_handle handle,
                         const keel_stream_callbacks* fns, void* ctx) {
  Slot& slot = Slot::of(host);
  keel_stream_callbacks callbacks{};
  keel_status status = KEEL_OK;
  if ((status = read_callbacks(fns, callbacks))) return status;
  HostObject* const object = find_parked(slot, handle, ObjectKind::stream, "stream.adopt", status);
  if (!object) return status;
  static_cast<PluginStream*>(object)->rebind(callbacks, ctx);
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
