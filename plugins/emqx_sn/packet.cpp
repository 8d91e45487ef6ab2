#include "emqx_sn/packet.hpp"

#include <cstddef>

namespace sn {
namespace {

constexpr std::uint8_t kDup = 0x80, kQos = 0x60, kRetain = 0x10, kWill = 0x08, kClean = 0x04,
                       kIdType = 0x03;
constexpr int kQosShift = 5;
constexpr char kLongForm = 0x01;

std::uint8_t octet(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint8_t>(bytes[at]);
}
std::uint16_t number(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint16_t>(octet(bytes, at) << 8 | octet(bytes, at + 1));
}

// Splits off the header. False: there is none, or the message is not what the datagram holds.
bool open(std::string_view datagram, Type& type, std::string_view& body) {
  if (datagram.size() < 2) return false;
  const bool is_long = datagram[0] == kLongForm;
  const std::size_t head = is_long ? 4 : 2;
  if (datagram.size() < head) return false;
  if ((is_long ? number(datagram, 1) : octet(datagram, 0)) != datagram.size()) return false;
  type = static_cast<Type>(octet(datagram, head - 1));
  body = datagram.substr(head);
  return true;
}

bool only_code(std::string_view body, Packet& out) {
  if (body.size() != 1) return false;
  out.code = octet(body, 0);
  return true;
}

bool only_msg_id(std::string_view body, Packet& out) {
  if (body.size() != 2) return false;
  out.msg_id = number(body, 0);
  return true;
}

bool connect(std::string_view body, Packet& out) {
  if (body.size() < 4) return false;
  out.flags = Flags::from(octet(body, 0));
  out.protocol_id = octet(body, 1);
  out.duration = number(body, 2);
  out.text = body.substr(4);
  return true;
}

bool will_topic(std::string_view body, Packet& out) {
  out.empty = body.size() < 2;  // flags without a topic say the same as nothing at all
  if (out.empty) return true;
  out.flags = Flags::from(octet(body, 0));
  out.text = body.substr(1);
  return true;
}

bool reg(std::string_view body, Packet& out) {
  if (body.size() < 4) return false;
  out.topic_id = number(body, 0);
  out.msg_id = number(body, 2);
  out.text = body.substr(4);
  return true;
}

// REGACK, PUBACK
bool topic_ack(std::string_view body, Packet& out) {
  if (body.size() != 5) return false;
  out.topic_id = number(body, 0);
  out.msg_id = number(body, 2);
  out.code = octet(body, 4);
  return true;
}

bool publish(std::string_view body, Packet& out) {
  if (body.size() < 5) return false;
  out.flags = Flags::from(octet(body, 0));
  out.topic_id = number(body, 1);
  out.msg_id = number(body, 3);
  out.text = body.substr(5);
  return true;
}

// SUBSCRIBE, UNSUBSCRIBE
bool subscribe(std::string_view body, Packet& out) {
  if (body.size() < 3) return false;
  out.flags = Flags::from(octet(body, 0));
  out.msg_id = number(body, 1);
  const std::string_view topic = body.substr(3);
  if (out.flags.id_type == IdType::predefined || out.flags.id_type == IdType::short_name) {
    if (topic.size() != 2) return false;
    out.topic_id = number(topic, 0);
  } else {
    out.text = topic;
  }
  return true;
}

bool suback(std::string_view body, Packet& out) {
  if (body.size() != 6) return false;
  out.flags = Flags::from(octet(body, 0));
  out.topic_id = number(body, 1);
  out.msg_id = number(body, 3);
  out.code = octet(body, 5);
  return true;
}

bool advertise(std::string_view body, Packet& out) {
  if (body.size() != 3) return false;
  out.gateway_id = octet(body, 0);
  out.duration = number(body, 1);
  return true;
}

bool searchgw(std::string_view body, Packet& out) {
  if (body.size() != 1) return false;
  out.radius = octet(body, 0);
  return true;
}

bool gwinfo(std::string_view body, Packet& out) {
  if (body.empty()) return false;
  out.gateway_id = octet(body, 0);
  out.text = body.substr(1);
  return true;
}

bool disconnect(std::string_view body, Packet& out) {
  if (body.empty()) return true;
  if (body.size() != 2) return false;
  out.duration = number(body, 0);
  return true;
}

}  // namespace

Flags Flags::from(std::uint8_t octet) {
  const int qos = (octet & kQos) >> kQosShift;
  Flags out;
  out.dup = octet & kDup;
  out.qos = static_cast<std::int8_t>(qos == 3 ? -1 : qos);
  out.retain = octet & kRetain;
  out.will = octet & kWill;
  out.clean = octet & kClean;
  out.id_type = static_cast<IdType>(octet & kIdType);
  return out;
}

std::uint8_t Flags::octet() const {
  return static_cast<std::uint8_t>((dup ? kDup : 0) | (qos << kQosShift & kQos) |
                                   (retain ? kRetain : 0) | (will ? kWill : 0) |
                                   (clean ? kClean : 0) | static_cast<std::uint8_t>(id_type));
}

bool decode(std::string_view datagram, Packet& out) {
  out = {};
  std::string_view body;
  if (!open(datagram, out.type, body)) return false;
  switch (out.type) {
    case Type::advertise:
      return advertise(body, out);
    case Type::searchgw:
      return searchgw(body, out);
    case Type::gwinfo:
      return gwinfo(body, out);
    case Type::connect:
      return connect(body, out);
    case Type::willtopic:
    case Type::willtopicupd:
      return will_topic(body, out);
    case Type::willmsg:
    case Type::willmsgupd:
    case Type::pingreq:
      out.text = body;
      return true;
    case Type::reg:
      return reg(body, out);
    case Type::regack:
    case Type::puback:
      return topic_ack(body, out);
    case Type::publish:
      return publish(body, out);
    case Type::pubcomp:
    case Type::pubrec:
    case Type::pubrel:
    case Type::unsuback:
      return only_msg_id(body, out);
    case Type::subscribe:
    case Type::unsubscribe:
      return subscribe(body, out);
    case Type::suback:
      return suback(body, out);
    case Type::willtopicreq:
    case Type::willmsgreq:
    case Type::pingresp:
      return body.empty();
    case Type::disconnect:
      return disconnect(body, out);
    case Type::connack:
    case Type::willtopicresp:
    case Type::willmsgresp:
      return only_code(body, out);
    case Type::encapsulated:
      return false;
  }
  return false;
}

std::string_view short_name(std::uint16_t topic_id, char (&octets)[2]) {
  octets[0] = static_cast<char>(topic_id >> 8);
  octets[1] = static_cast<char>(topic_id & 0xff);
  return {octets, 2};
}

bool from_client(Type type) {
  switch (type) {
    case Type::searchgw:
    case Type::connect:
    case Type::willtopic:
    case Type::willmsg:
    case Type::reg:
    case Type::regack:
    case Type::publish:
    case Type::puback:
    case Type::pubcomp:
    case Type::pubrec:
    case Type::pubrel:
    case Type::subscribe:
    case Type::unsubscribe:
    case Type::pingreq:
    case Type::pingresp:
    case Type::disconnect:
    case Type::willtopicupd:
    case Type::willmsgupd:
      return true;
    default:
      return false;
  }
}

const char* name(Type type) {
  switch (type) {
    case Type::advertise:
      return "ADVERTISE";
    case Type::searchgw:
      return "SEARCHGW";
    case Type::gwinfo:
      return "GWINFO";
    case Type::connect:
      return "CONNECT";
    case Type::connack:
      return "CONNACK";
    case Type::willtopicreq:
      return "WILLTOPICREQ";
    case Type::willtopic:
      return "WILLTOPIC";
    case Type::willmsgreq:
      return "WILLMSGREQ";
    case Type::willmsg:
      return "WILLMSG";
    case Type::reg:
      return "REGISTER";
    case Type::regack:
      return "REGACK";
    case Type::publish:
      return "PUBLISH";
    case Type::puback:
      return "PUBACK";
    case Type::pubcomp:
      return "PUBCOMP";
    case Type::pubrec:
      return "PUBREC";
    case Type::pubrel:
      return "PUBREL";
    case Type::subscribe:
      return "SUBSCRIBE";
    case Type::suback:
      return "SUBACK";
    case Type::unsubscribe:
      return "UNSUBSCRIBE";
    case Type::unsuback:
      return "UNSUBACK";
    case Type::pingreq:
      return "PINGREQ";
    case Type::pingresp:
      return "PINGRESP";
    case Type::disconnect:
      return "DISCONNECT";
    case Type::willtopicupd:
      return "WILLTOPICUPD";
    case Type::willtopicresp:
      return "WILLTOPICRESP";
    case Type::willmsgupd:
      return "WILLMSGUPD";
    case Type::willmsgresp:
      return "WILLMSGRESP";
    case Type::encapsulated:
      return "ENCAPSULATED";
  }
  return "RESERVED";
}

}  // namespace sn
