// Building of what the broker sends. Every function appends one whole packet to `out`.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "kernel/codec/out_buffer.hpp"
#include "kernel/codec/packet.hpp"

namespace keel::kernel {

// No packet is larger: five bytes of header and the largest remaining length.
inline constexpr std::size_t kMaxPacketSize = 268'435'460;

struct ConnackFields {
  bool session_present = false;
  Reason reason = Reason::success;
  // v5 only; a value equal to the protocol's default is left out.
  bool has_session_expiry = false;
  std::uint32_t session_expiry_s = 0;
  std::uint32_t receive_maximum = 65535;
  std::uint8_t maximum_qos = 2;
  bool retain_available = true;
  std::uint32_t maximum_packet_size = 0;  // 0: left out
  Bytes assigned_client_id;
  std::uint16_t topic_alias_maximum = 0;
  Bytes reason_string;
  bool wildcard_available = true, subscription_ids_available = true, shared_available = true;
  bool has_server_keep_alive = false;
  std::uint16_t server_keep_alive_s = 0;
  Bytes response_information;
  Bytes auth_method, auth_data;
  Bytes user_properties;  // wire form, see add_user_property()
};
// Appends one user property to a run of them.
void add_user_property(std::string& wire, Bytes name, Bytes value);
std::size_t connack_size(Version version, const ConnackFields& fields);  // of the whole packet
void encode_connack(OutBuffer& out, Version version, const ConnackFields& fields);

// PUBACK, PUBREC, PUBREL, PUBCOMP. v3: the reason is not sent. v5: left out when success.
void encode_ack(OutBuffer& out, Version version, PacketType type, std::uint16_t packet_id,
                Reason reason = Reason::success);
// v3: errors become 0x80.
void encode_suback(OutBuffer& out, Version version, std::uint16_t packet_id,
                   std::span<const Reason> reasons);
void encode_unsuback(OutBuffer& out, Version version, std::uint16_t packet_id,
                     std::span<const Reason> reasons);
void encode_pingresp(OutBuffer& out);
// v5 only; v3 servers send no DISCONNECT, so for v3 nothing is appended.
void encode_disconnect(OutBuffer& out, Version version, Reason reason, Bytes reason_string = {});
void encode_auth(OutBuffer& out, Reason reason, Bytes method, Bytes data);

// One PUBLISH to a client.
struct PublishFields {
  Bytes topic;  // empty when the alias stands for it
  Bytes payload;
  Bytes properties;  // forwardable ones, wire form; ignored for v3
  std::uint8_t qos = 0;
  bool dup = false, retain = false;
  std::uint16_t packet_id = 0;
  std::uint16_t topic_alias = 0;
  std::uint32_t expiry_s = kNoExpiry;  // what is left of it
  std::span<const std::uint32_t> subscription_ids;
};
// The size of the whole packet. A PUBLISH of more than kMaxPacketSize cannot be sent: the functions
// below append nothing then.
std::size_t publish_size(Version version, const PublishFields& fields);
constexpr char publish_first_byte(std::uint8_t qos, bool retain, bool dup) {
  return static_cast<char>(0x30 | (dup ? 8 : 0) | qos << 1 | (retain ? 1 : 0));
}
// Appends everything before the payload and answers where the packet id went, counted from the
// start of the packet (0 for QoS 0).
std::size_t encode_publish_head(OutBuffer& out, Version version, const PublishFields& fields);
// The whole packet; `holder` is what the payload lies in (null: always copied). False: it would be
// larger than `largest`, and nothing is appended.
bool encode_publish(OutBuffer& out, Version version, const PublishFields& fields,
                    const MessagePtr& holder, std::size_t largest = kMaxPacketSize);

// Variable byte integer [MQTT5 1.5.5]; 1 to 4 bytes for values up to 268 435 455.
std::size_t varint_size(std::uint32_t value);
char* put_varint(char* at, std::uint32_t value);

}  // namespace keel::kernel
