// Data types, object links, base64, hexadecimal, numbers as text.
#include "emqx_lwm2m/format/value.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <string_view>

#include "emqx_lwm2m/format/base64.hpp"
#include "emqx_lwm2m/format/number.hpp"

using namespace lwm2m;

TEST_CASE("Data types have the names of object files") {
  for (const auto type : {DataType::none, DataType::string, DataType::integer,
                          DataType::unsigned_integer, DataType::floating, DataType::boolean,
                          DataType::opaque, DataType::time, DataType::objlnk, DataType::corelnk}) {
    CAPTURE(static_cast<int>(type));
    CHECK(parse_data_type(name(type)) == type);
  }
  CHECK(parse_data_type("string") == DataType::string);
  CHECK(parse_data_type(" FLOAT\r\n") == DataType::floating);
  CHECK(parse_data_type("\tunsigned INTEGER ") == DataType::unsigned_integer);
  CHECK(parse_data_type("ObjLnk") == DataType::objlnk);
  CHECK(parse_data_type("CoreLnk") == DataType::corelnk);
  CHECK(parse_data_type("") == DataType::none);
  CHECK(parse_data_type(" \n") == DataType::none);
  for (const std::string_view text : {"Str", "Strings", "Integer8", "Unsigned", "int", "-"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_data_type(text));
  }
}

TEST_CASE("Object links are two numbers") {
  CHECK(parse_object_link("66:1") == ObjectLink{66, 1});
  CHECK(parse_object_link("0:0") == ObjectLink{0, 0});
  CHECK(parse_object_link("65535:65535") == ObjectLink{0xffff, 0xffff});
  CHECK(text(ObjectLink{66, 1}) == "66:1");
  CHECK(text(ObjectLink{0xffff, 0xffff}) == "65535:65535");
  for (const std::string_view text :
       {"", ":", "66", "66:", ":1", "66:1:2", "66:65536", "-1:0", "+1:0", "1:+0", " 1:0", "a:b"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_object_link(text));
  }
}

TEST_CASE("Printable is UTF-8 without control characters") {
  CHECK(printable(""));
  CHECK(printable("Gr\xc3\xbc\xc3\x9f Gott\t\r\n"));
  CHECK_FALSE(printable("\x01"));
  CHECK_FALSE(printable("a\x7f"));
  CHECK_FALSE(printable("\xc3"));
  CHECK_FALSE(printable("\xff\xfe"));
  CHECK_FALSE(printable(std::string_view("a\0b", 3)));
}

TEST_CASE("base64 goes both ways, in both alphabets") {
  struct Case {
    std::string_view octets, standard, url;
  };
  constexpr Case kCases[] = {
      {"", "", ""},
      {"f", "Zg==", "Zg"},
      {"fo", "Zm8=", "Zm8"},
      {"foo", "Zm9v", "Zm9v"},
      {"foob", "Zm9vYg==", "Zm9vYg"},
      {"\xfb\xff\xfe", "+//+", "-__-"},
      {std::string_view("\0\0", 2), "AAA=", "AAA"},
  };
  for (const Case& c : kCases) {
    CAPTURE(c.standard);
    CHECK(to_base64(c.octets) == c.standard);
    CHECK(to_base64url(c.octets) == c.url);
    CHECK(from_base64(c.standard) == c.octets);
    CHECK(from_base64(c.url) == c.octets);
  }
  std::string all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
  CHECK(from_base64(to_base64(all)) == all);
  CHECK(from_base64(to_base64url(all)) == all);
}

TEST_CASE("What is not base64 is refused") {
  for (const std::string_view text : {"Z", "Zg=", "Zg===", "=", "==", "====", "Zm9v=", "Zm9vY",
                                      "Zm 9", "Zm9v\n", "Z*==", "Zh==", "Zm9=", "Zg==Zg=="}) {
    CAPTURE(text);
    CHECK_FALSE(from_base64(text));
  }
}

TEST_CASE("Hexadecimal") {
  CHECK(from_hex("") == "");
  CHECK(from_hex("00fF7a") == std::string("\0\xff\x7a", 3));
  for (const std::string_view text : {"0", "000", "0g", "g0", " 00", "0x00", "00 "}) {
    CAPTURE(text);
    CHECK_FALSE(from_hex(text));
  }
}

TEST_CASE("Numbers are read as a whole or not at all") {
  CHECK(parse_integer<std::int64_t>("-9223372036854775808") ==
        std::numeric_limits<std::int64_t>::min());
  CHECK(parse_integer<std::int64_t>("+5") == 5);
  CHECK(parse_integer<std::uint64_t>("18446744073709551615") ==
        std::numeric_limits<std::uint64_t>::max());
  for (const std::string_view text :
       {"", "+", "-", "+-5", "5 ", " 5", "5.0", "0x5", "9223372036854775808"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_integer<std::int64_t>(text));
  }
  CHECK_FALSE(parse_integer<std::uint64_t>("-1"));
  CHECK(parse_float("-1.5e3") == -1500);
  CHECK(parse_float("+.5") == 0.5);
  for (const std::string_view text : {"", "+", "e", "1,5", "1.5 ", "nan", "inf", "1e999", "+-1"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_float(text));
  }
}

TEST_CASE("Numbers are written shortest") {
  const auto written = [](auto number) {
    std::string out;
    append_number(out, number);
    return out;
  };
  CHECK(written(std::int64_t{-5}) == "-5");
  CHECK(written(std::numeric_limits<std::uint64_t>::max()) == "18446744073709551615");
  CHECK(written(23.5) == "23.5");
  CHECK(written(0.1) == "0.1");
  CHECK(written(5.0) == "5");
  CHECK(written(-0.0) == "-0");
  CHECK(written(1e6) == "1000000");
  CHECK(written(-1700000000.25) == "-1700000000.25");
  CHECK(written(0.00001234567890123456) == "0.00001234567890123456");
  CHECK(written(1e15) == "1000000000000000");
  CHECK(written(1e30) == "1e+30");
  CHECK(written(1e-7) == "1e-07");
  CHECK(written(std::numeric_limits<double>::max()) == "1.7976931348623157e+308");
  CHECK(written(std::numeric_limits<double>::denorm_min()) == "5e-324");
}
