// What keel/fake/streams.hpp declares: the table stream. See keel/fake/impl/fn.hpp.
#pragma once

#include "keel/fake/impl/fn.hpp"
#include "keel/fake/streams.hpp"

namespace keel::fake {

KEEL_FAKE_FN std::vector<keel_handle> StreamTable::streams() {
  std::vector<keel_handle> out;
  for (const Stream* stream : all<Stream>()) out.push_back(stream->handle);
  return out;
}

KEEL_FAKE_FN void StreamTable::stream_output(keel_handle stream, std::string_view bytes) {
  if (auto* const found = find_any<Stream>(stream); found && !found->far->paused) {
    const keel_str piece = to_c(bytes);
    on(found->shard, [&] { found->callbacks.output(found->ctx, stream, &piece, 1); });
  }
  run();
}

KEEL_FAKE_FN void StreamTable::stream_writable(keel_handle stream) {
  stream_peers_[stream].backlog = 0;
  if (auto* const found = find_any<Stream>(stream); found && found->callbacks.writable) {
    on(found->shard, [&] { found->callbacks.writable(found->ctx, stream); });
  }
  run();
}

KEEL_FAKE_FN void StreamTable::stream_end(keel_handle stream, std::uint32_t reason,
                                          std::string_view detail) {
  if (auto* const found = find_any<Stream>(stream)) {
    found->far->closed = true;
    on(found->shard, [&] { found->callbacks.closed(found->ctx, stream, reason, to_c(detail)); });
    drop(stream);
  }
  run();
}

KEEL_FAKE_FN const void* StreamTable::stream_table_for(std::string_view id) {
  return id == KEEL_EXT_STREAM ? &stream_table() : nullptr;
}

KEEL_FAKE_FN const keel_ext_stream& StreamTable::stream_table() {
  struct F {
    static keel_status open(const keel_host* host, const keel_stream_options* options,
                            const keel_stream_callbacks* callbacks, void* ctx, keel_handle* out) {
      StreamTable& self = of(host);
      if (const auto status = self.enter(instance(host), "stream.open", On::shard)) {
        return status;
      }
      const TcpConnection* connection = nullptr;
      if (options->connection != 0) {
        connection = self.find<TcpConnection>(instance(host), options->connection);
        if (!connection || !connection->open) {
          return self.fail(KEEL_E_STALE, "stream.open: there is no such connection");
        }
        if (connection->shard != self.current()) {
          return self.misused("stream.open: belongs on the connection's own shard");
        }
      }
      auto made = std::make_unique<Stream>();
      made->shard = self.current();
      made->callbacks = *callbacks;
      made->ctx = ctx;
      Stream& stream = self.add(instance(host), std::move(made));
      stream.far = &self.stream_peers_[stream.handle];
      stream.far->connection = options->connection;
      stream.far->listener_name = connection ? connection->listener : view(options->listener_name);
      stream.far->peer = options->peer;
      if (connection && stream.far->peer.family() == KEEL_ADDR_NONE) {
        stream.far->peer = connection->peer;
      }
      *out = stream.handle;
      return KEEL_OK;
    }
    static keel_status feed(const keel_host* host, keel_handle handle, keel_str bytes,
                            std::uint64_t* backlog) {
      Stream* stream;
      const auto status = of(host).enter(instance(host), "stream.feed", On::shard, handle, stream);
      if (status != KEEL_OK) return status;
      stream->far->fed += view(bytes);
      *backlog = stream->far->backlog;
      return KEEL_OK;
    }
    static keel_status pause(const keel_host* host, keel_handle handle) {
      return set_paused(host, "stream.pause", handle, true);
    }
    static keel_status resume(const keel_host* host, keel_handle handle) {
      return set_paused(host, "stream.resume", handle, false);
    }
    static keel_status set_paused(const keel_host* host, const char* function, keel_handle handle,
                                  bool paused) {
      Stream* stream;
      const auto status = of(host).enter(instance(host), function, On::shard, handle, stream);
      if (status == KEEL_OK) stream->far->paused = paused;
      return status;
    }
    static keel_status close(const keel_host* host, keel_handle handle) {
      Stream* stream;
      const auto status =
          of(host).enter_end(instance(host), "stream.close", On::shard, handle, stream);
      if (status != KEEL_OK) return status;
      stream->far->closed = true;
      of(host).drop(handle);
      return KEEL_OK;
    }
    static keel_status adopt(const keel_host* host, keel_handle handle,
                             const keel_stream_callbacks* callbacks, void* ctx) {
      StreamTable& self = of(host);
      if (const auto status = self.enter(instance(host), "stream.adopt", On::control)) {
        return status;
      }
      auto* const stream = self.find_any<Stream>(handle);
      if (!stream || !stream->parked) {
        return self.fail(KEEL_E_STALE, "stream.adopt: there is no such parked stream");
      }
      stream->owner = &instance(host);
      stream->parked = false;
      stream->callbacks = *callbacks;
      stream->ctx = ctx;
      return KEEL_OK;
    }
  };
  static const keel_ext_stream table{sizeof table, 0,          &F::open,  &F::feed,
                                     &F::pause,    &F::resume, &F::close, &F::adopt};
  return table;
}

}  // namespace keel::fake
