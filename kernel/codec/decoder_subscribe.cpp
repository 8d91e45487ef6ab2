// SUBSCRIBE and UNSUBSCRIBE. Whether a filter is well-formed is answered per filter, by the broker;
// here a filter only has to be UTF-8.
#include "kernel/base/utf8.hpp"
#include "kernel/codec/decoder.hpp"
#include "kernel/codec/properties.hpp"

namespace keel::kernel {
namespace {

Fault read_packet_id(Reader& reader, std::uint16_t& out) {
  if (!reader.u16(out)) return malformed("packet ends before its packet identifier");
  return out == 0 ? protocol_error("packet identifier is 0") : Fault{};
}

Fault read_filter(Reader& reader, Bytes& out) {
  if (!reader.binary(out)) return malformed("topic filter runs past the packet");
  return valid_utf8(out) ? Fault{} : malformed("topic filter is not valid UTF-8");
}

Fault read_options(std::uint8_t options, Version version, FilterView& out) {
  out.qos = options & 3;
  if (version != Version::v5) {
    return options > 2 ? malformed("requested QoS is not 0, 1 or 2") : Fault{};
  }
  out.no_local = (options & 0x04) != 0;
  out.retain_as_published = (options & 0x08) != 0;
  out.retain_handling = options >> 4 & 3;
  if ((options & 0xC0) != 0) return malformed("reserved bits of the subscription options are set");
  if (out.qos == 3) return protocol_error("subscription with QoS 3");
  if (out.retain_handling == 3) return protocol_error("subscription with retain handling 3");
  if (out.no_local && (out.filter.starts_with("$share/") || out.filter.starts_with("$queue/"))) {
    return protocol_error("no local on a shared subscription");
  }
  return {};
}

Fault read_subscribe_properties(Reader& reader, SubscribeView& out) {
  Bytes section;
  if (Fault fault = read_section(reader, section)) return fault;
  PropertyReader walk(section, properties(Property::subscription_id, Property::user_property));
  PropertyValue property;
  while (walk.next(property)) {
    if (property.id == Property::subscription_id) out.subscription_id = property.number;
  }
  return walk.fault();
}

}  // namespace

Fault parse_subscribe(Bytes body, Version version, SubscribeView& out) {
  out.filters.clear();
  out.subscription_id = 0;
  Reader reader(body);
  if (Fault fault = read_packet_id(reader, out.packet_id)) return fault;
  if (version == Version::v5) {
    if (Fault fault = read_subscribe_properties(reader, out)) return fault;
  }
  if (reader.done()) return protocol_error("SUBSCRIBE without a topic filter");
  while (!reader.done()) {
    FilterView& filter = out.filters.emplace_back();
    if (Fault fault = read_filter(reader, filter.filter)) return fault;
    std::uint8_t options = 0;
    if (!reader.u8(options)) return malformed("SUBSCRIBE ends before the options of a filter");
    if (Fault fault = read_options(options, version, filter)) return fault;
  }
  return {};
}

Fault parse_unsubscribe(Bytes body, Version version, UnsubscribeView& out) {
  out.filters.clear();
  Reader reader(body);
  if (Fault fault = read_packet_id(reader, out.packet_id)) return fault;
  if (version == Version::v5) {
    if (Fault fault = check_section(reader, properties(Property::user_property))) return fault;
  }
  if (reader.done()) return protocol_error("UNSUBSCRIBE without a topic filter");
  while (!reader.done()) {
    if (Fault fault = read_filter(reader, out.filters.emplace_back())) return fault;
  }
  return {};
}

}  // namespace keel::kernel
