// TLV, from octets to items and back: tables of what devices send and of what they are sent.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "emqx_lwm2m/tests/format_support.hpp"

using namespace lwm2m_test;

namespace {

struct Case {
  std::string_view path;
  std::string_view octets;
  std::string items;
};

void check(const Case& c) {
  CAPTURE(c.path);
  CAPTURE(c.octets);
  CHECK(show(decoded(kTlv, octets(c.octets), c.path)) == c.items);
}

constexpr char kAccessControl[] =
    "08 00 0E C1 00 01 C1 01 00 83 02 41 7F 07 C1 03 7F "
    "08 02 12 C1 00 03 C1 01 00 87 02 41 7F 07 61 01 36 01 C1 03 7F";

std::string write(std::string_view at, const std::vector<Item>& items) {
  return encoded_hex(kTlv, Shape::write, at, items);
}

}  // namespace

TEST_CASE("Each shape that a device may answer with is read") {
  const Case kCases[] = {
      // Resources: one value, or several.
      {"/3/0/0", "C8 00 14 4F 70 65 6E 20 4D 6F 62 69 6C 65 20 41 6C 6C 69 61 6E 63 65",
       "/3/0/0=\"Open Mobile Alliance\" String"},
      {"/3/0/9", "C1 09 64", "/3/0/9=100 Integer"},
      {"/3/0/6", "86 06 41 00 01 41 01 05", "/3/0/6/0=1 Integer; /3/0/6/1=5 Integer"},
      {"/3/0/6", "41 00 01 41 01 05", "/3/0/6/0=1 Integer; /3/0/6/1=5 Integer"},
      {"/3/0/6", "80 06", ""},
      {"/3/0/7", "88 07 08 42 00 0E D8 42 01 13 88",
       "/3/0/7/0=3800 Integer; /3/0/7/1=5000 Integer"},
      {"/3/0/13", "C4 0D 51 82 42 8F", "/3/0/13=1367491215 Time"},
      {"/3/0/14", "C6 0E 2B 30 32 3A 30 30", "/3/0/14=\"+02:00\" String"},
      // Instances of resources.
      {"/3/0/6/1", "83 06 41 01 05", "/3/0/6/1=5 Integer"},
      {"/3/0/6/1", "41 01 05", "/3/0/6/1=5 Integer"},
      {"/3/0/6/1", "C1 01 05", "/3/0/6/1=5 Integer"},
      {"/3/0/6/1", "C1 06 05", "/3/0/6/1=5 Integer"},
      {"/3/0/6/1", "80 06", ""},
      // Instances of objects, bare and wrapped.
      {"/3/0", "C1 09 64 86 06 41 00 01 41 01 05 C4 0D 51 82 42 8F",
       "/3/0/9=100 Integer; /3/0/6/0=1 Integer; /3/0/6/1=5 Integer; /3/0/13=1367491215 Time"},
      {"/3/0", "03 00 C1 09 64", "/3/0/9=100 Integer"},
      {"/3/0", "00 00", ""},
      // Objects.
      {"/2", kAccessControl,
       "/2/0/0=1 Integer; /2/0/1=0 Integer; /2/0/2/127=7 Integer; /2/0/3=127 Integer; "
       "/2/2/0=3 Integer; /2/2/1=0 Integer; /2/2/2/127=7 Integer; /2/2/2/310=1 Integer; "
       "/2/2/3=127 Integer"},
      {"/3", "C1 09 64 C4 0D 51 82 42 8F", "/3/0/9=100 Integer; /3/0/13=1367491215 Time"},
      {"/3", "86 06 41 00 01 41 01 05", "/3/0/6/0=1 Integer; /3/0/6/1=5 Integer"},
      {"/1", "00 00", ""},
  };
  for (const Case& c : kCases) check(c);
}

TEST_CASE("An empty payload holds nothing, which is something") {
  for (const std::string_view at : {"/3", "/3/0", "/3/0/9", "/3/0/6/0"}) check({at, "", ""});
}

TEST_CASE("Values have the types of the definitions") {
  const Case kCases[] = {
      {"/9000/0/0", "C0 00", "/9000/0/0=\"\" String"},
      {"/9000/0/0", "C2 00 C3 BC", "/9000/0/0=\"\xc3\xbc\" String"},
      {"/9000/0/1", "C1 01 81", "/9000/0/1=-127 Integer"},
      {"/9000/0/1", "C2 01 00 81", "/9000/0/1=129 Integer"},
      {"/9000/0/1", "C3 01 FF FF FE", "/9000/0/1=-2 Integer"},
      {"/9000/0/1", "C4 01 FF FF FF FF", "/9000/0/1=-1 Integer"},
      {"/9000/0/1", "C5 01 01 00 00 00 00", "/9000/0/1=4294967296 Integer"},
      {"/9000/0/1", "C8 01 08 80 00 00 00 00 00 00 00", "/9000/0/1=-9223372036854775808 Integer"},
      {"/9000/0/2", "C1 02 81", "/9000/0/2=129 Unsigned Integer"},
      {"/9000/0/2", "C8 02 08 FF FF FF FF FF FF FF FF",
       "/9000/0/2=18446744073709551615 Unsigned Integer"},
      {"/9000/0/3", "C4 03 41 BC 00 00", "/9000/0/3=23.5 Float"},
      {"/9000/0/3", "C8 03 08 40 37 80 00 00 00 00 00", "/9000/0/3=23.5 Float"},
      {"/9000/0/4", "C1 04 01", "/9000/0/4=true Boolean"},
      {"/9000/0/4", "C1 04 00", "/9000/0/4=false Boolean"},
      {"/9000/0/5", "C3 05 00 FF 41", "/9000/0/5=h'00 FF 41' Opaque"},
      {"/9000/0/5", "C0 05", "/9000/0/5=h'' Opaque"},
      {"/9000/0/6", "C1 06 FF", "/9000/0/6=-1 Time"},
      {"/9000/0/7", "C4 07 00 42 00 01", "/9000/0/7=66:1 Objlnk"},
      {"/9000/0/7", "C4 07 FF FF FF FF", "/9000/0/7=65535:65535 Objlnk"},
      {"/9000/0/8", "C6 08 3C 2F 33 2F 30 3E", "/9000/0/8=\"</3/0>\" Corelnk"},
  };
  for (const Case& c : kCases) check(c);
}

TEST_CASE("Octets that are none of the type are handed on as they are") {
  const Case kCases[] = {
      {"/9000/0/0", "C2 00 C3 28", "/9000/0/0=h'C3 28' Opaque!"},
      {"/9000/0/1", "C0 01", "/9000/0/1=h'' Opaque!"},
      {"/9000/0/1", "C8 01 09 00 00 00 00 00 00 00 00 01",
       "/9000/0/1=h'00 00 00 00 00 00 00 00 01' Opaque!"},
      {"/9000/0/2", "C0 02", "/9000/0/2=h'' Opaque!"},
      {"/9000/0/3", "C3 03 01 02 03", "/9000/0/3=h'01 02 03' Opaque!"},
      {"/9000/0/4", "C2 04 00 01", "/9000/0/4=h'00 01' Opaque!"},
      {"/9000/0/4", "C1 04 02", "/9000/0/4=h'02' Opaque!"},
      {"/9000/0/4", "C0 04", "/9000/0/4=h'' Opaque!"},
      {"/9000/0/6", "C0 06", "/9000/0/6=h'' Opaque!"},
      {"/9000/0/7", "C3 07 00 42 01", "/9000/0/7=h'00 42 01' Opaque!"},
      {"/9000/0/8", "C1 08 FF", "/9000/0/8=h'FF' Opaque!"},
      {"/9000/0", "C3 03 01 02 03 C1 01 05", "/9000/0/3=h'01 02 03' Opaque!; /9000/0/1=5 Integer"},
  };
  for (const Case& c : kCases) check(c);
}

TEST_CASE("Without a definition what can be read is text, and the rest octets") {
  check({"/3303/0/5701", "E3 16 45 43 65 6C", "/3303/0/5701=\"Cel\" String?"});
  check({"/3303/0/5700", "E4 16 44 41 BC 00 00", "/3303/0/5700=h'41 BC 00 00' Opaque?"});
  check({"/3/0/77", "C1 4D 00", "/3/0/77=h'00' Opaque?"});
  check({"/3/0/77", "C0 4D", "/3/0/77=\"\" String?"});
  check({"/9000/0/9", "C1 09 41", "/9000/0/9=\"A\" String?"});
}

TEST_CASE("Ids and lengths of all widths are read") {
  check({"/9000/0/0", "E0 01 2C", "error"});
  check({"/9000/300/0", "E1 00 00 41", "/9000/300/0=\"A\" String"});
  for (const std::size_t size : {std::size_t{8}, std::size_t{255}, std::size_t{256},
                                 std::size_t{300}, std::size_t{65535}, std::size_t{65536}}) {
    CAPTURE(size);
    const std::string value(size, 'x');
    const std::vector<Item> items{item("/9000/0/0", DataType::string, value)};
    const auto payload = encode(kTlv, Shape::write, path("/9000/0/0"), items);
    REQUIRE(payload);
    const std::size_t header = size <= 255 ? 3 : size <= 65535 ? 4 : 5;
    CHECK(payload->size() == size + header);
    const auto back = decoded(kTlv, *payload, "/9000/0/0");
    REQUIRE(back);
    CHECK(back->items == items);
  }
  CHECK(hex(encoded(kTlv, Shape::write, "/3/0/0",
                    {item("/3/0/0", DataType::string, std::string(300, 'x'))})
                .substr(0, 4)) == "D0 00 01 2C");
}

TEST_CASE("What is cut short or longer than it says is refused") {
  for (const std::string_view octets :
       {"C1", "C1 09", "C2 09 64", "C8 09", "C8 09 01", "D0 09 01", "D8 09 00 00", "E1 09",
        "E8 00 09", "C1 09 64 C1", "D8 09 FF FF FF 00", "C1 09 64 00"}) {
    check({"/3/0", octets, "error"});
    check({"/3/0/9", octets, "error"});
    check({"/3", octets, "error"});
    check({"/3/0/9/0", octets, "error"});
  }
}

TEST_CASE("Shapes that answer something else are refused") {
  const Case kCases[] = {
      {"/", "C1 09 64", "error"},
      {"/", "", "error"},
      // A resource instance where resources are due, and the other way round.
      {"/3", "41 00 01", "error"},
      {"/3/0", "41 00 01", "error"},
      {"/3/0/6", "83 06 C1 00 01", "error"},
      {"/3/0/6", "41 00 01 C1 01 05", "error"},
      // An instance within an instance, among resources, below a resource.
      {"/3", "05 00 03 00 C1 09 64", "error"},
      {"/3", "03 00 C1 09 64 C1 09 64", "error"},
      {"/3", "C1 09 64 03 00 C1 09 64", "error"},
      {"/3/0", "C1 09 64 03 00 C1 09 64", "error"},
      {"/3/0/9", "03 00 C1 09 64", "error"},
      {"/3/0/6/0", "03 00 C1 09 64", "error"},
      // A container within a container.
      {"/3/0/6", "85 06 83 00 41 00 01", "error"},
      {"/3/0", "85 06 83 00 41 00 01", "error"},
      // Other ids than those asked for.
      {"/3/0", "03 01 C1 09 64", "error"},
      {"/3/0", "03 00 C1 09 64 03 00 C1 09 64", "error"},
      {"/3/0/9", "C1 0A 64", "error"},
      {"/3/0/6", "83 07 41 00 01", "error"},
      {"/3/0/6/1", "83 07 41 01 05", "error"},
      {"/3/0/6/1", "83 06 41 00 05", "error"},
      {"/3/0/6/1", "86 06 41 00 01 41 01 05", "error"},
      {"/3/0/6/1", "41 00 05", "error"},
      {"/3/0/6/1", "C1 02 05", "error"},
      // More than one.
      {"/3/0/9", "C1 09 64 C1 09 64", "error"},
      {"/3/0/6/1", "41 01 05 41 01 05", "error"},
      // The reserved id.
      {"/3/0", "E1 FF FF 64", "error"},
  };
  for (const Case& c : kCases) check(c);
}

TEST_CASE("Errors say what is wrong and where") {
  const auto cut = decoded(kTlv, octets("C5 09 64"), "/3/0/9");
  REQUIRE_FALSE(cut);
  CHECK(cut.text() == "TLV: id 9 has 5 octets, there are 1 left");
  const auto other = decoded(kTlv, octets("C1 0A 64"), "/3/0/9");
  REQUIRE_FALSE(other);
  CHECK(other.text() == "TLV: id 10 in answer to /3/0/9");
}

TEST_CASE("Containers one within the other end soon") {
  std::string bomb;
  for (int i = 0; i < 100'000; ++i) bomb += octets("98 06 FF FF FF");
  CHECK_FALSE(decoded(kTlv, bomb, "/3/0"));
  std::string nested;
  for (int i = 0; i < 200; ++i) {
    const std::vector<Item> items{item("/9000/0/5", DataType::opaque, nested)};
    nested = *encode(kTlv, Shape::create, path("/9000/0"), items);
  }
  CHECK(decoded(kTlv, nested, "/9000"));
}

TEST_CASE("The number of values is bounded") {
  std::string many;
  for (std::size_t i = 0; i < kMaxItems; ++i) many += octets("C0 09");
  const auto most = decoded(kTlv, many, "/3/0");
  REQUIRE(most);
  CHECK(most->items.size() == kMaxItems);
  const auto more = decoded(kTlv, many + octets("C0 09"), "/3/0");
  REQUIRE_FALSE(more);
  CHECK(more.text() == "TLV: more than 65536 values");
}

TEST_CASE("Integers are written in the least of 1, 2, 4 and 8 octets, with their sign") {
  struct Number {
    std::int64_t number;
    std::string_view octets;
  };
  constexpr Number kNumbers[] = {
      {0, "C1 01 00"},
      {127, "C1 01 7F"},
      {128, "C2 01 00 80"},
      {129, "C2 01 00 81"},
      {-1, "C1 01 FF"},
      {-127, "C1 01 81"},
      {-128, "C1 01 80"},
      {-129, "C2 01 FF 7F"},
      {32767, "C2 01 7F FF"},
      {32768, "C4 01 00 00 80 00"},
      {65535, "C4 01 00 00 FF FF"},
      {-32768, "C2 01 80 00"},
      {-32769, "C4 01 FF FF 7F FF"},
      {2147483647, "C4 01 7F FF FF FF"},
      {2147483648, "C8 01 08 00 00 00 00 80 00 00 00"},
      {-2147483648, "C4 01 80 00 00 00"},
      {std::numeric_limits<std::int64_t>::max(), "C8 01 08 7F FF FF FF FF FF FF FF"},
      {std::numeric_limits<std::int64_t>::min(), "C8 01 08 80 00 00 00 00 00 00 00"},
  };
  for (const Number& c : kNumbers) {
    CAPTURE(c.number);
    CHECK(write("/9000/0/1", {integer("/9000/0/1", c.number)}) == c.octets);
    check({"/9000/0/1", c.octets, "/9000/0/1=" + std::to_string(c.number) + " Integer"});
  }
}

TEST_CASE("Values of each type are written") {
  const auto one = [](std::string_view at, DataType type, auto data) {
    return write(at, {item(at, type, data)});
  };
  CHECK(one("/9000/0/0", DataType::string, std::string("+02:00")) == "C6 00 2B 30 32 3A 30 30");
  CHECK(one("/9000/0/0", DataType::string, std::string()) == "C0 00");
  CHECK(one("/9000/0/2", DataType::unsigned_integer, std::uint64_t{129}) == "C1 02 81");
  CHECK(one("/9000/0/2", DataType::unsigned_integer, std::uint64_t{256}) == "C2 02 01 00");
  CHECK(one("/9000/0/2", DataType::unsigned_integer, std::uint64_t{65536}) == "C4 02 00 01 00 00");
  CHECK(one("/9000/0/2", DataType::unsigned_integer, std::numeric_limits<std::uint64_t>::max()) ==
        "C8 02 08 FF FF FF FF FF FF FF FF");
  CHECK(one("/9000/0/3", DataType::floating, 23.5) == "C8 03 08 40 37 80 00 00 00 00 00");
  CHECK(one("/9000/0/4", DataType::boolean, true) == "C1 04 01");
  CHECK(one("/9000/0/4", DataType::boolean, false) == "C1 04 00");
  CHECK(one("/9000/0/5", DataType::opaque, std::string("\0\xff", 2)) == "C2 05 00 FF");
  CHECK(one("/3/0/13", DataType::time, std::int64_t{1367491215}) == "C4 0D 51 82 42 8F");
  CHECK(one("/9000/0/7", DataType::objlnk, ObjectLink{66, 1}) == "C4 07 00 42 00 01");
  CHECK(one("/9000/0/8", DataType::corelnk, std::string("</3>")) == "C4 08 3C 2F 33 3E");
  CHECK(one("/3303/0/5700", DataType::floating, 23.5) == "E8 16 44 08 40 37 80 00 00 00 00 00");
}

TEST_CASE("Writes have the shape of their path") {
  CHECK(write("/1/0/1", {integer("/1/0/1", 60)}) == "C1 01 3C");
  CHECK(write("/1/0", {integer("/1/0/1", 60), integer("/1/0/0", 1)}) == "C1 01 3C C1 00 01");
  CHECK(write("/3/0/6", {integer("/3/0/6/0", 1), integer("/3/0/6/1", 5)}) ==
        "86 06 41 00 01 41 01 05");
  CHECK(write("/3/0/6/1", {integer("/3/0/6/1", 5)}) == "83 06 41 01 05");
  CHECK(write("/3/0/6", {}) == "80 06");
  CHECK(write("/3/0", {}) == "");
  // Instances of a resource come together, though the items do not.
  CHECK(write("/3/0", {integer("/3/0/6/0", 1), integer("/3/0/9", 100), integer("/3/0/6/300", 5)}) ==
        "87 06 41 00 01 61 01 2C 05 C1 09 64");
}

TEST_CASE("A new instance has an id, or the device chooses it") {
  const std::vector<Item> items{integer("/1/7/0", 1), integer("/1/7/1", 60)};
  CHECK(encoded_hex(kTlv, Shape::create, "/1", items) == "06 07 C1 00 01 C1 01 3C");
  CHECK(encoded_hex(kTlv, Shape::create, "/1/7", items) == "06 07 C1 00 01 C1 01 3C");
  CHECK(encoded_hex(kTlv, Shape::create, "/1/7", {}) == "00 07");
  CHECK(encoded_hex(kTlv, Shape::create_any, "/1", items) == "C1 00 01 C1 01 3C");
  CHECK(encoded_hex(kTlv, Shape::create_any, "/1", {}) == "");
  // Nobody says which.
  CHECK(encoded_hex(kTlv, Shape::create, "/1", {}) == "error");
  CHECK(encoded_hex(kTlv, Shape::create, "/1", {integer("/1/7/0", 1), integer("/1/8/0", 1)}) ==
        "error");
  CHECK(encoded_hex(kTlv, Shape::create, "/1/8", items) == "error");
}

TEST_CASE("What TLV cannot carry is refused") {
  const std::vector<Item> one{integer("/1/0/1", 60)};
  CHECK(encoded_hex(kTlv, Shape::composite, "/", one) == "error");
  CHECK(encoded_hex(kTlv, Shape::write, "/1", one) == "error");
  CHECK(encoded_hex(kTlv, Shape::write, "/1/1", one) == "error");
  CHECK(encoded_hex(kTlv, Shape::write, "/1/0", {Item{path("/1/0/1"), {}}}) == "error");
  CHECK(encoded_hex(kTlv, Shape::write, "/5/0/0",
                    {item("/5/0/0", DataType::opaque, std::string(1 << 24, 'x'))}) == "error");
}

TEST_CASE("Infinite numbers pass") {
  const double infinite = std::numeric_limits<double>::infinity();
  CHECK(write("/9000/0/3", {item("/9000/0/3", DataType::floating, infinite)}) ==
        "C8 03 08 7F F0 00 00 00 00 00 00");
  const auto back = decoded(kTlv, octets("C4 03 7F C0 00 00"), "/9000/0/3");
  REQUIRE(back);
  CHECK(std::isnan(std::get<double>(back->items[0].value.data)));
}

TEST_CASE("A resource is written as one value or as instances, not both") {
  const Item whole = integer("/9000/0/20", 1), part = integer("/9000/0/20/3", 2);
  for (const std::uint16_t format : {kTlv, kLwm2mJson, kSenmlJson, kSenmlCbor}) {
    CAPTURE(format);
    CHECK(encoded(format, Shape::write, "/9000/0/20", {whole}) != "error");
    CHECK(encoded(format, Shape::write, "/9000/0/20", {part, part}) != "error");
    CHECK(encoded(format, Shape::write, "/9000/0/20", {whole, part}) == "error");
    CHECK(encoded(format, Shape::write, "/9000/0/20", {whole, whole}) == "error");
    CHECK(encoded(format, Shape::write, "/9000/0/20/3", {part}) != "error");
    CHECK(encoded(format, Shape::write, "/9000/0/20/3", {part, part}) == "error");
    CHECK(encoded(format, Shape::write, "/9000/0/20/3", {}) == "error");
  }
}
