#include "kernel/base/address.hpp"

#include <doctest/doctest.h>

using namespace keel::kernel;

TEST_CASE("bind strings") {
  struct Case {
    const char* text;
    const char* bound;
    bool loopback;
  };
  for (const Case& c :
       {Case{"1883", "127.0.0.1:1883", true}, Case{"0", "127.0.0.1:0", true},
        Case{"0.0.0.0:1883", "0.0.0.0:1883", false}, Case{"[::]:1883", "[::]:1883", false},
        Case{"[::1]:8883", "[::1]:8883", true}, Case{"localhost:1", "127.0.0.1:1", true},
        Case{"127.9.9.9:65535", "127.9.9.9:65535", true},
        Case{"unix:/run/k.sock", "unix:/run/k.sock", true}}) {
    CAPTURE(c.text);
    const auto address = parse_bind(c.text, "127.0.0.1");
    REQUIRE(address);
    CHECK(address->text() == c.bound);
    CHECK(address->loopback() == c.loopback);
  }
  CHECK(parse_bind("1883", "0.0.0.0")->text() == "0.0.0.0:1883");
  CHECK(parse_bind("1883", "::")->text() == "[::]:1883");
}

TEST_CASE("bind strings that are refused, with a remedy") {
  const std::string long_path = "unix:/" + std::string(200, 'x');
  for (const std::string& text :
       {std::string(""), std::string("x"), std::string("65536"), std::string("-1"),
        std::string("1883 "), std::string("0.0.0.0:"), std::string("example.org:1883"),
        std::string("::1:1883"), std::string("[::1:1883"), std::string("1.2.3:1883"),
        std::string("unix:"), long_path}) {
    CAPTURE(text);
    const auto address = parse_bind(text, "127.0.0.1");
    REQUIRE_FALSE(address);
    CHECK(address.error().find("write \"1883\"") != std::string::npos);
  }
}

TEST_CASE("blocks of addresses") {
  auto contains = [](const char* block, const char* peer) {
    return Cidr::parse(block)->contains(*Endpoint::parse(peer, 99));
  };
  CHECK(contains("10.0.0.0/8", "10.255.1.2"));
  CHECK_FALSE(contains("10.0.0.0/8", "11.0.0.1"));
  CHECK(contains("192.168.1.0/25", "192.168.1.127"));
  CHECK_FALSE(contains("192.168.1.0/25", "192.168.1.128"));
  CHECK(contains("1.2.3.4", "1.2.3.4"));
  CHECK_FALSE(contains("1.2.3.4", "1.2.3.5"));
  CHECK(contains("0.0.0.0/0", "8.8.8.8"));
  CHECK_FALSE(contains("0.0.0.0/0", "::1"));
  CHECK(contains("fd00::/8", "fdff::1"));
  CHECK_FALSE(contains("fd00::/8", "fe00::1"));
  CHECK(contains("::/0", "2001:db8::1"));
  CHECK(contains("10.0.0.0/8", "::ffff:10.1.1.1"));
  for (const char* bad : {"", "x", "1.2.3.4/33", "1.2.3.4/", "::1/129", "1.2.3.4/8x", "/8"}) {
    CAPTURE(bad);
    CHECK_FALSE(Cidr::parse(bad));
  }
  CHECK_FALSE(Cidr::parse_list({"10.0.0.0/8", "nonsense"}));
  CHECK(Cidr::parse_list({"10.0.0.0/8", "::1"})->size() == 2);
}

TEST_CASE("endpoints as text") {
  CHECK(Endpoint::parse("::ffff:1.2.3.4", 5)->text() == "1.2.3.4:5");
  CHECK(Endpoint::parse("2001:db8::1", 5)->text() == "[2001:db8::1]:5");
  CHECK_FALSE(Endpoint::parse("1.2.3.4:5"));
  CHECK(Endpoint{}.text() == "unknown");
}
