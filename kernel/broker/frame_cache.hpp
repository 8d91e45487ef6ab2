// The wire form of one message, made once per kind of receiver and copied to each: the version,
// whether there is a packet id, and the retain flag make the difference. One per shard, reused.
// [shard]
#pragma once

#include <array>
#include <cstdint>

#include "kernel/codec/encoder.hpp"

namespace keel::kernel {

class FrameCache {
 public:
  struct Frame {
    Bytes head;             // everything, or everything before a payload that is sent as a slice
    std::size_t id_at = 0;  // where the packet id stands in head; 0: QoS 0
    bool sliced = false;
  };

  // Forgets the previous message.
  void start() { valid_ = 0; }
  // The frame for that kind of receiver; null: not made yet.
  const Frame* find(Version version, std::uint8_t qos, bool retain) const {
    const unsigned kind = kind_of(version, qos, retain);
    return valid_ >> kind & 1 ? &frames_[kind] : nullptr;
  }
  // Makes it, of `fields` (no alias, no subscription ids, no dup, packet id 0).
  const Frame& make(Version version, const PublishFields& fields);

 private:
  static unsigned kind_of(Version version, std::uint8_t qos, bool retain) {
    return (version == Version::v5 ? 8u : 0u) | (qos & 3u) << 1 | static_cast<unsigned>(retain);
  }

  std::array<OutBuffer, 16> buffers_;
  std::array<Frame, 16> frames_;
  std::uint32_t valid_ = 0;
};

}  // namespace keel::kernel
