#include <stdexcept>

#include "tests/system/support/packet.hpp"
#include "tests/system/support/reader.hpp"

namespace keel::test {

namespace {

enum class Kind { byte, two, four, varint, text, pair, unknown };

Kind kind_of(std::uint8_t id) {
  switch (id) {
    case prop::kPayloadFormat:
    case prop::kRequestProblemInfo:
    case prop::kRequestResponseInfo:
    case prop::kMaximumQos:
    case prop::kRetainAvailable:
    case prop::kWildcardAvailable:
    case prop::kSubscriptionIdAvailable:
    case prop::kSharedAvailable:
      return Kind::byte;
    case prop::kServerKeepAlive:
    case prop::kReceiveMaximum:
    case prop::kTopicAliasMaximum:
    case prop::kTopicAlias:
      return Kind::two;
    case prop::kMessageExpiry:
    case prop::kSessionExpiry:
    case prop::kWillDelay:
    case prop::kMaximumPacketSize:
      return Kind::four;
    case prop::kSubscriptionId:
      return Kind::varint;
    case prop::kUserProperty:
      return Kind::pair;
    case prop::kContentType:
    case prop::kResponseTopic:
    case prop::kCorrelationData:
    case prop::kAssignedClientId:
    case prop::kAuthMethod:
    case prop::kAuthData:
    case prop::kResponseInfo:
    case prop::kServerReference:
    case prop::kReasonString:
      return Kind::text;
    default:
      return Kind::unknown;
  }
}

}  // namespace

Props& Props::num(std::uint8_t id, std::uint32_t value) {
  items_.push_back({id, value, {}, {}});
  return *this;
}

Props& Props::str(std::uint8_t id, std::string value) {
  items_.push_back({id, 0, std::move(value), {}});
  return *this;
}

Props& Props::user(std::string key, std::string value) {
  items_.push_back({prop::kUserProperty, 0, std::move(key), std::move(value)});
  return *this;
}

const Props::Item* Props::find(std::uint8_t id) const {
  for (const Item& item : items_) {
    if (item.id == id) return &item;
  }
  return nullptr;
}

std::uint32_t Props::get(std::uint8_t id, std::uint32_t otherwise) const {
  const Item* item = find(id);
  return item != nullptr ? item->number : otherwise;
}

std::string Props::text(std::uint8_t id) const {
  const Item* item = find(id);
  return item != nullptr ? item->text : std::string{};
}

std::vector<std::uint32_t> Props::all(std::uint8_t id) const {
  std::vector<std::uint32_t> out;
  for (const Item& item : items_) {
    if (item.id == id) out.push_back(item.number);
  }
  return out;
}

std::vector<std::pair<std::string, std::string>> Props::users() const {
  std::vector<std::pair<std::string, std::string>> out;
  for (const Item& item : items_) {
    if (item.id == prop::kUserProperty) out.emplace_back(item.text, item.value);
  }
  return out;
}

std::string Props::encode() const {
  std::string list;
  for (const Item& item : items_) {
    list += static_cast<char>(item.id);
    switch (kind_of(item.id)) {
      case Kind::byte:
        list += static_cast<char>(item.number);
        break;
      case Kind::two:
        list += u16(static_cast<std::uint16_t>(item.number));
        break;
      case Kind::four:
        list += u32(item.number);
        break;
      case Kind::varint:
        list += varint(item.number);
        break;
      case Kind::text:
        list += mqtt_string(item.text);
        break;
      case Kind::pair:
        list += mqtt_string(item.text) + mqtt_string(item.value);
        break;
      case Kind::unknown:
        break;  // a wrong id on purpose
    }
  }
  return varint(static_cast<std::uint32_t>(list.size())) + list;
}

void Props::decode(Reader& reader) {
  Reader list{reader.bytes(reader.varint())};
  while (!list.done()) {
    const std::uint8_t id = list.u8();
    switch (kind_of(id)) {
      case Kind::byte:
        num(id, list.u8());
        break;
      case Kind::two:
        num(id, list.u16());
        break;
      case Kind::four:
        num(id, list.u32());
        break;
      case Kind::varint:
        num(id, list.varint());
        break;
      case Kind::text:
        str(id, list.string());
        break;
      case Kind::pair: {
        std::string key = list.string();
        user(std::move(key), list.string());
        break;
      }
      case Kind::unknown:
        throw std::runtime_error("the broker sent an unknown property");
    }
  }
}

}  // namespace keel::test
