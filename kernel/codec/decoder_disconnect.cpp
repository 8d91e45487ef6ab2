// DISCONNECT and AUTH.
#include "kernel/codec/decoder.hpp"
#include "kernel/codec/properties.hpp"

namespace keel::kernel {
namespace {

// The codes of table 3.14.2.1 that a client may send.
bool allowed_in_disconnect(Reason reason) {
  switch (reason) {
    case Reason::success:
    case Reason::disconnect_with_will:
    case Reason::unspecified_error:
    case Reason::malformed_packet:
    case Reason::protocol_error:
    case Reason::implementation_specific_error:
    case Reason::topic_name_invalid:
    case Reason::receive_maximum_exceeded:
    case Reason::topic_alias_invalid:
    case Reason::packet_too_large:
    case Reason::message_rate_too_high:
    case Reason::quota_exceeded:
    case Reason::administrative_action:
    case Reason::payload_format_invalid:
      return true;
    default:
      return false;
  }
}

Fault read_disconnect_properties(Reader& reader, DisconnectView& out) {
  Bytes section;
  if (Fault fault = read_section(reader, section)) return fault;
  PropertyReader walk(section, properties(Property::session_expiry, Property::reason_string,
                                          Property::user_property, Property::server_reference));
  PropertyValue property;
  while (walk.next(property)) {
    if (property.id != Property::session_expiry) continue;
    out.has_session_expiry = true;
    out.session_expiry_s = property.number;
  }
  return walk.fault();
}

Fault read_auth_properties(Reader& reader, AuthView& out) {
  Bytes section;
  if (Fault fault = read_section(reader, section)) return fault;
  PropertyReader walk(section, properties(Property::auth_method, Property::auth_data,
                                          Property::reason_string, Property::user_property));
  PropertyValue property;
  while (walk.next(property)) {
    if (property.id == Property::auth_method) out.method = property.text;
    if (property.id == Property::auth_data) out.data = property.text;
  }
  return walk.fault();
}

}  // namespace

Fault parse_disconnect(Bytes body, Version version, DisconnectView& out) {
  out = DisconnectView{};
  if (body.empty()) return {};
  if (version != Version::v5) return malformed("DISCONNECT has a body");
  Reader reader(body);
  std::uint8_t reason = 0;
  reader.u8(reason);
  out.reason = static_cast<Reason>(reason);
  if (!allowed_in_disconnect(out.reason)) {
    return protocol_error("DISCONNECT carries a reason code that clients must not send");
  }
  if (reader.done()) return {};
  if (Fault fault = read_disconnect_properties(reader, out)) return fault;
  return reader.done() ? Fault{} : malformed("DISCONNECT has bytes behind its end");
}

Fault parse_auth(Bytes body, AuthView& out) {
  out = AuthView{};
  Reader reader(body);
  std::uint8_t reason = 0;
  if (reader.u8(reason)) {
    out.reason = static_cast<Reason>(reason);
    if (Fault fault = read_auth_properties(reader, out)) return fault;
    if (!reader.done()) return malformed("AUTH has bytes behind its end");
  }
  if (out.reason != Reason::continue_authentication && out.reason != Reason::reauthenticate) {
    return protocol_error("AUTH carries a reason code that clients must not send");
  }
  if (out.method.empty()) return protocol_error("AUTH without an authentication method");
  return {};
}

}  // namespace keel::kernel
