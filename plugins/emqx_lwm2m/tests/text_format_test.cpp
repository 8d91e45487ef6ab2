// One value as text, as octets, as CBOR; and what comes without a format.
#include <doctest/doctest.h>

#include <limits>

#include "emqx_lwm2m/tests/format_support.hpp"

using namespace lwm2m_test;

namespace {

struct Case {
  std::string_view path, payload;
  std::string items;
};

void check(std::optional<std::uint16_t> format, const Case& c) {
  CAPTURE(c.path);
  CAPTURE(c.payload);
  CHECK(show(decoded(format, c.payload, c.path)) == c.items);
}

std::string text_of(std::string_view at, DataType type, auto data) {
  return encoded(kText, Shape::write, at, {item(at, type, data)});
}

}  // namespace

TEST_CASE("Text is read as the type of the definition") {
  const Case kCases[] = {
      {"/9000/0/0", "", "/9000/0/0=\"\" String"},
      {"/9000/0/0", "12", "/9000/0/0=\"12\" String"},
      {"/9000/0/1", "-9223372036854775808", "/9000/0/1=-9223372036854775808 Integer"},
      {"/9000/0/1", "+7", "/9000/0/1=7 Integer"},
      {"/9000/0/2", "18446744073709551615", "/9000/0/2=18446744073709551615 Unsigned Integer"},
      {"/9000/0/3", "5", "/9000/0/3=5 Float"},
      {"/9000/0/3", "-23.5", "/9000/0/3=-23.5 Float"},
      {"/9000/0/3", "1.5E3", "/9000/0/3=1500 Float"},
      {"/9000/0/3", "1e-3", "/9000/0/3=0.001 Float"},
      {"/9000/0/4", "0", "/9000/0/4=false Boolean"},
      {"/9000/0/4", "1", "/9000/0/4=true Boolean"},
      {"/9000/0/4", "false", "/9000/0/4=false Boolean"},
      {"/9000/0/4", "true", "/9000/0/4=true Boolean"},
      {"/9000/0/5", "AP9B", "/9000/0/5=h'00 FF 41' Opaque"},
      {"/9000/0/5", "Zg==", "/9000/0/5=h'66' Opaque"},
      {"/9000/0/5", "", "/9000/0/5=h'' Opaque"},
      {"/9000/0/6", "1367491215", "/9000/0/6=1367491215 Time"},
      {"/9000/0/7", "66:1", "/9000/0/7=66:1 Objlnk"},
      {"/9000/0/8", "</3/0>", "/9000/0/8=\"</3/0>\" Corelnk"},
      {"/9000/0/20/3", "9", "/9000/0/20/3=9 Integer"},
  };
  for (const Case& c : kCases) check(kText, c);
  for (const Case& c : kCases) check(1541, c);
}

TEST_CASE("Text that is none of the type is handed on as octets") {
  const Case kCases[] = {
      {"/9000/0/0", "\xff", "/9000/0/0=h'FF' Opaque!"},
      {"/9000/0/1", "", "/9000/0/1=h'' Opaque!"},
      {"/9000/0/1", "1.5", "/9000/0/1=h'31 2E 35' Opaque!"},
      {"/9000/0/1", "9223372036854775808",
       "/9000/0/1=h'39 32 32 33 33 37 32 30 33 36 38 35 34 37 37 35 38 30 38' Opaque!"},
      {"/9000/0/1", "1 ", "/9000/0/1=h'31 20' Opaque!"},
      {"/9000/0/2", "-1", "/9000/0/2=h'2D 31' Opaque!"},
      {"/9000/0/3", "1,5", "/9000/0/3=h'31 2C 35' Opaque!"},
      {"/9000/0/3", "nan", "/9000/0/3=h'6E 61 6E' Opaque!"},
      {"/9000/0/4", "2", "/9000/0/4=h'32' Opaque!"},
      {"/9000/0/4", "", "/9000/0/4=h'' Opaque!"},
      {"/9000/0/5", "*", "/9000/0/5=h'2A' Opaque!"},
      {"/9000/0/6", "now", "/9000/0/6=h'6E 6F 77' Opaque!"},
      {"/9000/0/7", "66", "/9000/0/7=h'36 36' Opaque!"},
  };
  for (const Case& c : kCases) check(kText, c);
}

TEST_CASE("Text without a definition is text when it can be read") {
  check(kText, {"/3303/0/5700", "23.5", "/3303/0/5700=\"23.5\" String?"});
  check(kText, {"/3303/0/5700", "", "/3303/0/5700=\"\" String?"});
  check(kText, {"/3303/0/5700", "\x01", "/3303/0/5700=h'01' Opaque?"});
  check(kText, {"/9000/0/9", "x", "/9000/0/9=\"x\" String?"});
}

TEST_CASE("One value answers no request for several") {
  for (const std::uint16_t format : {kText, kOpaque, kCbor}) {
    for (const std::string_view at : {"/", "/3", "/3/0"}) check(format, {at, "1", "error"});
  }
  const auto refused = decoded(kText, "1", "/3/0");
  REQUIRE_FALSE(refused);
  CHECK(refused.text() == "text: one value in answer to /3/0");
}

TEST_CASE("Octets are octets, or the text that a definition says they are") {
  for (const std::uint16_t format : {kOpaque, std::uint16_t{1544}}) {
    check(format, {"/9000/0/5", "\xff\x01", "/9000/0/5=h'FF 01' Opaque"});
    check(format, {"/9000/0/5", "", "/9000/0/5=h'' Opaque"});
    check(format, {"/9000/0/0", "abc", "/9000/0/0=\"abc\" String"});
    check(format, {"/9000/0/0", "\xff", "/9000/0/0=h'FF' Opaque!"});
    check(format, {"/9000/0/8", "</3>", "/9000/0/8=\"</3>\" Corelnk"});
    check(format, {"/9000/0/1", "1", "/9000/0/1=h'31' Opaque!"});
    check(format, {"/3303/0/5700", "abc", "/3303/0/5700=h'61 62 63' Opaque"});
  }
}

TEST_CASE("A value as CBOR has a type of its own, and follows the definition where it fits") {
  const Case kCases[] = {
      {"/9000/0/1", "18 64", "/9000/0/1=100 Integer"},
      {"/9000/0/1", "20", "/9000/0/1=-1 Integer"},
      {"/9000/0/2", "1B FF FF FF FF FF FF FF FF",
       "/9000/0/2=18446744073709551615 Unsigned Integer"},
      {"/9000/0/3", "05", "/9000/0/3=5 Float"},
      {"/9000/0/3", "F9 4D E0", "/9000/0/3=23.5 Float"},
      {"/9000/0/4", "F5", "/9000/0/4=true Boolean"},
      {"/9000/0/5", "42 00 FF", "/9000/0/5=h'00 FF' Opaque"},
      {"/9000/0/6", "C1 1A 51 82 42 8F", "/9000/0/6=1367491215 Time"},
      {"/9000/0/7", "64 36 36 3A 31", "/9000/0/7=66:1 Objlnk"},
      {"/9000/0/0", "63 61 62 63", "/9000/0/0=\"abc\" String"},
      {"/3303/0/5700", "18 64", "/3303/0/5700=100 Integer"},
      {"/9000/0/1", "", "error"},
      {"/9000/0/1", "18", "error"},
      {"/9000/0/1", "18 64 00", "error"},
      {"/9000/0/1", "F6", "error"},
      {"/9000/0/1", "80", "error"},
      {"/9000/0/1", "A0", "error"},
      {"/9000/0/0", "61 FF", "error"},
  };
  for (const Case& c : kCases) check(kCbor, {c.path, octets(c.payload), c.items});
}

TEST_CASE("Formats that hold no values are refused") {
  for (const std::uint16_t format : {std::uint16_t{1}, kLinkFormat, std::uint16_t{50},
                                     std::uint16_t{11544}, std::uint16_t{65535}}) {
    CAPTURE(format);
    check(format, {"/3/0/9", "1", "error"});
  }
  CHECK(decoded(40, "", "/3/0").text() == "content format 40 is none of values");
}

TEST_CASE("The numbers of early drafts stand for those of today") {
  CHECK(modern(1541) == kText);
  CHECK(modern(1542) == kTlv);
  CHECK(modern(1543) == kLwm2mJson);
  CHECK(modern(1544) == kOpaque);
  for (const std::uint16_t format :
       {kText, kTlv, kSenmlCbor, std::uint16_t{1540}, std::uint16_t{1545}})
    CHECK(modern(format) == format);
  check(1542, {"/3/0/9", octets("C1 09 64"), "/3/0/9=100 Integer"});
  check(1543, {"/3/0/9", R"({"bn":"/3/0/9","e":[{"v":100}]})", "/3/0/9=100 Integer"});
}

TEST_CASE("Without a format, a resource of a simple type is text and the rest TLV") {
  check(std::nullopt, {"/3/0/9", "100", "/3/0/9=100 Integer"});
  check(std::nullopt, {"/3/0/0", "EMQ", "/3/0/0=\"EMQ\" String"});
  check(std::nullopt, {"/3/0/0", "", "/3/0/0=\"\" String"});
  check(std::nullopt, {"/3/0/6/1", "5", "/3/0/6/1=5 Integer"});
  // The text of a number that is TLV as well stays text.
  check(std::nullopt, {"/3/0/0", octets("C1 00 64"), "/3/0/0=h'C1 00 64' Opaque!"});
  check(std::nullopt,
        {"/3/0/6", octets("86 06 41 00 01 41 01 05"), "/3/0/6/0=1 Integer; /3/0/6/1=5 Integer"});
  check(std::nullopt, {"/3/0", octets("C1 09 64"), "/3/0/9=100 Integer"});
  check(std::nullopt, {"/9000/0/5", octets("C2 05 00 FF"), "/9000/0/5=h'00 FF' Opaque"});
  check(std::nullopt, {"/9000/0/5", "AP8=", "error"});
  check(std::nullopt, {"/3/0", "EMQ", "error"});
  check(std::nullopt, {"/3/0/6", "EMQ", "error"});
  // Nothing is known of these.
  check(std::nullopt,
        {"/3303/0/5701", octets("E3 16 45 43 65 6C"), "/3303/0/5701=\"Cel\" String?"});
  check(std::nullopt, {"/3303/0/5701", "Cel", "/3303/0/5701=\"Cel\" String?"});
  check(std::nullopt, {"/3303/0/5701", "\xff\xfe", "error"});
}

TEST_CASE("Text of each type is written") {
  CHECK(text_of("/9000/0/0", DataType::string, std::string("Gr\xc3\xbc\xc3\x9f")) ==
        "Gr\xc3\xbc\xc3\x9f");
  CHECK(text_of("/9000/0/1", DataType::integer, std::numeric_limits<std::int64_t>::min()) ==
        "-9223372036854775808");
  CHECK(text_of("/9000/0/2", DataType::unsigned_integer,
                std::numeric_limits<std::uint64_t>::max()) == "18446744073709551615");
  CHECK(text_of("/9000/0/3", DataType::floating, 23.5) == "23.5");
  CHECK(text_of("/9000/0/4", DataType::boolean, true) == "1");
  CHECK(text_of("/9000/0/4", DataType::boolean, false) == "0");
  CHECK(text_of("/9000/0/5", DataType::opaque, std::string("\0\xff", 2)) == "AP8=");
  CHECK(text_of("/9000/0/6", DataType::time, std::int64_t{1367491215}) == "1367491215");
  CHECK(text_of("/9000/0/7", DataType::objlnk, ObjectLink{66, 1}) == "66:1");
  CHECK(text_of("/9000/0/8", DataType::corelnk, std::string("</3>")) == "</3>");
  CHECK(text_of("/9000/0/20/3", DataType::integer, std::int64_t{9}) == "9");
}

TEST_CASE("Octets are written as they are") {
  const std::vector<Item> package{item("/5/0/0", DataType::opaque, std::string("\0\xff", 2))};
  CHECK(encoded_hex(kOpaque, Shape::write, "/5/0/0", package) == "00 FF");
  CHECK(encoded_hex(kOpaque, Shape::write, "/5/0/0", {integer("/5/0/0", 1)}) == "error");
}

TEST_CASE("Text and octets carry one value to its own path and nothing else") {
  const Item one = item("/5/0/0", DataType::opaque, std::string("x"));
  for (const std::uint16_t format : {kText, kOpaque}) {
    CAPTURE(format);
    CHECK(encoded(format, Shape::write, "/5/0", {one}) == "error");
    CHECK(encoded(format, Shape::write, "/5/0/0", {one, one}) == "error");
    CHECK(encoded(format, Shape::write, "/5/0/0", {}) == "error");
    CHECK(encoded(format, Shape::write, "/5/0/1", {one}) == "error");
    CHECK(encoded(format, Shape::create, "/5", {one}) == "error");
    CHECK(encoded(format, Shape::create_any, "/5", {one}) == "error");
    CHECK(encoded(format, Shape::composite, "/", {one}) == "error");
    CHECK(encoded(format, Shape::write, "/9000/0/20",
                  {item("/9000/0/20/3", DataType::opaque, std::string("x"))}) == "error");
  }
  CHECK(text_of("/9000/0/3", DataType::floating, std::numeric_limits<double>::infinity()) ==
        "error");
  for (const std::uint16_t format : {kLinkFormat, kCbor, std::uint16_t{11544}})
    CHECK(encoded(format, Shape::write, "/5/0/0", {one}) == "error");
}
