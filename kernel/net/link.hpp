// A byte connection to a client as the protocol core sees it: TCP, TLS, Unix socket, or a plugin's
// own stream. The link owns the socket and its handler's life; the handler runs the protocol.
//
// Life: made by a listener with a handler; the handler gets on_data until on_closed, after which
// the link destroys the handler and itself at the end of the turn. All calls [shard that owns the
// link].
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/base/address.hpp"
#include "kernel/base/endpoint.hpp"
#include "kernel/base/settings.hpp"
#include "kernel/codec/out_buffer.hpp"
#include "kernel/codec/reason_code.hpp"
#include "kernel/net/shard_core.hpp"

namespace keel::kernel {

enum class CloseCause : std::uint8_t {
  peer,       // the client closed or reset the connection
  local,      // close() was called
  error,      // the socket failed
  slow,       // the peer took no byte for limits.send_timeout
  handshake,  // TLS or PROXY header refused or too slow
};

inline constexpr std::size_t kCloseCauses = 5;
std::string_view close_cause_name(CloseCause cause);

struct ListenerState;  // its counters, see admission.hpp

// A listener at run time, shared by its connections. Settings are those in force when the
// connection was accepted. Immutable once published; any thread.
struct ListenerInfo {
  ListenerSettings settings;
  bool loopback_only = true;  // bound to a loopback address or a Unix socket
  std::int64_t handshake_timeout_ms = Limits{}.handshake_timeout_ms;
  std::int64_t send_timeout_ms = Limits{}.send_timeout_ms;
  std::vector<Cidr> proxy_from;          // settings.proxy_from, parsed
  std::shared_ptr<ListenerState> state;  // null for links that no listener counts
  std::string protocol = "mqtt";         // "mqtt-sn", ...: what the client itself speaks
  bool watches_clients = false;          // a gateway, which looks after their keep alive
  bool allow_anonymous() const { return settings.allow_anonymous.value_or(loopback_only); }
};

// Who is at the other end. Rare parts are null for plain connections.
struct PeerInfo {
  Endpoint endpoint;         // of the client, also when it is behind a proxy
  bool carried : 1 = false;  // its bytes come over another link, which its listener counts
  // The number of the gateway's session that it stands for; 0: none.
  std::uint32_t gateway_session : 31 = 0;
  std::string address() const { return endpoint.text(); }  // "ip:port", "[ip6]:port" or "unix"
  std::shared_ptr<const ListenerInfo> listener;
  struct Verified {           // what TLS proved
    std::string cn, san, dn;  // of the client's certificate; `san` is its first alternative name
    std::string psk_identity;
    std::string tls_version, cipher;
    std::string alpn;  // the protocol agreed on; empty: none
  };
  std::unique_ptr<const Verified> verified;
};

class LinkHandler {
 public:
  virtual ~LinkHandler() = default;
  // The link is open: PROXY header and TLS handshake are over, and peer() is complete. Once, before
  // the first on_data.
  virtual void on_open() {}
  // `data` is everything received and not yet consumed. Answers how many bytes were taken; the rest
  // is shown again, with more behind it. Not called while reading is paused or after close().
  virtual std::size_t on_data(std::string_view data) = 0;
  // Everything in `out` has been handed to the socket, after notify_when_drained(). Never called
  // from within a call of the handler into the link.
  virtual void on_drained() = 0;
  // The last call; the link destroys the handler after it. `detail` is a word for the log. Not
  // called when the shard itself stops: then link and handler are just destroyed, on the shard's
  // thread (or on the thread of the shard a move came from, when its target has stopped).
  virtual void on_closed(CloseCause cause, std::string_view detail) = 0;
};

class Link {
 public:
  explicit Link(ShardCore& shard) : shard_(&shard) {}
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

  // Asks for one on_drained(): a handler that stops producing because `out` is above its high-water
  // mark goes on from there.
  void notify_when_drained() {
    want_drained_ = true;
    touch();
  }

  ShardCore& shard() const { return *shard_; }
  const PeerInfo& peer() const { return peer_; }
  // Our own end's address; family none where there is none.
  virtual Endpoint local() const { return {}; }

  // Why the handler is about to close or abort, for whoever carries the bytes. Success, unless
  // told.
  void set_ending(Reason why) { ending_ = why; }
  // Sends what is in `out` (for at most limits.send_timeout), then closes. on_closed follows on a
  // later turn, also when called from within on_data.
  virtual void close() = 0;
  // Closes without sending. on_closed follows as above.
  virtual void abort() = 0;
  // Backpressure: no on_data until resumed.
  virtual void pause_reading() = 0;
  // What was not consumed is shown again on the next turn, also when reading was not paused: a
  // handler that has done enough for one turn calls this from within on_data.
  virtual void resume_reading() = 0;
  // Moves link and handler to another shard at the end of this turn, with the bytes not consumed
  // and the output not sent; `arrived` runs there first, then on_data. The caller touches neither
  // again in this turn (on_data returns at once) and leaves no timer of its own armed on the old
  // shard.
  virtual void move_to(ShardCore& target, Task arrived) = 0;

 protected:
  friend class Shard;

  // What the loop calls. Nothing here may be called by the handler.
  virtual void flush() {}   // sends what is in `out`; once a turn after touch()
  virtual void attend() {}  // once a turn after Shard::attend()
  virtual void leave() {}   // before a move: lets go of the old shard
  virtual void arrive() {}  // after a move: shard_ is the new one

  ShardCore* shard_;
  PeerInfo peer_;
  bool dirty_ = false;         // in the shard's list of links to flush
  bool attention_ = false;     // in the shard's list of links to attend to
  bool want_drained_ = false;  // on_drained() is due when `out` is empty
  Reason ending_ = Reason::success;
  std::uint32_t slot_ = 0;  // place in the shard's list of links
};

}  // namespace keel::kernel
