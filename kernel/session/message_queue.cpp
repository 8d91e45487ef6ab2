#include "kernel/session/message_queue.hpp"

namespace keel::kernel {

namespace {
constexpr std::uint32_t kFirstCapacity = 4;
}  // namespace

void MessageQueue::push(Delivery delivery) {
  if (count_ == capacity_) resize(capacity_ ? capacity_ * 2 : kFirstCapacity);
  bytes_ += delivery.cost();
  qos0_ += delivery.qos == 0;
  ring_[at(count_)] = std::move(delivery);
  ++count_;
}

Delivery MessageQueue::pop() {
  Delivery delivery = std::move(ring_[head_]);
  bytes_ -= delivery.cost();
  qos0_ -= delivery.qos == 0;
  head_ = static_cast<std::uint32_t>(at(1));
  if (--count_ == 0) {
    ring_.reset();
    capacity_ = head_ = 0;
  } else if (capacity_ > 64 && count_ * 4 < capacity_) {
    resize(capacity_ / 2);
  }
  return delivery;
}

std::size_t MessageQueue::to_drop() const {
  std::size_t place = 0;
  if (qos0_ != 0)
    while (ring_[at(place)].qos != 0) ++place;
  return place;
}

Delivery MessageQueue::drop() {
  std::size_t victim = to_drop();
  Delivery delivery = std::move(ring_[at(victim)]);
  // The ones before it move up by one; then the freed head slot goes.
  for (; victim > 0; --victim) ring_[at(victim)] = std::move(ring_[at(victim - 1)]);
  ring_[head_] = std::move(delivery);
  return pop();
}

void MessageQueue::resize(std::uint32_t capacity) {
  auto ring = std::make_unique<Delivery[]>(capacity);
  for (std::uint32_t i = 0; i < count_; ++i) ring[i] = std::move(ring_[at(i)]);
  ring_ = std::move(ring);
  capacity_ = capacity;
  head_ = 0;
}

}  // namespace keel::kernel
