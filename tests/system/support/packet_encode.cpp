#include <stdexcept>

#include "tests/system/support/packet.hpp"

namespace keel::test {

std::string varint(std::uint32_t value) {
  std::string out;
  do {
    const auto byte = static_cast<char>(value & 0x7f);
    value >>= 7;
    out += static_cast<char>(value != 0 ? byte | '\x80' : byte);
  } while (value != 0);
  return out;
}

std::string u16(std::uint16_t value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value & 0xff)};
}

std::string u32(std::uint32_t value) {
  return u16(static_cast<std::uint16_t>(value >> 16)) + u16(static_cast<std::uint16_t>(value));
}

std::string mqtt_string(std::string_view text) {
  return u16(static_cast<std::uint16_t>(text.size())) + std::string{text};
}

std::string from_hex(std::string_view hex) {
  const auto digit = [](char c) -> int {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    throw std::runtime_error("not a hex digit");
  };
  std::string out;
  int high = -1;
  for (const char c : hex) {
    if (c == ' ') continue;
    if (high < 0) {
      high = digit(c);
    } else {
      out += static_cast<char>(high * 16 + digit(c));
      high = -1;
    }
  }
  return out;
}

std::string frame(std::uint8_t first_byte, std::string_view body) {
  return static_cast<char>(first_byte) + varint(static_cast<std::uint32_t>(body.size())) +
         std::string{body};
}

namespace {

bool v5(Version version) { return version == Version::v5; }

std::string props_for(Version version, const Props& props) {
  return v5(version) ? props.encode() : std::string{};
}

}  // namespace

std::string encode(const Connect& c) {
  std::string body = mqtt_string(c.version == Version::v31 ? "MQIsdp" : "MQTT");
  body += static_cast<char>(c.version);
  unsigned flags = c.clean ? 0x02u : 0u;
  if (c.will) flags |= 0x04u | c.will->qos * 8u | (c.will->retain ? 0x20u : 0u);
  if (c.password) flags |= 0x40u;
  if (c.username) flags |= 0x80u;
  body += static_cast<char>(flags);
  body += u16(c.keep_alive) + props_for(c.version, c.props) + mqtt_string(c.client_id);
  if (c.will) {
    body += props_for(c.version, c.will->props) + mqtt_string(c.will->topic) +
            mqtt_string(c.will->payload);
  }
  if (c.username) body += mqtt_string(*c.username);
  if (c.password) body += mqtt_string(*c.password);
  return frame(0x10, body);
}

std::string encode(Version version, const Publish& p) {
  const unsigned first = 0x30u | (p.dup ? 8u : 0u) | p.qos * 2u | (p.retain ? 1u : 0u);
  std::string body = mqtt_string(p.topic);
  if (p.qos > 0) body += u16(p.id);
  body += props_for(version, p.props) + p.payload;
  return frame(static_cast<std::uint8_t>(first), body);
}

std::string encode_ack(Version version, Type type, std::uint16_t id, std::uint8_t reason,
                       const Props& props) {
  std::string body = u16(id);
  if (v5(version) && (reason != 0 || props.size() > 0)) {
    body += static_cast<char>(reason);
    if (props.size() > 0) body += props.encode();
  }
  const unsigned flags = type == Type::pubrel ? 2 : 0;
  return frame(static_cast<std::uint8_t>(static_cast<unsigned>(type) << 4 | flags), body);
}

std::string encode_subscribe(Version version, std::uint16_t id, const std::vector<Filter>& filters,
                             const Props& props) {
  std::string body = u16(id) + props_for(version, props);
  for (const Filter& f : filters) {
    unsigned options = f.qos;
    if (f.no_local) options |= 4;
    if (f.retain_as_published) options |= 8;
    options |= f.retain_handling * 16u;
    body += mqtt_string(f.filter) + static_cast<char>(options);
  }
  return frame(0x82, body);
}

std::string encode_unsubscribe(Version version, std::uint16_t id,
                               const std::vector<std::string>& filters, const Props& props) {
  std::string body = u16(id) + props_for(version, props);
  for (const std::string& filter : filters) body += mqtt_string(filter);
  return frame(0xA2, body);
}

std::string encode_disconnect(Version version, std::uint8_t reason, const Props& props) {
  std::string body;
  if (v5(version) && (reason != 0 || props.size() > 0)) {
    body += static_cast<char>(reason);
    if (props.size() > 0) body += props.encode();
  }
  return frame(0xE0, body);
}

std::string encode_auth(std::uint8_t reason, const Props& props) {
  return frame(0xF0, static_cast<char>(reason) + props.encode());
}

}  // namespace keel::test
