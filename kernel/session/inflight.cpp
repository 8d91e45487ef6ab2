#include "kernel/session/inflight.hpp"

#include <algorithm>
#include <bit>

namespace keel::kernel {

namespace {
constexpr std::uint32_t kMaxIds = 65'535;
}  // namespace

// Whether there is no slot to spare for one more.
bool Inflight::tight() const {
  return !ring_ || (ring_->count * 2 >= ring_->capacity() && ring_->capacity() <= kMaxIds);
}

Delivery* Inflight::insert() {
  if (size() == kMaxIds) return nullptr;
  if (tight()) grow();
  Ring& ring = *ring_;
  std::uint16_t id = last_id_;
  do {
    if (++id == 0) id = 1;
  } while (ring[id].packet_id != 0);
  last_id_ = id;
  ++ring.count;
  ring[id].packet_id = id;
  return &ring[id];
}

Delivery* Inflight::insert(Delivery&& delivery) {
  Delivery* const slot = insert();
  if (!slot) return nullptr;
  delivery.packet_id = slot->packet_id;
  *slot = std::move(delivery);
  return slot;
}

bool Inflight::restore(std::uint16_t packet_id, Delivery delivery) {
  if (packet_id == 0 || find(packet_id)) return false;
  // An id finds its place by its low bits: what shares them with another one needs a larger ring.
  while (tight() || (*ring_)[packet_id].packet_id != 0) grow();
  ++ring_->count;
  Delivery& slot = (*ring_)[packet_id];
  slot = std::move(delivery);
  slot.packet_id = packet_id;
  return true;
}

// The memory goes, but what comes in bursts need not grow step by step each time. A ring that was
// too large makes the next one smaller.
void Inflight::end_burst() {
  const auto sent = static_cast<std::uint16_t>(last_id_ - ring_->begin);
  const auto bits = static_cast<std::uint8_t>(std::countr_zero(ring_->capacity()));
  first_bits_ = sent < ring_->capacity() / 4 ? static_cast<std::uint8_t>(bits - 1) : bits;
  ring_.reset();
}

Delivery Inflight::take(std::uint16_t packet_id) {
  Delivery& slot = (*ring_)[packet_id];
  Delivery taken = std::move(slot);
  erase(slot);
  return taken;
}

std::vector<Delivery*> Inflight::in_order() {
  std::vector<Delivery*> all;
  if (empty()) return all;
  Ring& ring = *ring_;
  all.reserve(ring.count);
  for (std::uint32_t i = 0; i < ring.capacity(); ++i)
    if (ring[i].packet_id != 0) all.push_back(&ring[i]);
  const auto age = [&](const Delivery* d) {
    return static_cast<std::uint16_t>(d->packet_id - last_id_ - 1);
  };
  std::sort(all.begin(), all.end(),
            [&](const Delivery* a, const Delivery* b) { return age(a) < age(b); });
  return all;
}

std::vector<Delivery> Inflight::take_all() {
  std::vector<Delivery> all;
  all.reserve(size());
  for (Delivery* delivery : in_order()) all.push_back(std::move(*delivery));
  ring_.reset();
  return all;
}

void Inflight::grow() {
  Ring::Ptr bigger = Ring::make(ring_ ? ring_->capacity() * 2 : 1u << first_bits_);
  bigger->begin = ring_ ? ring_->begin : last_id_;
  if (ring_) {
    Ring& ring = *ring_;
    for (std::uint32_t i = 0; i < ring.capacity(); ++i)
      if (const std::uint16_t id = ring[i].packet_id; id != 0) (*bigger)[id] = std::move(ring[i]);
    bigger->count = ring.count;
  }
  ring_ = std::move(bigger);
}

}  // namespace keel::kernel
