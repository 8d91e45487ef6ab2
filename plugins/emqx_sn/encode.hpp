// Writing MQTT-SN messages [MQTT-SN 5.4]. A message is a head of a few octets and, for some, data
// behind it that is sent from where it lies. Nobody writes more than kMaxMessage in all: see
// publish_size() and register_size(). No I/O, no state; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "emqx_sn/packet.hpp"

namespace sn {

// The largest message: what a UDP datagram over IPv4 holds.
constexpr std::size_t kMaxMessage = 65507;

// The beginning of a message; what follows it in the datagram is the data it was made for.
struct Head {
  char octets[16];
  std::uint8_t size = 0;
  std::string_view view() const { return {octets, size}; }
};

Head advertise(std::uint8_t gateway_id, std::uint16_t duration_s);
Head gwinfo(std::uint8_t gateway_id);
Head connack(ReturnCode code);
Head willtopicreq();
Head willmsgreq();
Head willtopicresp(ReturnCode code);
Head willmsgresp(ReturnCode code);
// `name_size` octets of topic name follow.
Head reg(std::uint16_t topic_id, std::uint16_t msg_id, std::size_t name_size);
Head regack(std::uint16_t topic_id, std::uint16_t msg_id, ReturnCode code);
// `data_size` octets of data follow. Uses dup, qos (0..2), retain and id_type of `flags`.
Head publish(const Flags& flags, std::uint16_t topic_id, std::uint16_t msg_id,
             std::size_t data_size);
Head puback(std::uint16_t topic_id, std::uint16_t msg_id, ReturnCode code);
Head pubrec(std::uint16_t msg_id);
Head pubrel(std::uint16_t msg_id);
Head pubcomp(std::uint16_t msg_id);
Head suback(std::uint8_t qos, std::uint16_t topic_id, std::uint16_t msg_id, ReturnCode code);
Head unsuback(std::uint16_t msg_id);
Head pingresp();
Head disconnect();

// How large a PUBLISH or a REGISTER with so much behind its head is in all.
std::size_t publish_size(std::size_t data_size);
std::size_t register_size(std::size_t name_size);

}  // namespace sn
