// What one shard's room has for another's. The octets go beside it, see keel::Mailbox. Values.
#pragma once

#include <cstdint>
#include <keel/mailbox.hpp>
#include <keel/message.hpp>
#include <keel/proof.hpp>

#include "emqx_lwm2m/gateway/place.hpp"

namespace lwm2m {

struct Letter {
  enum class Kind : std::uint8_t {
    datagram,   // to the home shard: of `peer`, which has a route
    registers,  // the same, a Register: with the proof
    located,    // to the shard of a location: an Update or deregistration of a stranger
    elsewhere,  // to the home shard: the peer has become another device
    gone,       // to the shard of arrival: the route of this serial leads nowhere
    route,      // to the shard of arrival: from now on the peer's datagrams go there, as this one
    send,       // to the shard of arrival: a datagram for the peer
    absent,     // to the home of an endpoint: a command that is answered if it is not registered
    say,        // to the home of the stand-in: a topic and what to publish there
  };
  Kind kind{};
  std::uint32_t via = 0;     // the shard on which the datagram arrived
  std::uint32_t serial = 0;  // of the route
  Peer peer = {};
  keel::ProofPtr proof = {};
  keel::MessageRef command = {};  // absent; the octets are the endpoint
  std::size_t topic_size = 0;     // say: so many of the octets are the topic
};
using Letters = keel::Mailbox<Letter>;

}  // namespace lwm2m
