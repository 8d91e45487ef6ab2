// Why a token is not accepted. Values; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace jwt {

enum class Cause : std::uint8_t {
  malformed,    // it is no token that can be read
  algorithm,    // not one that is allowed
  key,          // no key fits
  signature,    // it is not what any fitting key signed
  time,         // expired, or not good yet
  claims,       // audience, issuer or a required claim
  acl,          // its acl claim makes no sense
  unavailable,  // no keys yet, or too much to do
};
constexpr std::array<std::string_view, 8> kCauseNames = {
    "malformed", "algorithm", "key", "signature", "time", "claims", "acl", "unavailable"};

constexpr std::string_view cause_name(Cause cause) {
  return kCauseNames[static_cast<std::size_t>(cause)];
}
// What the client is told: bad user name or password, not authorized, server unavailable. Only a
// genuine token gets the second.
constexpr std::uint8_t reason_code(Cause cause) {
  return cause == Cause::unavailable                     ? 0x88
         : cause == Cause::claims || cause == Cause::acl ? 0x87
                                                         : 0x86;
}

struct Refusal {
  Cause cause = Cause::malformed;
  std::string text = {};  // for operators; repeats nothing that is secret
};
// Puts it in and says no.
inline bool refuse(Refusal& why, Cause cause, std::string text) {
  why = {cause, std::move(text)};
  return false;
}

}  // namespace jwt
