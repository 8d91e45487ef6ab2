// What hooks answer. A lambda with several answers names its return type:
//
//   [](const keel::Message& m) -> keel::Verdict {
//     if (m.topic().starts_with("secret/")) return keel::Deny{};
//     return keel::Next{};
//   }
#pragma once

#include <string>
#include <string_view>

#include "keel/message.hpp"

namespace keel {

struct Next {};     // no opinion: ask the next one
struct Stop {};     // the chain ends here; nothing else changes
struct Pending {};  // a Ticket will tell

// No. `reason` is an MQTT 5 reason code >= 0x80; 0: what fits the point.
struct Deny {
  std::uint8_t reason = 0;
};
// Yes. The attributes count for authentication only.
struct Allow {
  bool superuser = false;
  std::uint32_t expiry_s = 0;
  std::string mountpoint = {};
  std::string data = {};  // enhanced authentication: the last data for the client
};
// Enhanced authentication: send data and wait for the client's.
struct Continue {
  std::string data;
};
// message_publish: go on with this message.
struct Replace {
  MessageRef message;
};

// The answer of every point except authentication.
class Verdict {
 public:
  Verdict(Next) : code_(KEEL_NEXT) {}                             // NOLINT: all of them are meant
  Verdict(Stop) : code_(KEEL_STOP) {}                             // NOLINT  to convert
  Verdict(Pending) : code_(KEEL_PENDING) {}                       // NOLINT
  Verdict(Deny deny) : code_(KEEL_DENY), reason_(deny.reason) {}  // NOLINT
  Verdict(const Allow&) : code_(KEEL_ALLOW) {}                    // NOLINT
  Verdict(Replace replace)                                        // NOLINT
      : code_(KEEL_REPLACE), message_(std::move(replace.message)) {}

  std::int32_t code() const { return code_; }
  std::uint8_t reason() const { return reason_; }
  MessageRef& message() { return message_; }

 private:
  std::int32_t code_;
  std::uint8_t reason_ = 0;
  MessageRef message_;
};

// The answer of on_authenticate and on_enhanced_auth.
class AuthVerdict {
 public:
  AuthVerdict(Next) : code_(KEEL_NEXT) {}                                    // NOLINT
  AuthVerdict(Stop) : code_(KEEL_STOP) {}                                    // NOLINT
  AuthVerdict(Pending) : code_(KEEL_PENDING) {}                              // NOLINT
  AuthVerdict(Deny deny) : code_(KEEL_DENY), reason_(deny.reason) {}         // NOLINT
  AuthVerdict(Allow allow) : code_(KEEL_ALLOW), allow_(std::move(allow)) {}  // NOLINT
  AuthVerdict(Continue more) : code_(KEEL_CONTINUE) {                        // NOLINT
    allow_.data = std::move(more.data);
  }

  std::int32_t code() const { return code_; }
  std::uint8_t reason() const { return reason_; }
  const Allow& attributes() const { return allow_; }

 private:
  std::int32_t code_;
  std::uint8_t reason_ = 0;
  Allow allow_;
};

// Makes the answer of a message_publish hook out of a changed message:
//   keel::Publish p = m.edit(); p.payload = text; return keel::replace(m, p);
// A message that cannot be made (topic with wildcards, ...) is refused, and the log says why.
inline Verdict replace(const Message& original, const Publish& changed) {
  Result<MessageRef> made = Message::create(original.core(), changed.c());
  if (made) return Replace{std::move(*made)};
  original.core().log.call(
      &keel_ext_log::write, original.core().host, std::uint32_t{KEEL_LOG_ERROR},
      to_c(concat("cannot replace a message to ", original.topic(), ": ", made.status())));
  return Deny{0x83};
}

}  // namespace keel
