// Values as settings files hold them, and how durations and sizes are written. Plain values, any
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace keel::kernel {

// Durations are milliseconds, sizes bytes; monostate is "not set".
using Value =
    std::variant<std::monostate, bool, std::int64_t, double, std::string, std::vector<std::string>>;

// A value as it was written, before a schema has looked at it.
struct RawValue {
  Value value;                      // monostate: a kind no setting has (a date, a mixed list)
  std::string shown;                // for messages; short and printable
  std::optional<std::string> bare;  // the text itself, where quotes may have been lost on the way
  std::string literal;              // numbers, truth values, dates: as they stand in a file
};

// `text` as a TOML basic string, control characters escaped.
std::string quote_toml(std::string_view text);
std::string quote_toml(const std::vector<std::string>& list);  // ["a", "b"]
// As short as a message needs it; cut between two characters.
std::string shorten(std::string text);

// "500ms" "20s" "15m" "2h" "7d" "1w", or several as in "1h30m", in milliseconds. Nothing when
// malformed or too large.
std::optional<std::int64_t> parse_duration(std::string_view text);
std::string print_duration(std::int64_t ms);

// "64KB" "1MB" "10MiB" "2g" "512", in bytes. All prefixes count in 1024, as they do in EMQ X.
std::optional<std::int64_t> parse_size(std::string_view text);
std::string print_size(std::int64_t bytes);

}  // namespace keel::kernel
