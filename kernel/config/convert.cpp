// From a value as written to a value of the schema's type, and back to text.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kernel/base/address.hpp"
#include "kernel/base/utf8.hpp"
#include "kernel/config/schema.hpp"

namespace keel::kernel {

namespace {

constexpr std::int64_t kEndless = std::numeric_limits<std::int64_t>::max();

template <class T>
const T* as(const RawValue& raw) {
  return std::get_if<T>(&raw.value);
}

// The text of a string; also of anything else whose quotes may have been lost on the way.
const std::string* text_of(const RawValue& raw) {
  if (const auto* text = as<std::string>(raw)) return text;
  return raw.bare ? &*raw.bare : nullptr;
}

bool is_clean(std::string_view text) {
  return valid_utf8(text) && std::none_of(text.begin(), text.end(), [](char c) {
           return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
         });
}

Error refused(const SettingSpec& spec, const RawValue& raw) {
  return Error{
      fmt::format("is {}; give {}", spec.secret ? "malformed" : raw.shown, expectation(spec))};
}

Result<Value> within(const SettingSpec& spec, const RawValue& raw, std::int64_t number) {
  if (number < spec.min || number > spec.max) return refused(spec, raw);
  return Value(number);
}

Result<Value> to_boolean(const SettingSpec& spec, const RawValue& raw) {
  if (const auto* yes = as<bool>(raw)) return Value(*yes);
  if (const auto* text = as<std::string>(raw)) {
    if (*text == "on" || *text == "true") return Value(true);
    if (*text == "off" || *text == "false") return Value(false);
  }
  return refused(spec, raw);
}

Result<Value> to_floating(const SettingSpec& spec, const RawValue& raw) {
  double number = std::nan("");
  if (const auto* real = as<double>(raw)) number = *real;
  if (const auto* whole = as<std::int64_t>(raw)) number = static_cast<double>(*whole);
  if (!(number >= spec.low && number <= spec.high)) return refused(spec, raw);
  return Value(number);
}

Result<Value> to_duration(const SettingSpec& spec, const RawValue& raw) {
  std::optional<std::int64_t> ms;
  if (const auto* number = as<std::int64_t>(raw)) {
    std::int64_t product = 0;
    if (!__builtin_mul_overflow(*number, spec.unit_ms, &product)) ms = product;
  } else if (const auto* text = as<std::string>(raw)) {
    ms = parse_duration(*text);
  }
  if (!ms || *ms % spec.step_ms != 0) return refused(spec, raw);
  return within(spec, raw, *ms);
}

Result<Value> to_size(const SettingSpec& spec, const RawValue& raw) {
  if (const auto* number = as<std::int64_t>(raw)) return within(spec, raw, *number);
  if (const auto* text = as<std::string>(raw)) {
    if (const auto bytes = parse_size(*text)) return within(spec, raw, *bytes);
  }
  return refused(spec, raw);
}

Result<Value> to_choice(const SettingSpec& spec, const RawValue& raw) {
  const auto* text = text_of(raw);
  const auto& known = spec.choices;
  if (text == nullptr || std::find(known.begin(), known.end(), *text) == known.end()) {
    return refused(spec, raw);
  }
  return Value(*text);
}

Result<Value> to_string(const SettingSpec& spec, const RawValue& raw) {
  const auto* text = text_of(raw);
  if (text == nullptr || (text->empty() && !spec.may_be_empty) || !is_clean(*text)) {
    return refused(spec, raw);
  }
  return Value(*text);
}

// "a, b" where quotes and brackets may have been lost.
std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> list;
  while (!text.empty()) {
    const auto comma = text.find(',');
    auto part = text.substr(0, comma);
    while (!part.empty() && part.front() == ' ') part.remove_prefix(1);
    while (!part.empty() && part.back() == ' ') part.remove_suffix(1);
    if (!part.empty()) list.emplace_back(part);
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
  }
  return list;
}

Result<Value> to_strings(const SettingSpec& spec, const RawValue& raw) {
  std::vector<std::string> list;
  if (const auto* given = as<std::vector<std::string>>(raw)) {
    list = *given;
  } else if (raw.bare) {
    list = split_list(*text_of(raw));
  } else {
    return refused(spec, raw);
  }
  const auto& known = spec.choices;
  for (const auto& text : list) {
    if (!is_clean(text)) return refused(spec, raw);
    if (!known.empty() && std::find(known.begin(), known.end(), text) == known.end()) {
      return refused(spec, raw);
    }
  }
  if (list.empty() && !spec.may_be_empty) return refused(spec, raw);
  return Value(std::move(list));
}

Result<Value> to_address(const SettingSpec& spec, const RawValue& raw) {
  std::string text;
  if (const auto* port = as<std::int64_t>(raw)) {
    text = fmt::format("{}", *port);
  } else if (const auto* given = text_of(raw)) {
    text = *given;
  } else {
    return refused(spec, raw);
  }
  if (text.empty() && spec.may_be_empty) return Value(text);
  const auto address = parse_bind(text, "0.0.0.0");
  if (!address) return refused(spec, raw);
  // A bare port keeps its form: where it binds is another setting's word.
  const bool bare = text.find_first_not_of("0123456789") == std::string::npos;
  return Value(bare ? text : address->text());
}

// " from 0 to 9", the parts that say something.
template <class Print>
std::string range(std::int64_t min, std::int64_t max, Print print) {
  std::string text;
  if (min != 0 || max != kEndless) text = fmt::format(" from {}", print(min));
  if (max != kEndless) text += fmt::format(" to {}", print(max));
  return text;
}

std::string choice_list(const std::vector<std::string>& choices) {
  std::string all;
  for (std::size_t i = 0; i < choices.size(); ++i) {
    if (i != 0) all += i + 1 == choices.size() ? " or " : ", ";
    all += quote_toml(choices[i]);
  }
  return all;
}

std::string print_octal(std::int64_t value) { return fmt::format("0o{:o}", value); }

std::string expected_duration(const SettingSpec& spec) {
  // Ranges that end at the width of the field say nothing to anybody.
  const bool bounded = spec.max <= std::int64_t{366} * 86'400'000;
  std::string text = "a duration such as \"20s\" or \"15m\"";
  if (spec.step_ms >= 1000) text = "a duration in whole seconds such as \"20s\" or \"15m\"";
  if (bounded || spec.min != 0) {
    text += range(spec.min, bounded ? spec.max : kEndless, print_duration);
  }
  return text;
}

}  // namespace

Result<Value> convert(const SettingSpec& spec, const RawValue& raw) {
  switch (spec.type) {
    case SettingType::boolean:
      return to_boolean(spec, raw);
    case SettingType::integer:
    case SettingType::octal:
      if (const auto* number = as<std::int64_t>(raw)) return within(spec, raw, *number);
      return refused(spec, raw);
    case SettingType::floating:
      return to_floating(spec, raw);
    case SettingType::string:
    case SettingType::table:
      return to_string(spec, raw);
    case SettingType::strings:
      return to_strings(spec, raw);
    case SettingType::duration:
      return to_duration(spec, raw);
    case SettingType::size:
      return to_size(spec, raw);
    case SettingType::choice:
      return to_choice(spec, raw);
    case SettingType::address:
      return to_address(spec, raw);
  }
  return refused(spec, raw);
}

std::string expectation(const SettingSpec& spec) {
  const auto plain = [](std::int64_t number) { return fmt::format("{}", number); };
  switch (spec.type) {
    case SettingType::boolean:
      return "true or false";
    case SettingType::integer:
      if (spec.min == 0 && spec.max == kEndless) return "a whole number, 0 or more";
      if (spec.min == std::numeric_limits<std::int64_t>::min() && spec.max == kEndless) {
        return "a whole number";
      }
      return "a whole number" + range(spec.min, spec.max, plain);
    case SettingType::octal:
      return "an octal number" + range(spec.min, spec.max, print_octal);
    case SettingType::floating:
      if (spec.low == std::numeric_limits<double>::lowest()) return "a number";
      return fmt::format("a number from {:.1f} to {:.1f}", spec.low, spec.high);
    case SettingType::string:
    case SettingType::table:
      return spec.may_be_empty ? "a text in \"quotes\"" : "a text in \"quotes\", not empty";
    case SettingType::strings:
      if (!spec.choices.empty()) return "a list of " + choice_list(spec.choices);
      return "a list of texts such as [\"a\", \"b\"]";
    case SettingType::duration:
      return expected_duration(spec);
    case SettingType::size:
      return "a size such as \"64KB\" or \"1MB\"" + range(spec.min, spec.max, print_size);
    case SettingType::choice:
      return choice_list(spec.choices);
    case SettingType::address:
      return "a port, \"address:port\", \"[ipv6]:port\" or \"unix:PATH\", addresses as numbers";
  }
  return {};
}

std::string print_value(const SettingSpec& spec, const Value& value) {
  if (const auto* yes = std::get_if<bool>(&value)) return *yes ? "true" : "false";
  if (const auto* real = std::get_if<double>(&value)) {
    auto text = fmt::format("{}", *real);
    return text.find_first_of(".en") == std::string::npos ? text + ".0" : text;
  }
  if (const auto* text = std::get_if<std::string>(&value)) return quote_toml(*text);
  if (const auto* list = std::get_if<std::vector<std::string>>(&value)) return quote_toml(*list);
  const auto* number = std::get_if<std::int64_t>(&value);
  if (number == nullptr) return "unset";
  if (spec.type == SettingType::octal) return print_octal(*number);
  if (spec.type == SettingType::duration) return quote_toml(print_duration(*number));
  if (spec.type == SettingType::size && *number != 0 && *number % 1024 == 0) {
    return quote_toml(print_size(*number));
  }
  return fmt::format("{}", *number);
}

}  // namespace keel::kernel
