// One listening socket on one shard: accepts, admits, and hands each connection to its first shard.
// Made by the control thread, then touched by its shard only.
#pragma once

#include <memory>
#include <vector>

#include "kernel/net/tcp_link.hpp"

namespace keel::kernel {

// What new connections of a listener get. Replaced as a whole by a reload.
struct AcceptOffer {
  std::shared_ptr<const ListenerInfo> info;
  std::shared_ptr<TlsContext> tls;  // null: plain
  std::shared_ptr<const HandlerFactory> factory;
};

class Acceptor final : private Pollable {
 public:
  // Takes over the listening socket. Connections go to `targets` in turn.
  Acceptor(Shard& shard, int fd, std::vector<Shard*> targets, AcceptOffer offer);
  ~Acceptor();

  Shard& home() const { return shard_; }  // [any]
  void open();                            // begins to accept, or goes on
  void park();                            // accepts no more; those who connect wait
  void close();                           // closes the socket
  void set_offer(AcceptOffer offer) { offer_ = std::move(offer); }

 private:
  void on_events(std::uint32_t events) override;
  bool accept_one();
  void hand_over(int fd, const sockaddr_storage& from);
  void turn_away(int fd, const Endpoint& peer);
  void pause(int error);

  Shard& shard_;
  int fd_;
  bool watched_ = false;
  std::vector<Shard*> targets_;
  std::size_t next_;
  AcceptOffer offer_;
  std::int64_t quiet_until_ms_ = 0;  // the same shortage is not reported before
  Timer resume_;
};

}  // namespace keel::kernel
