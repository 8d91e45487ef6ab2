// A registration as one string, the way a device keeps it: a few hundred octets less than the
// struct. Values; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "emqx_lwm2m/device/registration.hpp"

namespace lwm2m {

class PackedRegistration {
 public:
  explicit PackedRegistration(const Registration& registration);
  // None: not what text() gives.
  static std::optional<PackedRegistration> from(std::string_view text);

  std::string_view text() const { return text_; }
  std::string_view endpoint() const;
  ObjectVersions versions() const;
  Registration unpack() const;

  bool operator==(const PackedRegistration&) const = default;

 private:
  PackedRegistration() = default;

  std::string text_;
};

}  // namespace lwm2m
