#include "kernel/plugin/message_properties.hpp"

#include <array>

#include "kernel/base/utf8.hpp"
#include "kernel/codec/decoder.hpp"
#include "kernel/codec/encoder.hpp"
#include "kernel/codec/properties.hpp"
#include "kernel/plugin/host_support.hpp"

namespace keel::kernel {
namespace {

constexpr std::size_t kLongest = 65'535;
constexpr std::uint32_t kMostOfAll = 10'000;

void append_text(std::string& wire, std::uint32_t id, std::string_view text) {
  std::array<char, 2> size;
  store_be16(size.data(), static_cast<std::uint32_t>(text.size()));
  wire += static_cast<char>(id);
  wire.append(size.data(), size.size()).append(text);
}

keel_status write_one(const keel_property& prop, std::string& wire) {
  const std::string_view value = view(prop.value), name = view(prop.name);
  if (value.size() > kLongest || name.size() > kLongest)
    return fail(KEEL_E_INVAL, "a property holds at most 65 535 bytes");
  switch (prop.id) {
    case KEEL_PROP_PAYLOAD_FORMAT:
      if (prop.number > 1) return fail(KEEL_E_INVAL, "the payload format is 0 or 1");
      wire += static_cast<char>(prop.id);
      wire += static_cast<char>(prop.number);
      return KEEL_OK;
    case KEEL_PROP_RESPONSE_TOPIC:
      if (!valid_topic_name(value))
        return fail(KEEL_E_INVAL, "the response topic is no topic name");
      append_text(wire, prop.id, value);
      return KEEL_OK;
    case KEEL_PROP_CONTENT_TYPE:
      if (!valid_utf8(value)) return fail(KEEL_E_INVAL, "the content type is not UTF-8");
      append_text(wire, prop.id, value);
      return KEEL_OK;
    case KEEL_PROP_CORRELATION_DATA:
      append_text(wire, prop.id, value);
      return KEEL_OK;
    case KEEL_PROP_USER:
      if (!valid_utf8(name) || !valid_utf8(value))
        return fail(KEEL_E_INVAL, "a user property is not UTF-8");
      add_user_property(wire, name, value);
      return KEEL_OK;
    default:
      return fail(KEEL_E_INVAL, fmt::format("property {} does not travel with a message", prop.id));
  }
}

}  // namespace

void read_properties(Bytes wire, std::vector<keel_property>& out) {
  PropertyReader reader(wire, kForwardable);
  PropertyValue found;
  while (reader.next(found)) {
    keel_property& prop = out.emplace_back(keel_property{});
    prop.id = static_cast<std::uint32_t>(found.id);
    if (found.id == Property::payload_format) {
      prop.number = found.number;
    } else if (found.id == Property::user_property) {
      prop.name = str(found.text);
      prop.value = str(found.value);
    } else {
      prop.value = str(found.text);
    }
  }
}

keel_status write_properties(const keel_property* props, std::uint32_t n, std::string& wire) {
  if (n > kMostOfAll || (n != 0 && !props))
    return fail(KEEL_E_INVAL, "too many properties, or none given");
  std::uint64_t seen = 0;
  for (std::uint32_t i = 0; i < n; ++i) {
    const std::uint64_t bit = std::uint64_t{1} << (props[i].id & 63);
    if (props[i].id != KEEL_PROP_USER && (seen & bit))
      return fail(KEEL_E_INVAL, fmt::format("property {} is there twice", props[i].id));
    seen |= bit;
    if (const keel_status bad = write_one(props[i], wire)) return bad;
  }
  return KEEL_OK;
}

}  // namespace keel::kernel
