// Values of resources with their data types [LwM2M 1.1 core, appendix C].
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "emqx_lwm2m/format/path.hpp"

namespace lwm2m {

enum class DataType : std::uint8_t {
  none,  // an executable one, or unknown
  string,
  integer,
  unsigned_integer,
  floating,
  boolean,
  opaque,
  time,
  objlnk,
  corelnk,
};
inline constexpr std::string_view kBlanks = " \t\r\n";

// As in object files and requests: "String", "Unsigned Integer"; without regard to case and blanks
// around it; nothing but blanks is DataType::none. None: unknown.
std::optional<DataType> parse_data_type(std::string_view text);
std::string_view name(DataType type);

struct ObjectLink {
  std::uint16_t object = 0, instance = 0;  // both 0xffff: null
  bool operator==(const ObjectLink&) const = default;
};
std::optional<ObjectLink> parse_object_link(std::string_view text);  // "66:1"
std::string text(ObjectLink link);

// UTF-8 without control characters other than blanks: what is shown as text though no definition
// says that it is.
bool printable(std::string_view octets);

// string, corelnk and opaque hold std::string (opaque: the octets); integer and time int64;
// unsigned_integer uint64; none monostate.
struct Value {
  DataType type = DataType::none;
  std::variant<std::monostate, std::int64_t, std::uint64_t, double, bool, std::string, ObjectLink>
      data;
  bool operator==(const Value&) const = default;
};

// One resource, or instance of one, with its value: a leaf. Its path is whole.
struct Item {
  Path path;
  Value value;
  std::optional<double> time = {};  // Unix seconds
  bool mismatch = false;            // the octets are none of its type: they are the value, opaque
  bool operator==(const Item&) const = default;
};
using Items = std::vector<Item>;

}  // namespace lwm2m
