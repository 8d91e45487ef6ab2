// What one shard counted since it last told the broker's metrics. Plain numbers: [its shard].
#pragma once

#include <array>
#include <cstdint>

namespace sn {

struct Counters {
  std::array<std::uint64_t, 0x20> packets_in{}, packets_out{};  // by message type
  std::uint64_t malformed = 0, unknown_peer = 0, encapsulated_in = 0;
  std::uint64_t qos_neg1_accepted = 0, qos_neg1_dropped = 0;
  std::uint64_t register_out = 0, retransmits = 0;
  std::uint64_t sleeps = 0, wakes = 0, rebinds = 0;
  std::uint64_t lost_keep_alive = 0, lost_sleep = 0, lost_retry = 0;
  std::uint64_t too_large = 0;         // deliveries above max_packet_size
  std::uint64_t refused_topic = 0;     // deliveries of topics the client refuses or cannot be told
  std::uint64_t overflow_dropped = 0;  // QoS 0 deliveries that waited for a REGACK too long a queue
  std::uint64_t advertised = 0;
  std::uint64_t send_failed = 0;      // the socket's buffer was full
  std::uint64_t forward_dropped = 0;  // datagrams for another shard, which was too far behind
  std::uint64_t kept = 0;             // records of clients that are on disk
  std::uint64_t returned = 0;         // clients of an earlier run whose session is open again
};

}  // namespace sn
