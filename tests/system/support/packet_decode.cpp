#include <array>
#include <stdexcept>

#include "tests/system/support/packet.hpp"
#include "tests/system/support/reader.hpp"

namespace keel::test {

std::string_view type_name(Type type) {
  static constexpr std::array<std::string_view, 16> kNames = {
      "RESERVED", "CONNECT",  "CONNACK",    "PUBLISH", "PUBACK",      "PUBREC",
      "PUBREL",   "PUBCOMP",  "SUBSCRIBE",  "SUBACK",  "UNSUBSCRIBE", "UNSUBACK",
      "PINGREQ",  "PINGRESP", "DISCONNECT", "AUTH"};
  return kNames[static_cast<std::size_t>(type) & 15];
}

std::size_t packet_size(std::string_view bytes) {
  std::size_t length = 0;
  for (std::size_t at = 1; at < bytes.size() && at < 5; ++at) {
    const auto byte = static_cast<std::uint8_t>(bytes[at]);
    length |= std::size_t{byte & 0x7fu} << (7 * (at - 1));
    if ((byte & 0x80) == 0) {
      const std::size_t total = at + 1 + length;
      return bytes.size() >= total ? total : 0;
    }
  }
  if (bytes.size() >= 5)
    throw std::runtime_error("the broker sent a length of more than four bytes");
  return 0;
}

namespace {

void decode_publish(Reader& in, bool v5, Packet& p) {
  p.qos = p.flags >> 1 & 3;
  p.retain = (p.flags & 1) != 0;
  p.dup = (p.flags & 8) != 0;
  if (p.qos == 3) throw std::runtime_error("the broker sent QoS 3");
  p.topic = in.string();
  if (p.qos > 0) p.id = in.u16();
  if (p.qos > 0 && p.id == 0) throw std::runtime_error("the broker sent packet id 0");
  if (p.qos == 0 && p.dup) throw std::runtime_error("the broker sent DUP with QoS 0");
  if (v5) p.props.decode(in);
  p.payload = in.rest();
}

void decode_connack(Reader& in, bool v5, Packet& p) {
  const std::uint8_t flags = in.u8();
  if ((flags & 0xfe) != 0) throw std::runtime_error("the broker set reserved bits in CONNACK");
  p.session_present = (flags & 1) != 0;
  p.reason = in.u8();
  if (v5) p.props.decode(in);
}

void decode_ack(Reader& in, bool v5, Packet& p) {
  p.id = in.u16();
  if (v5 && !in.done()) p.reason = in.u8();
  if (v5 && !in.done()) p.props.decode(in);
}

void decode_codes(Reader& in, bool v5, Packet& p) {
  p.id = in.u16();
  if (v5) p.props.decode(in);
  if (p.type == Type::unsuback && !v5) return;
  while (!in.done()) p.codes.push_back(in.u8());
}

void decode_reason(Reader& in, Packet& p) {
  if (!in.done()) p.reason = in.u8();
  if (!in.done()) p.props.decode(in);
}

}  // namespace

Packet decode(Version version, std::string_view bytes) {
  const bool v5 = version == Version::v5;
  Packet p;
  p.raw = bytes;
  p.type = static_cast<Type>(static_cast<std::uint8_t>(bytes[0]) >> 4);
  p.flags = static_cast<std::uint8_t>(bytes[0]) & 15;
  Reader in{bytes.substr(1)};
  in.varint();
  const unsigned wanted_flags = p.type == Type::pubrel ? 2 : 0;
  if (p.type != Type::publish && p.flags != wanted_flags) {
    throw std::runtime_error("the broker set wrong flags in " + std::string{type_name(p.type)});
  }
  switch (p.type) {
    case Type::connack:
      decode_connack(in, v5, p);
      break;
    case Type::publish:
      decode_publish(in, v5, p);
      break;
    case Type::puback:
    case Type::pubrec:
    case Type::pubrel:
    case Type::pubcomp:
      decode_ack(in, v5, p);
      break;
    case Type::suback:
    case Type::unsuback:
      decode_codes(in, v5, p);
      break;
    case Type::pingresp:
      break;
    case Type::disconnect:
    case Type::auth:
      if (!v5) throw std::runtime_error("the broker sent a packet that only version 5 has");
      decode_reason(in, p);
      break;
    default:
      throw std::runtime_error("the broker sent a packet that only clients send");
  }
  if (!in.done()) throw std::runtime_error("the broker sent bytes behind the end of a packet");
  return p;
}

std::string describe(const Packet& p) {
  std::string out{type_name(p.type)};
  if (p.type == Type::publish) {
    out += " topic=" + p.topic + " payload=" + p.payload.substr(0, 64) +
           " qos=" + std::to_string(p.qos) + (p.retain ? " retain" : "") + (p.dup ? " dup" : "");
  }
  if (p.id != 0) out += " id=" + std::to_string(p.id);
  if (p.reason != 0) out += " reason=" + std::to_string(p.reason);
  return out;
}

}  // namespace keel::test
