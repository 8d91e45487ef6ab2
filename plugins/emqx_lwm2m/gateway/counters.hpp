// What the gateway counts on one shard, beside its devices and their CoAP. Plain numbers of that
// shard.
#pragma once

#include <cstdint>

namespace lwm2m {

struct GatewayCounters {
  std::uint64_t strangers = 0;        // datagrams of peers that nobody knows
  std::uint64_t answered = 0;         // of those, answered without state
  std::uint64_t refused = 0;          // registrations that were refused: parameters, credentials
  std::uint64_t turned_away = 0;      // the same: limits
  std::uint64_t replaced = 0;         // registrations by the same endpoint from another address
  std::uint64_t moved = 0;            // updates from another address
  std::uint64_t ended_by_broker = 0;  // registrations whose session was ended: kicked, taken over
  std::uint64_t absent = 0;           // commands for endpoints that are not registered
  std::uint64_t publish_failed = 0;   // messages that the broker did not take
  std::uint64_t send_failed = 0;      // datagrams that a socket did not take
  std::uint64_t forward_dropped = 0;  // datagrams lost because a shard was too far behind
  std::uint64_t held_dropped = 0;     // datagrams lost while the journal was read
};

}  // namespace lwm2m
