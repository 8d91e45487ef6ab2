// text/plain and octet-stream: the value of one resource and nothing else [LwM2M 1.1 core 7.4.1,
// 7.4.2].
#include <keel/text.hpp>
#include <keel/utf8.hpp>
#include <utility>

#include "emqx_lwm2m/format/base64.hpp"
#include "emqx_lwm2m/format/codecs.hpp"
#include "emqx_lwm2m/format/number.hpp"

namespace lwm2m {

using keel::Status;

Status decode_text(std::string_view payload, Collector& out) {
  return out.add_octets(out.path(), payload, value_of_text);
}

Status decode_opaque(std::string_view payload, Collector& out) {
  const DataType wanted = out.wanted(out.path());
  const bool is_text = wanted == DataType::string || wanted == DataType::corelnk;
  Item item{out.path(), Value{DataType::opaque, std::string(payload)}};
  if (is_text && keel::is_utf8(payload)) {
    item.value.type = wanted;
  } else {
    item.mismatch = wanted != DataType::opaque && wanted != DataType::none;
  }
  return out.add(std::move(item));
}

std::string encode_text(const Value& value) {
  std::string out;
  if (const auto* const text = std::get_if<std::string>(&value.data)) {
    out = value.type == DataType::opaque ? to_base64(*text) : *text;
  } else if (const auto* const number = std::get_if<std::int64_t>(&value.data)) {
    append_number(out, *number);
  } else if (const auto* const natural = std::get_if<std::uint64_t>(&value.data)) {
    append_number(out, *natural);
  } else if (const auto* const real = std::get_if<double>(&value.data)) {
    append_number(out, *real);
  } else if (const auto* const truth = std::get_if<bool>(&value.data)) {
    out = *truth ? "1" : "0";
  } else if (const auto* const link = std::get_if<ObjectLink>(&value.data)) {
    out = lwm2m::text(*link);
  }
  return out;
}

}  // namespace lwm2m
