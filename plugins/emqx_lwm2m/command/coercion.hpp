// Values of JSON as values of resources. Pure functions, any thread.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>

#include "emqx_lwm2m/format/value.hpp"

namespace lwm2m {

enum class Encoding : std::uint8_t {
  standard,
  hex,  // every value is a text of its octets in hexadecimal
  raw,  // opaque: the characters are the octets, instead of base64
};

// `type` none: what JSON's own type suggests (String, Boolean, Integer, Float). With Encoding::hex
// the octets are opaque, but for text of a type that holds text. None: it does not fit, and nothing
// is rounded or cut to make it fit.
std::optional<Value> coerce(const boost::json::value& value, DataType type, Encoding encoding);

}  // namespace lwm2m
