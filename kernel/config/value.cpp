#include "kernel/config/value.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace keel::kernel {

namespace {

struct Unit {
  std::string_view name;
  std::int64_t factor;
};
// Largest first, for printing.
constexpr std::array kDurations = {Unit{"d", 86'400'000}, Unit{"h", 3'600'000}, Unit{"m", 60'000},
                                   Unit{"s", 1'000}, Unit{"ms", 1}};
constexpr Unit kWeek{"w", 604'800'000};
constexpr std::array kSizes = {Unit{"GB", 1LL << 30}, Unit{"MB", 1LL << 20}, Unit{"KB", 1LL << 10}};

// Takes a number and the letters behind it off `text`.
struct Measured {
  std::int64_t number;
  std::string unit;  // lower case
};
std::optional<Measured> take_measured(std::string_view& text) {
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [after, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || number < 0 || text.front() == '-') return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(after - text.data()));
  Measured taken{number, {}};
  while (!text.empty() && !(text.front() >= '0' && text.front() <= '9')) {
    const char c = text.front();
    taken.unit += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    text.remove_prefix(1);
  }
  return taken;
}

std::optional<std::int64_t> duration_factor(std::string_view unit) {
  if (unit == kWeek.name) return kWeek.factor;
  for (const Unit& known : kDurations) {
    if (known.name == unit) return known.factor;
  }
  return std::nullopt;
}

std::optional<std::int64_t> size_factor(std::string_view unit) {
  if (unit.empty() || unit == "b") return 1;
  std::string_view rest = unit.substr(1);
  if (!rest.empty() && rest != "b" && rest != "ib") return std::nullopt;
  switch (unit.front()) {
    case 'k':
      return 1LL << 10;
    case 'm':
      return 1LL << 20;
    case 'g':
      return 1LL << 30;
    case 't':
      return 1LL << 40;
    default:
      return std::nullopt;
  }
}

}  // namespace

std::string quote_toml(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      fmt::format_to(std::back_inserter(out), "\\u{:04X}", byte);
    } else {
      out += c;
    }
  }
  return out += '"';
}

std::string quote_toml(const std::vector<std::string>& list) {
  std::string out = "[";
  for (const auto& text : list) {
    if (out.size() > 1) out += ", ";
    out += quote_toml(text);
  }
  return out += ']';
}

std::string shorten(std::string text) {
  constexpr std::size_t kShownLength = 60;
  if (text.size() <= kShownLength) return text;
  std::size_t cut = kShownLength - 3;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xc0) == 0x80) --cut;
  return text.substr(0, cut) + "...";
}

std::optional<std::int64_t> parse_duration(std::string_view text) {
  if (text.empty()) return std::nullopt;
  std::int64_t total = 0;
  while (!text.empty()) {
    const auto part = take_measured(text);
    if (!part) return std::nullopt;
    const auto factor = duration_factor(part->unit);
    std::int64_t ms = 0;
    if (!factor || __builtin_mul_overflow(part->number, *factor, &ms) ||
        __builtin_add_overflow(total, ms, &total)) {
      return std::nullopt;
    }
  }
  return total;
}

std::string print_duration(std::int64_t ms) {
  for (const Unit& unit : kDurations) {
    if (ms != 0 && ms % unit.factor == 0) return fmt::format("{}{}", ms / unit.factor, unit.name);
  }
  return "0s";
}

std::optional<std::int64_t> parse_size(std::string_view text) {
  if (text.empty()) return std::nullopt;
  const auto size = take_measured(text);
  if (!size || !text.empty()) return std::nullopt;
  const auto factor = size_factor(size->unit);
  std::int64_t bytes = 0;
  if (!factor || __builtin_mul_overflow(size->number, *factor, &bytes)) return std::nullopt;
  return bytes;
}

std::string print_size(std::int64_t bytes) {
  for (const Unit& unit : kSizes) {
    if (bytes != 0 && bytes % unit.factor == 0) {
      return fmt::format("{}{}", bytes / unit.factor, unit.name);
    }
  }
  return fmt::format("{}", bytes);
}

}  // namespace keel::kernel
