#include <doctest/doctest.h>

#include <string>

#include "decoder_table.hpp"

namespace keel::kernel {
namespace {

using test::Case;
using test::hex;

auto parser(std::uint8_t flags, Version version) {
  return [=](Bytes body) {
    PublishView view;
    std::string scratch;
    return parse_publish(body, flags, version, view, scratch);
  };
}

auto ack_parser(PacketType type, Version version) {
  return [=](Bytes body) {
    AckView view;
    return parse_ack(body, version, type, view);
  };
}

TEST_CASE("publish: fields of v3") {
  PublishView p;
  std::string scratch;
  const std::string qos0 = hex("0003'a/b' 'hello'");
  REQUIRE_FALSE(parse_publish(qos0, 0x01, Version::v311, p, scratch));
  CHECK(p.qos == 0);
  CHECK(p.retain);
  CHECK_FALSE(p.dup);
  CHECK(p.packet_id == 0);
  CHECK(p.topic == "a/b");
  CHECK(p.payload == "hello");
  CHECK(p.properties.empty());
  CHECK(p.expiry_s == kNoExpiry);
  const std::string qos2 = hex("0001't' ABCD");
  REQUIRE_FALSE(parse_publish(qos2, 0x0C, Version::v31, p, scratch));
  CHECK(p.qos == 2);
  CHECK(p.dup);
  CHECK_FALSE(p.retain);
  CHECK(p.packet_id == 0xABCD);
  CHECK(p.payload.empty());
}

TEST_CASE("publish: v5 properties stay in the packet while they stand side by side") {
  const std::string forwardable = hex("01 01 03 0001't' 26 0001'k' 0001'v' 26 0001'k' 0001'v'");
  PublishView p;
  std::string scratch = "untouched";
  const auto in = [](Bytes part, const std::string& whole) {
    return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
  };
  SUBCASE("nothing to filter") {
    const std::string body =
        hex("0001't'") + static_cast<char>(forwardable.size()) + forwardable + "pay";
    REQUIRE_FALSE(parse_publish(body, 0, Version::v5, p, scratch));
    CHECK(p.properties == forwardable);
    CHECK(in(p.properties, body));
    CHECK(p.payload == "pay");
  }
  SUBCASE("filtered at both ends") {
    const std::string body = hex("0001't'") + static_cast<char>(forwardable.size() + 8) +
                             hex("02 00000007") + forwardable + hex("23 0009") + "pay";
    REQUIRE_FALSE(parse_publish(body, 0, Version::v5, p, scratch));
    CHECK(p.properties == forwardable);
    CHECK(in(p.properties, body));
    CHECK(p.expiry_s == 7);
    CHECK(p.topic_alias == 9);
  }
  SUBCASE("filtered in the middle") {
    const std::string body =
        hex("0001't' 13 09 0002'cd' 02 00000007 26 0001'k' 0001'v' 01 01 'pay'");
    REQUIRE_FALSE(parse_publish(body, 0, Version::v5, p, scratch));
    CHECK(p.properties == hex("09 0002'cd' 26 0001'k' 0001'v' 01 01"));
    CHECK(in(p.properties, scratch));
    CHECK(p.payload == "pay");
  }
}

TEST_CASE("publish: topics") {
  const Case both[] = {
      {"plain", "0001't'"},
      {"with a dollar", "0004'$a/b'"},
      {"only a slash", "0001'/'"},
      {"spaces and dots", "0005'a . b'"},
      {"no UTF-8", "0002'a'FF", Reason::malformed_packet},
      {"U+0000", "0002'a'00", Reason::malformed_packet},
      {"surrogate", "0004'a'EDA080", Reason::malformed_packet},
      {"overlong", "0003'a'C0AF", Reason::malformed_packet},
      {"#", "0001'#'", Reason::topic_name_invalid},
      {"+", "0003'a/+'", Reason::topic_name_invalid},
      {"+ in the first word", "0008'abc+efgh'", Reason::topic_name_invalid},
      {"# behind the first word", "0009'abcdefgh#'", Reason::topic_name_invalid},
      {"no topic", "", Reason::malformed_packet},
      {"half a length", "00", Reason::malformed_packet},
      {"cut off", "0003'ab'", Reason::malformed_packet},
  };
  test::check_table(both, parser(0, Version::v31));
  test::check_table(both, parser(0, Version::v311));
  const Case v3[] = {{"empty", "0000", Reason::topic_name_invalid}};
  test::check_table(v3, parser(0, Version::v311));
  const Case v5[] = {
      {"empty with an alias", "0000 03 23 0001"},
      {"empty without one", "0000 00", Reason::protocol_error},
      {"bad UTF-8", "0001 80 00", Reason::malformed_packet},
      {"wildcard", "0001'#' 00", Reason::topic_name_invalid},
      {"wildcard with an alias", "0001'#' 03 23 0001", Reason::topic_name_invalid},
  };
  test::check_table(v5, parser(0, Version::v5));
}

TEST_CASE("publish: flags and packet identifiers") {
  const Case whole[] = {{"whole", "0001't' 0001 00"}};
  for (const Version v : {Version::v31, Version::v311, Version::v5}) {
    for (const std::uint8_t flags : {0x02, 0x03, 0x04, 0x05, 0x0A, 0x0B, 0x0C, 0x0D}) {
      test::check_table(whole, parser(flags, v));
    }
    const Case bad_flags[] = {{"flags", "0001't' 0001 00", Reason::malformed_packet}};
    for (const std::uint8_t flags : {0x06, 0x07, 0x08, 0x09, 0x0E, 0x0F}) {
      test::check_table(bad_flags, parser(flags, v));
    }
    const Case bad_ids[] = {
        {"identifier 0", "0001't' 0000 00", Reason::protocol_error},
        {"identifier missing", "0001't'", Reason::malformed_packet},
        {"identifier cut off", "0001't' 00", Reason::malformed_packet},
    };
    test::check_table(bad_ids, parser(0x02, v));
    test::check_table(bad_ids, parser(0x04, v));
  }
}

TEST_CASE("publish: v5 property rules") {
  const Case cases[] = {
      {"no section", "0001't'", Reason::malformed_packet},
      {"section beyond the packet", "0001't' 05 01 01", Reason::malformed_packet},
      {"section cuts a property", "0001't' 03 02 00000001", Reason::malformed_packet},
      {"length not minimal", "0001't' 80 00", Reason::malformed_packet},
      {"alias 0", "0001't' 03 23 0000", Reason::topic_alias_invalid},
      {"alias twice", "0001't' 06 23 0001 23 0001", Reason::protocol_error},
      {"format 2", "0001't' 02 01 02", Reason::protocol_error},
      {"format twice", "0001't' 04 01 01 01 01", Reason::protocol_error},
      {"expiry twice", "0001't' 0A 02 00000001 02 00000001", Reason::protocol_error},
      {"content type twice", "0001't' 06 03 0000 03 0000", Reason::protocol_error},
      {"correlation twice", "0001't' 06 09 0000 09 0000", Reason::protocol_error},
      {"response twice", "0001't' 08 08 0001'r' 08 0001'r'", Reason::protocol_error},
      {"response with a wildcard", "0001't' 06 08 0003'r/+'", Reason::protocol_error},
      {"response empty", "0001't' 03 08 0000", Reason::protocol_error},
      {"response no UTF-8", "0001't' 04 08 0001 FF", Reason::malformed_packet},
      {"content type no UTF-8", "0001't' 04 03 0001 FF", Reason::malformed_packet},
      {"user property NUL", "0001't' 07 26 0001'k' 0001 00", Reason::malformed_packet},
      {"subscription identifier", "0001't' 02 0B 01", Reason::protocol_error},
      {"subscription identifier 0", "0001't' 02 0B 00", Reason::protocol_error},
      {"session expiry", "0001't' 05 11 00000001", Reason::malformed_packet},
      {"reason string", "0001't' 04 1F 0001'r'", Reason::malformed_packet},
      {"unknown", "0001't' 02 7F 00", Reason::malformed_packet},
      {"text", "0001't' 02 01 01 'text'"},
      {"text with U+0000", "0001't' 02 01 01 'te' 00 'xt'"},
      {"text that is none", "0001't' 02 01 01 'te' FF", Reason::payload_format_invalid},
      {"text cut off", "0001't' 02 01 01 'te' C3", Reason::payload_format_invalid},
      {"bytes", "0001't' 02 01 00 'te' FF"},
  };
  test::check_table(cases, parser(0, Version::v5));
}

TEST_CASE("publish: cut off anywhere before the payload") {
  test::check_truncation("0003'a/b' 0001 0B 02 00000001 08 0003'r/s'", parser(2, Version::v5),
                         [](std::size_t) { return false; });
  test::check_truncation("0003'a/b' 0001", parser(2, Version::v311),
                         [](std::size_t) { return false; });
}

TEST_CASE("acks: v3 has two bytes") {
  for (const Version v : {Version::v31, Version::v311}) {
    for (const PacketType type :
         {PacketType::puback, PacketType::pubrec, PacketType::pubrel, PacketType::pubcomp}) {
      const Case cases[] = {
          {"whole", "0001"},
          {"empty", "", Reason::malformed_packet},
          {"one byte", "00", Reason::malformed_packet},
          {"identifier 0", "0000", Reason::protocol_error},
          {"three bytes", "0001 00", Reason::malformed_packet},
          {"v5 form", "0001 00 00", Reason::malformed_packet},
      };
      test::check_table(cases, ack_parser(type, v));
    }
  }
}

TEST_CASE("acks: v5 forms and properties") {
  const Case cases[] = {
      {"two bytes", "0001"},
      {"three bytes", "0001 00"},
      {"no properties", "0001 00 00"},
      {"reason string", "0001 00 04 1F 0001'r'"},
      {"user properties", "0001 00 0C 26 0001'a' 0000 26 0000 0001'b'"},
      {"identifier 0", "0000 00", Reason::protocol_error},
      {"reason string twice", "0001 00 08 1F 0001'r' 1F 0001'r'", Reason::protocol_error},
      {"reason string no UTF-8", "0001 00 04 1F 0001 FF", Reason::malformed_packet},
      {"foreign property", "0001 00 05 11 00000001", Reason::malformed_packet},
      {"trailing bytes", "0001 00 00 00", Reason::malformed_packet},
      {"section beyond the packet", "0001 00 01", Reason::malformed_packet},
      {"empty", "", Reason::malformed_packet},
  };
  for (const PacketType type :
       {PacketType::puback, PacketType::pubrec, PacketType::pubrel, PacketType::pubcomp}) {
    test::check_table(cases, ack_parser(type, Version::v5));
  }
}

TEST_CASE("acks: v5 reason codes per packet") {
  const std::string for_publish = hex("00 10 80 83 87 90 91 97 99"), for_release = hex("00 92");
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const std::string body = hex("0102") + c;
    for (const PacketType type :
         {PacketType::puback, PacketType::pubrec, PacketType::pubrel, PacketType::pubcomp}) {
      const bool release = type == PacketType::pubrel || type == PacketType::pubcomp;
      const bool allowed = (release ? for_release : for_publish).find(c) != std::string::npos;
      AckView ack;
      const Fault fault = parse_ack(body, Version::v5, type, ack);
      CHECK(fault.reason == (allowed ? Reason::success : Reason::protocol_error));
      if (!allowed) continue;
      CHECK(ack.packet_id == 0x0102);
      CHECK(code(ack.reason) == byte);
    }
  }
}

}  // namespace
}  // namespace keel::kernel
