// What MQTT clients are told: answers to commands, notifications, events; as JSON. Octets of a
// device that should be text and are no UTF-8 become base64 where they are a value (B says so with
// type "Opaque" and error "bad_utf8"), else U+FFFD; numbers that are none become null. Pure
// functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "emqx_lwm2m/command/command.hpp"
#include "emqx_lwm2m/device/registration.hpp"

namespace lwm2m {

// Why a command was not carried out, apart from the device's own answers.
enum class Refusal : std::uint8_t {
  bad_request,     // 4.00, with a reason of its own
  unauthorized,    // 4.01: object 0
  timeout,         // 5.04, msgType coap_timeout; A: "Timeout"
  reset,           // 5.02, msgType coap_reset; A: "Reset"
  not_registered,  // 5.03; A: "Device Offline"
  queue_full,      // 5.03; A: "Queue Full"
  expired,         // 5.04, waited too long; A: "Timeout"
  shutdown,        // 5.03
  too_large,       // 4.13
  broken_body,     // 5.02
};

struct ReplySettings {
  bool content_meta = false;  // items with the name and type of the definition
  bool strict_xml_a = true;   // A: "No XML Definition" when a type had to be guessed
};

// What a device answered. Views, for the time of the call.
struct Answer {
  std::uint8_t code = 0;              // CoAP
  const Decoded* content = nullptr;   // decoded, for 2.05
  std::string_view links = {};        // of a Discover
  std::string_view location = {};     // of a Create: "/3303/1"
  std::optional<bool> observed = {};  // observe: whether the device observes
  // Of a payload that could not be decoded, with `raw`.
  std::optional<std::uint16_t> format = {};
  std::optional<std::string_view> raw = {};
  bool restored = false;  // a notification: the observation was made anew
};

std::string answer(const Command& command, const Answer& answer, const Types& types,
                   const ReplySettings& settings);
// `sequence`: of the Observe option.
std::string notification(const Command& observe, const Answer& answer, std::uint32_t sequence,
                         const Types& types, const ReplySettings& settings);
std::string refused(const Command& command, Refusal why, std::string_view reason = {});
// "ack": the device has it, its answer will come later. Dialect A has none: empty.
std::string acknowledged(const Command& command);
// "progress" of a large body. Dialect A has none: empty.
std::string progress(const Command& command, std::size_t sent, std::size_t total);

enum class Event : std::uint8_t { registered, updated, deregistered, expired };
std::string event(Event event, const Registration& registration);
// "send" [LwM2M 1.1 core 6.4.9].
std::string sent(const Decoded& content, const Types& types, const ReplySettings& settings);

// "2.05" and "content".
std::string dotted(std::uint8_t code);
std::string_view code_word(std::uint8_t code);

}  // namespace lwm2m
