// For the tests of content formats: a few definitions, hexadecimal to octets, items as text.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "emqx_lwm2m/format/base64.hpp"
#include "emqx_lwm2m/format/content.hpp"
#include "emqx_lwm2m/format/number.hpp"

namespace lwm2m_test {

using namespace lwm2m;

constexpr double kNow = 1'700'000'000;

// "C1 09 64"
inline std::string octets(std::string_view hex) {
  std::string digits;
  for (const char c : hex) {
    if (c != ' ') digits.push_back(c);
  }
  return from_hex(digits).value();
}

inline std::string hex(std::string_view octets) {
  std::string out;
  for (const char c : octets) {
    const auto octet = static_cast<unsigned char>(c);
    if (!out.empty()) out.push_back(' ');
    out.push_back("0123456789ABCDEF"[octet >> 4]);
    out.push_back("0123456789ABCDEF"[octet & 15]);
  }
  return out;
}

inline Path path(std::string_view text) { return parse_path(text).value(); }

// Objects 1 and 3 in part, and 9000, which has a resource of each type: 0 String, 1 Integer,
// 2 Unsigned Integer, 3 Float, 4 Boolean, 5 Opaque, 6 Time, 7 Objlnk, 8 Corelnk, 9 executable; 20
// is a multiple Integer.
inline const Definitions& definitions() {
  static const Definitions all = [] {
    const auto resource = [](std::uint16_t id, DataType type, bool multiple = false) {
      ResourceDefinition out;
      out.id = id;
      out.type = type;
      out.multiple = multiple;
      return out;
    };
    Definitions out;
    ObjectDefinition server;
    server.id = 1;
    server.multiple = true;
    server.resources = {resource(0, DataType::integer), resource(1, DataType::integer)};
    out.add(server);
    ObjectDefinition access;
    access.id = 2;
    access.multiple = true;
    access.resources = {resource(0, DataType::integer), resource(1, DataType::integer),
                        resource(2, DataType::integer, true), resource(3, DataType::integer)};
    out.add(access);
    ObjectDefinition device;
    device.id = 3;
    device.resources = {resource(0, DataType::string),        resource(4, DataType::none),
                        resource(6, DataType::integer, true), resource(7, DataType::integer, true),
                        resource(9, DataType::integer),       resource(13, DataType::time),
                        resource(14, DataType::string)};
    out.add(device);
    ObjectDefinition every;
    every.id = 9000;
    every.resources = {resource(0, DataType::string),
                       resource(1, DataType::integer),
                       resource(2, DataType::unsigned_integer),
                       resource(3, DataType::floating),
                       resource(4, DataType::boolean),
                       resource(5, DataType::opaque),
                       resource(6, DataType::time),
                       resource(7, DataType::objlnk),
                       resource(8, DataType::corelnk),
                       resource(9, DataType::none),
                       resource(20, DataType::integer, true)};
    out.add(every);
    return out;
  }();
  return all;
}

inline std::string show(const Value& value) {
  std::string out;
  if (const auto* const text = std::get_if<std::string>(&value.data)) {
    out = value.type == DataType::opaque ? "h'" + hex(*text) + "'" : "\"" + *text + "\"";
  } else if (const auto* const number = std::get_if<std::int64_t>(&value.data)) {
    append_number(out, *number);
  } else if (const auto* const natural = std::get_if<std::uint64_t>(&value.data)) {
    append_number(out, *natural);
  } else if (const auto* const real = std::get_if<double>(&value.data)) {
    append_number(out, *real);
  } else if (const auto* const truth = std::get_if<bool>(&value.data)) {
    out = *truth ? "true" : "false";
  } else if (const auto* const link = std::get_if<ObjectLink>(&value.data)) {
    out = lwm2m::text(*link);
  }
  return out + " " + std::string(name(value.type));
}

// "/3/0/9=100 Integer; /3/0/0=h'FF' Opaque!": ! is a mismatch, @ a time, ? a guess of some type.
inline std::string show(const keel::Result<Decoded>& decoded) {
  if (!decoded) return "error";
  std::string out;
  for (const Item& item : decoded->items) {
    if (!out.empty()) out += "; ";
    out += item.path.text() + "=" + show(item.value);
    if (item.time) {
      out += "@";
      append_number(out, *item.time);
    }
    if (item.mismatch) out += "!";
  }
  return decoded->undefined ? out + "?" : out;
}

inline keel::Result<Decoded> decoded(std::optional<std::uint16_t> format, std::string_view payload,
                                     std::string_view at) {
  const Types types{&definitions(), nullptr};
  return decode(format, payload, path(at), types, kNow);
}

inline Item item(std::string_view at, DataType type, auto data) {
  Item out;
  out.path = path(at);
  out.value.type = type;
  out.value.data = std::move(data);
  return out;
}
inline Item integer(std::string_view at, std::int64_t number) {
  return item(at, DataType::integer, number);
}

// What was encoded, or "error".
inline std::string encoded(std::uint16_t format, Shape shape, std::string_view at,
                           const std::vector<Item>& items) {
  const auto out = encode(format, shape, path(at), items);
  return out ? *out : "error";
}
inline std::string encoded_hex(std::uint16_t format, Shape shape, std::string_view at,
                               const std::vector<Item>& items) {
  const auto out = encode(format, shape, path(at), items);
  return out ? hex(*out) : "error";
}

}  // namespace lwm2m_test
