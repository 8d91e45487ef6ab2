#include "emqx_lwm2m/command/coercion.hpp"

#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <limits>
#include <string>
#include <string_view>

#include "emqx_lwm2m/command/attributes.hpp"

using namespace lwm2m;
using namespace std::string_literals;

namespace {

boost::json::value parsed(std::string_view text) {
  return boost::json::parse({text.data(), text.size()});
}

std::optional<Value> coerced(std::string_view text, DataType type,
                             Encoding encoding = Encoding::standard) {
  return coerce(parsed(text), type, encoding);
}

template <class T>
struct Case {
  std::string_view text;
  DataType type;
  T data;
};

template <class T, std::size_t N>
void check(const Case<T> (&cases)[N]) {
  for (const Case<T>& one : cases) {
    CAPTURE(one.text);
    const auto value = coerced(one.text, one.type);
    REQUIRE(value);
    CHECK(value->type == one.type);
    REQUIRE(std::holds_alternative<T>(value->data));
    CHECK(std::get<T>(value->data) == one.data);
  }
}

}  // namespace

TEST_CASE("whole numbers come from numbers and from texts") {
  using Limits = std::numeric_limits<std::int64_t>;
  const Case<std::int64_t> cases[] = {
      {"0", DataType::integer, 0},
      {"-129", DataType::integer, -129},
      {"\"-129\"", DataType::integer, -129},
      {"\"+7\"", DataType::integer, 7},
      {"9223372036854775807", DataType::integer, Limits::max()},
      {"-9223372036854775808", DataType::integer, Limits::min()},
      {"\"-9223372036854775808\"", DataType::integer, Limits::min()},
      {"5.0", DataType::integer, 5},
      {"1e3", DataType::integer, 1000},
      {"1557200000", DataType::time, 1557200000},
      {"\"1557200000\"", DataType::time, 1557200000},
  };
  check(cases);
  const Case<std::uint64_t> natural[] = {
      {"0", DataType::unsigned_integer, 0},
      {"18446744073709551615", DataType::unsigned_integer, 18446744073709551615u},
      {"\"18446744073709551615\"", DataType::unsigned_integer, 18446744073709551615u},
      {"7.0", DataType::unsigned_integer, 7},
  };
  check(natural);
}

TEST_CASE("fractions, truths and links come from what looks like them") {
  const Case<double> fractions[] = {
      {"23.5", DataType::floating, 23.5},
      {"1", DataType::floating, 1.0},
      {"\"23.5\"", DataType::floating, 23.5},
      {"\"-1e-3\"", DataType::floating, -1e-3},
      {"18446744073709551615", DataType::floating, 18446744073709551615.0},
  };
  check(fractions);
  const Case<bool> truths[] = {
      {"true", DataType::boolean, true},     {"false", DataType::boolean, false},
      {"1", DataType::boolean, true},        {"0", DataType::boolean, false},
      {"\"true\"", DataType::boolean, true}, {"\"false\"", DataType::boolean, false},
      {"\"1\"", DataType::boolean, true},    {"\"0\"", DataType::boolean, false},
  };
  check(truths);
  const Case<ObjectLink> links[] = {{"\"66:1\"", DataType::objlnk, {66, 1}},
                                    {"\"65535:65535\"", DataType::objlnk, {0xffff, 0xffff}}};
  check(links);
}

TEST_CASE("texts and octets") {
  const Case<std::string> cases[] = {
      {"\"\"", DataType::string, ""},
      {"\"Grüße\"", DataType::string, "Grüße"},
      {"\"a\\u0000b\"", DataType::string, "a\0b"s},
      {"5", DataType::string, "5"},
      {"-5", DataType::string, "-5"},
      {"18446744073709551615", DataType::string, "18446744073709551615"},
      {"2.5", DataType::string, "2.5"},
      {"\"</3/0>\"", DataType::corelnk, "</3/0>"},
      {"\"\"", DataType::opaque, ""},
      {"\"AAEC/w==\"", DataType::opaque, "\0\1\2\xff"s},
  };
  check(cases);
}

TEST_CASE("without a type JSON's own counts") {
  CHECK(coerced("\"5\"", DataType::none) == Value{DataType::string, "5"s});
  CHECK(coerced("true", DataType::none) == Value{DataType::boolean, true});
  CHECK(coerced("5", DataType::none) == Value{DataType::integer, std::int64_t{5}});
  CHECK(coerced("18446744073709551615", DataType::none) ==
        Value{DataType::unsigned_integer, std::uint64_t{18446744073709551615u}});
  CHECK(coerced("5.5", DataType::none) == Value{DataType::floating, 5.5});
}

TEST_CASE("what does not fit is refused") {
  struct {
    std::string_view text;
    DataType type;
  } const cases[] = {
      {"null", DataType::none},
      {"[]", DataType::none},
      {"{}", DataType::none},
      {"null", DataType::string},
      {"true", DataType::string},
      {"[\"a\"]", DataType::string},
      {"1.5", DataType::integer},
      {"\"1.5\"", DataType::integer},
      {"\"\"", DataType::integer},
      {"\"12x\"", DataType::integer},
      {"\" 12\"", DataType::integer},
      {"\"0x12\"", DataType::integer},
      {"true", DataType::integer},
      {"9223372036854775808", DataType::integer},
      {"\"9223372036854775808\"", DataType::integer},
      {"1e300", DataType::integer},
      {"9007199254740994.0", DataType::integer},
      {"-1", DataType::unsigned_integer},
      {"-1.0", DataType::unsigned_integer},
      {"\"-1\"", DataType::unsigned_integer},
      {"18446744073709551616", DataType::unsigned_integer},
      {"\"\"", DataType::floating},
      {"\"nan\"", DataType::floating},
      {"\"inf\"", DataType::floating},
      {"true", DataType::floating},
      {"2", DataType::boolean},
      {"-1", DataType::boolean},
      {"0.5", DataType::boolean},
      {"\"yes\"", DataType::boolean},
      {"\"True\"", DataType::boolean},
      {"\"not base64!\"", DataType::opaque},
      {"\"AAE\\n\"", DataType::opaque},
      {"12", DataType::opaque},
      {"\"66\"", DataType::objlnk},
      {"\"66:65536\"", DataType::objlnk},
      {"66", DataType::objlnk},
      {"5", DataType::corelnk},
      {"\"yesterday\"", DataType::time},
  };
  for (const auto& one : cases) {
    CAPTURE(one.text);
    CAPTURE(name(one.type));
    CHECK_FALSE(coerced(one.text, one.type));
  }
}

TEST_CASE("hexadecimal text is octets, whatever their type") {
  const auto hex = [](std::string_view text, DataType type) {
    return coerced(text, type, Encoding::hex);
  };
  CHECK(hex("\"00fF10\"", DataType::none) == Value{DataType::opaque, "\0\xff\x10"s});
  CHECK(hex("\"05\"", DataType::integer) == Value{DataType::opaque, "\5"s});
  CHECK(hex("\"\"", DataType::opaque) == Value{DataType::opaque, ""s});
  CHECK(hex("\"616263\"", DataType::string) == Value{DataType::string, "abc"s});
  CHECK(hex("\"ff\"", DataType::string) == Value{DataType::opaque, "\xff"s});
  for (const std::string_view bad : {"\"0\"", "\"0g\"", "\"00 01\"", "5", "true", "null"}) {
    CAPTURE(bad);
    CHECK_FALSE(hex(bad, DataType::opaque));
  }
}

TEST_CASE("raw text is octets where octets are wanted") {
  CHECK(coerced("\"AAE=\"", DataType::opaque, Encoding::raw) == Value{DataType::opaque, "AAE="s});
  CHECK(coerced("\"5\"", DataType::integer, Encoding::raw) ==
        Value{DataType::integer, std::int64_t{5}});
  CHECK_FALSE(coerced("5", DataType::opaque, Encoding::raw));
}

TEST_CASE("attributes become queries without exponents") {
  struct {
    std::string_view name, value, query;
  } const cases[] = {
      {"pmin", "1", "pmin=1"},
      {"pmin", "\"1\"", "pmin=1"},
      {"pmax", "60.0", "pmax=60"},
      {"epmin", "0", "epmin=0"},
      {"epmax", "\"007\"", "epmax=007"},
      {"gt", "-5", "gt=-5"},
      {"gt", "1e20", "gt=100000000000000000000"},
      {"lt", "1e-7", "lt=0.0000001"},
      {"st", "0.1", "st=0.1"},
      {"st", "\"-0.50\"", "st=-0.50"},
      {"pmin", "\"\"", "pmin"},
      {"gt", "\"cancel\"", "gt"},
  };
  for (const auto& one : cases) {
    CAPTURE(one.value);
    CHECK(is_attribute(one.name));
    CHECK(attribute_query(one.name, parsed(one.value)) == std::string(one.query));
  }
  struct {
    std::string_view name, value;
  } const refused[] = {
      {"pmin", "-1"},        {"pmin", "1.5"},     {"pmin", "\"1.0\""}, {"pmin", "\"x\""},
      {"pmin", "\"1&a=2\""}, {"gt", "\"1e3\""},   {"gt", "\"1.\""},    {"gt", "\".5\""},
      {"gt", "\"--5\""},     {"gt", "\"1.2.3\""}, {"gt", "1e300"},     {"gt", "true"},
      {"gt", "[]"},          {"gt", "\"+5\""},    {"gt", "\" 5\""},
  };
  for (const auto& one : refused) {
    CAPTURE(one.value);
    CHECK_FALSE(attribute_query(one.name, parsed(one.value)));
  }
  for (const std::string_view other : {"dim", "ver", "ssid", "PMIN", "", "pmin=1"}) {
    CAPTURE(other);
    CHECK_FALSE(is_attribute(other));
  }
}
