// What one shard has for another: letters, which travel in envelopes. Values.
#pragma once

#include <cstdint>
#include <keel/address.hpp>
#include <keel/mailbox.hpp>
#include <keel/proof.hpp>
#include <string>
#include <string_view>
#include <utility>

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

  // What undoes state has room when other letters have none.
  bool urgent() const { return kind == Kind::gone || kind == Kind::elsewhere; }
};

// A letter without its texts, which go beside it: first the node, then the bytes.
class Envelope {
 public:
  explicit Envelope(Letter& letter)
      : kind_(letter.kind),
        flag_(letter.flag),
        wrapped_(letter.peer.wrapped),
        node_size_(static_cast<std::uint16_t>(letter.peer.node.size())),
        serial_(letter.serial),
        listener_(letter.peer.listener),
        address_(letter.peer.address),
        proof_(std::move(letter.proof)) {}
  // Valid as long as this and the octets. Once: it takes the proof.
  Letter open(std::string_view octets) {
    return {kind_,
            flag_,
            serial_,
            {listener_, address_, wrapped_, octets.substr(0, node_size_)},
            octets.substr(node_size_),
            std::move(proof_)};
  }

 private:
  Letter::Kind kind_;
  bool flag_, wrapped_;
  std::uint16_t node_size_;
  std::uint32_t serial_;
  const Listener* listener_;
  keel::Address address_;
  keel::ProofPtr proof_;
};
using Mailbox = keel::Mailbox<Envelope>;

// Few letters have a node, and these are short.
inline Mailbox::Put put(Mailbox& box, Letter letter) {
  const bool urgent = letter.urgent();
  if (letter.peer.node.empty()) return box.put(Envelope(letter), letter.bytes, urgent);
  std::string texts(letter.peer.node);
  texts += letter.bytes;
  return box.put(Envelope(letter), texts, urgent);
}

}  // namespace sn
