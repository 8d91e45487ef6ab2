// MQTT-SN 1.2 messages: what one datagram says [MQTT-SN 5]. No I/O, no state; any thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace sn {

// [MQTT-SN 5.2.2]
enum class Type : std::uint8_t {
  advertise = 0x00,
  searchgw = 0x01,
  gwinfo = 0x02,
  connect = 0x04,
  connack = 0x05,
  willtopicreq = 0x06,
  willtopic = 0x07,
  willmsgreq = 0x08,
  willmsg = 0x09,
  reg = 0x0a,  // REGISTER
  regack = 0x0b,
  publish = 0x0c,
  puback = 0x0d,
  pubcomp = 0x0e,
  pubrec = 0x0f,
  pubrel = 0x10,
  subscribe = 0x12,
  suback = 0x13,
  unsubscribe = 0x14,
  unsuback = 0x15,
  pingreq = 0x16,
  pingresp = 0x17,
  disconnect = 0x18,
  willtopicupd = 0x1a,
  willtopicresp = 0x1b,
  willmsgupd = 0x1c,
  willmsgresp = 0x1d,
  encapsulated = 0xfe,
};

// [MQTT-SN 5.3.10]
enum class ReturnCode : std::uint8_t {
  accepted = 0,
  congestion = 1,
  invalid_topic_id = 2,
  not_supported = 3,
};

constexpr std::uint8_t kProtocolId = 1;  // of CONNECT [MQTT-SN 5.3.8]

// What a client may send to a gateway; the rest is what gateways say.
bool from_client(Type type);

// How a topic is named [MQTT-SN 5.3.11].
enum class IdType : std::uint8_t {
  normal = 0,  // in SUBSCRIBE and UNSUBSCRIBE: the name itself
  predefined = 1,
  short_name = 2,  // the two octets of the id are the name
  reserved = 3,
};

struct Flags {
  bool dup = false;
  std::int8_t qos = 0;  // -1: fire and forget
  bool retain = false, will = false, clean = false;
  IdType id_type = IdType::normal;

  static Flags from(std::uint8_t octet);
  std::uint8_t octet() const;
};

// A message that was read. Only the fields of its type mean something; views point into the
// datagram.
struct Packet {
  Type type{};
  Flags flags;
  std::uint8_t protocol_id = 0;  // CONNECT
  std::uint8_t gateway_id = 0;   // ADVERTISE, GWINFO
  std::uint8_t radius = 0;       // SEARCHGW
  std::uint8_t code = 0;         // CONNACK, REGACK, PUBACK, SUBACK, WILL*RESP: as it came
  std::uint16_t duration = 0;    // seconds: CONNECT, ADVERTISE, DISCONNECT
  std::uint16_t topic_id = 0;    // for a short name: its two octets, the first one high
  std::uint16_t msg_id = 0;
  bool empty = false;  // WILLTOPIC, WILLTOPICUPD: there is no topic, delete the will
  // CONNECT, PINGREQ: client id. REGISTER: name. PUBLISH: data. SUBSCRIBE and UNSUBSCRIBE with
  // IdType::normal: name. WILLTOPIC(UPD): topic. WILLMSG(UPD): payload. GWINFO: address.
  std::string_view text;
};

// Reads one whole datagram without forwarder encapsulation. False: malformed, a reserved type, or
// an encapsulation; then it is to be dropped and counted, and `out` means nothing. What has an
// answer is read so that it can be given: an empty client id, an empty name, IdType::reserved.
bool decode(std::string_view datagram, Packet& out);

// The two octets of a short name; valid as long as `octets`.
std::string_view short_name(std::uint16_t topic_id, char (&octets)[2]);

// "PUBLISH", for logs and metrics; "RESERVED" for what is no type.
const char* name(Type type);

}  // namespace sn
