// MQTT over a byte stream that the plugin carries: the kernel runs the protocol. All [shard].
#pragma once

#include <span>

#include "keel/handle.hpp"
#include "keel/tcp.hpp"

namespace keel {

// Must outlive the Stream; usually the object that has it as a member.
class StreamHandler {
 public:
  virtual ~StreamHandler() = default;
  // Bytes for the client, whole packets; valid during the call.
  virtual void output(std::span<const keel_str> pieces) = 0;
  // Go on feeding.
  virtual void writable() {}
  // The broker ended it, after its last output. The last call.
  virtual void stream_closed(const Closed& why) = 0;
};

struct StreamOptions {
  // Of tcp/1, on this shard, that carries the stream: address, listener and what TLS proved are its
  // own. 0: the rest counts.
  keel_handle connection = 0;
  Address peer = {};  // with `connection`: as a trusted proxy stated it; none: the connection's
  std::string_view listener_name = {};
  bool loopback_only = false;
  Verified verified{nullptr};
};

namespace detail {
class StreamContext final : public Context {
 public:
  StreamContext(Core& of, std::uint32_t on, StreamHandler& to) : Context(of, on), handler(to) {}
  void shut() noexcept override { shut_on_shard(*this); }
  keel_status shut_here() noexcept override {
    return core.stream.call(&keel_ext_stream::close, core.host, handle.load());
  }
  static keel_stream_callbacks callbacks() {
    keel_stream_callbacks out{};
    out.size = sizeof out;
    out.output = [](void* ctx, keel_handle, const keel_str* pieces, std::uint32_t n) {
      const Ref<StreamContext> self(static_cast<StreamContext*>(ctx));
      self->note_shard();
      if (self->open()) guarded(self->core, [&] { self->handler.output({pieces, n}); });
    };
    out.writable = [](void* ctx, keel_handle) {
      const Ref<StreamContext> self(static_cast<StreamContext*>(ctx));
      if (self->open()) guarded(self->core, [&] { self->handler.writable(); });
    };
    out.closed = [](void* ctx, keel_handle, std::uint32_t reason, keel_str detail) {
      const Ref<StreamContext> self(static_cast<StreamContext*>(ctx));
      self->handle = 0;
      if (self->open()) {
        guarded(self->core, [&] { self->handler.stream_closed({reason, view(detail)}); });
      }
      self->core.release(*self);
    };
    return out;
  }
  StreamHandler& handler;
};
}  // namespace detail

// Destroying it means that the client is gone: its will is published.
class Stream : public Handle {
 public:
  Stream() = default;
  explicit Stream(detail::Ref<detail::Context> context) : Handle(std::move(context)) {}

  // Bytes from the client, cut anywhere. Answers how many the broker has not taken yet: above
  // 64 KiB stop until writable().
  Result<std::uint64_t> feed(std::string_view bytes) const {
    std::uint64_t backlog = 0;
    if (Status status = with([&](detail::Core& core, keel_handle stream) {
          return core.stream.call(&keel_ext_stream::feed, core.host, stream, to_c(bytes), &backlog);
        });
        !status) {
      return status;
    }
    return backlog;
  }
  Status pause() const {
    return with([](detail::Core& core, keel_handle stream) {
      return core.stream.call(&keel_ext_stream::pause, core.host, stream);
    });
  }
  Status resume() const {
    return with([](detail::Core& core, keel_handle stream) {
      return core.stream.call(&keel_ext_stream::resume, core.host, stream);
    });
  }
};

class Streams {
 public:
  explicit Streams(detail::Core& core) : core_(core) {}

  // [shard]
  Result<Stream> open(const StreamOptions& options, StreamHandler& handler) const {
    keel_stream_options c{};
    c.size = sizeof c;
    c.peer = options.peer.c();
    c.connection = options.connection;
    c.listener_name = to_c(options.listener_name);
    c.loopback_only = options.loopback_only ? 1 : 0;
    c.verified = options.verified.c();
    return start(core_.current_shard(), handler,
                 [&](const keel_stream_callbacks& callbacks, void* ctx, keel_handle& handle) {
                   return core_.stream.call(&keel_ext_stream::open, core_.host, &c, &callbacks, ctx,
                                            &handle);
                 });
  }
  // Takes over a stream of the old version; with its shard, if that was saved, it can be closed
  // there without asking around. [control, in start()]
  Result<Stream> adopt(keel_handle stream, StreamHandler& handler,
                       std::uint32_t shard = detail::kAnyShard) const {
    return start(shard, handler,
                 [&](const keel_stream_callbacks& callbacks, void* ctx, keel_handle& handle) {
                   handle = stream;
                   return core_.stream.call(&keel_ext_stream::adopt, core_.host, stream, &callbacks,
                                            ctx);
                 });
  }

 private:
  template <class F>
  Result<Stream> start(std::uint32_t shard, StreamHandler& handler, F&& call) const {
    auto context = detail::make_context<detail::StreamContext>(core_, shard, handler);
    const keel_stream_callbacks callbacks = detail::StreamContext::callbacks();
    core_.hold(*context);
    keel_handle handle = 0;
    if (const keel_status status = call(callbacks, context.get(), handle); status != KEEL_OK) {
      core_.release(*context);
      return core_.status(status);
    }
    context->handle = handle;
    return Stream(std::move(context));
  }

  detail::Core& core_;
};

}  // namespace keel
