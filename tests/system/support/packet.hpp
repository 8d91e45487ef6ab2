// MQTT packets as the system tests write and read them: an encoder and a decoder of their own,
// which share no code with the broker, so that a mistake in one does not hide in the other. Plain
// values; nothing here checks what it encodes, since tests send wrong packets on purpose.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace keel::test {

class Reader;

enum class Version : std::uint8_t { v31 = 3, v311 = 4, v5 = 5 };

enum class Type : std::uint8_t {
  connect = 1,
  connack,
  publish,
  puback,
  pubrec,
  pubrel,
  pubcomp,
  subscribe,
  suback,
  unsubscribe,
  unsuback,
  pingreq,
  pingresp,
  disconnect,
  auth
};
std::string_view type_name(Type type);

// Identifiers of MQTT 5 properties.
namespace prop {
inline constexpr std::uint8_t kPayloadFormat = 0x01, kMessageExpiry = 0x02, kContentType = 0x03,
                              kResponseTopic = 0x08, kCorrelationData = 0x09,
                              kSubscriptionId = 0x0B, kSessionExpiry = 0x11,
                              kAssignedClientId = 0x12, kServerKeepAlive = 0x13, kAuthMethod = 0x15,
                              kAuthData = 0x16, kRequestProblemInfo = 0x17, kWillDelay = 0x18,
                              kRequestResponseInfo = 0x19, kResponseInfo = 0x1A,
                              kServerReference = 0x1C, kReasonString = 0x1F, kReceiveMaximum = 0x21,
                              kTopicAliasMaximum = 0x22, kTopicAlias = 0x23, kMaximumQos = 0x24,
                              kRetainAvailable = 0x25, kUserProperty = 0x26,
                              kMaximumPacketSize = 0x27, kWildcardAvailable = 0x28,
                              kSubscriptionIdAvailable = 0x29, kSharedAvailable = 0x2A;
}  // namespace prop

// A property list in the order given. Kept as a list: duplicates and their order matter to the
// tests.
class Props {
 public:
  struct Item {
    std::uint8_t id;
    std::uint32_t number;
    std::string text, value;
    bool operator==(const Item&) const = default;
  };

  Props& num(std::uint8_t id, std::uint32_t value);
  Props& str(std::uint8_t id, std::string value);
  Props& user(std::string key, std::string value);

  bool has(std::uint8_t id) const { return find(id) != nullptr; }
  std::uint32_t get(std::uint8_t id, std::uint32_t otherwise = 0) const;
  std::string text(std::uint8_t id) const;
  std::vector<std::uint32_t> all(std::uint8_t id) const;
  std::vector<std::pair<std::string, std::string>> users() const;
  std::size_t size() const { return items_.size(); }

  std::string encode() const;   // with the length in front
  void decode(Reader& reader);  // a list with its length in front

 private:
  const Item* find(std::uint8_t id) const;
  std::vector<Item> items_;
};

struct Will {
  std::string topic, payload;
  std::uint8_t qos = 0;
  bool retain = false;
  Props props;
};

struct Connect {
  std::string client_id;
  Version version = Version::v311;
  bool clean = true;
  std::uint16_t keep_alive = 60;
  std::optional<Will> will;
  std::optional<std::string> username, password;
  Props props;
};

struct Publish {
  std::string topic, payload;
  std::uint8_t qos = 0;
  bool retain = false, dup = false;
  std::uint16_t id = 0;
  Props props;
};

struct Filter {
  std::string filter;
  std::uint8_t qos = 0;
  bool no_local = false, retain_as_published = false;
  std::uint8_t retain_handling = 0;
};

std::string frame(std::uint8_t first_byte, std::string_view body);
std::string encode(const Connect& connect);
std::string encode(Version version, const Publish& publish);
std::string encode_ack(Version version, Type type, std::uint16_t id, std::uint8_t reason = 0,
                       const Props& props = {});
std::string encode_subscribe(Version version, std::uint16_t id, const std::vector<Filter>& filters,
                             const Props& props = {});
std::string encode_unsubscribe(Version version, std::uint16_t id,
                               const std::vector<std::string>& filters, const Props& props = {});
std::string encode_disconnect(Version version, std::uint8_t reason = 0, const Props& props = {});
std::string encode_auth(std::uint8_t reason, const Props& props);
inline std::string encode_pingreq() { return {"\xC0\x00", 2}; }

std::string varint(std::uint32_t value);
std::string u16(std::uint16_t value);
std::string u32(std::uint32_t value);
std::string mqtt_string(std::string_view text);
std::string from_hex(std::string_view hex);  // blanks are skipped

// A packet the broker sent.
struct Packet {
  Type type{};
  std::uint8_t flags = 0;
  std::string raw;               // the whole packet
  std::uint16_t id = 0;          // PUBLISH and everything that answers one, SUBACK, UNSUBACK
  std::uint8_t reason = 0;       // CONNACK, acknowledgements, DISCONNECT, AUTH
  bool session_present = false;  // CONNACK
  std::string topic, payload;    // PUBLISH
  std::uint8_t qos = 0;
  bool retain = false, dup = false;
  std::vector<std::uint8_t> codes;  // SUBACK, UNSUBACK
  Props props;
};

// The size of the first packet in `bytes`; 0: it is not complete yet.
std::size_t packet_size(std::string_view bytes);
// Takes a complete packet apart. Throws std::runtime_error on anything the version does not allow.
Packet decode(Version version, std::string_view bytes);
std::string describe(const Packet& packet);

}  // namespace keel::test
