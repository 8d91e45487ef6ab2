// Addresses as rules name them: "10.0.0.0/8", "192.0.2.7", "2001:db8::/32", "unix". Values; any
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <keel/address.hpp>

namespace emqx_acl {

// A client's address, ready for comparing. IPv4 in IPv6 clothes (::ffff:192.0.2.7) is IPv4.
struct Ip {
  enum class Family : std::uint8_t { none, v4, v6, unix_socket };
  static Ip of(const keel::Address& address);

  Family family = Family::none;
  std::uint64_t high = 0, low = 0;  // IPv4: in the lower half of `low`
};

class Network {
 public:
  // nullopt: it is none. Bits beyond the prefix are ignored, as EMQ X does.
  static std::optional<Network> parse(std::string_view text);

  bool contains(const Ip& ip) const {
    return ip.family == base_.family && (ip.high & mask_high_) == base_.high &&
           (ip.low & mask_low_) == base_.low;
  }
  const std::string& text() const { return text_; }

 private:
  Ip base_;
  std::uint64_t mask_high_ = 0, mask_low_ = 0;
  std::string text_;  // as written
};

}  // namespace emqx_acl
