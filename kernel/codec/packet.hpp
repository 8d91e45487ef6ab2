// MQTT control packets as parsed views. Every view points into the bytes it was parsed from and is
// valid as long as they are.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernel/base/bytes.hpp"
#include "kernel/codec/message.hpp"
#include "kernel/codec/reason_code.hpp"

namespace keel::kernel {

enum class Version : std::uint8_t { v31 = 3, v311 = 4, v5 = 5 };

enum class PacketType : std::uint8_t {
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
std::string_view packet_name(PacketType type);  // "PUBLISH"

// Why a packet was refused. `what` is a literal for the log: "topic name holds a wildcard".
struct Fault {
  Reason reason = Reason::success;
  const char* what = "";
  explicit operator bool() const { return reason != Reason::success; }
};

struct FixedHeader {
  PacketType type{};
  std::uint8_t flags = 0;
  std::uint8_t size = 0;        // of this header, 2 to 5 bytes
  std::uint32_t remaining = 0;  // bytes that follow
};

struct WillView {
  Bytes topic, payload;
  Bytes properties;  // forwardable ones, wire form
  std::uint8_t qos = 0;
  bool retain = false;
  std::uint32_t delay_s = 0;
  std::uint32_t expiry_s = kNoExpiry;
};

struct ConnectView {
  Version version = Version::v311;
  bool clean_start = true;
  bool has_will = false, has_username = false, has_password = false;
  bool has_session_expiry = false;
  bool request_response_information = false;
  bool request_problem_information = true;
  std::uint16_t keep_alive_s = 0;
  std::uint16_t receive_maximum = 65535;
  std::uint16_t topic_alias_maximum = 0;
  std::uint32_t session_expiry_s = 0;
  std::uint32_t maximum_packet_size = 0;  // 0: no limit
  Bytes client_id, username, password;
  Bytes auth_method, auth_data;  // method empty: none
  Bytes user_properties;         // wire form
  WillView will;
};

struct PublishView {
  std::uint8_t qos = 0;
  bool dup = false, retain = false;
  std::uint16_t packet_id = 0;    // 0 for QoS 0
  std::uint16_t topic_alias = 0;  // 0: none
  bool verbatim = false;          // no property is for this connection alone: all are forwardable
  std::uint32_t expiry_s = kNoExpiry;
  Bytes topic;       // empty only with an alias
  Bytes properties;  // forwardable ones, wire form; in the packet or in the caller's scratch
  Bytes payload;
};

struct AckView {  // PUBACK, PUBREC, PUBREL, PUBCOMP
  std::uint16_t packet_id = 0;
  Reason reason = Reason::success;
};

struct FilterView {
  Bytes filter;
  std::uint8_t qos = 0;
  bool no_local = false, retain_as_published = false;
  std::uint8_t retain_handling = 0;
};

struct SubscribeView {
  std::uint16_t packet_id = 0;
  std::uint32_t subscription_id = 0;  // 0: none
  std::vector<FilterView> filters;    // reuse one view to save allocations
};

struct UnsubscribeView {
  std::uint16_t packet_id = 0;
  std::vector<Bytes> filters;
};

struct DisconnectView {
  Reason reason = Reason::success;
  bool has_session_expiry = false;
  std::uint32_t session_expiry_s = 0;
};

struct AuthView {
  Reason reason = Reason::success;
  Bytes method, data;
};

}  // namespace keel::kernel
