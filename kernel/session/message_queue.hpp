// Messages waiting for a session: absent client, full window or slow socket. First in, first out,
// bounded by count and bytes. Belongs to a session; [shard].
#pragma once

#include <memory>

#include "kernel/session/delivery.hpp"

namespace keel::kernel {

class MessageQueue {
 public:
  std::size_t size() const { return count_; }
  bool empty() const { return count_ == 0; }
  std::size_t bytes() const { return bytes_; }  // sum of Delivery::cost()
  std::size_t qos0() const { return qos0_; }    // how many are QoS 0

  void push(Delivery delivery);
  Delivery& front() { return ring_[head_]; }
  Delivery pop();
  // Makes room: takes out the oldest QoS 0 message, else the oldest of all. Not on an empty queue.
  Delivery drop();
  std::size_t to_drop() const;  // its place, from the front
  // Takes out everything `gone` says yes to, in order, and answers it.
  template <class Predicate>
  std::vector<Delivery> remove_if(Predicate gone) {
    std::vector<Delivery> removed;
    for (std::size_t left = count_; left > 0; --left) {
      Delivery delivery = pop();
      if (gone(static_cast<const Delivery&>(delivery)))
        removed.push_back(std::move(delivery));
      else
        push(std::move(delivery));
    }
    return removed;
  }

 private:
  std::size_t at(std::size_t i) const { return (head_ + i) & (capacity_ - 1); }
  void resize(std::uint32_t capacity);

  std::unique_ptr<Delivery[]> ring_;
  std::uint32_t capacity_ = 0, head_ = 0, count_ = 0, qos0_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace keel::kernel
