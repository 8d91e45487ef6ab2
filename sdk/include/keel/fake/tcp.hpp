// FakeHost's table tcp: pipes of bytes. Part of keel/fake.hpp.
#pragma once

#include "keel/ext/tcp.h"
#include "keel/fake/udp.hpp"

namespace keel::fake {

// The far end of a connection, as tests see it; stays when the connection is gone.
struct TcpPeer {
  std::string received;    // what the plugin wrote
  bool closed = false;     // by whomever
  bool shut_down = false;  // the plugin asked for a close after what waits
  bool stalled = false;    // the far end takes nothing: write() answers KEEL_E_LIMIT
  std::string host;        // connect(): where to
  std::uint16_t port = 0;
};

struct Listener final : Object {
  const char* kind() const override { return "listener"; }
  bool keeps() const override { return true; }
  std::string asked, name;
  std::uint32_t flags = 0;  // KEEL_TCP_*
  Address local;
  keel_tcp_callbacks callbacks{};
  void* ctx = nullptr;
};
struct TcpConnection final : Object {
  const char* kind() const override { return "connection"; }
  bool keeps() const override { return open; }
  keel_tcp_callbacks callbacks{};
  void* ctx = nullptr;  // of the connection, or of connect() before it is open
  bool open = false, paused = false, wants_drained = false;
  std::string waiting;  // bytes that the plugin has not consumed
  std::string listener;
  Address peer, local;
  std::optional<FakeVerified> verified;
  TcpPeer* far = nullptr;
  bool ending = false;
  void revoke() override { end(KEEL_CLOSE_UNLOAD, "the plugin is being unloaded"); }
  void end(std::uint32_t reason, std::string_view detail) {
    far->closed = true;
    if (callbacks.closed) callbacks.closed(ctx, handle, reason, to_c(detail));
  }
};

class Connections : public Datagrams {
 public:
  using Datagrams::Datagrams;

  // ---- for tests ----
  // Somebody connects to a listener (empty: the first one). 0: there is none.
  keel_handle tcp_connect(std::string_view to = {}, std::string_view from = "127.0.0.1:50001",
                          std::optional<FakeVerified> verified = std::nullopt);
  // What the listener that was asked for with this address, or is there, was told. 0: there is
  // none.
  std::uint32_t tcp_listener_flags(std::string_view address);
  void tcp_send(keel_handle connection, std::string_view bytes);
  // The far end closes.
  void tcp_close(keel_handle connection, std::uint32_t reason = KEEL_CLOSE_PEER,
                 std::string_view detail = "closed by the peer");
  TcpPeer& tcp_peer(keel_handle connection) { return peers_[connection]; }
  // Takes what was written so far.
  std::string tcp_take(keel_handle connection);
  // The far end takes bytes again: drained() if it was asked for.
  void tcp_unstall(keel_handle connection);
  // Connections that the plugin wants to make and that wait for tcp_accept() or tcp_refuse().
  std::vector<keel_handle> tcp_outgoing();
  void tcp_accept(keel_handle connection);
  void tcp_refuse(keel_handle connection, std::string_view detail = "connection refused");

 protected:
  const void* tcp_table_for(std::string_view id);
  void pump_connections();

 private:
  static Connections& of(const keel_host* host) {
    return static_cast<Connections&>(*instance(host).kernel);
  }
  template <class F>
  static void with_info(const TcpConnection& connection, F&& fn) {
    keel_tcp_info info{};
    info.size = sizeof info;
    info.peer = connection.peer.c();
    info.local = connection.local.c();
    info.listener = to_c(connection.listener);
    keel_verified verified{};
    if (connection.verified) {
      verified = connection.verified->c();
      info.verified = &verified;
    }
    fn(info);
  }
  void opened(TcpConnection& connection);
  void show(keel_handle handle);
  void drained(keel_handle handle);
  void finish(keel_handle handle, std::uint32_t reason, std::string detail);
  keel_status listen(Instance& caller, const keel_tcp_listen_options& options,
                     const keel_tcp_callbacks& callbacks, void* ctx, keel_handle* out);
  keel_status dial(Instance& caller, const keel_tcp_connect_options& options,
                   const keel_tcp_callbacks& callbacks, void* ctx, keel_handle* out);
  keel_status write(Instance& caller, keel_handle handle, const keel_str* pieces, std::uint32_t n);

  template <class F>
  static keel_status with(const keel_host* host, const char* function, keel_handle handle, F&& fn) {
    TcpConnection* connection;
    const auto status = of(host).enter(instance(host), function, On::shard, handle, connection);
    if (status == KEEL_OK) fn(*connection);
    return status;
  }

  static const keel_ext_tcp& tcp_table();

  std::map<keel_handle, TcpPeer> peers_;
};

}  // namespace keel::fake
