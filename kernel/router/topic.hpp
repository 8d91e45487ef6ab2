// Topic filters [MQTT5 4.7, 4.8.2]. Pure functions.
#pragma once

#include <cstdint>
#include <string_view>

namespace keel::kernel {

// A filter as a client gave it, taken apart. `$share/g/f` and `$queue/f` become group and filter.
struct ParsedFilter {
  std::string_view group;   // empty: not shared; "$queue" for $queue/
  std::string_view filter;  // without the prefix
  bool wildcard = false;
  bool shared() const { return !group.empty(); }
};

enum class FilterError : std::uint8_t {
  none,
  empty,
  bad_utf8,
  bad_wildcard,
  bad_share,
  too_long,
  too_deep
};

// Checks a filter against the rules and the limits (0: none), UTF-8 included.
FilterError parse_filter(std::string_view text, std::uint32_t max_length, std::uint32_t max_levels,
                         ParsedFilter& out);
std::string_view filter_error_text(FilterError error);

// Whether `topic` is matched by `filter` (no share prefix). A naive walk: for tests, traces, ACL
// rules. Filters that start with a wildcard do not match topics that start with `$`.
bool topic_matches(std::string_view filter, std::string_view topic);

std::uint32_t topic_levels(std::string_view topic);

}  // namespace keel::kernel
