#include "wire.hpp"

#include <algorithm>
#include <cstring>

namespace keel::load {
namespace {

void put_u8(std::string& out, unsigned value) { out.push_back(static_cast<char>(value)); }
void put_u16(std::string& out, unsigned value) {
  put_u8(out, value >> 8 & 0xff);
  put_u8(out, value & 0xff);
}
void put_u32(std::string& out, std::uint32_t value) {
  put_u16(out, value >> 16);
  put_u16(out, value & 0xffff);
}
void put_text(std::string& out, std::string_view text) {
  put_u16(out, static_cast<unsigned>(text.size()));
  out.append(text);
}
void put_length(std::string& out, std::size_t length) {
  do {
    put_u8(out, (length & 0x7f) | (length > 0x7f ? 0x80 : 0));
    length >>= 7;
  } while (length != 0);
}
void put_header(std::string& out, Packet type, unsigned flags, std::size_t length) {
  put_u8(out, static_cast<unsigned>(type) << 4 | flags);
  put_length(out, length);
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  bool empty() const { return bytes_.empty(); }
  std::string_view rest() const { return bytes_; }
  std::string_view take(std::size_t count) {
    if (count > bytes_.size()) throw WireError("a packet ends before its fields do");
    const std::string_view taken = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return taken;
  }
  std::uint8_t u8() { return static_cast<std::uint8_t>(take(1)[0]); }
  std::uint16_t u16() {
    const unsigned high = u8();
    return static_cast<std::uint16_t>(high << 8 | u8());
  }
  std::string_view text() { return take(u16()); }
  std::size_t length() {
    std::size_t value = 0;
    for (unsigned shift = 0; shift < 28; shift += 7) {
      const std::uint8_t octet = u8();
      value |= static_cast<std::size_t>(octet & 0x7f) << shift;
      if ((octet & 0x80) == 0) return value;
    }
    throw WireError("a length of more than four octets");
  }

 private:
  std::string_view bytes_;
};

constexpr std::uint8_t kSessionExpiry = 0x11, kReceiveMaximum = 0x21;

// Passes over the value of a property that a CONNACK may carry.
void skip_property(Reader& in, std::uint8_t id) {
  switch (id) {
    case 0x24:
    case 0x25:
    case 0x28:
    case 0x29:
    case 0x2a:
      in.take(1);
      break;
    case 0x13:
    case 0x22:
      in.take(2);
      break;
    case 0x11:
    case 0x27:
      in.take(4);
      break;
    case 0x26:
      in.text();
      [[fallthrough]];
    case 0x12:
    case 0x15:
    case 0x16:
    case 0x1a:
    case 0x1c:
    case 0x1f:
      in.text();
      break;
    default:
      throw WireError("a property that no CONNACK has");
  }
}

}  // namespace

bool take_frame(std::string_view& bytes, Frame& frame) {
  std::size_t length = 0;
  for (std::size_t at = 1; at < bytes.size(); ++at) {
    const auto octet = static_cast<std::uint8_t>(bytes[at]);
    length |= static_cast<std::size_t>(octet & 0x7f) << (7 * (at - 1));
    if ((octet & 0x80) != 0) {
      if (at == 4) throw WireError("a packet length of more than four octets");
      continue;
    }
    if (bytes.size() - at - 1 < length) return false;
    const auto first = static_cast<std::uint8_t>(bytes[0]);
    frame = {static_cast<Packet>(first >> 4), static_cast<std::uint8_t>(first & 0x0f),
             bytes.substr(at + 1, length)};
    bytes.remove_prefix(at + 1 + length);
    return true;
  }
  return false;
}

void put_connect(std::string& out, const ConnectFields& fields) {
  const bool v5 = fields.version == Version::v5;
  const std::size_t properties = v5 ? 1 + 5 : 0;
  const bool named = !fields.username.empty();
  const std::size_t credentials = named ? 4 + fields.username.size() + fields.password.size() : 0;
  put_header(out, Packet::connect, 0, 10 + properties + 2 + fields.client_id.size() + credentials);
  put_text(out, "MQTT");
  put_u8(out, static_cast<unsigned>(fields.version));
  put_u8(out, (fields.clean ? 0x02 : 0x00) | (named ? 0xc0 : 0x00));
  put_u16(out, 0);  // no keep alive: a busy generator must not be taken for a dead one
  if (v5) {
    put_length(out, 5);
    put_u8(out, kSessionExpiry);
    put_u32(out, fields.session_expiry);
  }
  put_text(out, fields.client_id);
  if (!named) return;
  put_text(out, fields.username);
  put_text(out, fields.password);
}

void Filters::add(std::string_view filter, std::uint8_t qos) {
  put_text(octets, filter);
  put_u8(octets, qos);
}

void put_subscribe(std::string& out, Version version, std::uint16_t id, std::string_view filter,
                   std::uint8_t qos) {
  Filters filters;
  filters.add(filter, qos);
  put_subscribe(out, version, id, filters);
}

void put_subscribe(std::string& out, Version version, std::uint16_t id, const Filters& filters) {
  const std::size_t properties = version == Version::v5 ? 1 : 0;
  put_header(out, Packet::subscribe, 2, 2 + properties + filters.octets.size());
  put_u16(out, id);
  if (properties != 0) put_length(out, 0);
  out.append(filters.octets);
}

void put_ack(std::string& out, Packet type, std::uint16_t id) {
  put_header(out, type, type == Packet::pubrel ? 2 : 0, 2);
  put_u16(out, id);
}

void put_empty(std::string& out, Packet type) { put_header(out, type, 0, 0); }

void put_publish(std::string& out, const PublishFields& fields, std::string_view head,
                 std::string_view tail) {
  const std::size_t properties = fields.version == Version::v5 ? 1 : 0;
  const std::size_t id = fields.qos > 0 ? 2 : 0;
  put_header(out, Packet::publish, static_cast<unsigned>(fields.qos << 1 | int{fields.retain}),
             2 + fields.topic.size() + id + properties + head.size() + tail.size());
  put_text(out, fields.topic);
  if (id != 0) put_u16(out, fields.id);
  if (properties != 0) put_length(out, 0);
  out.append(head).append(tail);
}

Connack read_connack(const Frame& frame, Version version) {
  Reader in(frame.body);
  Connack connack;
  connack.session_present = (in.u8() & 1) != 0;
  connack.code = in.u8();
  if (version != Version::v5 || in.empty()) return connack;
  for (Reader properties(in.take(in.length())); !properties.empty();) {
    const std::uint8_t id = properties.u8();
    if (id == kReceiveMaximum)
      connack.receive_maximum = properties.u16();
    else
      skip_property(properties, id);
  }
  return connack;
}

Ack read_ack(const Frame& frame) {
  Reader in(frame.body);
  Ack ack;
  ack.id = in.u16();
  if (!in.empty()) ack.code = in.u8();
  return ack;
}

Ack read_suback(const Frame& frame, Version version) {
  Reader in(frame.body);
  Ack ack;
  ack.id = in.u16();
  if (version == Version::v5) in.take(in.length());
  ack.code = in.u8();
  while (ack.code < 0x80 && !in.empty()) ack.code = std::max(ack.code, in.u8());
  return ack;
}

Message read_message(const Frame& frame, Version version) {
  Reader in(frame.body);
  Message message;
  message.qos = frame.flags >> 1 & 3;
  message.dup = (frame.flags & 8) != 0;
  message.retain = (frame.flags & 1) != 0;
  message.topic = in.text();
  if (message.qos > 0) message.id = in.u16();
  if (version == Version::v5) in.take(in.length());
  message.payload = in.rest();
  return message;
}

}  // namespace keel::load
