// Decrypted datagrams on their way to the handler, and room to put one together for sending;
// private to DtlsServer.
#pragma once

#include <array>
#include <memory>

#include "kernel/net/dtls_association.hpp"
#include "kernel/net/dtls_server.hpp"

namespace keel::kernel {

class DtlsServer::Plain {
 public:
  static constexpr std::size_t kLargest = 16 * 1024;  // of one record

  bool full() const { return count_ == datagrams_.size() || kRoom - used_ < kLargest; }
  char* free_place() { return room_.get() + used_; }
  void add(const DtlsAssociation& from, std::size_t size) {
    datagrams_[count_++] = {from.peer, from.local, Bytes(free_place(), size), from.verified.get()};
    used_ += size;
  }
  std::span<const Datagram> take() {
    used_ = 0;
    return {datagrams_.data(), std::exchange(count_, 0)};
  }
  char* sending() { return sending_.get(); }

 private:
  static constexpr std::size_t kRoom = 4 * kLargest;
  std::array<Datagram, UdpSocket::kBatch> datagrams_{};
  std::size_t count_ = 0, used_ = 0;
  std::unique_ptr<char[]> room_ = std::make_unique_for_overwrite<char[]>(kRoom);
  std::unique_ptr<char[]> sending_ = std::make_unique_for_overwrite<char[]>(kLargest);
};

// While it lives the dead are kept: somebody up the stack may still look at them.
class DtlsServer::Busy {
 public:
  explicit Busy(DtlsServer& server) : server_(server), outer_(std::exchange(server.busy_, true)) {}
  Busy(const Busy&) = delete;
  ~Busy() {
    if (outer_) return;
    server_.busy_ = false;
    server_.graves_.clear();
  }

 private:
  DtlsServer& server_;
  const bool outer_;
};

}  // namespace keel::kernel
