#include "kernel/session/inflight.hpp"

#include <algorithm>

namespace keel::kernel {

namespace {
constexpr std::uint32_t kFirstCapacity = 8;
constexpr std::uint32_t kMaxIds = 65'535;
}  // namespace

Delivery* Inflight::insert(Delivery delivery) {
  if (count_ == kMaxIds) return nullptr;
  if (!ring_ || (count_ * 2 >= capacity() && capacity() <= kMaxIds)) grow();
  std::uint16_t id = last_id_;
  do {
    if (++id == 0) id = 1;
  } while (ring_[id & mask_].packet_id != 0);
  last_id_ = id;
  ++count_;
  Delivery& slot = ring_[id & mask_];
  slot = std::move(delivery);
  slot.packet_id = id;
  return &slot;
}

bool Inflight::restore(std::uint16_t packet_id, Delivery delivery) {
  if (packet_id == 0 || find(packet_id)) return false;
  // An id finds its place by its low bits: what shares them with another one needs a larger ring.
  while (!ring_ || (count_ * 2 >= capacity() && capacity() <= kMaxIds) ||
         ring_[packet_id & mask_].packet_id != 0)
    grow();
  ++count_;
  Delivery& slot = ring_[packet_id & mask_];
  slot = std::move(delivery);
  slot.packet_id = packet_id;
  return true;
}

Delivery* Inflight::find(std::uint16_t packet_id) {
  if (packet_id == 0 || count_ == 0) return nullptr;
  Delivery& slot = ring_[packet_id & mask_];
  return slot.packet_id == packet_id ? &slot : nullptr;
}

Delivery Inflight::take(std::uint16_t packet_id) {
  Delivery& slot = ring_[packet_id & mask_];
  Delivery taken = std::move(slot);
  slot = Delivery{};
  if (--count_ == 0 && capacity() > 64) {  // a burst is over: an idle session keeps little
    ring_.reset();
    mask_ = 0;
  }
  return taken;
}

std::vector<Delivery*> Inflight::in_order() {
  std::vector<Delivery*> all;
  all.reserve(count_);
  for (std::uint32_t i = 0; count_ != 0 && i <= mask_; ++i)
    if (ring_[i].packet_id != 0) all.push_back(&ring_[i]);
  const auto age = [&](const Delivery* d) {
    return static_cast<std::uint16_t>(d->packet_id - last_id_ - 1);
  };
  std::sort(all.begin(), all.end(),
            [&](const Delivery* a, const Delivery* b) { return age(a) < age(b); });
  return all;
}

std::vector<Delivery> Inflight::take_all() {
  std::vector<Delivery> all;
  all.reserve(count_);
  for (Delivery* delivery : in_order()) all.push_back(std::move(*delivery));
  ring_.reset();
  mask_ = 0;
  count_ = 0;
  return all;
}

void Inflight::grow() {
  const std::uint32_t bigger = ring_ ? static_cast<std::uint32_t>(capacity()) * 2 : kFirstCapacity;
  auto ring = std::make_unique<Delivery[]>(bigger);
  for (std::uint32_t i = 0; ring_ && i <= mask_; ++i)
    if (ring_[i].packet_id != 0) ring[ring_[i].packet_id & (bigger - 1)] = std::move(ring_[i]);
  ring_ = std::move(ring);
  mask_ = bigger - 1;
}

}  // namespace keel::kernel
