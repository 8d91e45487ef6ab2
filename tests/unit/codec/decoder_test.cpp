// Fixed headers, topic names, DISCONNECT, AUTH, PINGREQ, and the names of things.
#include "kernel/codec/decoder.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>

#include "decoder_table.hpp"
#include "kernel/base/utf8.hpp"

namespace keel::kernel {
namespace {

using test::Case;
using test::hex;

TEST_CASE("header: lengths") {
  struct Row {
    const char* bytes;
    HeaderStatus status;
    std::uint32_t remaining = 0;
    std::uint8_t size = 0;
  };
  for (const Row& r :
       {Row{"", HeaderStatus::incomplete}, Row{"30", HeaderStatus::incomplete},
        Row{"30 80", HeaderStatus::incomplete}, Row{"30 FF FF FF", HeaderStatus::incomplete},
        Row{"30 00", HeaderStatus::ok, 0, 2}, Row{"30 7F FF", HeaderStatus::ok, 127, 2},
        Row{"30 80 01", HeaderStatus::ok, 128, 3}, Row{"30 FF 7F", HeaderStatus::ok, 16'383, 3},
        Row{"30 80 80 01", HeaderStatus::ok, 16'384, 4},
        Row{"30 FF FF 7F", HeaderStatus::ok, 2'097'151, 4},
        Row{"30 80 80 80 01", HeaderStatus::ok, 2'097'152, 5},
        Row{"30 FF FF FF 7F", HeaderStatus::ok, 268'435'455, 5},
        Row{"30 FF FF FF FF", HeaderStatus::malformed},
        Row{"30 80 80 80 80 01", HeaderStatus::malformed}}) {
    for (const Version v : {Version::v31, Version::v311, Version::v5}) {
      FixedHeader h;
      CAPTURE(std::string(r.bytes));
      const std::string bytes = hex(r.bytes);
      REQUIRE(parse_header(bytes, h, v) == r.status);
      if (r.status != HeaderStatus::ok) continue;
      CHECK(h.type == PacketType::publish);
      CHECK(h.remaining == r.remaining);
      CHECK(h.size == r.size);
    }
  }
  FixedHeader h;
  CHECK(parse_header(hex("30 80 00"), h) == HeaderStatus::ok);
  CHECK(h.remaining == 0);
  CHECK(parse_header(hex("30 80 00"), h, Version::v5) == HeaderStatus::malformed);
}

TEST_CASE("header: types and flags") {
  for (int first = 0; first < 256; ++first) {
    const int type = first >> 4, flags = first & 15;
    const bool two = type == 6 || type == 8 || type == 10;
    const bool good = type == 3 || (type != 0 && flags == (two ? 2 : 0));
    const std::string bytes{static_cast<char>(first), '\0'};
    FixedHeader h;
    CAPTURE(first);
    CHECK((parse_header(bytes, h) == HeaderStatus::ok) == good);
    CHECK((parse_header(bytes, h, Version::v5) == HeaderStatus::ok) == good);
    // The first byte alone is enough to refuse.
    CHECK((parse_header(bytes.substr(0, 1), h) == HeaderStatus::incomplete) == good);
    CHECK((parse_header(bytes, h, Version::v31) == HeaderStatus::ok) ==
          (good || (two && flags == 10)));
    if (!good) continue;
    CHECK(parse_header(bytes, h) == HeaderStatus::ok);
    CHECK(static_cast<int>(h.type) == type);
    CHECK(h.flags == flags);
  }
}

TEST_CASE("topic names agree with the naive check") {
  CHECK_FALSE(valid_topic_name(""));
  CHECK(valid_topic_name("/"));
  CHECK(valid_topic_name(std::string(65'535, 'x')));
  std::mt19937 random(11);
  const std::string alphabet = hex("00 2B 23 C3 B6 80 FF 22 24 2A 2C 7F 01 2F");
  for (int round = 0; round < 200'000; ++round) {
    std::string s(1 + random() % 24, '\0');
    for (char& c : s) c = random() % 8 ? 'z' : alphabet[random() % alphabet.size()];
    const bool expected = valid_utf8(s) && s.find_first_of("+#") == std::string::npos;
    if (valid_topic_name(s) != expected) FAIL_CHECK("differs for " << test::show(s));
  }
  for (std::size_t size = 1; size <= 24; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      for (const char bad : {'+', '#', '\0', '\xff'}) {
        std::string s(size, 'a');
        s[at] = bad;
        CHECK_FALSE(valid_topic_name(s));
      }
    }
  }
}

TEST_CASE("disconnect") {
  DisconnectView d;
  REQUIRE_FALSE(parse_disconnect({}, Version::v311, d));
  REQUIRE_FALSE(parse_disconnect({}, Version::v5, d));
  CHECK(d.reason == Reason::success);
  REQUIRE_FALSE(parse_disconnect(hex("04"), Version::v5, d));
  CHECK(d.reason == Reason::disconnect_with_will);
  CHECK_FALSE(d.has_session_expiry);
  REQUIRE_FALSE(parse_disconnect(hex("00 05 11 00000E10"), Version::v5, d));
  CHECK(d.has_session_expiry);
  CHECK(d.session_expiry_s == 3600);
  CHECK(parse_disconnect(hex("00"), Version::v311, d).reason == Reason::malformed_packet);
  CHECK(parse_disconnect(hex("00"), Version::v31, d).reason == Reason::malformed_packet);

  const Case cases[] = {
      {"no properties", "00 00"},
      {"reason string", "00 04 1F 0001'r'"},
      {"user properties", "00 0A 26 0000 0000 26 0000 0000"},
      {"server reference", "00 04 1C 0001's'"},
      {"expiry twice", "00 0A 11 00000001 11 00000001", Reason::protocol_error},
      {"expiry cut off", "00 04 11 000000", Reason::malformed_packet},
      {"foreign property", "00 03 21 0001", Reason::malformed_packet},
      {"section beyond the packet", "00 01", Reason::malformed_packet},
      {"trailing bytes", "00 00 00", Reason::malformed_packet},
  };
  test::check_table(cases, [](Bytes body) {
    DisconnectView view;
    return parse_disconnect(body, Version::v5, view);
  });
}

TEST_CASE("disconnect: reason codes") {
  const std::string allowed = hex("00 04 80 81 82 83 90 93 94 95 96 97 98 99");
  for (int byte = 0; byte < 256; ++byte) {
    const std::string body(1, static_cast<char>(byte));
    DisconnectView d;
    const Fault fault = parse_disconnect(body, Version::v5, d);
    CAPTURE(byte);
    CHECK(fault.reason ==
          (allowed.find(body) != std::string::npos ? Reason::success : Reason::protocol_error));
  }
}

TEST_CASE("auth") {
  AuthView a;
  const std::string body = hex("18 0C 15 0003'abc' 16 0003 00FF01");
  REQUIRE_FALSE(parse_auth(body, a));
  CHECK(a.reason == Reason::continue_authentication);
  CHECK(a.method == "abc");
  CHECK(a.data == hex("00FF01"));
  const Case cases[] = {
      {"again", "19 04 15 0001'm'"},
      {"with reason and user property", "18 0D 15 0001'm' 1F 0001'r' 26 0000 0000"},
      {"empty", "", Reason::protocol_error},
      {"success", "00 04 15 0001'm'", Reason::protocol_error},
      {"error code", "87 04 15 0001'm'", Reason::protocol_error},
      {"no section", "18", Reason::malformed_packet},
      {"no method", "18 00", Reason::protocol_error},
      {"data without method", "18 04 16 0001'd'", Reason::protocol_error},
      {"method twice", "18 08 15 0001'm' 15 0001'm'", Reason::protocol_error},
      {"method no UTF-8", "18 04 15 0001 FF", Reason::malformed_packet},
      {"foreign property", "18 02 01 01", Reason::malformed_packet},
      {"trailing bytes", "18 04 15 0001'm' 00", Reason::malformed_packet},
  };
  test::check_table(cases, [](Bytes bytes) {
    AuthView view;
    return parse_auth(bytes, view);
  });
}

TEST_CASE("pingreq has no body") {
  CHECK_FALSE(parse_empty({}));
  CHECK(parse_empty(hex("00")).reason == Reason::malformed_packet);
}

TEST_CASE("names and v3 return codes") {
  CHECK(packet_name(PacketType::connect) == "CONNECT");
  CHECK(packet_name(PacketType::publish) == "PUBLISH");
  CHECK(packet_name(PacketType::unsubscribe) == "UNSUBSCRIBE");
  CHECK(packet_name(PacketType::auth) == "AUTH");
  CHECK(packet_name(PacketType{}) == "reserved");
  CHECK(reason_name(Reason::malformed_packet) == "malformed packet");
  CHECK(reason_name(static_cast<Reason>(0x7f)) == "unknown reason code");
  CHECK(connack_code_v3(Reason::success) == 0);
  CHECK(connack_code_v3(Reason::unsupported_protocol_version) == 1);
  CHECK(connack_code_v3(Reason::client_identifier_not_valid) == 2);
  CHECK(connack_code_v3(Reason::server_busy) == 3);
  CHECK(connack_code_v3(Reason::unspecified_error) == 3);
  CHECK(connack_code_v3(Reason::bad_user_name_or_password) == 4);
  CHECK(connack_code_v3(Reason::not_authorized) == 5);
  CHECK(connack_code_v3(Reason::banned) == 5);
}

}  // namespace
}  // namespace keel::kernel
