#include "emqx_lwm2m/command/coercion.hpp"

#include <cmath>
#include <keel/utf8.hpp>
#include <limits>
#include <string>
#include <string_view>

#include "emqx_lwm2m/format/base64.hpp"
#include "emqx_lwm2m/format/number.hpp"

namespace lwm2m {

namespace {

namespace json = boost::json;

std::string_view text_of(const json::string& text) { return {text.data(), text.size()}; }

DataType natural(const json::value& value) {
  switch (value.kind()) {
    case json::kind::string:
      return DataType::string;
    case json::kind::bool_:
      return DataType::boolean;
    case json::kind::int64:
      return DataType::integer;
    case json::kind::uint64:  // those beyond int64 only
      return DataType::unsigned_integer;
    case json::kind::double_:
      return DataType::floating;
    default:
      return DataType::none;
  }
}

// 1e3 and 5.0 are integers, too, as long as doubles tell one from the next.
template <class T>
std::optional<T> whole(double number) {
  constexpr double kExact = 9007199254740992.0;
  if (!(std::abs(number) <= kExact) || number != std::trunc(number)) return std::nullopt;
  if (std::is_unsigned_v<T> && number < 0) return std::nullopt;
  return static_cast<T>(number);
}

template <class T>
std::optional<T> integer(const json::value& value) {
  using Limits = std::numeric_limits<T>;
  if (const std::int64_t* const number = value.if_int64()) {
    if (std::is_unsigned_v<T> && *number < 0) return std::nullopt;
    return static_cast<T>(*number);
  }
  if (const std::uint64_t* const number = value.if_uint64()) {
    if (*number > static_cast<std::uint64_t>(Limits::max())) return std::nullopt;
    return static_cast<T>(*number);
  }
  if (const double* const number = value.if_double()) return whole<T>(*number);
  if (const json::string* const text = value.if_string()) return parse_integer<T>(text_of(*text));
  return std::nullopt;
}

std::optional<double> floating(const json::value& value) {
  if (const std::int64_t* const number = value.if_int64()) return static_cast<double>(*number);
  if (const std::uint64_t* const number = value.if_uint64()) return static_cast<double>(*number);
  if (const double* const number = value.if_double()) {
    return std::isfinite(*number) ? std::optional(*number) : std::nullopt;
  }
  if (const json::string* const text = value.if_string()) return parse_float(text_of(*text));
  return std::nullopt;
}

std::optional<bool> boolean(const json::value& value) {
  if (const bool* const truth = value.if_bool()) return *truth;
  if (const json::string* const text = value.if_string()) {
    if (*text == "true" || *text == "1") return true;
    if (*text == "false" || *text == "0") return false;
    return std::nullopt;
  }
  const std::optional<std::int64_t> number = integer<std::int64_t>(value);
  if (!number || (*number != 0 && *number != 1)) return std::nullopt;
  return *number == 1;
}

std::optional<std::string> string(const json::value& value) {
  std::string out;
  if (const json::string* const text = value.if_string()) {
    out = text_of(*text);
  } else if (const std::int64_t* const signed_number = value.if_int64()) {
    append_number(out, *signed_number);
  } else if (const std::uint64_t* const number = value.if_uint64()) {
    append_number(out, *number);
  } else if (const double* const fraction = value.if_double();
             fraction && std::isfinite(*fraction)) {
    append_number(out, *fraction);
  } else {
    return std::nullopt;
  }
  return out;
}

std::optional<std::string> opaque(const json::string& text, Encoding encoding) {
  if (encoding == Encoding::raw) return std::string(text);
  return from_base64(text_of(text));
}

std::optional<Value> hexadecimal(const json::value& value, DataType type) {
  const json::string* const text = value.if_string();
  if (!text) return std::nullopt;
  std::optional<std::string> octets = from_hex(text_of(*text));
  if (!octets) return std::nullopt;
  const bool holds_text = type == DataType::string || type == DataType::corelnk;
  if (!holds_text || !keel::is_utf8(*octets)) type = DataType::opaque;
  return Value{type, std::move(*octets)};
}

template <class T>
std::optional<Value> made(DataType type, std::optional<T> data) {
  if (!data) return std::nullopt;
  return Value{type, std::move(*data)};
}

}  // namespace

std::optional<Value> coerce(const json::value& value, DataType type, Encoding encoding) {
  if (encoding == Encoding::hex) return hexadecimal(value, type);
  if (type == DataType::none) type = natural(value);
  const json::string* const text = value.if_string();
  switch (type) {
    case DataType::string:
      return made(type, string(value));
    case DataType::corelnk:
      return text ? made(type, string(value)) : std::nullopt;
    case DataType::integer:
    case DataType::time:
      return made(type, integer<std::int64_t>(value));
    case DataType::unsigned_integer:
      return made(type, integer<std::uint64_t>(value));
    case DataType::floating:
      return made(type, floating(value));
    case DataType::boolean:
      return made(type, boolean(value));
    case DataType::opaque:
      return text ? made(type, opaque(*text, encoding)) : std::nullopt;
    case DataType::objlnk:
      return text ? made(type, parse_object_link(text_of(*text))) : std::nullopt;
    case DataType::none:
      break;
  }
  return std::nullopt;
}

}  // namespace lwm2m
