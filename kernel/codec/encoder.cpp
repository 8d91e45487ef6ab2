// Everything but PUBLISH.
#include "kernel/codec/encoder.hpp"

#include <array>

#include "kernel/codec/properties.hpp"
#include "kernel/codec/writer.hpp"

namespace keel::kernel {
namespace {

// Reason, property section: the form that DISCONNECT, AUTH and (with flags in front) CONNACK share.
void append_reason_packet(OutBuffer& out, PacketType type, Bytes front, PropertySizer size,
                          auto&& write) {
  const std::size_t remaining = front.size() + varint_size(size.total()) + size.total();
  char* const begin = out.reserve(5 + remaining);
  begin[0] = first_byte(type);
  char* at = put_varint(begin + 1, static_cast<std::uint32_t>(remaining));
  at = put_bytes(at, front);
  PropertyWriter writer(put_varint(at, size.total()));
  write(writer);
  out.commit(static_cast<std::size_t>(writer.at() - begin));
}

// The properties of a CONNACK, once for their size and once for their bytes.
void connack_properties(auto& to, const ConnackFields& f) {
  if (f.has_session_expiry) to.u32(Property::session_expiry, f.session_expiry_s);
  if (f.receive_maximum != 65535) to.u16(Property::receive_maximum, f.receive_maximum);
  if (f.maximum_qos < 2) to.byte(Property::maximum_qos, f.maximum_qos);
  if (!f.retain_available) to.byte(Property::retain_available, 0);
  if (f.maximum_packet_size != 0) to.u32(Property::maximum_packet_size, f.maximum_packet_size);
  if (!f.assigned_client_id.empty()) to.text(Property::assigned_client_id, f.assigned_client_id);
  if (f.topic_alias_maximum != 0) to.u16(Property::topic_alias_maximum, f.topic_alias_maximum);
  if (!f.reason_string.empty()) to.text(Property::reason_string, f.reason_string);
  if (!f.wildcard_available) to.byte(Property::wildcard_available, 0);
  if (!f.subscription_ids_available) to.byte(Property::subscription_ids_available, 0);
  if (!f.shared_available) to.byte(Property::shared_available, 0);
  if (f.has_server_keep_alive) to.u16(Property::server_keep_alive, f.server_keep_alive_s);
  if (!f.response_information.empty()) {
    to.text(Property::response_information, f.response_information);
  }
  to.raw(f.user_properties);
  if (f.auth_method.empty()) return;
  to.text(Property::auth_method, f.auth_method);
  if (!f.auth_data.empty()) to.text(Property::auth_data, f.auth_data);
}

// SUBACK and UNSUBACK of v5, SUBACK of v3.
void append_reasons(OutBuffer& out, PacketType type, Version version, std::uint16_t packet_id,
                    std::span<const Reason> reasons) {
  const bool v5 = version == Version::v5;
  const std::size_t remaining = (v5 ? 3 : 2) + reasons.size();
  char* const begin = out.reserve(5 + remaining);
  begin[0] = first_byte(type);
  char* at = put_varint(begin + 1, static_cast<std::uint32_t>(remaining));
  at = store_be16(at, packet_id);
  if (v5) *at++ = 0;
  for (const Reason reason : reasons) {
    *at++ = static_cast<char>(!v5 && is_error(reason) ? 0x80 : code(reason));
  }
  out.commit(static_cast<std::size_t>(at - begin));
}

}  // namespace

void add_user_property(std::string& wire, Bytes name, Bytes value) {
  const auto add = [&wire](Bytes text) {
    text = fit_field(text);
    std::array<char, 2> size;
    store_be16(size.data(), static_cast<std::uint32_t>(text.size()));
    wire.append(size.data(), size.size()).append(text);
  };
  wire += static_cast<char>(Property::user_property);
  add(name);
  add(value);
}

std::size_t connack_size(Version version, const ConnackFields& fields) {
  if (version != Version::v5) return 4;
  PropertySizer size;
  connack_properties(size, fields);
  const std::size_t remaining = 2 + varint_size(size.total()) + size.total();
  return 1 + varint_size(static_cast<std::uint32_t>(remaining)) + remaining;
}

void encode_connack(OutBuffer& out, Version version, const ConnackFields& fields) {
  const bool present = fields.session_present && !is_error(fields.reason);
  if (version != Version::v5) {
    // v3.1 knows no session present flag; the byte is reserved there.
    const std::array<char, 4> packet{first_byte(PacketType::connack), 2,
                                     static_cast<char>(present && version == Version::v311),
                                     static_cast<char>(connack_code_v3(fields.reason))};
    return out.append({packet.data(), packet.size()});
  }
  const std::array<char, 2> front{static_cast<char>(present),
                                  static_cast<char>(code(fields.reason))};
  PropertySizer size;
  connack_properties(size, fields);
  append_reason_packet(out, PacketType::connack, {front.data(), front.size()}, size,
                       [&](PropertyWriter& writer) { connack_properties(writer, fields); });
}

void encode_ack(OutBuffer& out, Version version, PacketType type, std::uint16_t packet_id,
                Reason reason) {
  char* at = out.reserve(5);
  const bool with_reason = version == Version::v5 && reason != Reason::success;
  at[0] = first_byte(type, type == PacketType::pubrel ? 2 : 0);
  at[1] = with_reason ? 3 : 2;
  store_be16(at + 2, packet_id);
  at[4] = static_cast<char>(code(reason));
  out.commit(with_reason ? 5 : 4);
}

void encode_suback(OutBuffer& out, Version version, std::uint16_t packet_id,
                   std::span<const Reason> reasons) {
  append_reasons(out, PacketType::suback, version, packet_id, reasons);
}

void encode_unsuback(OutBuffer& out, Version version, std::uint16_t packet_id,
                     std::span<const Reason> reasons) {
  if (version != Version::v5) reasons = {};
  append_reasons(out, PacketType::unsuback, version, packet_id, reasons);
}

void encode_pingresp(OutBuffer& out) { out.append({"\xd0\0", 2}); }

void encode_disconnect(OutBuffer& out, Version version, Reason reason, Bytes reason_string) {
  if (version != Version::v5) return;
  const char byte = static_cast<char>(code(reason));
  if (reason_string.empty()) {
    const std::array<char, 3> packet{first_byte(PacketType::disconnect), 1, byte};
    return out.append({packet.data(), packet.size()});
  }
  PropertySizer size;
  size.text(Property::reason_string, reason_string);
  append_reason_packet(out, PacketType::disconnect, {&byte, 1}, size, [&](PropertyWriter& writer) {
    writer.text(Property::reason_string, reason_string);
  });
}

void encode_auth(OutBuffer& out, Reason reason, Bytes method, Bytes data) {
  const char byte = static_cast<char>(code(reason));
  const auto write = [&](auto& to) {
    to.text(Property::auth_method, method);
    if (!data.empty()) to.text(Property::auth_data, data);
  };
  PropertySizer size;
  write(size);
  append_reason_packet(out, PacketType::auth, {&byte, 1}, size, write);
}

}  // namespace keel::kernel
