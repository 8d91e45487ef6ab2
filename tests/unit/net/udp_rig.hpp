// What the tests of UDP and DTLS stand on: shards, work done on them, and a client's socket.
#pragma once

#include <sys/socket.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/net/shard_set.hpp"
#include "kernel/net/udp_socket.hpp"
#include "patience.hpp"

namespace keel::test {

using namespace keel::kernel;

Endpoint at(std::string_view host, std::uint16_t port);
BindAddress bind_to(std::string_view host, std::uint16_t port = 0);
int opened(const BindAddress& address, const UdpOptions& options = {});  // or fails the test

// Shards with their threads; stopped when it goes.
struct Rig {
  explicit Rig(std::uint32_t count = 1);
  ~Rig();
  // Runs `fn` on a shard's thread and waits for it.
  void on(std::uint32_t shard, FunctionRef<void()> fn);
  void on(FunctionRef<void()> fn) { on(0, fn); }
  // Waits until `condition` holds, asked on shard 0's thread, turn after turn.
  bool eventually(const std::function<bool()>& condition);
  ShardSet shards;
};

// A client's socket. Every receive has a deadline.
class Peer {
 public:
  explicit Peer(const Endpoint& server, std::string_view from = "127.0.0.1");
  Peer(const Peer&) = delete;
  ~Peer();
  int fd() const { return fd_; }
  Endpoint local() const;
  void send(std::string_view bytes) const;
  std::string receive() const;  // "(nothing)" after a long time
  bool silent() const;          // nothing waits now

 private:
  int fd_;
};

}  // namespace keel::test
