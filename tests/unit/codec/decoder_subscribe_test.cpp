#include <doctest/doctest.h>

#include <string>

#include "decoder_table.hpp"

namespace keel::kernel {
namespace {

using test::Case;
using test::hex;

auto subscribe(Version version) {
  return [=](Bytes body) {
    SubscribeView view;
    return parse_subscribe(body, version, view);
  };
}
auto unsubscribe(Version version) {
  return [=](Bytes body) {
    UnsubscribeView view;
    return parse_unsubscribe(body, version, view);
  };
}

TEST_CASE("subscribe: fields") {
  SubscribeView s;
  const std::string v3 = hex("0102 0003'a/b' 01 0001'#' 02");
  REQUIRE_FALSE(parse_subscribe(v3, Version::v311, s));
  CHECK(s.packet_id == 0x0102);
  CHECK(s.subscription_id == 0);
  REQUIRE(s.filters.size() == 2);
  CHECK(s.filters[0].filter == "a/b");
  CHECK(s.filters[0].qos == 1);
  CHECK(s.filters[1].filter == "#");
  CHECK(s.filters[1].qos == 2);
  const std::string v5 = hex("0001 0C 0B FFFFFF7F 26 0001'k' 0001'v' 0001't' 2E 0001'u' 11");
  REQUIRE_FALSE(parse_subscribe(v5, Version::v5, s));
  CHECK(s.subscription_id == 268'435'455);
  REQUIRE(s.filters.size() == 2);
  CHECK(s.filters[0].qos == 2);
  CHECK(s.filters[0].no_local);
  CHECK(s.filters[0].retain_as_published);
  CHECK(s.filters[0].retain_handling == 2);
  CHECK(s.filters[1].qos == 1);
  CHECK_FALSE(s.filters[1].no_local);
  CHECK_FALSE(s.filters[1].retain_as_published);
  CHECK(s.filters[1].retain_handling == 1);
}

TEST_CASE("subscribe: v3 rules") {
  const Case cases[] = {
      {"whole", "0001 0001't' 00"},
      {"bad wildcard passes", "0001 0003'a#b' 00"},
      {"empty filter passes", "0001 0000 00"},
      {"identifier 0", "0000 0001't' 00", Reason::protocol_error},
      {"no identifier", "00", Reason::malformed_packet},
      {"no filter", "0001", Reason::protocol_error},
      {"filter cut off", "0001 0002't'", Reason::malformed_packet},
      {"no options", "0001 0001't'", Reason::malformed_packet},
      {"QoS 3", "0001 0001't' 03", Reason::malformed_packet},
      {"reserved bits", "0001 0001't' 04", Reason::malformed_packet},
      {"top bit", "0001 0001't' 80", Reason::malformed_packet},
      {"second is broken", "0001 0001't' 00 0001", Reason::malformed_packet},
      {"no UTF-8", "0001 0001 FF 00", Reason::malformed_packet},
      {"U+0000", "0001 0001 00 00", Reason::malformed_packet},
  };
  test::check_table(cases, subscribe(Version::v31));
  test::check_table(cases, subscribe(Version::v311));
}

TEST_CASE("subscribe: v5 rules") {
  const Case cases[] = {
      {"whole", "0001 00 0001't' 00"},
      {"all options", "0001 00 0001't' 2E"},
      {"empty filter passes", "0001 00 0000 00"},
      {"identifier 0", "0000 00 0001't' 00", Reason::protocol_error},
      {"no filter", "0001 00", Reason::protocol_error},
      {"no section", "0001", Reason::malformed_packet},
      {"QoS 3", "0001 00 0001't' 03", Reason::protocol_error},
      {"retain handling 3", "0001 00 0001't' 30", Reason::protocol_error},
      {"reserved bit 6", "0001 00 0001't' 40", Reason::malformed_packet},
      {"reserved bit 7", "0001 00 0001't' 80", Reason::malformed_packet},
      {"no local, shared", "0001 00 000A'$share/g/t' 04", Reason::protocol_error},
      {"no local, like shared", "0001 00 0006'$share' 04"},
      {"shared", "0001 00 000A'$share/g/t' 01"},
      {"subscription id 0", "0001 02 0B 00 0001't' 00", Reason::protocol_error},
      {"subscription id twice", "0001 04 0B 01 0B 02 0001't' 00", Reason::protocol_error},
      {"subscription id too long", "0001 06 0B FFFFFFFF7F 0001't' 00", Reason::malformed_packet},
      {"subscription id not minimal", "0001 03 0B 81 00 0001't' 00", Reason::malformed_packet},
      {"foreign property", "0001 02 01 01 0001't' 00", Reason::malformed_packet},
      {"no UTF-8", "0001 00 0001 FF 00", Reason::malformed_packet},
  };
  test::check_table(cases, subscribe(Version::v5));
  // 4: before the first filter is a protocol error, not a whole packet.
  test::check_truncation("0001 00 0001't' 00 0001'u' 01", subscribe(Version::v5),
                         [](std::size_t n) { return n == 7; });
}

TEST_CASE("unsubscribe: fields and rules") {
  UnsubscribeView u;
  const std::string body = hex("0102 0001'a' 0003'b/#'");
  REQUIRE_FALSE(parse_unsubscribe(body, Version::v311, u));
  CHECK(u.packet_id == 0x0102);
  REQUIRE(u.filters.size() == 2);
  CHECK(u.filters[1] == "b/#");
  const Case v3[] = {
      {"whole", "0001 0001't'"},
      {"empty filter passes", "0001 0000"},
      {"identifier 0", "0000 0001't'", Reason::protocol_error},
      {"no identifier", "", Reason::malformed_packet},
      {"no filter", "0001", Reason::protocol_error},
      {"cut off", "0001 0002't'", Reason::malformed_packet},
      {"half a length", "0001 0001't' 00", Reason::malformed_packet},
      {"no UTF-8", "0001 0001 C0", Reason::malformed_packet},
  };
  test::check_table(v3, unsubscribe(Version::v31));
  test::check_table(v3, unsubscribe(Version::v311));
  const Case v5[] = {
      {"whole", "0001 00 0001't'"},
      {"user property", "0001 05 26 0000 0000 0001't'"},
      {"no section", "0001", Reason::malformed_packet},
      {"no filter", "0001 00", Reason::protocol_error},
      {"subscription id", "0001 02 0B 01 0001't'", Reason::malformed_packet},
      {"identifier 0", "0000 00 0001't'", Reason::protocol_error},
  };
  test::check_table(v5, unsubscribe(Version::v5));
}

}  // namespace
}  // namespace keel::kernel
