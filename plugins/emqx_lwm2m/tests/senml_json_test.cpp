// SenML as JSON.
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
  CHECK(show(decoded(kSenmlJson, c.payload, c.path)) == c.items);
}

}  // namespace

TEST_CASE("Base names stay until another one comes") {
  const Case kCases[] = {
      {"/3/0/9", R"([{"n":"/3/0/9","v":95}])", "/3/0/9=95 Integer"},
      {"/3/0", R"([{"bn":"/3/0/","n":"0","vs":"EMQ"},{"n":"9","v":95},{"n":"6/0","v":1}])",
       "/3/0/0=\"EMQ\" String; /3/0/9=95 Integer; /3/0/6/0=1 Integer"},
      {"/3/0", R"([{"n":"9","bn":"/3/0/","v":95}])", "/3/0/9=95 Integer"},
      {"/3/0/9", R"([{"bn":"/3/0/9","v":95}])", "/3/0/9=95 Integer"},
      {"/3/0", R"([{"bn":"/3/0/"},{"n":"9","v":95}])", "/3/0/9=95 Integer"},
      {"/3/0", R"([{"bn":"/3/0/6","n":"/0","v":1},{"bn":"/3/0/","n":"9","v":2},{"n":"6/1","v":3}])",
       "/3/0/6/0=1 Integer; /3/0/9=2 Integer; /3/0/6/1=3 Integer"},
      {"/", R"([{"bn":"/3/0/","n":"9","v":95},{"bn":"/1/0/","n":"1","v":60}])",
       "/3/0/9=95 Integer; /1/0/1=60 Integer"},
      {"/", R"([{"n":"/3/0/9","v":95},{"n":"/1/0/1","v":60}])",
       "/3/0/9=95 Integer; /1/0/1=60 Integer"},
      {"/3/0/6", R"([{"bn":"/3/0/6/","n":"0","v":1},{"n":"1","v":5}])",
       "/3/0/6/0=1 Integer; /3/0/6/1=5 Integer"},
      {"/3/0", "[]", ""},
      {"/3/0", " [ ] ", ""},
  };
  for (const Case& c : kCases) check(c);
}

TEST_CASE("Values follow the definition where they fit") {
  const Case kCases[] = {
      {"/9000/0/0", R"([{"n":"/9000/0/0","vs":"\u00fc"}])", "/9000/0/0=\"\xc3\xbc\" String"},
      {"/9000/0/1", R"([{"n":"/9000/0/1","v":5.0}])", "/9000/0/1=5 Integer"},
      {"/9000/0/1", R"([{"n":"/9000/0/1","v":1e3}])", "/9000/0/1=1000 Integer"},
      {"/9000/0/2", R"([{"n":"/9000/0/2","v":5}])", "/9000/0/2=5 Unsigned Integer"},
      {"/9000/0/3", R"([{"n":"/9000/0/3","v":5}])", "/9000/0/3=5 Float"},
      {"/9000/0/4", R"([{"n":"/9000/0/4","vb":true}])", "/9000/0/4=true Boolean"},
      {"/9000/0/5", R"([{"n":"/9000/0/5","vd":"-_8"}])", "/9000/0/5=h'FB FF' Opaque"},
      {"/9000/0/5", R"([{"n":"/9000/0/5","vd":"+/8="}])", "/9000/0/5=h'FB FF' Opaque"},
      {"/9000/0/5", R"([{"n":"/9000/0/5","vd":""}])", "/9000/0/5=h'' Opaque"},
      {"/9000/0/6", R"([{"n":"/9000/0/6","v":1367491215}])", "/9000/0/6=1367491215 Time"},
      {"/9000/0/7", R"([{"n":"/9000/0/7","vlo":"66:1"}])", "/9000/0/7=66:1 Objlnk"},
      {"/9000/0/7", R"([{"n":"/9000/0/7","vs":"66:1"}])", "/9000/0/7=66:1 Objlnk"},
      {"/9000/0/8", R"([{"n":"/9000/0/8","vs":"</3>"}])", "/9000/0/8=\"</3>\" Corelnk"},
      {"/9000/0/1", R"([{"n":"/9000/0/1","v":5.5}])", "/9000/0/1=5.5 Float"},
      {"/9000/0/1", R"([{"n":"/9000/0/1","vs":"5"}])", "/9000/0/1=\"5\" String"},
      {"/9000/0/5", R"([{"n":"/9000/0/5","vs":"AP8="}])", "/9000/0/5=\"AP8=\" String"},
      {"/9000/0/0", R"([{"n":"/9000/0/0","vd":"QQ"}])", "/9000/0/0=h'41' Opaque"},
      {"/3303/0/5700", R"([{"n":"/3303/0/5700","v":5}])", "/3303/0/5700=5 Integer"},
      {"/3303/0/5700", R"([{"n":"/3303/0/5700","v":23.7}])", "/3303/0/5700=23.7 Float"},
      {"/3303/0/5700", R"([{"n":"/3303/0/5700","vd":"AP8"}])", "/3303/0/5700=h'00 FF' Opaque"},
  };
  for (const Case& c : kCases) check(c);
}

TEST_CASE("Times are absolute, or relative to now") {
  check({"/3/0/9",
         R"([{"bn":"/3/0/9","bt":1367491215,"v":1},{"t":-10,"v":2},{"bt":1367491300,"t":1,"v":3}])",
         "/3/0/9=1 Integer@1367491215; /3/0/9=2 Integer@1367491205; /3/0/9=3 Integer@1367491301"});
  check({"/3/0/9", R"([{"n":"/3/0/9","t":-5,"v":1}])", "/3/0/9=1 Integer@1699999995"});
  check({"/3/0/9", R"([{"n":"/3/0/9","t":0,"v":1}])", "/3/0/9=1 Integer@1700000000"});
  check({"/3/0/9", R"([{"n":"/3/0/9","t":268435455,"v":1}])", "/3/0/9=1 Integer@1968435455"});
  check({"/3/0/9", R"([{"n":"/3/0/9","t":268435456,"v":1}])", "/3/0/9=1 Integer@268435456"});
}

TEST_CASE("Base values are added to numbers") {
  check({"/", R"([{"bn":"/9000/0/","bv":100,"n":"1","v":5},{"n":"3","v":0.5},{"n":"0","vs":"x"}])",
         "/9000/0/1=105 Integer; /9000/0/3=100.5 Float; /9000/0/0=\"x\" String"});
  check({"/", R"([{"bn":"/9000/0/","bv":9223372036854775807,"n":"3","v":1}])",
         "/9000/0/3=9.223372036854776e+18 Float"});
}

TEST_CASE("What is not known is passed over") {
  check({"/3/0/9",
         R"([{"bver":11,"bn":"/3/0/","n":"9","u":"V","v":95,"ut":3,"x":{"v":[1,{"n":2}]}}])",
         "/3/0/9=95 Integer"});
}

TEST_CASE("What is not SenML is refused") {
  constexpr std::string_view kRefused[] = {
      "", "null", "1", "{}", R"({"n":"/3/0/9","v":1})", "[1]", "[[]]", "[", "[]]", "[]x",
      R"(["n"])",
      // Records without a value, with two, with one of another type.
      R"([{}])", R"([{"n":"/3/0/9"}])", R"([{"bn":"/3/0/","n":"9"}])", R"([{"n":"/3/0/9","s":1}])",
      R"([{"n":"/3/0/9","v":1,"vs":"x"}])", R"([{"n":"/3/0/9","v":1,"v":1}])",
      R"([{"n":"/3/0/9","v":"1"}])", R"([{"n":"/3/0/9","v":null}])", R"([{"n":"/3/0/9","v":[]}])",
      R"([{"n":"/3/0/9","vs":1}])", R"([{"n":"/3/0/9","vb":1}])", R"([{"n":"/3/0/9","vd":1}])",
      R"([{"n":"/3/0/9","vd":"*"}])", R"([{"n":"/3/0/9","vlo":"66"}])",
      R"([{"n":"/3/0/9","vlo":66}])", R"([{"n":"/3/0/9","v":1e999}])",
      // Names and times that are none.
      R"([{"v":1}])", R"([{"n":"9","v":1}])", R"([{"n":"3/0/9","v":1}])", R"([{"n":9,"v":1}])",
      R"([{"bn":null,"n":"/3/0/9","v":1}])", R"([{"bn":"/3/0","n":"9","v":1}])",
      R"([{"bn":"/3/0/","n":"/9","v":1}])", R"([{"n":"/3/0/9","t":"1","v":1}])",
      R"([{"n":"/3/0/9","bt":true,"v":1}])", R"([{"n":"/3/0/9","bv":"1","v":1}])",
      // Fields that must be understood.
      R"([{"n":"/3/0/9","x_":1,"v":1}])", R"([{"n":"/3/0/9","x_":{},"v":1}])",
      // Paths outside of the one asked for, and those of no resource.
      R"([{"n":"/3/0/10","v":1}])", R"([{"n":"/3/1/9","v":1}])", R"([{"n":"/3/0","v":1}])",
      R"([{"n":"/3/0/9","v":1},{"n":"/3/0/0","vs":"x"}])", "[{\"n\":\"/3/0/9\",\"vs\":\"\xff\"}]"};
  for (const std::string_view payload : kRefused) {
    check({"/3/0/9", payload, "error"});
  }
  const auto without = decoded(kSenmlJson, R"([{"n":"/3/0/9"}])", "/3/0/9");
  REQUIRE_FALSE(without);
  CHECK(without.text() == "SenML JSON: no value for /3/0/9");
  CHECK(decoded(kSenmlJson, R"([{"n":"/3/0/8","v":1}])", "/3/0/9").text() ==
        "SenML JSON: a value at /3/0/8, outside of /3/0/9");
}

TEST_CASE("Depth, names and records are bounded") {
  check({"/3/0/9", R"([{"n":"/3/0/9","v":1,"x":[[[[[[]]]]]]}])", "/3/0/9=1 Integer"});
  check({"/3/0/9", R"([{"n":"/3/0/9","v":1,"x":[[[[[[[]]]]]]]}])", "error"});
  CHECK(decoded(kSenmlJson, std::string(1 << 20, '['), "/3/0").text() ==
        "SenML JSON: a record that is no object");
  check({"/3/0/9", "[{\"bn\":\"/" + std::string(1000, '1') + "\",\"v\":1}]", "error"});
  std::string many = R"([{"bn":"/3/0/9","v":1})";
  for (std::size_t i = 1; i < kMaxItems; ++i) many += R"(,{"v":1})";
  const auto most = decoded(kSenmlJson, many + "]", "/3/0/9");
  REQUIRE(most);
  CHECK(most->items.size() == kMaxItems);
  CHECK_FALSE(decoded(kSenmlJson, many + R"(,{"v":1}])", "/3/0/9"));
}

TEST_CASE("Writes name each resource below their path") {
  const auto write = [](std::string_view at, const std::vector<Item>& items) {
    return encoded(kSenmlJson, Shape::write, at, items);
  };
  CHECK(write("/1/0/1", {integer("/1/0/1", 60)}) == R"([{"n":"/1/0/1","v":60}])");
  CHECK(write("/1/0", {integer("/1/0/1", 60)}) == R"([{"bn":"/1/0/","n":"1","v":60}])");
  CHECK(write("/1/0", {integer("/1/0/1", 60), integer("/1/0/0", -1)}) ==
        R"([{"bn":"/1/0/","n":"1","v":60},{"n":"0","v":-1}])");
  CHECK(write("/3/0/6", {integer("/3/0/6/0", 1), integer("/3/0/6/1", 5)}) ==
        R"([{"bn":"/3/0/6/","n":"0","v":1},{"n":"1","v":5}])");
  CHECK(write("/3/0/6/1", {integer("/3/0/6/1", 5)}) == R"([{"n":"/3/0/6/1","v":5}])");
  CHECK(write("/3/0", {}) == "[]");
  CHECK(encoded(kSenmlJson, Shape::create, "/1", {integer("/1/7/0", 1), integer("/1/7/1", 2)}) ==
        R"([{"bn":"/1/","n":"7/0","v":1},{"n":"7/1","v":2}])");
  CHECK(
      encoded(kSenmlJson, Shape::composite, "/",
              {integer("/1/0/1", 60), item("/3/0/14", DataType::string, std::string("+02:00"))}) ==
      R"([{"n":"/1/0/1","v":60},{"n":"/3/0/14","vs":"+02:00"}])");
}

TEST_CASE("Values of each type are written") {
  const auto value = [](DataType type, auto data) {
    return encoded(kSenmlJson, Shape::write, "/9/0/1", {item("/9/0/1", type, data)})
        .substr(std::string_view(R"([{"n":"/9/0/1",)").size());
  };
  CHECK(value(DataType::string, std::string("a\"\n\x01")) == R"("vs":"a\"\n\u0001"}])");
  CHECK(value(DataType::integer, std::int64_t{-5}) == R"("v":-5}])");
  CHECK(value(DataType::unsigned_integer, std::numeric_limits<std::uint64_t>::max()) ==
        R"("v":18446744073709551615}])");
  CHECK(value(DataType::floating, 0.1) == R"("v":0.1}])");
  CHECK(value(DataType::floating, 5.0) == R"("v":5}])");
  CHECK(value(DataType::boolean, false) == R"("vb":false}])");
  CHECK(value(DataType::opaque, std::string("\xfb\xff")) == R"("vd":"-_8"}])");
  CHECK(value(DataType::time, std::int64_t{1367491215}) == R"("v":1367491215}])");
  CHECK(value(DataType::objlnk, ObjectLink{66, 1}) == R"("vlo":"66:1"}])");
  CHECK(value(DataType::corelnk, std::string("</3>")) == R"("vs":"</3>"}])");
}

TEST_CASE("What SenML cannot carry is refused") {
  for (const std::uint16_t format : {kSenmlJson, kSenmlCbor}) {
    CHECK(encoded(format, Shape::create_any, "/1", {integer("/1/0/1", 60)}) == "error");
    CHECK(encoded(format, Shape::create, "/1", {}) == "error");
    CHECK(encoded(format, Shape::create, "/1/7", {}) == "error");
    CHECK(encoded(format, Shape::write, "/3/0/6", {}) == "error");
    CHECK(encoded(format, Shape::write, "/1", {integer("/1/0/1", 60)}) == "error");
  }
  const std::vector<Item> nan{
      item("/9000/0/3", DataType::floating, std::numeric_limits<double>::quiet_NaN())};
  CHECK(encoded(kSenmlJson, Shape::write, "/9000/0/3", nan) == "error");
  CHECK(encoded(kSenmlCbor, Shape::write, "/9000/0/3", nan) != "error");
}

TEST_CASE("Paths of a composite read are names without values") {
  const std::vector<Path> paths{path("/3/0/0"), path("/3303/0"), path("/")};
  CHECK(*encode_paths(kSenmlJson, paths) == R"([{"n":"/3/0/0"},{"n":"/3303/0"},{"n":"/"}])");
  CHECK(*encode_paths(kSenmlJson, {}) == "[]");
  for (const std::uint16_t format : {kTlv, kLwm2mJson, kText})
    CHECK_FALSE(encode_paths(format, paths));
}
