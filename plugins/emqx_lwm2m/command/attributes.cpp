#include "emqx_lwm2m/command/attributes.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "emqx_lwm2m/format/number.hpp"

namespace lwm2m {

namespace {

struct Attribute {
  std::string_view name;
  bool seconds = false;  // a whole number; others have a sign and a fraction
};
constexpr Attribute kAttributes[] = {{"pmin", true}, {"pmax", true},  {"gt"},         {"lt"},
                                     {"st"},         {"epmin", true}, {"epmax", true}};

const Attribute* find(std::string_view name) {
  const auto* const found = std::ranges::find(kAttributes, name, &Attribute::name);
  return found == std::end(kAttributes) ? nullptr : found;
}

// Plain decimal: digits, with a sign and one point where there may be a fraction.
bool decimal(std::string_view text, bool seconds) {
  constexpr std::size_t kLongest = 40;
  if (text.size() > kLongest) return false;
  if (!seconds && text.starts_with('-')) text.remove_prefix(1);
  const std::size_t point = seconds ? std::string_view::npos : text.find('.');
  const auto digits = [](std::string_view part) {
    return !part.empty() && std::ranges::all_of(part, [](char c) { return c >= '0' && c <= '9'; });
  };
  if (point == std::string_view::npos) return digits(text);
  return digits(text.substr(0, point)) && digits(text.substr(point + 1));
}

std::string plain(double number) {
  char text[400];  // all the digits of the largest, or of the smallest
  const auto end = std::to_chars(text, text + sizeof text, number, std::chars_format::fixed);
  return {text, end.ptr};
}

}  // namespace

bool is_attribute(std::string_view name) { return find(name) != nullptr; }

std::optional<std::string> attribute_query(std::string_view name, std::string_view value) {
  std::string out(name);
  if (value.empty() || value == "cancel") return out;
  const Attribute* const known = find(name);
  if (!known || !decimal(value, known->seconds)) return std::nullopt;
  out.push_back('=');
  out.append(value);
  return out;
}

std::optional<std::string> attribute_query(std::string_view name, const boost::json::value& value) {
  if (const boost::json::string* const text = value.if_string()) {
    return attribute_query(name, std::string_view(text->data(), text->size()));
  }
  std::string digits;
  if (const std::int64_t* const signed_number = value.if_int64()) {
    append_number(digits, *signed_number);
  } else if (const std::uint64_t* const number = value.if_uint64()) {
    append_number(digits, *number);
  } else if (const double* const fraction = value.if_double();
             fraction && std::isfinite(*fraction)) {
    digits = plain(*fraction);
  } else {
    return std::nullopt;
  }
  return attribute_query(name, digits);
}

}  // namespace lwm2m
