// A byte connection to a client as the protocol core sees it: TCP, TLS, Unix socket, or a plugin's own
// stream. The link owns the socket and its handler's life; the handler runs the protocol.
//
// Life: made by a listener with a handler; the handler gets on_data until on_closed, after which the
// link destroys the handler and itself at the end of the turn. All calls [shard that owns the link].
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "kernel/base/settings.hpp"
#include "kernel/codec/out_buffer.hpp"
#include "kernel/net/shard_core.hpp"

namespace keel::kernel {

enum class CloseCause : std::uint8_t {
  peer,       // the client closed or reset the connection
  local,      // close() was called
  error,      // the socket failed
  slow,       // the peer took no byte for limits.send_timeout
  handshake,  // TLS or PROXY header refused or too slow
};

// A listener at run time, shared by its connections. Settings are those in force when the connection was
// accepted.
struct ListenerInfo {
  ListenerSettings settings;
  bool loopback_only = true;  // bound to a loopback address or a Unix socket
  bool allow_anonymous() const { return settings.allow_anonymous.value_or(loopback_only); }
};

// Who is at the other end. Rare parts are null for plain connections.
struct PeerInfo {
  std::string address;  // printable "ip:port", "[ip6]:port" or "unix"; of the client behind a proxy
  std::shared_ptr<const ListenerInfo> listener;
  struct Verified {     // what TLS proved
    std::string cn, san, dn;  // of the client's certificate
    std::string psk_identity;
    std::string tls_version, cipher;
  };
  std::unique_ptr<const Verified> verified;
};

class LinkHandler {
 public:
  virtual ~LinkHandler() = default;
  // `data` is everything received and not yet consumed. Answers how many bytes were taken; the rest is
  // shown again, with more behind it. Not called while reading is paused or after close().
  virtual std::size_t on_data(std::string_view data) = 0;
  // The output buffer, seen above `high_water` before, has been sent.
  virtual void on_drained() = 0;
  // The last call. `detail` is a word for the log.
  virtual void on_closed(CloseCause cause, std::string_view detail) = 0;
};

class Link {
 public:
  Link(ShardCore& shard) : shard_(&shard) {}
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  virtual ~Link() = default;

  // Output: append to it, then call touch(); it is sent at the end of the turn.
  OutBuffer out;
  void touch() {
    if (!dirty_) {
      dirty_ = true;
      shard_->dirty_.push_back(this);
    }
  }

  ShardCore& shard() const { return *shard_; }
  const PeerInfo& peer() const { return peer_; }

  // Sends what is in `out` (for at most limits.send_timeout), then closes. on_closed follows on a later
  // turn, also when called from within on_data.
  virtual void close() = 0;
  // Closes without sending. on_closed follows as above.
  virtual void abort() = 0;
  // Backpressure: no on_data until resumed.
  virtual void pause_reading() = 0;
  virtual void resume_reading() = 0;
  // Moves link and handler to another shard, with the bytes not consumed; `arrived` runs there first,
  // then on_data. The caller touches neither again in this turn (on_data returns at once).
  virtual void move_to(ShardCore& target, Task arrived) = 0;

 protected:
  friend class Shard;
  ShardCore* shard_;
  PeerInfo peer_;
  bool dirty_ = false;
};

}  // namespace keel::kernel
