#include "kernel/codec/client_packets.hpp"

#include "kernel/codec/encoder.hpp"
#include "kernel/codec/properties.hpp"
#include "kernel/codec/reader.hpp"
#include "kernel/codec/writer.hpp"

namespace keel::kernel {
namespace {

std::size_t field_size(Bytes bytes) { return 2 + fit_field(bytes).size(); }

char* put_field(char* at, Bytes bytes) {
  bytes = fit_field(bytes);
  return put_bytes(store_be16(at, static_cast<std::uint32_t>(bytes.size())), bytes);
}

void connect_properties(auto& to, const ConnectView& connect) {
  if (connect.session_expiry_s != 0) to.u32(Property::session_expiry, connect.session_expiry_s);
  if (connect.receive_maximum != 65535) to.u16(Property::receive_maximum, connect.receive_maximum);
  if (connect.maximum_packet_size != 0)
    to.u32(Property::maximum_packet_size, connect.maximum_packet_size);
}

void will_properties(auto& to, const WillView& will) {
  if (will.delay_s != 0) to.u32(Property::will_delay, will.delay_s);
  if (will.expiry_s != kNoExpiry) to.u32(Property::message_expiry, will.expiry_s);
  to.raw(will.properties);
}

template <class Fill>
std::uint32_t section_size(Fill fill) {
  PropertySizer size;
  fill(size);
  return size.total();
}

template <class Fill>
char* put_section(char* at, std::uint32_t size, Fill fill) {
  PropertyWriter writer(put_varint(at, size));
  fill(writer);
  return writer.at();
}

std::uint8_t connect_flags(const ConnectView& connect) {
  unsigned flags = connect.clean_start ? 0x02u : 0u;
  if (connect.has_will)
    flags |=
        0x04u | static_cast<unsigned>(connect.will.qos) << 3 | (connect.will.retain ? 0x20u : 0u);
  if (connect.has_password) flags |= 0x40u;
  if (connect.has_username) flags |= 0x80u;
  return static_cast<std::uint8_t>(flags);
}

}  // namespace

void encode_connect(OutBuffer& out, const ConnectView& connect) {
  constexpr Bytes kProtocol("\0\4MQTT\5", 7);
  const auto fill = [&](auto& to) { connect_properties(to, connect); };
  const auto fill_will = [&](auto& to) { will_properties(to, connect.will); };
  const std::uint32_t size = section_size(fill), will_size = section_size(fill_will);
  std::size_t remaining =
      kProtocol.size() + 3 + varint_size(size) + size + field_size(connect.client_id);
  if (connect.has_will)
    remaining += varint_size(will_size) + will_size + field_size(connect.will.topic) +
                 field_size(connect.will.payload);
  if (connect.has_username) remaining += field_size(connect.username);
  if (connect.has_password) remaining += field_size(connect.password);
  char* const begin = out.reserve(5 + remaining);
  begin[0] = first_byte(PacketType::connect);
  char* at = put_bytes(put_varint(begin + 1, static_cast<std::uint32_t>(remaining)), kProtocol);
  *at++ = static_cast<char>(connect_flags(connect));
  at = put_section(store_be16(at, connect.keep_alive_s), size, fill);
  at = put_field(at, connect.client_id);
  if (connect.has_will) {
    at = put_section(at, will_size, fill_will);
    at = put_field(put_field(at, connect.will.topic), connect.will.payload);
  }
  if (connect.has_username) at = put_field(at, connect.username);
  if (connect.has_password) at = put_field(at, connect.password);
  out.commit(static_cast<std::size_t>(at - begin));
}

void encode_subscribe(OutBuffer& out, std::uint16_t packet_id,
                      std::span<const FilterView> filters) {
  std::size_t remaining = 3;
  for (const FilterView& each : filters) remaining += field_size(each.filter) + 1;
  char* const begin = out.reserve(5 + remaining);
  begin[0] = first_byte(PacketType::subscribe, 2);
  char* at = store_be16(put_varint(begin + 1, static_cast<std::uint32_t>(remaining)), packet_id);
  *at++ = 0;  // no properties
  for (const FilterView& each : filters) {
    at = put_field(at, each.filter);
    *at++ = static_cast<char>(each.qos | (each.no_local ? 4u : 0u) |
                              (each.retain_as_published ? 8u : 0u) |
                              static_cast<unsigned>(each.retain_handling) << 4);
  }
  out.commit(static_cast<std::size_t>(at - begin));
}

void encode_unsubscribe(OutBuffer& out, std::uint16_t packet_id, std::span<const Bytes> filters) {
  std::size_t remaining = 3;
  for (const Bytes filter : filters) remaining += field_size(filter);
  char* const begin = out.reserve(5 + remaining);
  begin[0] = first_byte(PacketType::unsubscribe, 2);
  char* at = store_be16(put_varint(begin + 1, static_cast<std::uint32_t>(remaining)), packet_id);
  *at++ = 0;  // no properties
  for (const Bytes filter : filters) at = put_field(at, filter);
  out.commit(static_cast<std::size_t>(at - begin));
}

void encode_client_disconnect(OutBuffer& out, Reason reason) {
  char* const begin = out.reserve(3);
  begin[0] = first_byte(PacketType::disconnect);
  begin[1] = 1;
  begin[2] = static_cast<char>(code(reason));
  out.commit(3);
}

Fault parse_connack(Bytes body, ConnackView& out) {
  Reader reader(body);
  std::uint8_t flags = 0, reason = 0;
  if (!reader.u8(flags) || !reader.u8(reason)) return malformed("CONNACK too short");
  out = {};
  out.session_present = (flags & 1) != 0;
  out.reason = static_cast<Reason>(reason);
  Bytes section;
  if (const Fault fault = read_section(reader, section)) return fault;
  PropertyReader properties_of(section, ~PropertySet{0});
  PropertyValue property;
  while (properties_of.next(property)) {
    if (property.id == Property::receive_maximum)
      out.receive_maximum = static_cast<std::uint16_t>(property.number);
    else if (property.id == Property::maximum_qos)
      out.maximum_qos = static_cast<std::uint8_t>(property.number);
    else if (property.id == Property::maximum_packet_size)
      out.maximum_packet_size = property.number;
  }
  return properties_of.fault();
}

Fault parse_suback(Bytes body, SubackView& out) {
  Reader reader(body);
  Bytes section;
  if (!reader.u16(out.packet_id)) return malformed("SUBACK too short");
  if (const Fault fault = read_section(reader, section)) return fault;
  out.reasons = reader.rest();
  return {};
}

Fault parse_server_disconnect(Bytes body, Reason& out) {
  out = body.empty() ? Reason::success : static_cast<Reason>(octet(body[0]));
  return {};
}

}  // namespace keel::kernel
