// Numbers as text, whatever the locale. Pure functions, any thread.
#pragma once

#include <charconv>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lwm2m {

// The whole text is a decimal number that fits; one + before it is taken.
template <std::integral T>
std::optional<T> parse_integer(std::string_view text) {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  T out{};
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, out);
  if (text.empty() || error != std::errc() || at != end) return std::nullopt;
  return out;
}

// Likewise, with fraction and exponent; finite.
inline std::optional<double> parse_float(std::string_view text) {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  double out = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, out);
  if (text.empty() || error != std::errc() || at != end || !std::isfinite(out)) return std::nullopt;
  return out;
}

template <std::integral T>
void append_number(std::string& out, T number) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

// The shortest text that reads back as the same number, without an exponent if it is of a common
// size: 23.5, 5, 1700000000, 1e+30. Finite ones are JSON.
inline void append_number(std::string& out, double number) {
  char digits[40];
  const double size = std::abs(number);
  const bool is_common = size == 0 || (size >= 1e-5 && size < 1e16);
  const auto format = is_common ? std::chars_format::fixed : std::chars_format::general;
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number, format).ptr);
}

}  // namespace lwm2m
