// The wire form of one message, made once per kind of receiver and copied to each: the version, and
// whether there is a packet id, make the difference; the first byte and the id are written into
// each copy. The packet in which a message came is one of them already. One per shard, reused.
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
  void start(const MessageView& message) {
    valid_ = 0;
    if (!message.packet.empty()) take(message);
  }
  // The frame for that kind of receiver; null: not made yet.
  const Frame* find(Version version, std::uint8_t qos) const {
    const unsigned kind = kind_of(version == Version::v5, qos);
    return valid_ >> kind & 1 ? &frames_[kind] : nullptr;
  }
  // Makes it, of `fields` (no alias, no subscription ids).
  const Frame& make(Version version, const PublishFields& fields);

 private:
  static unsigned kind_of(bool v5, std::uint8_t qos) { return (v5 ? 2u : 0u) | (qos != 0); }
  void take(const MessageView& message) {
    const unsigned kind = kind_of(message.packet_v5, message.qos);
    valid_ = 1u << kind;
    frames_[kind] = {message.packet,
                     static_cast<std::size_t>(message.topic.data() + message.topic.size() -
                                              message.packet.data()),
                     false};
  }

  std::array<OutBuffer, 4> buffers_;
  std::array<Frame, 4> frames_;
  std::uint32_t valid_ = 0;
};

}  // namespace keel::kernel
