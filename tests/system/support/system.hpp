// What every system test includes: the broker, clients, and the protocol versions as template
// arguments for TEST_CASE_TEMPLATE.
#pragma once

#include <doctest/doctest.h>

#include "tests/system/support/broker.hpp"
#include "tests/system/support/client.hpp"

namespace keel::test {

struct V31 {
  static constexpr Version value = Version::v31;
};
struct V311 {
  static constexpr Version value = Version::v311;
};
struct V5 {
  static constexpr Version value = Version::v5;
};

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// CONNECT of a client whose session stays: clean session 0, for v5 with an expiry.
inline Connect persistent(const std::string& client_id, Version version,
                          std::uint32_t expiry_s = 3600) {
  Connect out{.client_id = client_id, .version = version, .clean = false};
  if (version == Version::v5) out.props.num(prop::kSessionExpiry, expiry_s);
  return out;
}

}  // namespace keel::test

TYPE_TO_STRING(keel::test::V31);
TYPE_TO_STRING(keel::test::V311);
TYPE_TO_STRING(keel::test::V5);
