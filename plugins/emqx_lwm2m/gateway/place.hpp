// Who a datagram is from, and where a device is: an address at a listener. Values; what they point
// to lives as long as the plugin runs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <keel/address.hpp>
#include <keel/secret_hash.hpp>
#include <keel/udp_listeners.hpp>

#include "emqx_lwm2m/settings.hpp"

namespace lwm2m {

using Listener = keel::UdpListener<ListenerSettings>;
using Listeners = keel::UdpListeners<ListenerSettings>;

struct Peer {
  const Listener* listener = nullptr;  // null: nowhere
  keel::Address address;

  explicit operator bool() const { return listener != nullptr; }
  friend bool operator==(const Peer&, const Peer&) = default;
};

// Where a device is, as its home shard knows it.
struct Place {
  Peer peer;
  std::uint32_t via = 0;     // the shard on which its datagrams arrive
  std::uint32_t serial = 0;  // of the route there, see ShardRoom; 0: there is none
};

class PeerHash {
 public:
  explicit PeerHash(std::uint64_t secret) : secret_(secret) {}

  std::size_t operator()(const Peer& peer) const {
    return keel::SecretHash(secret_)
        .add(reinterpret_cast<std::uintptr_t>(peer.listener))
        .add(peer.address)
        .value();
  }
  // Of an address without its port.
  std::size_t host(const keel::Address& address) const {
    return keel::SecretHash(secret_).add_host(address).value();
  }

 private:
  std::uint64_t secret_;
};

}  // namespace lwm2m
