// What holds for a payload of an LwM2M device, whatever it is: it is refused with a reason, or its
// items lie below the path asked for and have the types they claim; and what is written of them is
// read as what was written.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <keel/utf8.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "check.hpp"
#include "emqx_lwm2m/tests/format_support.hpp"

namespace lwm2m::fuzz {

using namespace lwm2m_test;

inline void check_value(const Value& value) {
  const auto* const text = std::get_if<std::string>(&value.data);
  switch (value.type) {
    case DataType::string:
    case DataType::corelnk:
      FUZZ_CHECK(text && keel::is_utf8(*text));
      break;
    case DataType::opaque:
      FUZZ_CHECK(text);
      break;
    case DataType::integer:
    case DataType::time:
      FUZZ_CHECK(std::holds_alternative<std::int64_t>(value.data));
      break;
    case DataType::unsigned_integer:
      FUZZ_CHECK(std::holds_alternative<std::uint64_t>(value.data));
      break;
    case DataType::floating:
      FUZZ_CHECK(std::holds_alternative<double>(value.data));
      break;
    case DataType::boolean:
      FUZZ_CHECK(std::holds_alternative<bool>(value.data));
      break;
    case DataType::objlnk:
      FUZZ_CHECK(std::holds_alternative<ObjectLink>(value.data));
      break;
    case DataType::none:
      FUZZ_CHECK(false);
  }
}

inline void check_items(const Decoded& decoded, const Path& at) {
  FUZZ_CHECK(decoded.items.size() <= kMaxItems);
  for (const Item& item : decoded.items) {
    FUZZ_CHECK(item.path.depth >= 3 && at.covers(item.path));
    FUZZ_CHECK(parse_path(item.path.text()) == item.path);
    FUZZ_CHECK(!item.time || std::isfinite(*item.time));
    FUZZ_CHECK(!item.mismatch || item.value.type == DataType::opaque);
    check_value(item.value);
  }
}

// What is none of its type becomes base64 as text, and that is none of its type again.
inline bool mismatched(const Items& items) {
  return std::any_of(items.begin(), items.end(), [](const Item& item) { return item.mismatch; });
}

// Once written and read, they stay what they are. (Before, -0.0 becomes a 0, or 5.0 a 5.)
inline void check_written(std::uint16_t format, const Path& at, Items items) {
  const Shape shape = at.depth == 0 ? Shape::composite : Shape::write;
  const Types types{&definitions(), nullptr};
  std::string last;
  for (int round = 0; round < 3 && !mismatched(items); ++round) {
    if (!encodable(format, shape, at, items)) {
      FUZZ_CHECK(!encode(format, shape, at, items));
      return;
    }
    const auto written = encode(format, shape, at, items);
    FUZZ_CHECK(written);
    FUZZ_CHECK(round < 2 || *written == last);
    last = *written;
    auto read = decode(format, last, at, types, kNow);
    FUZZ_CHECK(read && read->items.size() == items.size());
    items = std::move(read->items);
  }
}

inline void check_payload(std::optional<std::uint16_t> format, std::string_view payload,
                          std::string_view at) {
  const auto result = decoded(format, payload, at);
  if (!result) {
    FUZZ_CHECK(result.text() != keel::status_name(result.code()));
    return;
  }
  const Path asked = path(at);
  check_items(*result, asked);
  for (const std::uint16_t other : {kText, kOpaque, kTlv, kLwm2mJson, kSenmlJson, kSenmlCbor})
    check_written(other, asked, result->items);
}

}  // namespace lwm2m::fuzz
