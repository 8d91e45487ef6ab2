// MQTT packets as clients write and read them, on their own: nothing of kernel/codec builds or
// reads them, only its enumerations are used. Shared by the broker's tests and the fuzz target
// `connection`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kernel/codec/packet.hpp"
#include "kernel/codec/properties.hpp"

namespace keel::kernel::wire {

inline std::string u8(std::uint32_t v) { return std::string(1, static_cast<char>(v)); }
inline std::string u16(std::uint32_t v) { return u8(v >> 8) + u8(v); }
inline std::string u32(std::uint32_t v) { return u16(v >> 16) + u16(v); }
inline std::string text(std::string_view s) {
  return u16(static_cast<std::uint32_t>(s.size())) + std::string(s);
}
inline std::string varint(std::size_t v) {
  std::string out;
  do {
    out += u8(static_cast<std::uint32_t>((v & 127) | (v > 127 ? 128 : 0)));
    v >>= 7;
  } while (v != 0);
  return out;
}
inline std::string packet(std::uint32_t first, const std::string& body) {
  return u8(first) + varint(body.size()) + body;
}
inline std::string property(Property id, const std::string& value) {
  return u8(static_cast<std::uint32_t>(id)) + value;
}
// A property section; nothing before MQTT 5.
inline std::string section(Version version, const std::string& properties) {
  return version == Version::v5 ? varint(properties.size()) + properties : std::string();
}

struct WillSpec {
  std::string topic, payload;
  std::uint8_t qos = 0;
  bool retain = false;
  std::uint32_t delay_s = 0;
};

struct ConnectSpec {
  std::string id;
  bool clean = true;
  std::uint16_t keep_alive = 0;
  std::optional<std::uint32_t> expiry_s = std::nullopt;
  std::uint16_t receive_maximum = 0;  // 0: left out
  std::uint32_t max_packet = 0;
  std::uint16_t alias_max = 0;
  std::optional<std::string> user = std::nullopt, password = std::nullopt;
  std::optional<WillSpec> will = std::nullopt;
  std::string auth_method = {}, auth_data = {};
};

inline std::string connect(const ConnectSpec& c, Version version) {
  std::uint32_t flags = c.clean ? 2 : 0;
  std::string properties, payload = text(c.id);
  if (c.expiry_s) properties += property(Property::session_expiry, u32(*c.expiry_s));
  if (c.receive_maximum) properties += property(Property::receive_maximum, u16(c.receive_maximum));
  if (c.max_packet) properties += property(Property::maximum_packet_size, u32(c.max_packet));
  if (c.alias_max) properties += property(Property::topic_alias_maximum, u16(c.alias_max));
  if (!c.auth_method.empty()) {
    properties += property(Property::auth_method, text(c.auth_method));
    properties += property(Property::auth_data, text(c.auth_data));
  }
  if (c.will) {
    flags |= 4u | c.will->qos << 3 | (c.will->retain ? 32u : 0u);
    payload += section(version, c.will->delay_s == 0
                                    ? std::string()
                                    : property(Property::will_delay, u32(c.will->delay_s)));
    payload += text(c.will->topic) + text(c.will->payload);
  }
  if (c.user) {
    flags |= 128;
    payload += text(*c.user);
  }
  if (c.password) {
    flags |= 64;
    payload += text(*c.password);
  }
  return packet(0x10, text(version == Version::v31 ? "MQIsdp" : "MQTT") +
                          u8(static_cast<std::uint32_t>(version)) + u8(flags) + u16(c.keep_alive) +
                          section(version, properties) + payload);
}

struct PublishSpec {
  std::string topic, payload = {};
  std::uint8_t qos = 0;
  std::uint16_t id = 0;
  bool retain = false, dup = false;
  std::optional<std::uint32_t> expiry_s = std::nullopt;
  std::uint16_t alias = 0;
};

inline std::string publish(const PublishSpec& p, Version version) {
  std::string properties;
  if (p.expiry_s) properties += property(Property::message_expiry, u32(*p.expiry_s));
  if (p.alias) properties += property(Property::topic_alias, u16(p.alias));
  return packet(0x30u | (p.dup ? 8u : 0u) | p.qos * 2u | (p.retain ? 1u : 0u),
                text(p.topic) + (p.qos ? u16(p.id) : std::string()) + section(version, properties) +
                    p.payload);
}

struct SubscribeSpec {
  std::string filter;
  std::uint8_t qos = 0;
  std::uint16_t id = 1;
  bool no_local = false, retain_as_published = false;
  std::uint8_t retain_handling = 0;
  std::uint32_t subscription_id = 0;
};

inline std::string subscribe(const SubscribeSpec& s, Version version) {
  const std::string properties =
      s.subscription_id == 0 ? std::string()
                             : property(Property::subscription_id, varint(s.subscription_id));
  std::uint32_t options = s.qos;
  if (version == Version::v5)
    options |= (s.no_local ? 4u : 0u) | (s.retain_as_published ? 8u : 0u) | s.retain_handling << 4;
  return packet(0x82, u16(s.id) + section(version, properties) + text(s.filter) + u8(options));
}

inline std::string unsubscribe(std::string_view filter, std::uint16_t id, Version version) {
  return packet(0xA2, u16(id) + section(version, {}) + text(filter));
}

inline std::string ack(PacketType type, std::uint16_t id, Reason reason = Reason::success) {
  const std::uint32_t first =
      static_cast<std::uint32_t>(type) << 4 | (type == PacketType::pubrel ? 2 : 0);
  return packet(first, u16(id) + (reason == Reason::success ? std::string() : u8(code(reason))));
}

inline std::string pingreq() { return packet(0xC0, {}); }

inline std::string disconnect(Version version, Reason reason = Reason::success,
                              std::optional<std::uint32_t> expiry_s = std::nullopt) {
  if (version != Version::v5 || (reason == Reason::success && !expiry_s)) return packet(0xE0, {});
  return packet(0xE0,
                u8(code(reason)) +
                    section(version, expiry_s ? property(Property::session_expiry, u32(*expiry_s))
                                              : std::string()));
}

inline std::string auth(Reason reason, const std::string& method, const std::string& data) {
  return packet(
      0xF0, u8(code(reason)) + section(Version::v5, property(Property::auth_method, text(method)) +
                                                        property(Property::auth_data, text(data))));
}

// ---- what the broker sends -------------------------------------------------------------------

struct Received {
  PacketType type{};
  std::uint16_t id = 0;
  std::vector<Reason> reasons;  // of acknowledgements; one where there is one
  bool session_present = false;
  bool dup = false, retain = false;
  std::uint8_t qos = 0;
  std::string topic, payload;
  struct Value {
    Property id;
    std::uint32_t number;
    std::string text;
  };
  std::vector<Value> properties;

  Reason reason() const { return reasons.empty() ? Reason::success : reasons.front(); }
  std::optional<std::uint32_t> number(Property wanted) const {
    for (const Value& value : properties)
      if (value.id == wanted) return value.number;
    return std::nullopt;
  }
  std::string string(Property wanted) const {
    for (const Value& value : properties)
      if (value.id == wanted) return value.text;
    return {};
  }
};

// Reads fields one after the other; `bad` once something did not fit.
class Fields {
 public:
  explicit Fields(std::string_view bytes) : rest_(bytes) {}
  bool bad() const { return bad_; }
  bool empty() const { return rest_.empty(); }
  std::string_view rest() { return take(rest_.size()); }
  std::string_view take(std::size_t size) {
    if (size > rest_.size()) {
      bad_ = true;
      size = rest_.size();
    }
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  std::uint32_t number(std::size_t size) {
    std::uint32_t value = 0;
    for (const char c : take(size)) value = value << 8 | static_cast<std::uint8_t>(c);
    return value;
  }
  std::uint32_t varint() {
    std::uint32_t value = 0;
    for (unsigned shift = 0; shift < 28; shift += 7) {
      const std::uint32_t byte = number(1);
      value |= (byte & 127) << shift;
      if (byte < 128) return value;
    }
    bad_ = true;
    return value;
  }
  std::string text() { return std::string(take(number(2))); }

 private:
  std::string_view rest_;
  bool bad_ = false;
};

inline bool read_properties(Fields& fields, std::vector<Received::Value>& out) {
  Fields part(fields.take(fields.varint()));
  while (!part.empty() && !part.bad()) {
    Received::Value value{static_cast<Property>(part.number(1)), 0, {}};
    switch (value.id) {
      case Property::payload_format:
      case Property::maximum_qos:
      case Property::retain_available:
      case Property::wildcard_available:
      case Property::subscription_ids_available:
      case Property::shared_available:
        value.number = part.number(1);
        break;
      case Property::server_keep_alive:
      case Property::receive_maximum:
      case Property::topic_alias_maximum:
      case Property::topic_alias:
        value.number = part.number(2);
        break;
      case Property::message_expiry:
      case Property::session_expiry:
      case Property::maximum_packet_size:
        value.number = part.number(4);
        break;
      case Property::subscription_id:
        value.number = part.varint();
        break;
      case Property::user_property:
        value.text = part.text() + "=";
        value.text += part.text();
        break;
      case Property::content_type:
      case Property::response_topic:
      case Property::correlation_data:
      case Property::assigned_client_id:
      case Property::auth_method:
      case Property::auth_data:
      case Property::response_information:
      case Property::reason_string:
        value.text = part.text();
        break;
      default:
        return false;
    }
    out.push_back(std::move(value));
  }
  return !part.bad() && !fields.bad();
}

enum class Parsed { ok, incomplete, malformed };

// The packet at the start of `bytes`, and its size.
inline Parsed parse(std::string_view bytes, Version version, Received& out, std::size_t& size) {
  out = {};
  Fields head(bytes.substr(0, 5));
  const std::uint32_t first = head.number(1);
  std::size_t header = 1;
  while (header < bytes.size() && header < 4 && static_cast<std::uint8_t>(bytes[header]) > 127)
    ++header;
  if (header >= bytes.size()) return Parsed::incomplete;
  const std::uint32_t length = head.varint();
  if (head.bad()) return Parsed::malformed;
  size = ++header + length;
  if (bytes.size() < size) return Parsed::incomplete;

  const bool v5 = version == Version::v5;
  Fields body(bytes.substr(header, length));
  out.type = static_cast<PacketType>(first >> 4);
  bool well = true;
  switch (out.type) {
    case PacketType::connack:
      out.session_present = body.number(1) == 1;
      out.reasons = {static_cast<Reason>(body.number(1))};
      if (v5) well = read_properties(body, out.properties);
      well = well && body.empty();
      break;
    case PacketType::publish:
      out.qos = first >> 1 & 3;
      out.dup = first & 8;
      out.retain = first & 1;
      out.topic = body.text();
      if (out.qos != 0) out.id = static_cast<std::uint16_t>(body.number(2));
      if (v5) well = read_properties(body, out.properties);
      well = well && out.qos < 3 && (out.qos == 0) == (out.id == 0);
      well = well && (!out.topic.empty() || out.number(Property::topic_alias));
      out.payload = body.rest();
      break;
    case PacketType::puback:
    case PacketType::pubrec:
    case PacketType::pubrel:
    case PacketType::pubcomp:
      out.id = static_cast<std::uint16_t>(body.number(2));
      out.reasons = {Reason::success};
      if (v5 && !body.empty()) out.reasons = {static_cast<Reason>(body.number(1))};
      if (v5 && !body.empty()) well = read_properties(body, out.properties);
      well = well && body.empty() && (first & 15) == (out.type == PacketType::pubrel ? 2 : 0);
      break;
    case PacketType::suback:
    case PacketType::unsuback:
      out.id = static_cast<std::uint16_t>(body.number(2));
      if (v5) well = read_properties(body, out.properties);
      for (const char c : body.rest()) out.reasons.push_back(static_cast<Reason>(c));
      break;
    case PacketType::disconnect:
    case PacketType::auth:
      well = v5;
      if (!body.empty()) out.reasons = {static_cast<Reason>(body.number(1))};
      if (!body.empty()) well = well && read_properties(body, out.properties);
      well = well && body.empty();
      break;
    case PacketType::pingresp:
      well = body.empty();
      break;
    default:
      well = false;
  }
  return well && !body.bad() ? Parsed::ok : Parsed::malformed;
}

}  // namespace keel::kernel::wire
