// MQTT 5 properties [MQTT5 2.2.2]: reading a property section one by one, with every rule that
// concerns a property on its own, and picking the ones that travel with a message.
#pragma once

#include <cstdint>
#include <string>

#include "kernel/codec/packet.hpp"
#include "kernel/codec/reader.hpp"

namespace keel::kernel {

enum class Property : std::uint8_t {
  payload_format = 0x01,
  message_expiry = 0x02,
  content_type = 0x03,
  response_topic = 0x08,
  correlation_data = 0x09,
  subscription_id = 0x0B,
  session_expiry = 0x11,
  assigned_client_id = 0x12,
  server_keep_alive = 0x13,
  auth_method = 0x15,
  auth_data = 0x16,
  request_problem_information = 0x17,
  will_delay = 0x18,
  request_response_information = 0x19,
  response_information = 0x1A,
  server_reference = 0x1C,
  reason_string = 0x1F,
  receive_maximum = 0x21,
  topic_alias_maximum = 0x22,
  topic_alias = 0x23,
  maximum_qos = 0x24,
  retain_available = 0x25,
  user_property = 0x26,
  maximum_packet_size = 0x27,
  wildcard_available = 0x28,
  subscription_ids_available = 0x29,
  shared_available = 0x2A,
};

// A set of properties, one bit each.
using PropertySet = std::uint64_t;
template <class... P>
constexpr PropertySet properties(P... p) {
  return (PropertySet{0} | ... | (PropertySet{1} << static_cast<unsigned>(p)));
}

// Those that go with a message to its receivers unaltered.
inline constexpr PropertySet kForwardable =
    properties(Property::payload_format, Property::content_type, Property::response_topic,
               Property::correlation_data, Property::user_property);

struct PropertyValue {
  Property id{};
  std::uint32_t number = 0;  // of the integer types
  Bytes text;                // of strings and binary data; the name of a user property
  Bytes value;               // of a user property
  Bytes wire;                // the whole property, identifier included
};

// Walks a property section. Checks identifiers, bounds, UTF-8, repetition and the range of values.
class PropertyReader {
 public:
  PropertyReader(Bytes section, PropertySet allowed) : reader_(section), allowed_(allowed) {}

  // The next property; false at the end and on a fault.
  bool next(PropertyValue& out);
  Fault fault() const { return fault_; }

 private:
  bool read_value(PropertyValue& out);
  bool fail(Fault fault) {
    fault_ = fault;
    return false;
  }

  Reader reader_;
  PropertySet allowed_;
  PropertySet seen_ = 0;
  Fault fault_;
};

// Reads the length of a property section and the section [MQTT5 2.2.2.1].
inline Fault read_section(Reader& reader, Bytes& section) {
  std::uint32_t size = 0;
  if (!reader.varint(size)) return malformed("property length is not a valid integer");
  if (!reader.bytes(size, section)) return malformed("properties run past the packet");
  return {};
}
// Reads and checks a section of which nothing is kept: reason strings and user properties.
Fault check_section(Reader& reader, PropertySet allowed);

// Collects properties in wire form: a view into the packet while they stand side by side, a copy in
// `scratch` as soon as they do not. Several collectors may share one scratch, one after the other,
// if `bound` is the size of all they may collect together.
class PropertyCollector {
 public:
  PropertyCollector(std::string& scratch, std::size_t bound) : scratch_(scratch), bound_(bound) {}

  void add(Bytes wire);
  Bytes collected() const { return spilled_ ? Bytes(scratch_).substr(start_) : run_; }

 private:
  std::string& scratch_;
  std::size_t bound_;
  Bytes run_;
  bool spilled_ = false;
  std::size_t start_ = 0;
};

}  // namespace keel::kernel
