// Paths of the LwM2M model, from text and to it.
#include "emqx_lwm2m/format/path.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using lwm2m::parse_path, lwm2m::Path;

TEST_CASE("A path is read with or without slashes around it") {
  struct Case {
    std::string_view text;
    std::string_view path;
  };
  constexpr Case kCases[] = {
      {"", "/"},
      {"/", "/"},
      {"3", "/3"},
      {"/3", "/3"},
      {"/3/", "/3"},
      {"3/0", "/3/0"},
      {"/3/0/9", "/3/0/9"},
      {"3/0/9/", "/3/0/9"},
      {"/3/0/6/1", "/3/0/6/1"},
      {"/65534/65534/65534/65534/", "/65534/65534/65534/65534"},
      {"/0/0/0/0", "/0/0/0/0"},
  };
  for (const Case& c : kCases) {
    CAPTURE(c.text);
    const auto path = parse_path(c.text);
    REQUIRE(path);
    CHECK(path->text() == c.path);
  }
}

TEST_CASE("What is no path is refused") {
  constexpr std::string_view kTexts[] = {"//",
                                         "///",
                                         "//3",
                                         "/3//",
                                         "/3//0",
                                         "/a",
                                         "a",
                                         "/3/x",
                                         "/3/0x1",
                                         "/-1",
                                         "/+3",
                                         "/ 3",
                                         "3 ",
                                         "/65535",
                                         "/65536",
                                         "/70000",
                                         "/99999999999999999999",
                                         "/1/2/3/4/5",
                                         "/03",
                                         "/00",
                                         "/3/0?x=1",
                                         "/3.0",
                                         "/3/0/9\n"};
  for (const std::string_view text : kTexts) {
    CAPTURE(text);
    CHECK_FALSE(parse_path(text));
  }
  CHECK_FALSE(parse_path(std::string_view("\0", 1)));
  CHECK_FALSE(parse_path(std::string_view("/3\0", 3)));
}

TEST_CASE("A path knows what is below it") {
  const Path resource = *parse_path("/3/0/6");
  CHECK(Path().covers(resource));
  CHECK(parse_path("/3")->covers(resource));
  CHECK(parse_path("/3/0")->covers(resource));
  CHECK(resource.covers(resource));
  CHECK(resource.covers(resource.with(1)));
  CHECK_FALSE(resource.covers(*parse_path("/3/0")));
  CHECK_FALSE(resource.covers(*parse_path("/3/0/7")));
  CHECK_FALSE(parse_path("/3/1")->covers(resource));
  CHECK_FALSE(parse_path("/33")->covers(resource));
  CHECK(resource.with(1).text() == "/3/0/6/1");
  CHECK(resource.up_to(2) == *parse_path("/3/0"));
  CHECK(resource.up_to(4) == resource);
  CHECK(resource.object() == 3);
  CHECK(resource.instance() == 0);
  CHECK(resource.resource() == 6);
  CHECK(resource.with(9).resource_instance() == 9);
}
