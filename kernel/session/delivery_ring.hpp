// Places for deliveries, a power of two of them, with what their owner notes about them in front:
// one piece of memory, so that an owner without deliveries is one null pointer. [shard]
#pragma once

#include <cstdint>
#include <memory>
#include <new>

#include "kernel/session/delivery.hpp"

namespace keel::kernel {

// `Notes`: what its owner keeps beside the count.
template <class Notes>
class alignas(Delivery) DeliveryRing final : public Notes {
 public:
  struct Free {
    void operator()(DeliveryRing* ring) const {
      std::destroy_n(ring->places(), ring->capacity());
      std::destroy_at(ring);
      ::operator delete(ring);
    }
  };
  using Ptr = std::unique_ptr<DeliveryRing, Free>;

  static Ptr make(std::uint32_t capacity) {
    static_assert(sizeof(DeliveryRing) % alignof(Delivery) == 0,
                  "the places stand right behind the members");
    void* const memory =
        ::operator new (sizeof(DeliveryRing) + sizeof(Delivery) * std::size_t{capacity});
    auto* const ring = new (memory) DeliveryRing(capacity);
    std::uninitialized_value_construct_n(ring->places(), capacity);
    return Ptr(ring);
  }

  std::uint32_t capacity() const { return mask_ + 1; }
  // Goes round: any number names a place.
  Delivery& operator[](std::size_t i) { return places()[i & mask_]; }

 private:
  explicit DeliveryRing(std::uint32_t capacity) : mask_(capacity - 1) {}
  Delivery* places() { return reinterpret_cast<Delivery*>(this + 1); }

  const std::uint32_t mask_;

 public:
  std::uint32_t count = 0;
};

}  // namespace keel::kernel
