// What one shard has for another: letters that gather until the other shard comes for them, so that
// a batch of datagrams costs one post. Written by one shard, emptied by another; bounded.
#pragma once

#include <cstdint>
#include <keel/address.hpp>
#include <keel/proof.hpp>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "emqx_sn/peer.hpp"

namespace sn {

struct Letter {
  enum class Kind : std::uint8_t {
    datagram,   // to the home shard: a message of `peer`
    elsewhere,  // to the home shard: the peer has become another client
    gone,       // to the shard of arrival: the route of this serial leads nowhere
    route,      // to the shard of arrival: from now on the peer's messages go there, as this one
    send,       // to the shard of arrival: a datagram for the peer, as it goes into the socket
    nobody,     // to the home of the clients without a session: topic and payload
  };
  Kind kind{};
  bool flag = false;         // datagram: the peer had a route; nobody: retain
  std::uint32_t serial = 0;  // of the route
  PeerView peer;
  std::string_view bytes;  // nobody: the payload, and peer.node is the topic
  keel::ProofPtr proof;    // datagram: when the home shard may have to know who it is
};

class Mailbox {
 public:
  static constexpr std::size_t kMostLetters = 8192, kMostBytes = 4 << 20;

  // What had gathered, in order.
  class Batch {
   public:
    template <class F>  // f(Letter&)
    void each(F&& f) {
      const char* at = bytes_.data();
      for (Entry& entry : entries_) {
        const std::string_view node(at, entry.node_size);
        const std::string_view bytes(at + entry.node_size, entry.size);
        at += entry.node_size + entry.size;
        Letter letter{entry.kind,   entry.flag,
                      entry.serial, {entry.listener, entry.address, entry.wrapped, node},
                      bytes,        std::move(entry.proof)};
        f(letter);
      }
    }
    bool empty() const { return entries_.empty(); }

   private:
    friend class Mailbox;
    struct Entry {
      Letter::Kind kind;
      bool flag, wrapped;
      std::uint16_t node_size;
      std::uint32_t serial, size;
      const Listener* listener;
      keel::Address address;
      keel::ProofPtr proof;
    };
    void clear();

    std::vector<Entry> entries_;
    std::string bytes_;
  };

  enum class Put : std::uint8_t { first, added, full };

  // Copies the letter. `first`: nobody has been sent for the letters yet. Letters that undo state
  // have room when others have none.
  Put put(Letter letter);
  // What had gathered; valid until the next call.
  Batch& take();

 private:
  std::mutex mutex_;
  Batch gathering_;  // under the mutex
  Batch taken_;      // of the shard that empties
};

}  // namespace sn
