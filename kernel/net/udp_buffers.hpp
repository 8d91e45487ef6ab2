// What a UDP socket receives into, and where its peers' datagrams came to; private to its
// implementation.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "kernel/net/udp_address.hpp"
#include "kernel/net/udp_socket.hpp"

namespace keel::kernel {

// Room for one batch. Each datagram has a place of its own; of large places only what is used costs
// memory. Places do not begin at multiples of 64 KiB, which would compete for the same cache lines.
class UdpSocket::Buffers {
 public:
  explicit Buffers(std::size_t max_datagram);

  mmsghdr* headers() { return headers_.data(); }
  void rearm(std::size_t used);  // before the next batch: what the last one changed
  Bytes bytes(std::size_t i) const { return {place(i), headers_[i].msg_len}; }
  Endpoint peer(std::size_t i) const { return from_socket_address(from_[i]); }
  msghdr& header(std::size_t i) { return headers_[i].msg_hdr; }
  std::array<Datagram, kBatch>& datagrams() { return datagrams_; }

 private:
  static constexpr std::size_t kControl = 64;
  static_assert(CMSG_SPACE(sizeof(in6_pktinfo)) <= kControl);
  char* place(std::size_t i) const { return room_.get() + i * stride_; }

  std::size_t stride_;
  std::unique_ptr<char[]> room_;
  std::array<mmsghdr, kBatch> headers_{};
  std::array<iovec, kBatch> vectors_{};
  std::array<sockaddr_storage, kBatch> from_{};
  std::array<Datagram, kBatch> datagrams_{};
  alignas(cmsghdr) std::array<std::array<char, kControl>, kBatch> control_{};
};

// Which of our addresses a peer's last datagram came to, so that answers leave from there. Of fixed
// size: a newer peer takes the place of another one now and then, whose answers then leave as the
// system chooses, which is wrong only on machines with several addresses.
class UdpSocket::ReturnPaths {
 public:
  void note(const Endpoint& peer, const Endpoint& source) { place(peer) = {peer, source}; }
  std::optional<Endpoint> find(const Endpoint& peer) {
    const Path& found = place(peer);
    return found.peer == peer ? std::optional(found.source) : std::nullopt;
  }

 private:
  struct Path {
    Endpoint peer, source;
  };
  static constexpr std::size_t kPlaces = 4096;
  Path& place(const Endpoint& peer) { return paths_[hash_endpoint(peer) % kPlaces]; }

  std::vector<Path> paths_{kPlaces};
};

}  // namespace keel::kernel
