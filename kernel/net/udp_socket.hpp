// A UDP socket on one shard: reads in batches, sends at once. Made by anybody, then touched by its
// shard only; counters may be read by any thread. Nothing is allocated per datagram.
//
// Reading is readiness first, then recvmmsg, never a receive under way: a paused socket leaves what
// arrives in the system's buffer, and whoever resumes it, with the same handler or another one,
// finds everything.
#pragma once

#include <sys/uio.h>

#include <atomic>
#include <cstdint>
#include <memory>

#include "kernel/base/address.hpp"
#include "kernel/base/result.hpp"
#include "kernel/net/datagram.hpp"
#include "kernel/net/listen_socket.hpp"  // bound_address()
#include "kernel/net/shard.hpp"
#include "kernel/net/udp_bind.hpp"

namespace keel::kernel {

// A count that one thread raises and all may read.
class Counter {
 public:
  void add(std::uint64_t n = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }  // [any]

 private:
  std::atomic<std::uint64_t> value_{0};
};

class UdpSocket final : private Pollable {
 public:
  static constexpr std::size_t kBatch = 32;           // datagrams per callback at most
  static constexpr std::size_t kBatchesPerEvent = 4;  // then it is the next socket's turn
  static constexpr std::size_t kLargest = 64 * 1024;  // no UDP datagram is larger

  struct Options {
    BindAddress address;                  // as asked for
    std::size_t max_datagram = kLargest;  // larger ones are dropped and counted
  };
  struct Stats {
    Counter datagrams_in, bytes_in, datagrams_out, bytes_out;
    Counter dropped_in;   // larger than max_datagram
    Counter dropped_out;  // not sent, whatever the reason
    Counter errors;       // reported by the system while receiving, e.g. by ICMP
  };

  // Takes over `fd`, from open_udp_socket(). Does not read before open().
  UdpSocket(Shard& shard, int fd, DatagramHandler& handler, Options options);
  UdpSocket(const UdpSocket&) = delete;
  UdpSocket& operator=(const UdpSocket&) = delete;
  ~UdpSocket();

  // Begins to read. False: the shard can watch no more sockets (log written); may be tried again.
  bool open();
  void pause();
  bool resume() { return open(); }
  void close();  // for good; calls no one
  void set_handler(DatagramHandler& handler) { handler_ = &handler; }

  // One datagram of `n` pieces, at once and without blocking. `from`: the address of ours that it
  // leaves from; null: the one this peer last sent to, as far as remembered, else the system's
  // choice.
  SendOutcome send(const Endpoint& peer, const iovec* pieces, std::size_t n,
                   const Endpoint* from = nullptr);
  SendOutcome send(const Endpoint& peer, Bytes bytes, const Endpoint* from = nullptr);

  // Multicast; `interface` 0: the system's choice. A group is received only by the sockets that
  // joined it; of several sockets on one address all that joined get every datagram. join() answers
  // whether it was no member yet.
  Result<bool> join(const Endpoint& group, std::uint32_t interface);
  Result<void> leave(const Endpoint& group, std::uint32_t interface);
  // Of what is sent to groups from here: how far, from which interface, and whether this machine
  // gets it too.
  Result<void> set_multicast_hops(std::uint8_t hops);
  Result<void> set_multicast_interface(std::uint32_t interface);
  Result<void> set_multicast_loop(bool loop);

  Shard& home() const { return shard_; }  // [any]
  bool closed() const { return fd_ < 0; }
  bool reading() const { return reading_; }
  BindAddress local() const { return local_; }   // with the port that 0 became [any]
  const Stats& stats() const { return stats_; }  // [any]
  std::uint64_t overflowed() const;  // datagrams the system dropped, the buffer being full

 private:
  class Buffers;
  class ReturnPaths;

  void on_events(std::uint32_t events) override;
  bool receive_batch();
  std::span<const Datagram> take_batch(Buffers& buffers, std::size_t count);
  Result<bool> membership(bool join, const Endpoint& group, std::uint32_t interface);
  Result<void> set_option(int option4, int option6, int value, const char* what);
  SendOutcome count_out(long sent);

  Shard& shard_;
  int fd_;
  bool ip6_;
  bool reading_ = false;
  bool* gone_ = nullptr;  // set when destroyed within a callback
  DatagramHandler* handler_;
  std::size_t max_datagram_;
  BindAddress local_;
  std::unique_ptr<Buffers> buffers_;
  std::unique_ptr<ReturnPaths> paths_;  // null: bound to one address
  Stats stats_;
};

}  // namespace keel::kernel
