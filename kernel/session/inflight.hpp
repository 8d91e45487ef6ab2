// The window of QoS 1/2 messages sent to a client and not yet fully acknowledged [MQTT5 4.4, 4.9].
// A ring indexed by packet id; ids are given out in ascending order, passing over slots still
// taken, so sending order is id order. 11 bytes while nothing was ever sent. Belongs to a session;
// [shard].
#pragma once

#include <vector>

#include "kernel/session/delivery_ring.hpp"

namespace keel::kernel {

class Inflight {
 public:
  std::size_t size() const { return ring_ ? ring_->count : 0; }
  bool empty() const { return size() == 0; }

  // A place with nothing in it but a fresh packet id, to be filled in. It stays there until the
  // next insert. Null: all 65 535 ids are in use.
  Delivery* insert();
  // Stores the delivery under a fresh packet id, and answers as above.
  Delivery* insert(Delivery&& delivery);
  // Puts back a delivery that had this packet id before a restart. False: the id is 0 or in use.
  bool restore(std::uint16_t packet_id, Delivery delivery);
  // Ids go on behind this one, which counts as the last that was given out.
  void begin_behind(std::uint16_t packet_id) { last_id_ = packet_id; }
  Delivery* find(std::uint16_t packet_id) {
    if (packet_id == 0 || empty()) return nullptr;
    Delivery& slot = (*ring_)[packet_id];
    return slot.packet_id == packet_id ? &slot : nullptr;
  }
  // Forgets a delivery that find() answered.
  void erase(Delivery& delivery) {
    delivery = Delivery{};
    if (--ring_->count == 0 && ring_->capacity() > kKeptSlots) end_burst();
  }
  // The same, and gives it back.
  Delivery take(std::uint16_t packet_id);
  // Every delivery in the order they were first sent.
  std::vector<Delivery*> in_order();
  // Empties the window, deliveries in order.
  std::vector<Delivery> take_all();
  // Gives back the memory that an empty window keeps for the next message, and forgets how large
  // bursts were.
  void trim() {
    if (!empty()) return;
    ring_.reset();
    first_bits_ = kFirstBits;
  }

 private:
  struct Begin {
    std::uint16_t begin = 0;  // what `last_id_` was when the ring was made
  };
  using Ring = DeliveryRing<Begin>;

  static constexpr std::uint8_t kFirstBits = 3;
  static constexpr std::uint32_t kKeptSlots = 64;  // slots of an empty window

  bool tight() const;
  void grow();
  void end_burst();

  Ring::Ptr ring_;  // a slot with packet id 0 is free
  std::uint16_t last_id_ = 0;
  std::uint8_t first_bits_ =
      kFirstBits;  // the next ring begins with so many slots, as a power of 2
};

}  // namespace keel::kernel
