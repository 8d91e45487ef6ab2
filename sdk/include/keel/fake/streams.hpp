// FakeHost's table stream: what a plugin feeds to the broker's MQTT, and what it gets to send. Part
// of keel/fake.hpp.
#pragma once

#include "keel/ext/stream.h"
#include "keel/fake/tcp.hpp"

namespace keel::fake {

struct StreamPeer {
  std::string fed;      // what the plugin passed on
  bool closed = false;  // by whomever
  bool paused = false;
  std::uint64_t backlog = 0;  // what feed() answers
  std::string listener_name;
  Address peer;                // the client's: as stated, else the connection's
  keel_handle connection = 0;  // that carries it
};
struct Stream final : Object {
  const char* kind() const override { return "stream"; }
  bool keeps() const override { return true; }
  keel_stream_callbacks callbacks{};
  void* ctx = nullptr;
  StreamPeer* far = nullptr;
  void revoke() override {
    far->closed = true;
    if (callbacks.closed) {
      callbacks.closed(ctx, handle, KEEL_CLOSE_UNLOAD, to_c("the plugin is being unloaded"));
    }
  }
};

class StreamTable : public Connections {
 public:
  using Connections::Connections;

  // ---- for tests ----
  std::vector<keel_handle> streams();
  StreamPeer& stream_peer(keel_handle stream) { return stream_peers_[stream]; }
  // The broker has bytes for the client.
  void stream_output(keel_handle stream, std::string_view bytes);
  // The broker took what waited.
  void stream_writable(keel_handle stream);
  // The broker ends it.
  void stream_end(keel_handle stream, std::uint32_t reason = KEEL_CLOSE_LOCAL,
                  std::string_view detail = "disconnected");

 protected:
  const void* stream_table_for(std::string_view id);

 private:
  static StreamTable& of(const keel_host* host) {
    return static_cast<StreamTable&>(*instance(host).kernel);
  }
  static const keel_ext_stream& stream_table();

  std::map<keel_handle, StreamPeer> stream_peers_;
};

}  // namespace keel::fake
