// The link's half of a plugin's TCP connection, and the place where accepted links find the plugin
// they are for. See plugin_connection.hpp.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "keel/ext/tcp.h"
#include "keel/ext/tls.h"
#include "kernel/net/link.hpp"

namespace keel::kernel {

class ListenerCore;
class PluginConnection;
class Slot;

// What a plugin gave with listen() or connect(). `ctx` is that of opened().
struct TcpCallbacks {
  const keel_tcp_callbacks* fns = nullptr;  // stays as long as the slot
  void* ctx = nullptr;
};

struct ListenerCallbacks : TcpCallbacks {
  keel_psk_lookup_fn psk_lookup = nullptr;
  void* psk_ctx = nullptr;
};

// The handler of a link. [shard]
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
  // Lets go of the object: nobody listens, or a later one will.
  void detach() { connection_ = nullptr; }
  // Waits for a version of the plugin that takes it.
  void wait();

 private:
  friend class ListenerCore;
  friend class WaitingEnds;
  friend class PluginConnection;

  void meet();
  void stop_waiting();

  Link& link_;
  const std::shared_ptr<ListenerCore> core_;  // null: made by connect()
  PluginConnection* connection_ = nullptr;
  ConnectionEnd* next_ = nullptr;
  ConnectionEnd* prev_ = nullptr;
};

// Links that are open and have no object yet.
class WaitingEnds {
 public:
  void push(ConnectionEnd& end);
  void remove(ConnectionEnd& end);
  bool has(const ConnectionEnd& end) const { return end.prev_ || first_ == &end; }
  ConnectionEnd* first() const { return first_; }

 private:
  ConnectionEnd* first_ = nullptr;
  ConnectionEnd* last_ = nullptr;
};

// For whom a listener accepts, on each shard. Shared by the listener and its links.
class ListenerCore {
 public:
  enum class State : std::uint8_t { held, live, ended };

  explicit ListenerCore(std::size_t shards) : cells_(shards) {}

  // For whom it is from now on; links wait until live. [shard]
  void assign(std::uint32_t shard, Slot& slot, const ListenerCallbacks& callbacks);
  void hold(std::uint32_t shard);
  void live(std::uint32_t shard);
  // Links that wait or open later are closed. [shard]
  void end(std::uint32_t shard);
  // Asks the plugin for a pre-shared key. [a shard]
  std::optional<std::string> psk(const std::string& identity);

 private:
  friend class ConnectionEnd;
  struct Cell {
    Slot* slot = nullptr;
    ListenerCallbacks callbacks;
    State state = State::held;
    WaitingEnds waiting;
  };
  std::vector<Cell> cells_;
};

}  // namespace keel::kernel
