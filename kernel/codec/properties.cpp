#include "kernel/codec/properties.hpp"

#include <array>

#include "kernel/base/utf8.hpp"
#include "kernel/codec/decoder.hpp"

namespace keel::kernel {
namespace {

enum class Type : std::uint8_t { none, byte, u16, u32, varint, string, binary, pair };

constexpr std::size_t kPropertyIds = 0x2B;

constexpr std::array<Type, kPropertyIds> kTypes = [] {
  std::array<Type, kPropertyIds> types{};
  const auto set = [&](Type type, auto... ids) {
    ((types[static_cast<std::size_t>(ids)] = type), ...);
  };
  using enum Property;
  set(Type::byte, payload_format, request_problem_information, request_response_information,
      maximum_qos, retain_available, wildcard_available, subscription_ids_available,
      shared_available);
  set(Type::u16, server_keep_alive, receive_maximum, topic_alias_maximum, topic_alias);
  set(Type::u32, message_expiry, session_expiry, will_delay, maximum_packet_size);
  set(Type::varint, subscription_id);
  set(Type::string, content_type, response_topic, assigned_client_id, auth_method,
      response_information, server_reference, reason_string);
  set(Type::binary, correlation_data, auth_data);
  set(Type::pair, user_property);
  return types;
}();

constexpr PropertySet kRepeatable = properties(Property::user_property);
constexpr PropertySet kNotZero =
    properties(Property::receive_maximum, Property::maximum_packet_size, Property::topic_alias,
               Property::subscription_id);

}  // namespace

bool PropertyReader::next(PropertyValue& out) {
  if (fault_ || reader_.done()) return false;
  const char* const start = reader_.at();
  std::uint8_t id = 0;
  reader_.u8(id);  // identifiers are variable byte integers, but all that exist have one byte
  if (id >= kPropertyIds || kTypes[id] == Type::none) {
    return fail(malformed("unknown property identifier"));
  }
  out.id = static_cast<Property>(id);
  const PropertySet bit = properties(out.id);
  if ((allowed_ & bit) == 0) return fail(malformed("property does not belong into this packet"));
  if ((seen_ & bit & ~kRepeatable) != 0) return fail(protocol_error("property stands twice"));
  seen_ |= bit;
  if (!read_value(out)) return false;
  out.wire = {start, static_cast<std::size_t>(reader_.at() - start)};
  return true;
}

bool PropertyReader::read_value(PropertyValue& out) {
  std::uint8_t byte = 0;
  std::uint16_t half = 0;
  bool whole = false;
  const Type type = kTypes[static_cast<std::size_t>(out.id)];
  switch (type) {
    case Type::none:
      break;
    case Type::byte:
      whole = reader_.u8(byte);
      out.number = byte;
      break;
    case Type::u16:
      whole = reader_.u16(half);
      out.number = half;
      break;
    case Type::u32:
      whole = reader_.u32(out.number);
      break;
    case Type::varint:
      whole = reader_.varint(out.number);
      break;
    case Type::string:
    case Type::binary:
      whole = reader_.binary(out.text);
      break;
    case Type::pair:
      whole = reader_.binary(out.text) && reader_.binary(out.value);
      break;
  }
  if (!whole) return fail(malformed("property runs past its section"));

  if (type == Type::byte && out.number > 1) {
    return fail(protocol_error("property is neither 0 nor 1"));
  }
  if (out.number == 0 && (kNotZero & properties(out.id)) != 0) {
    if (out.id == Property::topic_alias)  // the one with a code of its own [MQTT5 3.3.4]
      return fail({Reason::topic_alias_invalid, "topic alias is 0"});
    return fail(protocol_error("property is 0, which it must not be"));
  }
  if ((type == Type::string && !valid_utf8(out.text)) ||
      (type == Type::pair && !(valid_utf8(out.text) && valid_utf8(out.value)))) {
    return fail(malformed("property is not valid UTF-8"));
  }
  if (out.id == Property::response_topic && !valid_topic_name(out.text)) {
    return fail(protocol_error("response topic is empty or holds a wildcard"));
  }
  return true;
}

Fault check_section(Reader& reader, PropertySet allowed) {
  Bytes section;
  if (Fault fault = read_section(reader, section)) return fault;
  PropertyReader walk(section, allowed);
  PropertyValue property;
  while (walk.next(property)) continue;
  return walk.fault();
}

void PropertyCollector::add(Bytes wire) {
  if (spilled_) {
    scratch_.append(wire);
  } else if (run_.empty()) {
    run_ = wire;
  } else if (run_.data() + run_.size() == wire.data()) {
    run_ = {run_.data(), run_.size() + wire.size()};
  } else {
    scratch_.reserve(bound_);  // no view of an earlier collector moves
    spilled_ = true;
    start_ = scratch_.size();
    scratch_.append(run_).append(wire);
  }
}

}  // namespace keel::kernel
