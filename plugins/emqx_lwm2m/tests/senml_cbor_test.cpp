// SenML as CBOR.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "emqx_lwm2m/tests/format_support.hpp"

using namespace lwm2m_test;

namespace {

struct Case {
  std::string_view path, octets;
  std::string items;
};

void check(const Case& c) {
  CAPTURE(c.path);
  CAPTURE(c.octets);
  CHECK(show(decoded(kSenmlCbor, octets(c.octets), c.path)) == c.items);
}

// A pack of one record that names /3303/0/5700, which has no definition, with this field more.
std::string value_of(std::string_view field) {
  const std::string pack = "81 A2 00 6C 2F 33 33 30 33 2F 30 2F 35 37 30 30 " + std::string(field);
  const std::string shown = show(decoded(kSenmlCbor, octets(pack), "/3303/0/5700"));
  return shown == "error" ? shown : shown.substr(sizeof "/3303/0/5700=" - 1);
}

constexpr char kDevice[] =
    "84 A3 21 65 2F 33 2F 30 2F 00 61 30 03 63 45 4D 51 A2 00 61 39 02 18 5F "
    "A2 00 63 36 2F 30 02 01 A2 00 63 36 2F 31 02 05";

}  // namespace

TEST_CASE("Packs are read with lengths and without") {
  const std::string device =
      "/3/0/0=\"EMQ\" String; /3/0/9=95 Integer; /3/0/6/0=1 Integer; /3/0/6/1=5 Integer";
  const Case kCases[] = {
      {"/3/0", kDevice, device},
      {"/3", kDevice, device},
      {"/", kDevice, device},
      {"/3/0/9", "81 A2 00 66 2F 33 2F 30 2F 39 02 18 5F", "/3/0/9=95 Integer"},
      {"/1/0", "81 A3 21 65 2F 31 2F 30 2F 00 61 31 02 18 3C", "/1/0/1=60 Integer"},
      {"/3/0", "80", ""},
      {"/3/0", "9F FF", ""},
      // Indefinite pack, record, text in pieces; lengths longer than they need be.
      {"/1/0", "9F BF 21 7F 62 2F 31 63 2F 30 2F FF 00 61 31 02 18 3C FF FF", "/1/0/1=60 Integer"},
      {"/1/0", "98 01 B9 00 03 21 78 05 2F 31 2F 30 2F 00 61 31 02 1B 00 00 00 00 00 00 00 3C",
       "/1/0/1=60 Integer"},
      {"/3/0/0", "81 A2 00 66 2F 33 2F 30 2F 30 03 7F FF", "/3/0/0=\"\" String"},
      {"/5/0/0", "81 A2 00 66 2F 35 2F 30 2F 30 08 5F 41 00 42 FF 01 40 FF",
       "/5/0/0=h'00 FF 01' Opaque"},
      // Base time and time; base value.
      {"/3/0/9", "81 A4 00 66 2F 33 2F 30 2F 39 22 1A 51 82 42 8F 06 29 02 01",
       "/3/0/9=1 Integer@1367491205"},
      {"/3/0/9", "81 A3 00 66 2F 33 2F 30 2F 39 24 05 02 01", "/3/0/9=6 Integer"},
      // A record that only sets the base.
      {"/1/0", "82 A1 21 65 2F 31 2F 30 2F A2 00 61 31 02 18 3C", "/1/0/1=60 Integer"},
      // Tags before anything.
      {"/3/0/9", "D9 D9 F7 81 D8 20 A2 C0 00 C1 66 2F 33 2F 30 2F 39 02 C1 C1 18 5F",
       "/3/0/9=95 Integer"},
  };
  for (const Case& c : kCases) check(c);
}

TEST_CASE("Values of all kinds are read") {
  CHECK(value_of("02 00") == "0 Integer");
  CHECK(value_of("02 17") == "23 Integer");
  CHECK(value_of("02 18 18") == "24 Integer");
  CHECK(value_of("02 19 01 00") == "256 Integer");
  CHECK(value_of("02 1A 00 01 00 00") == "65536 Integer");
  CHECK(value_of("02 1B 7F FF FF FF FF FF FF FF") == "9223372036854775807 Integer");
  CHECK(value_of("02 1B 80 00 00 00 00 00 00 00") == "9223372036854775808 Unsigned Integer");
  CHECK(value_of("02 20") == "-1 Integer");
  CHECK(value_of("02 38 63") == "-100 Integer");
  CHECK(value_of("02 3B 7F FF FF FF FF FF FF FF") == "-9223372036854775808 Integer");
  CHECK(value_of("02 3B FF FF FF FF FF FF FF FF") == "-1.8446744073709552e+19 Float");
  CHECK(value_of("03 63 45 4D 51") == "\"EMQ\" String");
  CHECK(value_of("03 60") == "\"\" String");
  CHECK(value_of("04 F4") == "false Boolean");
  CHECK(value_of("04 F5") == "true Boolean");
  CHECK(value_of("08 42 00 FF") == "h'00 FF' Opaque");
  CHECK(value_of("08 40") == "h'' Opaque");
  CHECK(value_of("63 76 6C 6F 64 36 36 3A 31") == "66:1 Objlnk");
}

TEST_CASE("Floats of each width are read") {
  CHECK(value_of("02 F9 00 00") == "0 Float");
  CHECK(value_of("02 F9 80 00") == "-0 Float");
  CHECK(value_of("02 F9 3C 00") == "1 Float");
  CHECK(value_of("02 F9 4D E0") == "23.5 Float");
  CHECK(value_of("02 F9 C4 00") == "-4 Float");
  CHECK(value_of("02 F9 7B FF") == "65504 Float");
  CHECK(value_of("02 F9 00 01") == "5.960464477539063e-08 Float");
  CHECK(value_of("02 F9 04 00") == "0.00006103515625 Float");
  CHECK(value_of("02 F9 7C 00") == "inf Float");
  CHECK(value_of("02 F9 FC 00") == "-inf Float");
  CHECK(value_of("02 F9 7E 00") == "nan Float");
  CHECK(value_of("02 FA 41 BC 00 00") == "23.5 Float");
  CHECK(value_of("02 FB 40 37 80 00 00 00 00 00") == "23.5 Float");
  CHECK(value_of("02 FB 3F B9 99 99 99 99 99 9A") == "0.1 Float");
}

TEST_CASE("Decimal fractions are numbers") {
  CHECK(value_of("02 C4 82 21 19 6A B3") == "273.15 Float");
  CHECK(value_of("02 C4 82 20 38 EA") == "-23.5 Float");
  CHECK(value_of("02 C4 82 02 05") == "500 Float");
  CHECK(value_of("02 C4 82 00 05") == "5 Float");
  CHECK(value_of("02 C4 82 38 63 01") == "1e-100 Float");
  constexpr std::string_view kRefused[] = {"02 C4 05",
                                           "02 C4 81 05",
                                           "02 C4 83 20 05 05",
                                           "02 C4 9F 20 05 FF",
                                           "02 C4 82 20",
                                           "02 C4 82",
                                           "02 C4 82 61 31 05",
                                           "02 C4 82 20 F9 3C 00",
                                           "02 C4 82 19 FF FF 05",
                                           "02 C4 82 1B FF FF FF FF FF FF FF FF 05",
                                           "02 C4 82 3B FF FF FF FF FF FF FF FF 05",
                                           "02 C4 82 20 3B FF FF FF FF FF FF FF FF",
                                           "02 C4 82 19 01 90 05",
                                           "02 82 20 05"};
  for (const std::string_view field : kRefused) {
    CAPTURE(field);
    CHECK(value_of(field) == "error");
  }
}

TEST_CASE("Values follow the definition where they fit") {
  check({"/9000/0/3", "81 A2 00 69 2F 39 30 30 30 2F 30 2F 33 02 05", "/9000/0/3=5 Float"});
  check({"/9000/0/1", "81 A2 00 69 2F 39 30 30 30 2F 30 2F 31 02 F9 45 00", "/9000/0/1=5 Integer"});
  check({"/9000/0/1", "81 A2 00 69 2F 39 30 30 30 2F 30 2F 31 02 C4 82 01 05",
         "/9000/0/1=50 Integer"});
  check({"/9000/0/1", "81 A2 00 69 2F 39 30 30 30 2F 30 2F 31 02 F9 7C 00", "/9000/0/1=inf Float"});
  check({"/9000/0/6", "81 A2 00 69 2F 39 30 30 30 2F 30 2F 36 02 05", "/9000/0/6=5 Time"});
  check({"/9000/0/2", "81 A2 00 69 2F 39 30 30 30 2F 30 2F 32 02 05",
         "/9000/0/2=5 Unsigned Integer"});
  check({"/9000/0/8", "81 A2 00 69 2F 39 30 30 30 2F 30 2F 38 03 60", "/9000/0/8=\"\" Corelnk"});
}

TEST_CASE("What is not known is passed over") {
  const auto with = [](std::string_view more) {
    return show(decoded(
        kSenmlCbor, octets("81 A3 00 66 2F 33 2F 30 2F 39 02 01 " + std::string(more)), "/3/0/9"));
  };
  const std::string fine = "/3/0/9=1 Integer";
  CHECK(with("18 63 05") == fine);
  CHECK(with("38 63 61 78") == fine);
  CHECK(with("61 78 F6") == fine);
  CHECK(with("01 61 56") == fine);              // u
  CHECK(with("20 0B") == fine);                 // bver
  CHECK(with("18 63 82 01 82 02 03") == fine);  // lists
  CHECK(with("18 63 A1 01 A1 02 03") == fine);  // maps
  CHECK(with("18 63 9F 01 BF 02 03 FF FF") == fine);
  CHECK(with("18 63 5F 41 00 FF") == fine);
  CHECK(with("18 63 C4 82 01 02") == fine);
  CHECK(with("18 63 F8 20") == fine);
  // A text that is a label's name has no meaning: labels are numbers.
  CHECK(with("61 76 05") == fine);
  // Too deep; cut short; must be understood.
  CHECK(with("18 63 82 01 82 02 81 03") == "error");
  CHECK(with("18 63 82 01") == "error");
  CHECK(with("18 63 FF") == "error");
  CHECK(with("62 78 5F 05") == "error");
  CHECK(with("40 05") == "error");
  CHECK(with("F4 05") == "error");
}

TEST_CASE("What is not SenML is refused") {
  constexpr std::string_view kRefused[] = {
      "", "00", "A0", "60", "F6", "FF", "82", "81", "9F", "81 01", "81 80", "80 00", "80 80",
      "9F A0", "81 BF", "81 A1 00", "1C", "81 A2 00 61",
      // Records without a value, with two, with one of another type.
      "81 A0", "81 A1 00 66 2F 33 2F 30 2F 39", "81 A3 00 66 2F 33 2F 30 2F 39 02 01 02 01",
      "81 A3 00 66 2F 33 2F 30 2F 39 02 01 03 60", "81 A2 00 66 2F 33 2F 30 2F 39 02 61 31",
      "81 A2 00 66 2F 33 2F 30 2F 39 02 F6", "81 A2 00 66 2F 33 2F 30 2F 39 02 80",
      "81 A2 00 66 2F 33 2F 30 2F 39 02 F4", "81 A2 00 66 2F 33 2F 30 2F 39 03 05",
      "81 A2 00 66 2F 33 2F 30 2F 39 03 41 31", "81 A2 00 66 2F 33 2F 30 2F 39 04 01",
      "81 A2 00 66 2F 33 2F 30 2F 39 08 61 31", "81 A2 00 66 2F 33 2F 30 2F 39 63 76 6C 6F 05",
      "81 A2 00 66 2F 33 2F 30 2F 39 03 61 FF",
      // Names and times that are none.
      "81 A1 02 01", "81 A2 00 05 02 01", "81 A2 00 61 39 02 01",
      "81 A3 00 66 2F 33 2F 30 2F 39 06 60 02 01",
      "81 A3 00 66 2F 33 2F 30 2F 39 06 F9 7C 00 02 01",
      // Another path.
      "81 A2 00 66 2F 33 2F 30 2F 38 02 01",
      // Things that CBOR does not have.
      "81 A2 00 66 2F 33 2F 30 2F 39 02 1C", "81 A2 00 66 2F 33 2F 30 2F 39 02 1F",
      "81 A2 00 66 2F 33 2F 30 2F 39 02 3F", "81 A2 00 66 2F 33 2F 30 2F 39 02 DF 01",
      "81 A2 00 66 2F 33 2F 30 2F 39 03 7F 41 31 FF",
      "81 A2 00 66 2F 33 2F 30 2F 39 03 7F 7F 61 31 FF FF",
      "81 A2 00 66 2F 33 2F 30 2F 39 03 7F 61 31", "81 A2 00 66 2F 33 2F 30 2F 39 02 FF",
      "81 A2 00 66 2F 33 2F 30 2F 39 02 F8 20"};
  for (const std::string_view octets : kRefused) {
    check({"/3/0/9", octets, "error"});
  }
}

TEST_CASE("Lengths are not believed before the data is there") {
  constexpr std::string_view kRefused[] = {
      "9A FF FF FF FF",
      "9B FF FF FF FF FF FF FF FF",
      "81 BB FF FF FF FF FF FF FF FF",
      "81 A1 00 7A FF FF FF FF 2F",
      "81 A1 00 7B FF FF FF FF FF FF FF FF 2F",
      "81 A2 00 66 2F 33 2F 30 2F 39 08 5B FF FF FF FF FF FF FF FF 00",
      "81 A1 18 63 9B FF FF FF FF FF FF FF FF",
      "81 A1 18 63 BB 80 00 00 00 00 00 00 00 00"};
  for (const std::string_view octets : kRefused) {
    check({"/3/0/9", octets, "error"});
  }
}

TEST_CASE("Depth is bounded, tags are not") {
  CHECK_FALSE(decoded(kSenmlCbor, std::string(1 << 20, '\x81'), "/3/0"));
  CHECK_FALSE(decoded(kSenmlCbor, octets("81 A1 18 63") + std::string(1 << 20, '\x81'), "/3/0"));
  CHECK_FALSE(decoded(kSenmlCbor, octets("81 A1 18 63") + std::string(1 << 20, '\x9f'), "/3/0"));
  const std::string tags(1 << 20, '\xc1');
  const auto tagged = decoded(
      kSenmlCbor, octets("81 A2 00 66 2F 33 2F 30 2F 39 02") + tags + octets("05"), "/3/0/9");
  CHECK(show(tagged) == "/3/0/9=5 Integer");
}

TEST_CASE("Writes name each resource below their path") {
  CHECK(encoded_hex(kSenmlCbor, Shape::write, "/3/0/9", {integer("/3/0/9", 95)}) ==
        "81 A2 00 66 2F 33 2F 30 2F 39 02 18 5F");
  CHECK(encoded_hex(kSenmlCbor, Shape::write, "/1/0", {integer("/1/0/1", 60)}) ==
        "81 A3 21 65 2F 31 2F 30 2F 00 61 31 02 18 3C");
  CHECK(encoded_hex(kSenmlCbor, Shape::write, "/3/0",
                    {item("/3/0/0", DataType::string, std::string("EMQ")), integer("/3/0/9", 95),
                     integer("/3/0/6/0", 1), integer("/3/0/6/1", 5)}) == kDevice);
  CHECK(encoded_hex(kSenmlCbor, Shape::write, "/3/0", {}) == "80");
  CHECK(encoded_hex(kSenmlCbor, Shape::composite, "/",
                    {integer("/1/0/1", 60), integer("/3/0/9", 1)}) ==
        "82 A2 00 66 2F 31 2F 30 2F 31 02 18 3C A2 00 66 2F 33 2F 30 2F 39 02 01");
}

TEST_CASE("Values are written shortest, floats as doubles") {
  const auto value = [](DataType type, auto data) {
    return encoded_hex(kSenmlCbor, Shape::write, "/9/0/1", {item("/9/0/1", type, data)}).substr(30);
  };
  CHECK(value(DataType::integer, std::int64_t{0}) == "02 00");
  CHECK(value(DataType::integer, std::int64_t{23}) == "02 17");
  CHECK(value(DataType::integer, std::int64_t{24}) == "02 18 18");
  CHECK(value(DataType::integer, std::int64_t{255}) == "02 18 FF");
  CHECK(value(DataType::integer, std::int64_t{256}) == "02 19 01 00");
  CHECK(value(DataType::integer, std::int64_t{65535}) == "02 19 FF FF");
  CHECK(value(DataType::integer, std::int64_t{65536}) == "02 1A 00 01 00 00");
  CHECK(value(DataType::integer, std::int64_t{1} << 32) == "02 1B 00 00 00 01 00 00 00 00");
  CHECK(value(DataType::integer, std::int64_t{-1}) == "02 20");
  CHECK(value(DataType::integer, std::numeric_limits<std::int64_t>::min()) ==
        "02 3B 7F FF FF FF FF FF FF FF");
  CHECK(value(DataType::unsigned_integer, std::numeric_limits<std::uint64_t>::max()) ==
        "02 1B FF FF FF FF FF FF FF FF");
  CHECK(value(DataType::floating, 23.5) == "02 FB 40 37 80 00 00 00 00 00");
  CHECK(value(DataType::time, std::int64_t{1367491215}) == "02 1A 51 82 42 8F");
  CHECK(value(DataType::string, std::string("EMQ")) == "03 63 45 4D 51");
  CHECK(value(DataType::corelnk, std::string("</3>")) == "03 64 3C 2F 33 3E");
  CHECK(value(DataType::boolean, true) == "04 F5");
  CHECK(value(DataType::boolean, false) == "04 F4");
  CHECK(value(DataType::opaque, std::string("\0\xff", 2)) == "08 42 00 FF");
  CHECK(value(DataType::objlnk, ObjectLink{66, 1}) == "63 76 6C 6F 64 36 36 3A 31");
}

TEST_CASE("What was written reads back") {
  std::vector<Item> items;
  for (int i = 0; i < 300; ++i) items.push_back(integer("/9000/0/20", i * 1000 - 70'000));
  for (std::uint16_t i = 0; i < 300; ++i) items[i].path = items[i].path.with(i);
  for (const std::uint16_t format : {kSenmlCbor, kSenmlJson, kTlv, kLwm2mJson}) {
    CAPTURE(format);
    const auto payload = encode(format, Shape::write, path("/9000/0"), items);
    REQUIRE(payload);
    const auto back = decoded(format, *payload, "/9000/0");
    REQUIRE(back);
    CHECK(back->items == items);
  }
}

TEST_CASE("Paths of a composite read are names without values") {
  const std::vector<Path> paths{path("/3/0/0"), path("/3303/0")};
  const auto payload = encode_paths(kSenmlCbor, paths);
  REQUIRE(payload);
  CHECK(hex(*payload) == "82 A1 00 66 2F 33 2F 30 2F 30 A1 00 67 2F 33 33 30 33 2F 30");
}
