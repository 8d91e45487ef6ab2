// Deliveries made up for tests.
#pragma once

#include <string>
#include <string_view>

#include "kernel/session/delivery.hpp"

namespace keel::kernel {

inline MessagePtr message_of(std::string_view payload) {
  MessageView view;
  view.topic = "t";
  view.payload = payload;
  return Message::create(view);
}

inline Delivery delivery(std::uint8_t qos, std::string_view payload) {
  Delivery one;
  one.message = message_of(payload);
  one.qos = qos;
  return one;
}

inline std::string payload_of(const Delivery& delivery) {
  return std::string(delivery.message->payload());
}

}  // namespace keel::kernel
