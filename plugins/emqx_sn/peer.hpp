// Who a datagram is from, and where a client is: an address at a listener, and behind a forwarder
// a node [MQTT-SN 5.5]. Values; what they point to lives as long as the plugin runs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <keel/address.hpp>
#include <string>
#include <string_view>

namespace sn {

class Listener;

// Of a datagram; valid during its call.
struct PeerView {
  const Listener* listener = nullptr;
  const keel::Address& address;
  std::string_view node;  // empty: not behind a forwarder
};

// As it is kept.
struct Peer {
  const Listener* listener = nullptr;  // null: nowhere
  keel::Address address;
  std::string node;

  Peer() = default;
  explicit Peer(const PeerView& of) : listener(of.listener), address(of.address), node(of.node) {}
  PeerView view() const { return {listener, address, node}; }
  explicit operator bool() const { return listener != nullptr; }
};

inline bool same(const PeerView& a, const PeerView& b) {
  return a.listener == b.listener && a.address == b.address && a.node == b.node;
}

// Where a client is, as its home shard knows it.
struct Place {
  Peer peer;
  std::uint32_t via = 0;     // the shard on which its datagrams arrive
  std::uint32_t serial = 0;  // of the route there, see ShardRoom; 0: there is none
};

// Anybody may choose addresses and nodes, so the hash has a secret of its own for each table.
class PeerHash {
 public:
  explicit PeerHash(std::uint64_t seed) : seed_(seed) {}

  std::size_t operator()(const PeerView& peer) const {
    std::uint64_t words[4] = {};
    std::memcpy(words, &peer.address.c(), sizeof(keel_addr));
    std::uint64_t h = seed_ ^ reinterpret_cast<std::uintptr_t>(peer.listener);
    for (const std::uint64_t word : words) h = mix(h ^ word);
    for (std::size_t i = 0; i < peer.node.size(); i += sizeof(std::uint64_t)) {
      std::uint64_t word = 0;
      std::memcpy(&word, peer.node.data() + i,
                  peer.node.size() - i < sizeof word ? peer.node.size() - i : sizeof word);
      h = mix(h ^ word);
    }
    return static_cast<std::size_t>(mix(h ^ peer.node.size()));
  }
  // Of an address without its port.
  std::size_t host(const keel::Address& address) const {
    std::uint64_t words[2];
    std::memcpy(words, address.c().bytes, sizeof words);
    return static_cast<std::size_t>(mix(mix(seed_ ^ words[0]) ^ words[1]));
  }

 private:
  // The secret goes into both factors.
  std::uint64_t mix(std::uint64_t word) const {
    __extension__ using Wide = unsigned __int128;
    const Wide product = Wide{word ^ 0x9e3779b97f4a7c15u} * Wide{seed_ | 1};
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  }

  std::uint64_t seed_;
};

}  // namespace sn
