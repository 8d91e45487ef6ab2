#include "kernel/config/address.hpp"

#include <doctest/doctest.h>

using namespace keel::kernel;

TEST_CASE("bind addresses") {
  struct Case {
    const char* text;
    const char* host;
    int port;
    bool local;
  };
  for (const Case& c : {Case{"1883", "127.0.0.1", 1883, true},
                        {"0", "127.0.0.1", 0, true},
                        {"127.0.0.1:1883", "127.0.0.1", 1883, true},
                        {"127.1.2.3:65535", "127.1.2.3", 65535, true},
                        {"0.0.0.0:1883", "0.0.0.0", 1883, false},
                        {"192.0.2.1:1", "192.0.2.1", 1, false},
                        {"localhost:1883", "127.0.0.1", 1883, true},
                        {"[::1]:1883", "::1", 1883, true},
                        {"[::]:1883", "::", 1883, false},
                        {"[2001:db8::1]:8883", "2001:db8::1", 8883, false}}) {
    CAPTURE(c.text);
    const auto address = parse_bind(c.text, "127.0.0.1");
    REQUIRE(address);
    CHECK(address->host == c.host);
    CHECK(address->port == c.port);
    CHECK(address->local_only() == c.local);
    const auto again = parse_bind(address->text(), "192.0.2.9");
    REQUIRE(again);
    CHECK(again->text() == address->text());
  }
  for (const char* text : {"",
                           ":1883",
                           "*:1883",
                           "1883:",
                           "127.0.0.1",
                           "127.0.0.1:",
                           "127.0.0.1:65536",
                           "65536",
                           "-1",
                           "127.0.0.1:18x",
                           "::1:1883",
                           "[::1]",
                           "[::1]:",
                           "[127.0.0.1]:1883",
                           "[]:1883",
                           "[::1:1883",
                           "example.com:1883",
                           "256.0.0.1:1",
                           "unix:",
                           " 1883",
                           "tcp://127.0.0.1:1883"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_bind(text, "127.0.0.1"));
  }
}

TEST_CASE("a bare port binds the default address") {
  CHECK(parse_bind("1883", "0.0.0.0")->text() == "0.0.0.0:1883");
  CHECK(parse_bind("1883", "::1")->text() == "[::1]:1883");
  CHECK(parse_bind("1883", "")->text() == "1883");
  CHECK_FALSE(parse_bind("1883", "nowhere"));
}

TEST_CASE("unix sockets") {
  const auto address = parse_bind("unix:data/mqtt.sock", "127.0.0.1");
  REQUIRE(address);
  CHECK(address->path == "data/mqtt.sock");
  CHECK(address->local_only());
  CHECK(address->text() == "unix:data/mqtt.sock");
  CHECK_FALSE(parse_bind("unix:" + std::string(108, 'x'), ""));
  CHECK_FALSE(parse_bind("unix:a\nb", ""));
}

TEST_CASE("networks") {
  for (const char* text : {"10.0.0.1", "10.0.0.0/8", "0.0.0.0/0", "::1", "2001:db8::/32"}) {
    CHECK_MESSAGE(is_ip_network(text), text);
  }
  for (const char* text : {"", "10.0.0.0/33", "10.0.0.0/", "10.0.0/8", "::/129", "host", "/8"}) {
    CHECK_MESSAGE(!is_ip_network(text), text);
  }
}
