#include "kernel/session/message_queue.hpp"

namespace keel::kernel {

namespace {
constexpr std::uint32_t kFirstPlaces = 4;
constexpr std::uint32_t kKeptPlaces = 16;  // places of an empty queue
}  // namespace

void MessageQueue::push(Delivery delivery) {
  if (!ring_)
    resize(kFirstPlaces);
  else if (ring_->count == ring_->capacity())
    resize(ring_->capacity() * 2);
  Ring& ring = *ring_;
  ring.bytes += delivery.cost();
  ring.qos0 += delivery.qos == 0;
  ring[ring.head + ring.count] = std::move(delivery);
  ++ring.count;
}

Delivery MessageQueue::pop() {
  Ring& ring = *ring_;
  Delivery delivery = std::move(ring[ring.head]);
  ring.bytes -= delivery.cost();
  ring.qos0 -= delivery.qos == 0;
  ++ring.head;
  if (--ring.count == 0) {
    if (ring.capacity() > kKeptPlaces) ring_.reset();
  } else if (ring.capacity() > 64 && ring.count * 4 < ring.capacity()) {
    resize(ring.capacity() / 2);
  }
  return delivery;
}

std::size_t MessageQueue::to_drop() const {
  Ring& ring = *ring_;
  std::size_t place = 0;
  if (ring.qos0 != 0)
    while (ring[ring.head + place].qos != 0) ++place;
  return place;
}

Delivery MessageQueue::drop() {
  Ring& ring = *ring_;
  std::size_t victim = ring.head + to_drop();
  Delivery delivery = std::move(ring[victim]);
  // The ones before it move up by one; then the freed head slot goes.
  for (; victim > ring.head; --victim) ring[victim] = std::move(ring[victim - 1]);
  ring[ring.head] = std::move(delivery);
  return pop();
}

void MessageQueue::resize(std::uint32_t capacity) {
  Ring::Ptr resized = Ring::make(capacity);
  if (ring_) {
    Ring& ring = *ring_;
    for (std::uint32_t i = 0; i < ring.count; ++i) (*resized)[i] = std::move(ring[ring.head + i]);
    resized->bytes = ring.bytes;
    resized->qos0 = ring.qos0;
    resized->count = ring.count;
  }
  ring_ = std::move(resized);
}

}  // namespace keel::kernel
