// CONNECT [MQTT5 3.1].
#include "kernel/base/utf8.hpp"
#include "kernel/codec/decoder.hpp"
#include "kernel/codec/properties.hpp"

namespace keel::kernel {
namespace {

struct ConnectFlags {
  std::uint8_t bits = 0;
  bool reserved() const { return (bits & 0x01) != 0; }
  bool clean_start() const { return (bits & 0x02) != 0; }
  bool will() const { return (bits & 0x04) != 0; }
  std::uint8_t will_qos() const { return bits >> 3 & 3; }
  bool will_retain() const { return (bits & 0x20) != 0; }
  bool password() const { return (bits & 0x40) != 0; }
  bool username() const { return (bits & 0x80) != 0; }
};

constexpr PropertySet kConnectProperties =
    properties(Property::session_expiry, Property::receive_maximum, Property::maximum_packet_size,
               Property::topic_alias_maximum, Property::request_response_information,
               Property::request_problem_information, Property::user_property,
               Property::auth_method, Property::auth_data);
constexpr PropertySet kWillProperties =
    kForwardable | properties(Property::will_delay, Property::message_expiry);

Fault read_version(Reader& reader, Version& out) {
  Bytes name;
  std::uint8_t level = 0;
  if (!reader.binary(name)) return malformed("protocol name runs past the packet");
  if (!reader.u8(level)) return malformed("CONNECT ends before its protocol level");
  if (name == "MQTT" && (level == 4 || level == 5)) {
    out = static_cast<Version>(level);
    return {};
  }
  if (name == "MQIsdp" && level == 3) {
    out = Version::v31;
    return {};
  }
  // The top bit is how bridges mark the level of some brokers.
  out = (level & 0x7f) > 5 ? Version::v5 : Version::v311;
  return {Reason::unsupported_protocol_version, "protocol name or level is not known"};
}

Fault check_flags(ConnectFlags flags, Version version) {
  if (flags.reserved()) return malformed("reserved bit of CONNECT is set");
  if (flags.will() && flags.will_qos() == 3) return malformed("will with QoS 3");
  // v3.1 disregards the will bits when there is no will.
  if (!flags.will() && version != Version::v31 && (flags.will_qos() != 0 || flags.will_retain())) {
    return malformed("CONNECT has will flags and no will");
  }
  if (flags.password() && !flags.username() && version != Version::v5) {
    return malformed("password without a user name");
  }
  return {};
}

// Sets the one field that `property` stands for.
Fault take_property(const PropertyValue& property, ConnectView& out, bool& has_method) {
  switch (property.id) {
    case Property::session_expiry:
      out.has_session_expiry = true;
      out.session_expiry_s = property.number;
      break;
    case Property::receive_maximum:
      out.receive_maximum = static_cast<std::uint16_t>(property.number);
      break;
    case Property::maximum_packet_size:
      out.maximum_packet_size = property.number;
      break;
    case Property::topic_alias_maximum:
      out.topic_alias_maximum = static_cast<std::uint16_t>(property.number);
      break;
    case Property::request_response_information:
      out.request_response_information = property.number != 0;
      break;
    case Property::request_problem_information:
      out.request_problem_information = property.number != 0;
      break;
    case Property::auth_method:
      has_method = true;
      out.auth_method = property.text;
      if (out.auth_method.empty()) {
        return {Reason::bad_authentication_method, "authentication method is empty"};
      }
      break;
    case Property::auth_data:
      out.auth_data = property.text;
      break;
    default:
      break;
  }
  return {};
}

Fault read_properties(Reader& reader, ConnectView& out, std::string& scratch, std::size_t bound) {
  Bytes section;
  if (Fault fault = read_section(reader, section)) return fault;
  PropertyReader walk(section, kConnectProperties);
  PropertyCollector user(scratch, bound);
  PropertyValue property;
  bool has_method = false, has_data = false;
  while (walk.next(property)) {
    if (property.id == Property::user_property) user.add(property.wire);
    if (property.id == Property::auth_data) has_data = true;
    if (Fault fault = take_property(property, out, has_method)) return fault;
  }
  if (walk.fault()) return walk.fault();
  if (has_data && !has_method) return protocol_error("authentication data without a method");
  out.user_properties = user.collected();
  return {};
}

// `text` becomes true when the payload is declared to be UTF-8.
Fault read_will_properties(Reader& reader, WillView& out, bool& text, std::string& scratch,
                           std::size_t bound) {
  Bytes section;
  if (Fault fault = read_section(reader, section)) return fault;
  PropertyReader walk(section, kWillProperties);
  PropertyCollector forwardable(scratch, bound);
  PropertyValue property;
  while (walk.next(property)) {
    switch (property.id) {
      case Property::will_delay:
        out.delay_s = property.number;
        break;
      case Property::message_expiry:
        out.expiry_s = property.number;
        break;
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

Fault read_will(Reader& reader, Version version, WillView& out, std::string& scratch,
                std::size_t bound) {
  bool text = false;
  if (version == Version::v5) {
    if (Fault fault = read_will_properties(reader, out, text, scratch, bound)) return fault;
  }
  if (!reader.binary(out.topic)) return malformed("will topic runs past the packet");
  if (!reader.binary(out.payload)) return malformed("will payload runs past the packet");
  if (!valid_topic_name(out.topic)) {
    if (!valid_utf8(out.topic)) return malformed("will topic is not valid UTF-8");
    return {Reason::topic_name_invalid, "will topic is empty or holds a wildcard"};
  }
  if (text && !well_formed_utf8(out.payload)) {
    return {Reason::payload_format_invalid, "will payload is declared UTF-8 and is not"};
  }
  return {};
}

// v3.1: where the packet ends early, a flag announced something that is not there, and that is
// allowed.
Fault read_credentials(Reader& reader, ConnectFlags flags, ConnectView& out) {
  const auto announced = [&](bool flag) {
    return flag && !(out.version == Version::v31 && reader.done());
  };
  out.has_username = announced(flags.username());
  if (out.has_username) {
    if (!reader.binary(out.username)) return malformed("user name runs past the packet");
    if (!valid_utf8(out.username)) return malformed("user name is not valid UTF-8");
  }
  out.has_password = announced(flags.password());
  if (out.has_password && !reader.binary(out.password)) {
    return malformed("password runs past the packet");
  }
  return {};
}

Fault read_client_id(Reader& reader, ConnectView& out) {
  if (!reader.binary(out.client_id)) return malformed("client id runs past the packet");
  return valid_utf8(out.client_id) ? Fault{} : malformed("client id is not valid UTF-8");
}

// After everything else, so that a broken packet is not answered as if it were a whole one.
}  // namespace

Fault parse_connect(Bytes body, ConnectView& out, std::string& scratch) {
  out = ConnectView{};
  scratch.clear();
  Reader reader(body);
  if (Fault fault = read_version(reader, out.version)) return fault;
  ConnectFlags flags;
  if (!reader.u8(flags.bits)) return malformed("CONNECT ends before its flags");
  if (Fault fault = check_flags(flags, out.version)) return fault;
  if (!reader.u16(out.keep_alive_s)) return malformed("CONNECT ends before its keep alive");
  out.clean_start = flags.clean_start();
  if (out.version == Version::v5) {
    if (Fault fault = read_properties(reader, out, scratch, body.size())) return fault;
  }
  if (Fault fault = read_client_id(reader, out)) return fault;
  if (flags.will()) {
    out.has_will = true;
    out.will.qos = flags.will_qos();
    out.will.retain = flags.will_retain();
    if (Fault fault = read_will(reader, out.version, out.will, scratch, body.size())) return fault;
  }
  if (Fault fault = read_credentials(reader, flags, out)) return fault;
  if (!reader.done()) return malformed("CONNECT has bytes behind its end");
  return {};
}

}  // namespace keel::kernel
