// Who a datagram is from, and where a client is: an address at a listener, and behind a forwarder
// a node [MQTT-SN 5.5]. Values; what they point to lives as long as the plugin runs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <keel/address.hpp>
#include <keel/secret_hash.hpp>
#include <string>
#include <string_view>

namespace keel {
template <class Settings>
class UdpListener;
}

namespace sn {

struct ListenerSettings;
using Listener = keel::UdpListener<ListenerSettings>;

// Of a datagram; valid during its call.
struct PeerView {
  const Listener* listener = nullptr;
  const keel::Address& address;
  bool wrapped = false;  // in a forwarder's wrapper, with the node's address, which may be empty
  std::string_view node;
};

// As it is kept.
struct Peer {
  const Listener* listener = nullptr;  // null: nowhere
  keel::Address address;
  bool wrapped = false;
  std::string node;

  Peer() = default;
  explicit Peer(const PeerView& of)
      : listener(of.listener), address(of.address), wrapped(of.wrapped), node(of.node) {}
  PeerView view() const { return {listener, address, wrapped, node}; }
  explicit operator bool() const { return listener != nullptr; }
};

inline bool same(const PeerView& a, const PeerView& b) {
  return a.listener == b.listener && a.address == b.address && a.wrapped == b.wrapped &&
         a.node == b.node;
}

// Where a client is, as its home shard knows it.
struct Place {
  Peer peer;
  std::uint32_t via = 0;     // the shard on which its datagrams arrive
  std::uint32_t serial = 0;  // of the route there, see ShardRoom; 0: there is none
  bool anywhere = false;     // of an earlier run: its datagrams may arrive on any shard
};

// Anybody may choose addresses and nodes, so the hash has a secret of its own for each table.
class PeerHash {
 public:
  explicit PeerHash(std::uint64_t seed) : seed_(seed) {}

  std::size_t operator()(const PeerView& peer) const {
    return keel::SecretHash(seed_)
        .add(reinterpret_cast<std::uintptr_t>(peer.listener) + peer.wrapped)
        .add(peer.address)
        .add(peer.node)
        .value();
  }
  // Of an address without its port.
  std::size_t host(const keel::Address& address) const {
    return keel::SecretHash(seed_).add_host(address).value();
  }

 private:
  std::uint64_t seed_;
};

// The same of what is kept, for tables that are asked with either.
struct PeerTableHash {
  using is_transparent = void;
  PeerHash of;
  std::size_t operator()(const Peer& peer) const { return of(peer.view()); }
  std::size_t operator()(const PeerView& peer) const { return of(peer); }
};
struct PeerTableSame {
  using is_transparent = void;
  static PeerView view(const Peer& peer) { return peer.view(); }
  static PeerView view(const PeerView& peer) { return peer; }
  template <class A, class B>
  bool operator()(const A& a, const B& b) const {
    return same(view(a), view(b));
  }
};

}  // namespace sn
