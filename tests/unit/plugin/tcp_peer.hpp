// A plugin that listens and talks, and the blocking clients on the other side.
#pragma once

#include <doctest/doctest.h>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "net_host.hpp"

namespace keel::test {

// The plugin's side of connections: echoes, unless told otherwise, and counts. Its fields are read
// by the test after a turn of all shards.
struct TcpPlugin {
  struct Conn {
    TcpPlugin* plugin;
    keel_handle handle;
    std::string seen;
  };
  explicit TcpPlugin(Slot& in) : slot(in) {}
  TcpPlugin(const TcpPlugin&) = delete;
  ~TcpPlugin();

  keel_status listen(std::string address = "127.0.0.1:0", const keel_tls_options* tls = nullptr);
  keel_status connect(std::uint16_t port, const keel_tls_options* tls = nullptr,
                      std::string host = "127.0.0.1");
  // Takes over every connection of the old version, with the contexts it had.
  int adopt_all(TcpPlugin& old);
  std::uint16_t port() const;
  static keel_tcp_callbacks callbacks();
  keel_status write(keel_handle conn, std::string_view bytes) const;

  Slot& slot;
  keel_handle listener = 0, made = 0;
  std::string name = "gate:default";         // of the listener
  std::uint32_t flags = 0;                   // of listen()
  std::uint32_t shard = KEEL_SHARD_CURRENT;  // of connect()
  std::atomic<int> opened{0}, closed{0}, drained{0}, calls{0};
  std::atomic<std::uint32_t> reason{99};
  std::atomic<keel_handle> last{0};
  std::atomic<bool> echo{true};
  std::string detail, listener_name, identity;
  keel_addr peer{};
  std::function<void(Conn&)> on_opened;
  std::function<std::size_t(Conn&, std::string_view)> on_data;
  std::function<void(Conn&)> on_drained, on_closed;
  std::mutex mutex;
  std::map<keel_handle, Conn*> conns;  // under the mutex
};

// A blocking socket; every call has a deadline.
class TcpPeer {
 public:
  explicit TcpPeer(std::uint16_t port);
  ~TcpPeer() { close(); }
  TcpPeer(const TcpPeer&) = delete;
  bool send(std::string_view bytes);
  std::string receive(std::size_t size);  // shorter at the end of the stream
  bool at_end() { return receive(1).empty(); }
  void end_output();
  void close();
  int fd() const { return fd_; }

 private:
  int fd_ = -1;
};

// A plugin with its host, unloaded at the end, when nothing may be left.
struct TcpFixture {
  TcpFixture() : slot(host.plugin()), plugin(*slot) {}
  ~TcpFixture() {
    end();
    CHECK(host.runtime->handles().size() == 0);
  }
  void listen_and_run() {
    REQUIRE_MESSAGE(plugin.listen() == KEEL_OK, error_text());
    run();
  }
  void run() {
    host.run(*slot);
    running = true;
  }
  void end() {
    if (std::exchange(running, false)) host.unload(*slot);
  }
  std::uint32_t shard_of(keel_handle handle) { return HandleParts::thread(handle); }
  // On the shard of the newest connection.
  void there(const std::function<void()>& fn) { host.on_shard(shard_of(plugin.last), fn); }

  NetHost host;
  std::unique_ptr<Slot> slot;
  TcpPlugin plugin;
  bool running = false;
};

}  // namespace keel::test
