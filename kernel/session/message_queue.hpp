// Messages waiting for a session: absent client, full window or slow socket. First in, first out,
// bounded by count and bytes. 8 bytes while nothing waits. Belongs to a session; [shard].
#pragma once

#include <vector>

#include "kernel/session/delivery_ring.hpp"

namespace keel::kernel {

class MessageQueue {
 public:
  std::size_t size() const { return ring_ ? ring_->count : 0; }
  bool empty() const { return size() == 0; }
  std::size_t bytes() const { return ring_ ? ring_->bytes : 0; }  // sum of Delivery::cost()
  std::size_t qos0() const { return ring_ ? ring_->qos0 : 0; }    // how many are QoS 0

  void push(Delivery delivery);
  // front(), pop() and drop(): not on an empty queue.
  Delivery& front() { return (*ring_)[ring_->head]; }
  Delivery pop();
  // Makes room: takes out the oldest QoS 0 message, else the oldest of all.
  Delivery drop();
  std::size_t to_drop() const;  // its place, from the front
  // Takes out everything `gone` says yes to, in order, and answers it.
  template <class Predicate>
  std::vector<Delivery> remove_if(Predicate gone) {
    std::vector<Delivery> removed;
    for (std::size_t left = size(); left > 0; --left) {
      Delivery delivery = pop();
      if (gone(static_cast<const Delivery&>(delivery)))
        removed.push_back(std::move(delivery));
      else
        push(std::move(delivery));
    }
    return removed;
  }

  // Gives back the memory that an empty queue keeps for the next message.
  void trim() {
    if (empty()) ring_.reset();
  }

 private:
  struct Notes {
    std::size_t bytes = 0;
    std::uint32_t head = 0, qos0 = 0;
  };
  using Ring = DeliveryRing<Notes>;

  void resize(std::uint32_t capacity);

  Ring::Ptr ring_;
};

}  // namespace keel::kernel
