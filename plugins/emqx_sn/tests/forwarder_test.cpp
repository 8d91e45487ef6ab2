// Forwarder encapsulation: what is taken off, and what is put on.
#include "emqx_sn/forwarder.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "emqx_sn/tests/messages.hpp"

namespace {

using namespace sn_test;

// "node|inner", with the radius in front unless it is 0; "-" when it is dropped.
std::string unwrapped(std::string_view datagram) {
  sn::Encapsulated out;
  if (!sn::unwrap(datagram, out)) return "-";
  return (out.radius == 0 ? "" : std::to_string(out.radius) + '|') + to_hex(out.node) + '|' +
         to_hex(out.inner);
}

}  // namespace

TEST_CASE("what is an encapsulation") {
  struct Case {
    const char* octets;
    bool is;
  };
  for (const Case& each : std::vector<Case>{
           {"05 FE 00 AA BB 02 16", true},
           {"02 FE", true},
           {"00 FE", true},
           {"03 FE 00", true},
           {"01 FE 00 16", false},  // a long length
           {"01 FE", false},
           {"02 16", false},
           {"FE", false},
           {"FE 02", false},
           {"", false},
       }) {
    CAPTURE(each.octets);
    CHECK(sn::is_encapsulated(hex(each.octets)) == each.is);
  }
}

TEST_CASE("unwrapping") {
  struct Case {
    const char *octets, *out;
  };
  for (const Case& each : std::vector<Case>{
           {"05 FE 00 AA BB 02 16", "AA BB|02 16"},
           {"03 FE 00 02 16", "|02 16"},  // a node without an address
           {"04 FE 02 AA 03 01 02", "2|AA|03 01 02"},
           {"04 FE FF AA 02 16", "3|AA|02 16"},  // the other bits are reserved
           {"04 FE FC AA 02 16", "AA|02 16"},
           {"04 FE 00 FE 02 16", "FE|02 16"},
           {"04 FE 00 AA 01 00 04 16", "AA|01 00 04 16"},
           {"04 FE 00 AA 01 FE 04 16", "AA|01 FE 04 16"},  // for decode() to refuse
           {"04 FE 00 AA 05 16", "AA|05 16"},
           {"04 FE 00 AA 02", "AA|02"},
           // nothing in it
           {"05 FE 00 AA BB", "-"},
           {"03 FE 00", "-"},
           // the length is wrong
           {"00 FE 00 02 16", "-"},
           {"02 FE", "-"},
           {"02 FE 02 16", "-"},
           {"06 FE 00 AA BB", "-"},
           {"FF FE 00 AA BB 02 16", "-"},
           {"08 FE 00 AA BB 02 16", "-"},
           // one in another
           {"04 FE 00 AA 05 FE 00 AA BB 02 16", "-"},
           {"04 FE 00 AA 03 FE 00 02 16", "-"},
           {"04 FE 00 AA 00 FE", "-"},
           // none
           {"02 16", "-"},
           {"01 FE 00 16", "-"},
           {"", "-"},
       }) {
    CAPTURE(each.octets);
    CHECK(unwrapped(hex(each.octets)) == each.out);
  }
}

TEST_CASE("the longest address of a node") {
  const std::string node(sn::kMaxNodeId, 'n');
  const std::string datagram = hex("FF FE 00") + node + hex("02 16");
  sn::Encapsulated out;
  REQUIRE(sn::unwrap(datagram, out));
  CHECK(out.node == node);
  CHECK(out.inner == hex("02 16"));
  CHECK_FALSE(sn::unwrap(datagram.substr(0, 255), out));
}

TEST_CASE("wrapping") {
  CHECK(to_hex(sn::wrap(hex("AA BB"), 0).view()) == "05 FE 00 AA BB");
  CHECK(to_hex(sn::wrap({}, 0).view()) == "03 FE 00");
  CHECK(to_hex(sn::wrap("n", 3).view()) == "04 FE 03 6E");
  CHECK(to_hex(sn::wrap("n", 0xfe).view()) == "04 FE 02 6E");  // two bits of radius
}

TEST_CASE("what was wrapped unwraps") {
  for (std::size_t size = 0; size <= sn::kMaxNodeId; ++size) {
    CAPTURE(size);
    std::string node(size, '\xfe');
    if (size != 0) node.back() = '\0';
    for (const std::uint8_t radius : {0, 1, 2, 3}) {
      const std::string datagram = std::string(sn::wrap(node, radius).view()) + hex("03 05 00");
      sn::Encapsulated out;
      REQUIRE(sn::unwrap(datagram, out));
      CHECK(out.node == node);
      CHECK(out.radius == radius);
      CHECK(read(out.inner) == "CONNACK");
    }
  }
}
