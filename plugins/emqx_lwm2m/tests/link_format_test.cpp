// Links, as devices list what they have.
#include "emqx_lwm2m/format/link_format.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using lwm2m::Link, lwm2m::parse_links;

namespace {

// Each link's target and its attributes: "/1/0 ver=1.1 obs|/3/0"; or "refused".
std::string shown(std::string_view text) {
  const auto links = parse_links(text, 100);
  if (!links) return "refused";
  std::string out;
  for (const Link& link : *links) {
    if (&link != &links->front()) out += "|";
    out += link.target;
    for (const auto& attribute : link.attributes) {
      out += " ";
      out += attribute.name;
      if (attribute.value) out.append("=").append(*attribute.value);
    }
  }
  return out;
}

// The links as they came.
std::string texts(std::string_view text) {
  std::string out;
  const auto links = parse_links(text, 100).value();
  for (const Link& link : links) {
    if (!out.empty()) out += "|";
    out += link.text;
  }
  return out;
}

}  // namespace

TEST_CASE("Links and their attributes are taken apart") {
  struct Case {
    std::string_view text, links;
  };
  constexpr Case kCases[] = {
      {"", ""},
      {"  \r\n", ""},
      {"</3/0>", "/3/0"},
      {"</1/0>,</3/0>", "/1/0|/3/0"},
      {" </1/0> , </3/0>\n", "/1/0|/3/0"},
      {"</>;rt=\"oma.lwm2m\";ct=110,</1/0>", "/ rt=oma.lwm2m ct=110|/1/0"},
      {"</lwm2m>;rt=oma.lwm2m, </lwm2m/3/0>", "/lwm2m rt=oma.lwm2m|/lwm2m/3/0"},
      {"</3>;ver=1.1,</3/0>;obs", "/3 ver=1.1|/3/0 obs"},
      {"</3>;ver=\"1.1\" ; obs ;dim=8", "/3 ver=1.1 obs dim=8"},
      {"</3/0>;title=\"a,b;c<d>\";pmin=10,</4>", "/3/0 title=a,b;c<d> pmin=10|/4"},
      {"</3/0>;title=\"say \\\"no\\\", twice\",</4>", "/3/0 title=say \\\"no\\\", twice|/4"},
      {"</3/0>;title=\"\"", "/3/0 title="},
      {"</3/0>;pmin=;pmax=60", "/3/0 pmin= pmax=60"},
      {"</>;ct=\"11543 110 112\"", "/ ct=11543 110 112"},
      {"<>", ""},
      {"</a,b;c>", "/a,b;c"},
      {"</3>;title=\"Gr\xc3\xbc\xc3\x9f\"", "/3 title=Gr\xc3\xbc\xc3\x9f"},
      // Nothing where something might be.
      {"</1>,,</2>,", "/1|/2"},
      {",</1>", "/1"},
      {"</1>;;obs;", "/1 obs"},
  };
  for (const Case& c : kCases) {
    CAPTURE(c.text);
    CHECK(shown(c.text) == c.links);
  }
}

TEST_CASE("What is no link format is refused") {
  constexpr std::string_view kRefused[] = {
      "3/0",           "<",        "</3",         "</3,</4",       "</3>,<",
      "</3>x",         "</3></4>", "</3>;a=\"",   "</3>;a=\"\\\"", "</3>;a=\"b\"c",
      "</3>;a=b\"c\"", "</3>;=1",  "</3>;a<b",    "</3>;a=<b>",    "</<3>>",
      "</3>;a=b c",    "\x01",     "</3>;a=\x7f", "</\xff>",       "</3>;a=\"\xc3\"",
      "hello",         "</3> </4>"};
  for (const std::string_view text : kRefused) {
    CAPTURE(text);
    CHECK(shown(text) == "refused");
  }
  CHECK(shown(std::string_view("</3>\0", 5)) == "refused");
}

TEST_CASE("Each link can be had as it came") {
  CHECK(texts(" </3/0>;dim=8 ,</3/0/1> ; title=\"x,y\" ; obs\t, </3/0/2>") ==
        "</3/0>;dim=8|</3/0/1> ; title=\"x,y\" ; obs|</3/0/2>");
}

TEST_CASE("The first attribute of a name is found") {
  const auto links = parse_links("</3>;ver=1.1;obs;ver=1.2", 1);
  REQUIRE(links);
  const Link& link = links->front();
  REQUIRE(link.find("ver"));
  CHECK(link.find("ver")->value == "1.1");
  REQUIRE(link.find("obs"));
  CHECK_FALSE(link.find("obs")->value);
  CHECK_FALSE(link.find("Ver"));
  CHECK_FALSE(link.find("v"));
}

TEST_CASE("The number of links and attributes is bounded") {
  CHECK(parse_links("</1>,</2>", 2));
  CHECK_FALSE(parse_links("</1>,</2>,</3>", 2));
  std::string link = "</1>";
  for (int i = 0; i < 64; ++i) link += ";a";
  CHECK(parse_links(link, 1));
  CHECK_FALSE(parse_links(link + ";a", 1));
}
