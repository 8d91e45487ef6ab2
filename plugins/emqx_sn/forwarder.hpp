// Forwarder encapsulation [MQTT-SN 5.5]: a message of a node behind a forwarder, with the node's
// address in front. No I/O, no state; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sn {

constexpr std::size_t kMaxNodeId = 252;

struct Encapsulated {
  std::uint8_t radius = 0;
  std::string_view node;   // the node's address, opaque
  std::string_view inner;  // one whole message
};

// Whether a datagram is an encapsulation at all (its second octet says so).
bool is_encapsulated(std::string_view datagram);
// False: the wrapper is malformed, there is nothing in it, or another encapsulation. Whether what
// is in it is a message, decode() says.
bool unwrap(std::string_view datagram, Encapsulated& out);

// The wrapper that goes in front of a reply to a node, whose address came out of unwrap().
struct Wrapper {
  char octets[3 + kMaxNodeId];
  std::uint8_t size = 0;
  std::string_view view() const { return {octets, size}; }
};
Wrapper wrap(std::string_view node, std::uint8_t radius);

}  // namespace sn
