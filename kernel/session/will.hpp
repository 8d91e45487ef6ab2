// The message a client asks to be published when it is lost [MQTT5 3.1.2.5].
#pragma once

#include <cstdint>
#include <string>

#include "kernel/codec/packet.hpp"

namespace keel::kernel {

struct Will {
  std::string topic, payload, properties;
  std::uint8_t qos = 0;
  bool retain = false;
  std::uint32_t delay_s = 0;
  std::uint32_t expiry_s = kNoExpiry;

  std::int64_t size() const {
    return static_cast<std::int64_t>(topic.size() + payload.size() + properties.size());
  }
  static Will from(const WillView& view) {
    return {std::string(view.topic),
            std::string(view.payload),
            std::string(view.properties),
            view.qos,
            view.retain,
            view.delay_s,
            view.expiry_s};
  }
};

}  // namespace keel::kernel
