// MQTT 3.1.1 and 5.0 as bytes, as much of it as a load generator needs. No state, no I/O. What a
// broker sends is checked only so far that nothing is read beyond its end: WireError otherwise.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace keel::load {

enum class Version : std::uint8_t { v311 = 4, v5 = 5 };

enum class Packet : std::uint8_t {
  connect = 1,
  connack = 2,
  publish = 3,
  puback = 4,
  pubrec = 5,
  pubrel = 6,
  pubcomp = 7,
  subscribe = 8,
  suback = 9,
  pingreq = 12,
  pingresp = 13,
  disconnect = 14
};

class WireError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct Frame {
  Packet type{};
  std::uint8_t flags = 0;
  std::string_view body;
};

// Takes one packet off the front of `bytes`. False: not all of it is there yet.
bool take_frame(std::string_view& bytes, Frame& frame);

struct ConnectFields {
  Version version = Version::v311;
  std::string_view client_id;
  bool clean = true;
  std::uint32_t session_expiry = 0;     // seconds, version 5 only
  std::string_view username, password;  // empty: neither
};

struct Filters {
  std::string octets;  // as they stand in SUBSCRIBE
  void add(std::string_view filter, std::uint8_t qos);
};

// Each of these appends one packet to `out`.
void put_connect(std::string& out, const ConnectFields& fields);
void put_subscribe(std::string& out, Version version, std::uint16_t id, std::string_view filter,
                   std::uint8_t qos);
void put_subscribe(std::string& out, Version version, std::uint16_t id, const Filters& filters);
void put_ack(std::string& out, Packet type, std::uint16_t id);
void put_empty(std::string& out, Packet type);  // PINGREQ and DISCONNECT

struct PublishFields {
  Version version = Version::v311;
  std::uint8_t qos = 0;
  bool retain = false;
  std::uint16_t id = 0;  // of QoS 1 and 2
  std::string_view topic;
};

// The payload is `head` and then `tail`.
void put_publish(std::string& out, const PublishFields& fields, std::string_view head,
                 std::string_view tail);

struct Connack {
  bool session_present = false;
  std::uint8_t code = 0;
  std::uint16_t receive_maximum = 65'535;
};
struct Ack {
  std::uint16_t id = 0;
  std::uint8_t code = 0;  // the reason; of a SUBACK the first that refuses, else its first
};
struct Message {
  std::uint8_t qos = 0;
  bool dup = false, retain = false;
  std::uint16_t id = 0;
  std::string_view topic, payload;
};

Connack read_connack(const Frame& frame, Version version);
Ack read_ack(const Frame& frame);
Ack read_suback(const Frame& frame, Version version);
Message read_message(const Frame& frame, Version version);

}  // namespace keel::load
