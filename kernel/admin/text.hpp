// Small pieces of wording shared by commands and $SYS. Pure functions; [any].
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace keel::kernel {

// "2 days,3 hours, 0 minutes, 25 seconds"; leading parts that are zero are left out.
std::string uptime_text(std::int64_t seconds);

// "2019-04-29 10:42:10", local time.
std::string datetime_text(std::int64_t unix_s);

// `text` on one line whatever a client put into it, at full length.
std::string one_line(std::string_view text);

// A number between 0 and `max`, digits only.
bool parse_number(std::string_view text, std::uint64_t& out,
                  std::uint64_t max = std::numeric_limits<std::uint64_t>::max());

}  // namespace keel::kernel
