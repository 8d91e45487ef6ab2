#include "kernel/admin/text.hpp"

#include <fmt/format.h>

#include <charconv>
#include <ctime>

#include "kernel/base/utf8.hpp"

namespace keel::kernel {

std::string uptime_text(std::int64_t seconds) {
  const std::int64_t days = seconds / 86'400, hours = seconds / 3'600 % 24,
                     minutes = seconds / 60 % 60;
  std::string out;
  if (days > 0) out += fmt::format("{} days,", days);
  if (days > 0 || hours > 0) out += fmt::format("{} hours, ", hours);
  if (seconds >= 60) out += fmt::format("{} minutes, ", minutes);
  return out + fmt::format("{} seconds", seconds % 60);
}

std::string datetime_text(std::int64_t unix_s) {
  const auto time = static_cast<std::time_t>(unix_s);
  std::tm parts{};
  ::localtime_r(&time, &parts);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

std::string one_line(std::string_view text) {
  std::string buffer;
  return std::string(printable(text, buffer, std::numeric_limits<std::size_t>::max()));
}

bool parse_number(std::string_view text, std::uint64_t& out, std::uint64_t max) {
  if (text.empty() || text[0] < '0' || text[0] > '9') return false;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, out);
  return error == std::errc{} && at == end && out <= max;
}

}  // namespace keel::kernel
