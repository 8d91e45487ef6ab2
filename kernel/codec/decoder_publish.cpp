// PUBLISH and its acknowledgements.
#include "kernel/base/utf8.hpp"
#include "kernel/codec/decoder.hpp"
#include "kernel/codec/properties.hpp"

namespace keel::kernel {
namespace {

constexpr PropertySet kPublishProperties =
    kForwardable |
    properties(Property::message_expiry, Property::topic_alias, Property::subscription_id);

// `text` becomes true when the payload is declared to be UTF-8.
Fault read_properties(Bytes section, PublishView& out, bool& text, std::string& scratch) {
  scratch.clear();
  PropertyReader walk(section, kPublishProperties);
  PropertyCollector forwardable(scratch, section.size());
  PropertyValue property;
  while (walk.next(property)) {
    switch (property.id) {
      case Property::message_expiry:
        out.expiry_s = property.number;
        break;
      case Property::topic_alias:
        out.topic_alias = static_cast<std::uint16_t>(property.number);
        break;
      case Property::subscription_id:
        return protocol_error("PUBLISH from a client carries a subscription identifier");
      case Property::payload_format:
        text = property.number == 1;
        [[fallthrough]];
      default:
        forwardable.add(property.wire);
    }
  }
  out.properties = forwardable.collected();
  return walk.fault();
}

Fault check_topic(const PublishView& publish, Version version) {
  if (valid_topic_name(publish.topic)) return {};
  if (publish.topic.empty()) {
    if (publish.topic_alias != 0) return {};
    if (version == Version::v5) return protocol_error("PUBLISH has neither topic nor alias");
    return {Reason::topic_name_invalid, "topic name is empty"};
  }
  if (!valid_utf8(publish.topic)) return malformed("topic name is not valid UTF-8");
  return {Reason::topic_name_invalid, "topic name holds a wildcard"};
}

bool allowed_in_ack(Reason reason, PacketType type) {
  if (type == PacketType::pubrel || type == PacketType::pubcomp) {
    return reason == Reason::success || reason == Reason::packet_identifier_not_found;
  }
  switch (reason) {
    case Reason::success:
    case Reason::no_matching_subscribers:
    case Reason::unspecified_error:
    case Reason::implementation_specific_error:
    case Reason::not_authorized:
    case Reason::topic_name_invalid:
    case Reason::packet_identifier_in_use:
    case Reason::quota_exceeded:
    case Reason::payload_format_invalid:
      return true;
    default:
      return false;
  }
}

Fault read_ack_reason(Reader& reader, PacketType type, AckView& out) {
  std::uint8_t reason = 0;
  reader.u8(reason);
  out.reason = static_cast<Reason>(reason);
  if (!allowed_in_ack(out.reason, type)) {
    return protocol_error("acknowledgement carries a reason code it must not carry");
  }
  if (reader.done()) return {};
  if (Fault fault =
          check_section(reader, properties(Property::reason_string, Property::user_property))) {
    return fault;
  }
  return reader.done() ? Fault{} : malformed("acknowledgement has bytes behind its end");
}

}  // namespace

Fault parse_publish(Bytes body, std::uint8_t flags, Version version, PublishView& out,
                    std::string& scratch, Bytes known) {
  out = PublishView{};
  out.qos = flags >> 1 & 3;
  out.dup = (flags & 8) != 0;
  out.retain = (flags & 1) != 0;
  if (out.qos == 3) return malformed("PUBLISH with QoS 3");
  if (out.dup && out.qos == 0) return malformed("PUBLISH with DUP and QoS 0");

  Reader reader(body);
  if (!reader.binary(out.topic)) return malformed("topic name runs past the packet");
  if (out.qos != 0) {
    if (!reader.u16(out.packet_id)) return malformed("PUBLISH ends before its packet identifier");
    if (out.packet_id == 0) return protocol_error("packet identifier is 0");
  }
  bool text = false;
  out.verbatim = true;
  if (version == Version::v5) {
    Bytes section;
    if (Fault fault = read_section(reader, section)) return fault;
    if (!section.empty()) {
      if (Fault fault = read_properties(section, out, text, scratch)) return fault;
      out.verbatim = out.properties.size() == section.size();
    }
  }
  out.payload = reader.rest();
  if (known.empty() || out.topic != known)
    if (Fault fault = check_topic(out, version)) return fault;
  if (text && !well_formed_utf8(out.payload)) {
    return {Reason::payload_format_invalid, "payload is declared UTF-8 and is not"};
  }
  return {};
}

Fault parse_ack(Bytes body, Version version, PacketType type, AckView& out) {
  out.reason = Reason::success;
  Reader reader(body);
  if (!reader.u16(out.packet_id)) return malformed("acknowledgement has no packet identifier");
  if (out.packet_id == 0) return protocol_error("packet identifier is 0");
  if (reader.done()) return {};
  if (version != Version::v5) return malformed("acknowledgement is longer than two bytes");
  return read_ack_reason(reader, type, out);
}

}  // namespace keel::kernel
