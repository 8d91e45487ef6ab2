// A link over a stream socket, TCP or Unix, plain or TLS, accepted or made, with or without a PROXY
// header in front. Owned by its shard. An idle plain connection holds this object and its handler,
// nothing else.
//
// States: proxy -> handshake -> open -> closing -> lingering -> dead; those not needed are skipped.
// closing sends what is left, lingering has said goodbye and waits for the peer to do the same, so
// that unread input does not make the system discard the last packet.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "kernel/net/io_status.hpp"
#include "kernel/net/link.hpp"
#include "kernel/net/shard.hpp"
#include "kernel/net/tls_context.hpp"

namespace keel::kernel {

class TlsSession;

// Makes the protocol end of a new connection, on the shard that will first own it, before the
// handshake.
using HandlerFactory = std::function<std::unique_ptr<LinkHandler>(Link&)>;

// An accepted and admitted socket on its way to a shard. Dropped, it is closed and counted out.
struct Incoming {
  Incoming() = default;
  Incoming(Incoming&& other) noexcept;
  Incoming& operator=(Incoming&&) = delete;
  ~Incoming();

  int fd = -1;
  Endpoint peer;
  std::shared_ptr<const ListenerInfo> info;
  std::shared_ptr<TlsContext> tls;  // null: plain
  std::shared_ptr<const HandlerFactory> factory;
};

class TcpLink final : public Link, private Pollable {
 public:
  // Makes link and handler and hands them to `shard`. [shard]
  static void start(Shard& shard, Incoming incoming);
  // The same for a connection that we made and that is open, its handshake included. Null, and
  // closed: there is no handler. [shard]
  static Link* start_made(Shard& shard, Incoming incoming, std::unique_ptr<TlsSession> session);
  ~TcpLink() override;

  Endpoint local() const override;
  void close() override;
  void abort() override;
  void pause_reading() override;
  void resume_reading() override;
  void move_to(ShardCore& target, Task arrived) override;

 private:
  enum class State : std::uint8_t { proxy, handshake, open, closing, lingering, dead };
  struct Extra;  // what an idle plain connection does without

  TcpLink(Shard& shard, Incoming& incoming);
  Shard& owner() const { return static_cast<Shard&>(*shard_); }
  const ListenerInfo& info() const { return *peer_.listener; }
  Extra& extra();
  void trim();
  TlsSession* tls() const;

  // Pollable and Link: what the loop calls.
  void on_events(std::uint32_t events) override;
  void flush() override;
  void attend() override;
  void leave() override;
  void arrive() override;

  void begin(std::shared_ptr<TlsContext> context);
  void on_proxy_bytes();
  bool proxy_admitted();
  void start_handshake();
  void step_handshake();
  void opened();
  void refuse(std::string_view what, std::string_view why);

  bool readable() const { return state_ == State::open && !paused_ && !moving_; }
  void on_open_events(std::uint32_t events);
  void read();
  IoResult receive(char* to, std::size_t size);
  IoResult receive_tls(char* to, std::size_t size);
  std::size_t deliver(std::string_view data);
  void deliver_behind(std::size_t held, std::string_view fresh);
  void deliver_joined(std::string_view fresh);
  void present();

  IoStatus send_plain();
  IoStatus send_tls();
  void after_send(IoStatus status, bool progress);
  void on_send_failure();
  void linger();
  void drain();

  void arm_timer(std::int64_t delay_ms);
  void stop_timer();
  void on_timer();
  void watch(bool in, bool out);
  void finish(CloseCause cause, std::string_view detail);
  void report();

  int fd_;
  State state_ = State::open;
  CloseCause cause_ = CloseCause::local;
  std::uint8_t watched_ = 0;  // EPOLLIN and EPOLLOUT as registered
  bool paused_ : 1 = false;
  bool moving_ : 1 = false;
  bool registered_ : 1 = false;
  bool made_ : 1 = false;              // by us: the peer is a server
  bool broken_ : 1 = false;            // sending failed; only what was received is still of use
  bool read_wants_write_ : 1 = false;  // TLS
  bool write_wants_read_ : 1 = false;  // TLS
  std::unique_ptr<LinkHandler> handler_;
  std::unique_ptr<Extra> extra_;
};
static_assert(sizeof(TcpLink) <= 136, "with malloc's header, 144 bytes a client");

}  // namespace keel::kernel
