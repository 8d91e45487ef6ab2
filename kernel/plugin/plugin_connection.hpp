// A TCP connection of a plugin's, in two halves on one shard: ConnectionEnd is the handler that the
// link owns, PluginConnection the object that the plugin's slot owns. Each lets go of the other
// when it ends, so either may go first: the link (the peer closed, the shard stops) or the object
// (unloading). [shard] unless marked.
#pragma once

#include <memory>
#include <string>

#include "keel/ext/tcp.h"
#include "kernel/net/connector.hpp"
#include "kernel/net/link.hpp"
#include "kernel/plugin/host_object.hpp"
#include "kernel/plugin/host_thread.hpp"

namespace keel::kernel {

class ListenerCore;
class PluginConnection;

// What a plugin gave with listen(), connect() or adopt(). `ctx` is that of opened().
struct TcpCallbacks {
  keel_tcp_callbacks fns{};
  void* ctx = nullptr;
};

class ConnectionEnd final : public LinkHandler {
 public:
  // Of a link that a listener accepted.
  ConnectionEnd(Link& link, std::shared_ptr<ListenerCore> core);
  // Of a link that connect() made.
  ConnectionEnd(Link& link, PluginConnection& connection);
  ~ConnectionEnd() override;

  void on_open() override;
  std::size_t on_data(std::string_view data) override;
  void on_drained() override;
  void on_closed(CloseCause cause, std::string_view detail) override;

  Link& link() const { return link_; }
  // The listener's plugin runs (again): makes the object of a link that waited for that.
  void meet();
  // The listener is gone: so is a link that no plugin knows.
  void turn_away();
  void wait();  // for meet() or turn_away()

 private:
  friend class PluginConnection;
  friend class WaitingEnds;

  Link& link_;
  const std::shared_ptr<ListenerCore> core_;  // null: made by connect()
  PluginConnection* connection_ = nullptr;
  ConnectionEnd* next_ = nullptr;
  ConnectionEnd* prev_ = nullptr;
  bool waiting_ = false;
};

// Open links whose plugin does not run yet, or is between two versions.
class WaitingEnds {
 public:
  void push(ConnectionEnd& end);
  void remove(ConnectionEnd& end);
  ConnectionEnd* pop();

 private:
  ConnectionEnd* first_ = nullptr;
  ConnectionEnd* last_ = nullptr;
};

class PluginConnection final : public HostObject {
 public:
  static constexpr std::size_t kMaxPending = 4 << 20;  // bytes written and not sent
  static constexpr std::size_t kMaxUnread = 4 << 20;   // bytes that `data` did not consume

  // For an accepted link that is open.
  PluginConnection(Slot& slot, std::uint32_t shard, ConnectionEnd& end,
                   const TcpCallbacks& callbacks);
  // For a link to be made when the plugin runs.
  PluginConnection(Slot& slot, std::uint32_t shard, ConnectRequest request,
                   const TcpCallbacks& callbacks);
  ~PluginConnection() override;

  void begin() override;
  void revoke() override;
  bool park() override;

  // The maker of an accepted connection goes on itself after Slot::add().
  void open_now();
  // The next version's, with the context of the connection itself. [control, while parked]
  void rebind(const TcpCallbacks& callbacks, void* conn_ctx);

  // From the end.
  std::size_t on_data(std::string_view data);
  void on_drained();
  void on_link_closed(CloseCause cause, std::string_view detail);
  void on_link_destroyed();

  // From the plugin.
  keel_status write(const keel_str* pieces, std::uint32_t n);
  keel_status write_message(const MessagePtr& message, std::string_view bytes);
  keel_status pending(std::uint64_t& out) const;
  keel_status notify_drained();
  keel_status pause();
  keel_status resume();
  keel_status shutdown();
  keel_status close();
  keel_status info(void (*fn)(void* ctx, const keel_tcp_info* info), void* ctx) const;

 private:
  enum class State : std::uint8_t {
    waiting,     // for its plugin to run, or for the connect to be begun
    connecting,  // connect() is under way
    open,        // `opened` was called
    ending,      // close() or shutdown(): `closed` comes
    ended        // the link is gone and `closed` was not called yet
  };

  Link* link() const { return end_ ? &end_->link() : nullptr; }
  HostThread& home() const;
  keel_status require_open(const char* function) const;
  keel_status require_room(const char* function);
  void go_on();
  void start_connecting();
  void tell_opened();
  void tell_closed(std::uint32_t reason, std::string_view detail);
  void finish();

  TcpCallbacks callbacks_;
  void* conn_ctx_ = nullptr;
  ConnectionEnd* end_ = nullptr;
  std::unique_ptr<ConnectRequest> request_;  // of a connect() not begun
  std::unique_ptr<Connector> connector_;     // of a connect() under way
  std::string detail_;                       // why it ended
  std::uint32_t reason_ = KEEL_CLOSE_PEER;
  State state_ = State::waiting;
  const bool made_;    // by connect()
  bool live_ = false;  // the plugin runs and is called
  bool parked_ = false;
  bool paused_ = false;   // by the plugin
  bool drained_ = false;  // came while nobody could be called
};

}  // namespace keel::kernel
