#include "kernel/codec/packet.hpp"

namespace keel::kernel {

std::string_view packet_name(PacketType type) {
  static constexpr std::string_view kNames[] = {"reserved",  "CONNECT",  "CONNACK",     "PUBLISH",
                                                "PUBACK",    "PUBREC",   "PUBREL",      "PUBCOMP",
                                                "SUBSCRIBE", "SUBACK",   "UNSUBSCRIBE", "UNSUBACK",
                                                "PINGREQ",   "PINGRESP", "DISCONNECT",  "AUTH"};
  return kNames[static_cast<std::uint8_t>(type) & 15];
}

}  // namespace keel::kernel
