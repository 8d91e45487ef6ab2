// What a device says of itself when it registers and updates [LwM2M 1.1 core 6.2.1, 6.2.2]. Pure
// values and functions.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "emqx_lwm2m/objects/definitions.hpp"

namespace lwm2m {

struct Registration {
  std::string endpoint;
  // What it is served by, and the event says: as sent, or the default.
  std::uint32_t lifetime_s = 86'400;
  std::string version = "1.0";
  std::optional<std::string> binding, sms;  // as sent
  bool queue_flag = false;                  // a bare Q
  // The other parameters, in UTF-8, each name once, without what looks like a secret; a bare one
  // has an empty value.
  std::vector<std::pair<std::string, std::string>> others;
  std::string alternate_path = "/";    // "/lwm2m"
  std::vector<std::uint16_t> formats;  // ct of the root link: hierarchical formats it speaks
  std::vector<std::string> objects;    // "/3/0", "/5", in the order sent, without the prefix
  ObjectVersions versions;

  bool queue_mode() const;  // the flag, or a Q in the binding
  bool at_least(unsigned major, unsigned minor) const;
  bool has(const Path& path) const;  // an object, or instance, of the list covers it
};

struct RegistrationLimits {
  std::uint32_t lifetime_min_s = 1, lifetime_max_s = 86'400;
  bool clamp = false;   // what is outside is brought inside; else it is refused
  bool strict = false;  // an empty object list is refused
  std::size_t max_list = 64u << 10, max_links = 2048;
  std::size_t max_parameters = 8u << 10;  // octets of what is kept of the queries
};

// Why it is refused: the CoAP code, and words for the log.
struct RegistrationProblem {
  std::uint8_t code = 0;
  std::string reason;
};
using ParsedRegistration = std::variant<Registration, RegistrationProblem>;

// `identity`: what (D)TLS proves, serves as the endpoint name when none is given; else empty.
ParsedRegistration parse_register(std::span<const std::string_view> queries,
                                  std::optional<std::uint16_t> content_format,
                                  std::string_view payload, std::string_view identity,
                                  const RegistrationLimits& limits);

// The registration as it will be; the present one is left alone. `with_objects`: a list came along.
struct Updated {
  Registration registration;
  bool with_objects = false;
};
std::variant<Updated, RegistrationProblem> parse_update(const Registration& present,
                                                        std::span<const std::string_view> queries,
                                                        std::optional<std::uint16_t> content_format,
                                                        std::string_view payload,
                                                        const RegistrationLimits& limits);

// The endpoint name among the queries of a Register; empty: none. Last one wins.
std::string_view endpoint_of(std::span<const std::string_view> queries);
// As a topic level: `%`, `+`, `#` and `/` percent-encoded.
std::string topic_level(std::string_view endpoint);
// None: topic_level() makes no such text.
std::optional<std::string> endpoint_of_level(std::string_view level);

}  // namespace lwm2m
