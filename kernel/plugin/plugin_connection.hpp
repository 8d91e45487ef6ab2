// A TCP connection of a plugin's, in two halves on one shard: ConnectionEnd is the handler that the
// link owns, PluginConnection the object that the plugin's slot owns. Each lets go of the other
// when it ends, so either may go first: the link (the peer closed, the shard stops) or the object
// (unloading). [shard] unless marked.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "keel/ext/tcp.h"
#include "kernel/net/connector.hpp"
#include "kernel/plugin/connection_end.hpp"
#include "kernel/plugin/host_object.hpp"
#include "kernel/plugin/host_thread.hpp"
#include "kernel/plugin/plugin_tls.hpp"

namespace keel::kernel {

// Where connect() goes.
struct ConnectTarget {
  Connector::Options options;    // without `tls`
  std::optional<PluginTls> tls;  // none: plain
};
// The error says what is wrong with the options. [any]
Result<ConnectTarget> connect_target(const Slot& slot, const keel_tcp_connect_options& options);

class PluginConnection final : public HostObject {
 public:
  static constexpr std::size_t kMaxPending = 4 << 20;  // bytes written and not sent
  static constexpr std::size_t kMaxUnread = 4 << 20;   // bytes that `data` did not consume

  // For an accepted link that is open. After Slot::add() comes open_now().
  PluginConnection(Slot& slot, std::uint32_t shard, ConnectionEnd& end,
                   const TcpCallbacks& callbacks);
  // For a link to be made when the plugin runs. [any]
  PluginConnection(Slot& slot, std::uint32_t shard, ConnectTarget target,
                   const TcpCallbacks& callbacks);
  ~PluginConnection() override;

  void begin() override;
  void revoke() override;
  bool park() override;
  void open_now();
  // The next version's, with the context of the connection itself. [control, while parked]
  void rebind(const TcpCallbacks& callbacks, void* conn_ctx);

  // From the end.
  std::size_t on_data(std::string_view data);
  void on_drained();
  void on_link_closed(CloseCause cause, std::string_view detail);
  void on_link_destroyed();

  // From the plugin; see tcp.h.
  keel_status write(const keel_str* pieces, std::uint32_t n);
  keel_status write_message(const MessagePtr& message, std::string_view bytes);
  keel_status pending(std::uint64_t& out) const;
  keel_status notify_drained();
  keel_status pause();
  keel_status resume();
  keel_status shutdown();
  keel_status close();
  keel_status info(void (*fn)(void* ctx, const keel_tcp_info* info), void* ctx) const;
  // Who is at the other end; null: nobody (any more).
  const PeerInfo* peer() const { return end_ ? &end_->link().peer() : nullptr; }

 private:
  enum class State : std::uint8_t {
    waiting,     // for its plugin to run
    connecting,  // connect() is under way
    open,        // `opened` was called
    ending,      // close() or shutdown() was called
    ended        // there is no link any more, and `closed` was not called yet
  };
  struct InfoView;
  // What one that is open does without.
  struct Rare {
    std::unique_ptr<ConnectTarget> target;  // of a connect() not begun
    std::unique_ptr<Connector> connector;   // of one under way
    std::string fault;                      // why the kernel ended it
    std::string detail;                     // why it ended
    std::uint32_t reason = KEEL_CLOSE_PEER;
  };

  Rare& rare();
  HostThread& home() const;
  bool callable() const;
  keel_status require_open(const char* function) const;
  keel_status require_room(const char* function, std::size_t size);
  void append(std::string_view piece);
  void wrote(std::size_t size);
  void report_output();
  void go_on_later();
  void go_on();
  void start_connecting();
  void load_tls();
  void on_tls(const Result<std::shared_ptr<TlsContext>>& context);
  void connect(std::shared_ptr<TlsContext> tls);
  void on_connected(const Connector::Outcome& outcome);
  void pass_on(const ShownInput& shown, std::size_t taken);
  void fail_to_connect(std::uint32_t reason, std::string detail);
  void tell_opened();
  void tell_closed(std::uint32_t reason, std::string_view detail);
  void break_off(std::string why);
  void finish();

  const keel_tcp_callbacks* fns_;
  void* ctx_;  // of the connection; before `opened` gave one, that of listen() or connect()
  ConnectionEnd* end_ = nullptr;
  std::unique_ptr<Rare> rare_;
  std::uint32_t unread_ = 0;      // bytes shown and not consumed
  std::uint32_t unreported_ = 0;  // bytes written, not yet in the slot's count
  State state_ = State::waiting;
  const bool made_;      // by connect()
  bool adding_ = false;  // inside Slot::add()
  bool live_ = false;    // the plugin runs
  bool parked_ = false;
  bool paused_ = false;   // by the plugin
  bool drained_ = false;  // came while nobody could be called
};

// What `info` and `opened` show of a link. Stays on the stack.
struct PluginConnection::InfoView {
  InfoView(const Link& link, bool made);
  keel_verified verified{};
  keel_tcp_info info{};
};

}  // namespace keel::kernel
