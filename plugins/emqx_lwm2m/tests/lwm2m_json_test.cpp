// The JSON of LwM2M 1.0.
#include <doctest/doctest.h>

#include <limits>

#include "emqx_lwm2m/tests/format_support.hpp"

using namespace lwm2m_test;

namespace {

struct Case {
  std::string_view path, payload;
  std::string items;
};

void check(const Case& c) {
  CAPTURE(c.path);
  CAPTURE(c.payload);
  CHECK(show(decoded(kLwm2mJson, c.payload, c.path)) == c.items);
}

}  // namespace

TEST_CASE("Names are put together with one slash") {
  const Case kCases[] = {
      {"/3/0", R"({"bn":"/3/0/","e":[{"n":"9","v":100},{"n":"6/0","v":1}]})",
       "/3/0/9=100 Integer; /3/0/6/0=1 Integer"},
      {"/3/0", R"({"bn":"/3/0","e":[{"n":"9","v":100}]})", "/3/0/9=100 Integer"},
      {"/3/0", R"({"bn":"/3/0/","e":[{"n":"/9","v":100}]})", "/3/0/9=100 Integer"},
      {"/3/0", R"({"bn":"/3/0","e":[{"n":"/9","v":100}]})", "/3/0/9=100 Integer"},
      {"/3/0", R"({"bn":"/","e":[{"n":"3/0/9","v":100}]})", "/3/0/9=100 Integer"},
      {"/3/0", R"({"bn":"/","e":[{"n":"/3/0/9","v":100}]})", "/3/0/9=100 Integer"},
      {"/3", R"({"bn":"/3","e":[{"n":"0/9","v":100}]})", "/3/0/9=100 Integer"},
      // The name is missing, or empty: the base is all of it.
      {"/3/0/9", R"({"bn":"/3/0/9","e":[{"v":100}]})", "/3/0/9=100 Integer"},
      {"/3/0/9", R"({"bn":"/3/0/9/","e":[{"n":"","v":100}]})", "/3/0/9=100 Integer"},
      // The base is missing: it is the path asked for.
      {"/3/0/9", R"({"e":[{"v":100}]})", "/3/0/9=100 Integer"},
      {"/3/0", R"({"e":[{"n":"9","v":100},{"n":"0","sv":"EMQ"}]})",
       "/3/0/9=100 Integer; /3/0/0=\"EMQ\" String"},
      {"/3", R"({"bn":"","e":[{"n":"0/9","v":100}]})", "/3/0/9=100 Integer"},
      // The base comes last.
      {"/3/0", R"({"e":[{"n":"9","v":100}],"bn":"/3/0/"})", "/3/0/9=100 Integer"},
      {"/", R"({"bn":"/","e":[{"n":"3/0/9","v":1},{"n":"1/0/1","v":2}]})",
       "/3/0/9=1 Integer; /1/0/1=2 Integer"},
      {"/3/0", R"({"bn":"/3/0/","e":[]})", ""},
  };
  for (const Case& c : kCases) check(c);
}

TEST_CASE("Values follow the definition where they fit") {
  const Case kCases[] = {
      {"/9000/0/0", R"({"e":[{"sv":"a\"\u00fc\n"}]})", "/9000/0/0=\"a\"\xc3\xbc\n\" String"},
      {"/9000/0/1", R"({"e":[{"v":5.0}]})", "/9000/0/1=5 Integer"},
      {"/9000/0/1", R"({"e":[{"v":-9223372036854775808}]})",
       "/9000/0/1=-9223372036854775808 Integer"},
      {"/9000/0/2", R"({"e":[{"v":18446744073709551615}]})",
       "/9000/0/2=18446744073709551615 Unsigned Integer"},
      {"/9000/0/2", R"({"e":[{"v":7}]})", "/9000/0/2=7 Unsigned Integer"},
      {"/9000/0/3", R"({"e":[{"v":5}]})", "/9000/0/3=5 Float"},
      {"/9000/0/3", R"({"e":[{"v":23.700000762939453}]})", "/9000/0/3=23.700000762939453 Float"},
      {"/9000/0/4", R"({"e":[{"bv":true}]})", "/9000/0/4=true Boolean"},
      {"/9000/0/4", R"({"e":[{"v":0}]})", "/9000/0/4=false Boolean"},
      {"/9000/0/5", R"({"e":[{"sv":"AP8="}]})", "/9000/0/5=h'00 FF' Opaque"},
      {"/9000/0/6", R"({"e":[{"v":1367491215}]})", "/9000/0/6=1367491215 Time"},
      {"/9000/0/7", R"({"e":[{"ov":"66:1"}]})", "/9000/0/7=66:1 Objlnk"},
      {"/9000/0/7", R"({"e":[{"sv":"66:1"}]})", "/9000/0/7=66:1 Objlnk"},
      {"/9000/0/8", R"({"e":[{"sv":"</3>"}]})", "/9000/0/8=\"</3>\" Corelnk"},
      // They do not.
      {"/9000/0/1", R"({"e":[{"v":5.5}]})", "/9000/0/1=5.5 Float"},
      {"/9000/0/1", R"({"e":[{"v":1e30}]})", "/9000/0/1=1e+30 Float"},
      {"/9000/0/1", R"({"e":[{"v":9223372036854775808}]})",
       "/9000/0/1=9223372036854775808 Unsigned Integer"},
      {"/9000/0/1", R"({"e":[{"sv":"5"}]})", "/9000/0/1=\"5\" String"},
      {"/9000/0/2", R"({"e":[{"v":-7}]})", "/9000/0/2=-7 Integer"},
      {"/9000/0/4", R"({"e":[{"v":2}]})", "/9000/0/4=2 Integer"},
      {"/9000/0/5", R"({"e":[{"sv":"no base64"}]})", "/9000/0/5=\"no base64\" String"},
      {"/9000/0/7", R"({"e":[{"sv":"none"}]})", "/9000/0/7=\"none\" String"},
      // There is none.
      {"/3303/0/5700", R"({"e":[{"v":5}]})", "/3303/0/5700=5 Integer"},
      {"/3303/0/5700", R"({"e":[{"v":5.0}]})", "/3303/0/5700=5 Float"},
      {"/3303/0/5700", R"({"e":[{"bv":false}]})", "/3303/0/5700=false Boolean"},
      {"/3303/0/5700", R"({"e":[{"sv":"AP8="}]})", "/3303/0/5700=\"AP8=\" String"},
      {"/3303/0/5700", R"({"e":[{"ov":"1:2"}]})", "/3303/0/5700=1:2 Objlnk"},
  };
  for (const Case& c : kCases) check(c);
}

TEST_CASE("Times are those of the elements and of the base together") {
  check({"/3/0/9", R"({"bt":1367491215,"e":[{"v":1,"t":-10},{"v":2},{"v":3,"t":0.5}]})",
         "/3/0/9=1 Integer@1367491205; /3/0/9=2 Integer@1367491215; "
         "/3/0/9=3 Integer@1367491215.5"});
  check({"/3/0/9", R"({"e":[{"v":1,"t":1367491215}]})", "/3/0/9=1 Integer@1367491215"});
  check({"/3/0/9", R"({"e":[{"v":1,"t":-10}]})", "/3/0/9=1 Integer@1699999990"});
  check({"/3/0/9", R"({"e":[{"v":1}],"bt":1367491215})", "/3/0/9=1 Integer@1367491215"});
}

TEST_CASE("What is not known is passed over") {
  check({"/3/0/9",
         R"({"x":{"e":[{"v":2}]},"y":[[{}]],"e":[{"v":1,"u":"V","z":{"v":[3]}}],"ver":1})",
         "/3/0/9=1 Integer"});
}

TEST_CASE("What is not this JSON is refused") {
  constexpr std::string_view kRefused[] = {
      "", " ", "null", "1", "[]", R"([{"n":"/3/0/9","v":1}])", "{", R"({"e":[{"v":1}]}x)", "{}",
      R"({"bn":"/3/0/"})", R"({"e":{}})", R"({"e":1})", R"({"e":[1]})", R"({"e":[[]]})",
      R"({"e":null})",
      // Elements without a value, with two, with one of another type.
      R"({"e":[{}]})", R"({"e":[{"n":"9"}]})", R"({"e":[{"v":1,"sv":"x"}]})",
      R"({"e":[{"v":1,"v":1}]})", R"({"e":[{"v":"1"}]})", R"({"e":[{"v":null}]})",
      R"({"e":[{"v":[1]}]})", R"({"e":[{"v":{}}]})", R"({"e":[{"v":true}]})", R"({"e":[{"bv":1}]})",
      R"({"e":[{"bv":"true"}]})", R"({"e":[{"sv":1}]})", R"({"e":[{"ov":"66"}]})",
      R"({"e":[{"ov":1}]})", R"({"e":[{"v":1e999}]})",
      // Names and times that are none.
      R"({"bn":1,"e":[{"v":1}]})", R"({"bn":"/3//0/9","e":[{"v":1}]})",
      R"({"bn":"x","e":[{"v":1}]})", R"({"bn":"/3/0","e":[{"n":9,"v":1}]})",
      R"({"bn":"/3/0/9/1/2","e":[{"v":1}]})", R"({"bt":"1","e":[{"v":1}]})",
      R"({"e":[{"v":1,"t":"1"}]})", R"({"bt":{},"e":[{"v":1}]})",
      // Paths outside of the one asked for, and those of no resource.
      R"({"bn":"/3/0/10","e":[{"v":1}]})", R"({"bn":"/3/1/9","e":[{"v":1}]})",
      R"({"bn":"/3/0","e":[{"v":1}]})", "{\"e\":[{\"sv\":\"\xff\"}]}"};
  for (const std::string_view payload : kRefused) {
    check({"/3/0/9", payload, "error"});
  }
  check({"/3/0", R"({"bn":"/3/","e":[{"n":"0","v":1}]})", "error"});
}

TEST_CASE("Depth and names are bounded") {
  std::string deep = R"({"e":[{"v":1,"x":)";
  std::string closing;
  for (int i = 0; i < 5; ++i) {
    deep += "[";
    closing += "]";
  }
  check({"/3/0/9", deep + closing + "}]}", "/3/0/9=1 Integer"});
  check({"/3/0/9", deep + "[" + closing + "]}]}", "error"});
  check({"/3/0/9", std::string(1 << 20, '['), "error"});
  check({"/3/0/9", std::string(1 << 20, '{'), "error"});
  const std::string name(1000, '1');
  check({"/3/0/9", "{\"bn\":\"/" + name + "\",\"e\":[{\"v\":1}]}", "error"});
}

TEST_CASE("Writes name each resource below their path") {
  const auto write = [](std::string_view at, const std::vector<Item>& items) {
    return encoded(kLwm2mJson, Shape::write, at, items);
  };
  CHECK(write("/1/0/1", {integer("/1/0/1", 60)}) == R"({"bn":"/1/0/","e":[{"n":"1","v":60}]})");
  CHECK(write("/1/0", {integer("/1/0/1", 60), integer("/1/0/0", -1)}) ==
        R"({"bn":"/1/0/","e":[{"n":"1","v":60},{"n":"0","v":-1}]})");
  CHECK(write("/3/0/6", {integer("/3/0/6/0", 1), integer("/3/0/6/1", 5)}) ==
        R"({"bn":"/3/0/6/","e":[{"n":"0","v":1},{"n":"1","v":5}]})");
  CHECK(write("/3/0/6/1", {integer("/3/0/6/1", 5)}) == R"({"bn":"/3/0/6/","e":[{"n":"1","v":5}]})");
  CHECK(write("/3/0", {}) == R"({"bn":"/3/0/","e":[]})");
  CHECK(encoded(kLwm2mJson, Shape::create, "/1", {integer("/1/7/0", 1)}) ==
        R"({"bn":"/1/","e":[{"n":"7/0","v":1}]})");
  CHECK(encoded(kLwm2mJson, Shape::create, "/1/7", {integer("/1/7/0", 1)}) ==
        R"({"bn":"/1/7/","e":[{"n":"0","v":1}]})");
}

TEST_CASE("Values of each type are written") {
  const auto value = [](DataType type, auto data) {
    return encoded(kLwm2mJson, Shape::write, "/9/0/1", {item("/9/0/1", type, data)})
        .substr(std::string_view(R"({"bn":"/9/0/","e":[{"n":"1",)").size());
  };
  CHECK(value(DataType::string, std::string("a\"\n")) == R"("sv":"a\"\n"}]})");
  CHECK(value(DataType::integer, std::int64_t{1} << 60) == R"("v":1152921504606846976}]})");
  CHECK(value(DataType::unsigned_integer, std::numeric_limits<std::uint64_t>::max()) ==
        R"("v":18446744073709551615}]})");
  CHECK(value(DataType::floating, 23.5) == R"("v":23.5}]})");
  CHECK(value(DataType::boolean, true) == R"("bv":true}]})");
  CHECK(value(DataType::boolean, false) == R"("bv":false}]})");
  CHECK(value(DataType::opaque, std::string("\xfb\xff")) == R"("sv":"+/8="}]})");
  CHECK(value(DataType::time, std::int64_t{1367491215}) == R"("v":1367491215}]})");
  CHECK(value(DataType::objlnk, ObjectLink{66, 1}) == R"("ov":"66:1"}]})");
  CHECK(value(DataType::corelnk, std::string("</3>")) == R"("sv":"</3>"}]})");
}

TEST_CASE("What this JSON cannot carry is refused") {
  const std::vector<Item> one{integer("/1/0/1", 60)};
  CHECK(encoded(kLwm2mJson, Shape::composite, "/", one) == "error");
  CHECK(encoded(kLwm2mJson, Shape::create_any, "/1", one) == "error");
  CHECK(encoded(kLwm2mJson, Shape::create, "/1", {}) == "error");
  CHECK(encoded(kLwm2mJson, Shape::write, "/3/0/6", {}) == "error");
  CHECK(encoded(kLwm2mJson, Shape::write, "/3/0", one) == "error");
  CHECK(encoded(kLwm2mJson, Shape::write, "/9000/0/3",
                {item("/9000/0/3", DataType::floating,
                      std::numeric_limits<double>::quiet_NaN())}) == "error");
}
