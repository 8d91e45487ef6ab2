// One thread, one epoll set, any number of TCP connections. A turn reads once from each connection
// that has something, lets the scenario work, and then sends once on each connection that wrote: so
// that the generator costs less per message than what it measures.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tunnel.hpp"

namespace keel::load {

class Connection;

class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Waits for something to read, at most some milliseconds, and hands it out.
  void read();
  // Sends what was written.
  void flush();
  // The next read() waits no longer than until that time of the monotonic clock.
  void wake_at(std::uint64_t time_ns) { wake_at_ = time_ns; }
  std::uint64_t received() const { return received_; }  // octets

 private:
  friend class Connection;
  static constexpr std::uint64_t kNever = ~std::uint64_t{0};
  int epoll_ = -1;
  std::uint64_t wake_at_ = kNever;
  std::uint64_t received_ = 0;
  std::vector<Connection*> dirty_;
  std::string buffer_;  // what one connection sent, for as long as it takes to read it
};

struct Target {
  std::string host = "127.0.0.1";
  std::uint16_t port = 1883;
  TunnelKind tunnel = TunnelKind::none;
};

// A connection may be destroyed between read() and flush() or outside them, not in a callback.
class Connection {
 public:
  // `source` picks one of many loopback addresses to come from, so that ports do not run out.
  // What is written waits until the tunnel is there, if the target is behind one.
  Connection(Loop& loop, const Target& target, std::uint32_t source);
  virtual ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  bool open() const { return fd_ >= 0; }
  void close();

 protected:
  std::string& out();  // written to by the caller, sent at the end of the turn
  // Takes whole packets off the front of `bytes`; what is left comes again with more behind it.
  virtual void on_bytes(std::string_view& bytes) = 0;
  virtual void on_closed(std::string_view why) = 0;

 private:
  friend class Loop;
  void readable();
  void received(std::string_view bytes);
  void seal();
  void flush();
  void mark();
  void watch(std::uint32_t events);
  void fail(std::string_view why);

  Loop& loop_;
  int fd_ = -1;
  bool connecting_ = true, dirty_ = false, blocked_ = false;
  std::string in_, out_;
  std::unique_ptr<Tunnel> tunnel_;  // null: there is none
  std::string unsealed_;            // what the tunnel has yet to take
};

}  // namespace keel::load
