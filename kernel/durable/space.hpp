// The spaces of the store, and their keys. Numbers are written big-endian, so that keys are in the
// order of numbers. A number is never given to another space: stores of older versions hold it.
#pragma once

#include <cstdint>

namespace keel::kernel {

enum class Space : std::uint8_t {
  meta = 0,           // names -> the store's format, how often it was opened
  sessions = 1,       // client id -> SessionRow
  subscriptions = 2,  // store id (8), topic filter -> SubscriptionRow
  queue = 3,          // store id (8), sequence (8) -> DeliveryRow: written once
  sent = 4,           // store id (8), sequence (8) -> packet id (2): of QoS 2 sent to the client
  released = 5,       // store id (8), packet id (2) -> nothing: PUBREL sent, PUBCOMP awaited
  awaiting = 6,       // store id (8), packet id (2) -> nothing: inbound QoS 2, PUBREL awaited
  messages = 7,       // message id (8) -> MessageRow: shared by several queues, counted
  retained = 8,       // topic -> MessageRow
  purge = 9,          // store id (8) -> nothing: a session that is gone, its queue is being erased
  transit = 11,       // number (8) -> TransitRow, message
  plugins = 10,       // plugin's name, 0, key -> value
};

}  // namespace keel::kernel
