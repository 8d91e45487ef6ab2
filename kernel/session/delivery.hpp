// One message on its way to one session: what a queue holds and what an inflight window holds.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "kernel/codec/message.hpp"

namespace keel::kernel {

// The uncommon parts of a delivery, allocated only when there are any.
struct DeliveryExtra {
  std::vector<std::uint32_t> subscription_ids;  // when several subscriptions matched
  std::uint32_t group = 0;  // shared subscription it was picked for, for redispatch
  bool shared = false;
};

struct Delivery {
  // Where a QoS 1/2 delivery stands between server and client [MQTT5 4.3].
  enum class State : std::uint8_t {
    queued,        // not sent yet
    wait_puback,   // QoS 1 sent
    wait_pubrec,   // QoS 2 sent
    wait_pubcomp,  // PUBREL sent; the message itself is no longer needed
  };

  MessagePtr message;  // null: not needed any more, or still to be read from the store
  std::unique_ptr<DeliveryExtra> extra;
  std::uint64_t sequence = 0;         // of its row in the store, ascending; 0: it has none
  std::uint32_t subscription_id = 0;  // the only one, 0: none or several in `extra`
  std::uint16_t packet_id = 0;
  std::uint8_t qos = 0;
  bool retain : 1 = false;
  bool dup : 1 = false;
  bool unsent : 1 = false;   // in flight from an earlier connection, not sent on this one yet
  bool counted : 1 = false;  // its row refers to a message that several queues share
  State state : 4 = State::queued;

  std::span<const std::uint32_t> subscription_ids() const {
    if (extra && !extra->subscription_ids.empty()) return extra->subscription_ids;
    return {&subscription_id, subscription_id != 0 ? 1u : 0u};
  }
  bool shared() const { return extra && extra->shared; }
  // What this delivery counts against the byte limits of a queue.
  std::size_t cost() const {
    const std::size_t more =
        extra ? sizeof(DeliveryExtra) + extra->subscription_ids.size() * sizeof(std::uint32_t) : 0;
    return sizeof(Delivery) + more + (message ? message->footprint() : 0);
  }
};
static_assert(sizeof(Delivery) == 32);

}  // namespace keel::kernel
