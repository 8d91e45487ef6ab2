#include "emqx_lwm2m/format/typing.hpp"

#include <cmath>
#include <keel/text.hpp>
#include <keel/utf8.hpp>
#include <limits>
#include <type_traits>
#include <utility>

#include "emqx_lwm2m/format/base64.hpp"
#include "emqx_lwm2m/format/number.hpp"

namespace lwm2m {

namespace {

constexpr std::size_t kLongestName = 64;  // no path is longer than 24
constexpr double kTwoTo63 = 9223372036854775808.0;

bool is_whole(double number) { return std::isfinite(number) && std::trunc(number) == number; }

std::optional<std::int64_t> to_signed(const Plain& plain) {
  if (const auto* const number = std::get_if<std::int64_t>(&plain)) return *number;
  if (const auto* const number = std::get_if<std::uint64_t>(&plain)) {
    if (*number <= std::uint64_t{std::numeric_limits<std::int64_t>::max()})
      return static_cast<std::int64_t>(*number);
  }
  if (const auto* const number = std::get_if<double>(&plain)) {
    if (is_whole(*number) && *number >= -kTwoTo63 && *number < kTwoTo63)
      return static_cast<std::int64_t>(*number);
  }
  return std::nullopt;
}

std::optional<std::uint64_t> to_unsigned(const Plain& plain) {
  if (const auto* const number = std::get_if<std::uint64_t>(&plain)) return *number;
  if (const auto number = to_signed(plain); number && *number >= 0)
    return static_cast<std::uint64_t>(*number);
  if (const auto* const number = std::get_if<double>(&plain)) {
    if (is_whole(*number) && *number >= 0 && *number < 2 * kTwoTo63)
      return static_cast<std::uint64_t>(*number);
  }
  return std::nullopt;
}

std::optional<bool> to_bool(const Plain& plain) {
  if (const auto* const truth = std::get_if<bool>(&plain)) return *truth;
  const auto number = to_signed(plain);
  if (number && (*number == 0 || *number == 1)) return *number == 1;
  return std::nullopt;
}

template <class T>
std::optional<Value> with_type(DataType type, std::optional<T> data) {
  if (!data) return std::nullopt;
  return Value{type, std::move(*data)};
}

std::optional<Value> fitted(Plain& plain, DataType wanted) {
  auto* const text = std::get_if<std::string>(&plain);
  switch (wanted) {
    case DataType::integer:
    case DataType::time:
      return with_type(wanted, to_signed(plain));
    case DataType::unsigned_integer:
      return with_type(wanted, to_unsigned(plain));
    case DataType::floating:
      return with_type(wanted, number_of(plain));
    case DataType::boolean:
      return with_type(wanted, to_bool(plain));
    case DataType::objlnk:
      if (text) return with_type(wanted, parse_object_link(*text));
      break;
    case DataType::corelnk:
      if (text) return Value{wanted, std::move(*text)};
      break;
    case DataType::string:
    case DataType::opaque:
    case DataType::none:
      break;
  }
  return std::nullopt;
}

Value own(Plain&& plain) {
  return std::visit(
      [](auto&& data) -> Value {
        using T = std::decay_t<decltype(data)>;
        if constexpr (std::is_same_v<T, std::monostate>) return {};
        if constexpr (std::is_same_v<T, std::int64_t>) return {DataType::integer, data};
        if constexpr (std::is_same_v<T, std::uint64_t>) return {DataType::unsigned_integer, data};
        if constexpr (std::is_same_v<T, double>) return {DataType::floating, data};
        if constexpr (std::is_same_v<T, bool>) return {DataType::boolean, data};
        if constexpr (std::is_same_v<T, std::string>) return {DataType::string, std::move(data)};
        if constexpr (std::is_same_v<T, Octets>) return {DataType::opaque, std::move(data.value)};
        if constexpr (std::is_same_v<T, ObjectLink>) return {DataType::objlnk, data};
      },
      std::move(plain));
}

std::optional<bool> bool_of_text(std::string_view text) {
  if (text == "1" || text == "true") return true;
  if (text == "0" || text == "false") return false;
  return std::nullopt;
}

}  // namespace

std::optional<double> number_of(const Plain& plain) {
  if (const auto* const number = std::get_if<std::int64_t>(&plain))
    return static_cast<double>(*number);
  if (const auto* const number = std::get_if<std::uint64_t>(&plain))
    return static_cast<double>(*number);
  if (const auto* const number = std::get_if<double>(&plain)) return *number;
  return std::nullopt;
}

keel::Status take_name(Plain& from, std::string& to) {
  auto* const text = std::get_if<std::string>(&from);
  if (!text) return keel::Status::error("a name that is no string");
  if (text->size() > kLongestName) return keel::Status::error("a name that is no path");
  to = std::move(*text);
  return {};
}

keel::Status take_time(const Plain& from, std::optional<double>& to) {
  to = number_of(from);
  return to ? keel::Status() : keel::Status::error("a time that is no number");
}

Value typed(Plain plain, DataType wanted) {
  if (auto value = fitted(plain, wanted)) return std::move(*value);
  return own(std::move(plain));
}

std::optional<Value> value_of_text(std::string_view text, DataType type) {
  switch (type) {
    case DataType::string:
    case DataType::corelnk:
      if (!keel::is_utf8(text)) return std::nullopt;
      return Value{type, std::string(text)};
    case DataType::integer:
    case DataType::time:
      return with_type(type, parse_integer<std::int64_t>(text));
    case DataType::unsigned_integer:
      return with_type(type, parse_integer<std::uint64_t>(text));
    case DataType::floating:
      return with_type(type, parse_float(text));
    case DataType::boolean:
      return with_type(type, bool_of_text(text));
    case DataType::opaque:
      return with_type(type, from_base64(text));
    case DataType::objlnk:
      return with_type(type, parse_object_link(text));
    case DataType::none:
      break;
  }
  return std::nullopt;
}

DataType Collector::wanted(const Path& leaf) const {
  const ResourceDefinition* const known = types_.resource(leaf);
  return known ? known->type : DataType::none;
}

keel::Status Collector::add(Item item) {
  if (item.path.depth < 3)
    return keel::Status::error(keel::concat("a value at ", item.path.text(), ", no resource"));
  if (!path_.covers(item.path))
    return keel::Status::error(
        keel::concat("a value at ", item.path.text(), ", outside of ", path_.text()));
  if (decoded_.items.size() == kMaxItems)
    return keel::Status::error(keel::concat("more than ", kMaxItems, " values"));
  decoded_.items.push_back(std::move(item));
  return {};
}

keel::Status Collector::add(const Path& leaf, Plain plain, std::optional<double> time) {
  return add(Item{leaf, typed(std::move(plain), wanted(leaf)), time});
}

keel::Status Collector::add_octets(const Path& leaf, std::string_view octets,
                                   std::optional<Value> (*parse)(std::string_view, DataType)) {
  DataType type = wanted(leaf);
  if (type == DataType::none) {
    decoded_.undefined = true;
    type = printable(octets) ? DataType::string : DataType::opaque;
    return add(Item{leaf, Value{type, std::string(octets)}});
  }
  if (auto value = parse(octets, type)) return add(Item{leaf, std::move(*value)});
  Item item{leaf, Value{DataType::opaque, std::string(octets)}};
  item.mismatch = true;
  return add(std::move(item));
}

keel::Result<double> absolute_time(double time, double now) {
  if (!std::isfinite(time)) return keel::Status::error("a time that is none");
  return std::abs(time) < double{1 << 28} ? now + time : time;
}

}  // namespace lwm2m
