#include <doctest/doctest.h>

#include <string>

#include "decoder_table.hpp"

namespace keel::kernel {
namespace {

using test::Case;
using test::hex;

Fault parse(Bytes body) {
  ConnectView view;
  std::string scratch;
  return parse_connect(body, view, scratch);
}

TEST_CASE("connect: all fields of v5") {
  const std::string body =
      hex("0004'MQTT' 05 F6 003C"
          "2D 11 00000E10 21 0014 27 00010000 22 000A 19 01 17 00"
          "26 0001'k' 0001'v' 15 0003'abc' 16 0002 0001 26 0001'l' 0001'w'"
          "0002'id'"
          "22 18 00000005 01 01 02 0000000A 03 0001't' 08 0003'r/s' 09 0002 FFFE 26 0001'x' 0001'y'"
          "0003'w/t' 0003'bye' 0004'user' 0003 00FF00");
  ConnectView c;
  std::string scratch;
  const Fault fault = parse_connect(body, c, scratch);
  CAPTURE(std::string(fault.what));
  REQUIRE_FALSE(fault);
  CHECK(c.version == Version::v5);
  CHECK(c.clean_start);
  CHECK(c.keep_alive_s == 60);
  CHECK(c.has_session_expiry);
  CHECK(c.session_expiry_s == 3600);
  CHECK(c.receive_maximum == 20);
  CHECK(c.maximum_packet_size == 65536);
  CHECK(c.topic_alias_maximum == 10);
  CHECK(c.request_response_information);
  CHECK_FALSE(c.request_problem_information);
  CHECK(c.auth_method == "abc");
  CHECK(c.auth_data == hex("0001"));
  CHECK(c.user_properties == hex("26 0001'k' 0001'v' 26 0001'l' 0001'w'"));
  CHECK(c.client_id == "id");
  REQUIRE(c.has_will);
  CHECK(c.will.qos == 2);
  CHECK(c.will.retain);
  CHECK(c.will.delay_s == 5);
  CHECK(c.will.expiry_s == 10);
  CHECK(c.will.topic == "w/t");
  CHECK(c.will.payload == "bye");
  CHECK(c.will.properties == hex("01 01 03 0001't' 08 0003'r/s' 09 0002 FFFE 26 0001'x' 0001'y'"));
  CHECK(c.has_username);
  CHECK(c.username == "user");
  CHECK(c.has_password);
  CHECK(c.password == hex("00FF00"));
}

TEST_CASE("connect: v5 defaults") {
  ConnectView c;
  std::string scratch;
  REQUIRE_FALSE(parse_connect(hex("0004'MQTT' 05 00 0000 00 0000"), c, scratch));
  CHECK_FALSE(c.clean_start);
  CHECK_FALSE(c.has_session_expiry);
  CHECK(c.receive_maximum == 65535);
  CHECK(c.maximum_packet_size == 0);
  CHECK(c.topic_alias_maximum == 0);
  CHECK_FALSE(c.request_response_information);
  CHECK(c.request_problem_information);
  CHECK_FALSE(c.has_will);
  CHECK_FALSE(c.has_username);
  CHECK_FALSE(c.has_password);
  CHECK(c.client_id.empty());
  CHECK(c.user_properties.empty());
}

TEST_CASE("connect: v3.1.1 and v3.1") {
  ConnectView c;
  std::string scratch, body;
  body = hex("0004'MQTT' 04 EE 000A 0001'c' 0001'w' 0000 0001'u' 0002'pw'");
  REQUIRE_FALSE(parse_connect(body, c, scratch));
  CHECK(c.version == Version::v311);
  CHECK(c.clean_start);
  CHECK(c.has_will);
  CHECK(c.will.qos == 1);
  CHECK(c.will.retain);
  CHECK(c.will.payload.empty());
  CHECK(c.username == "u");
  CHECK(c.password == "pw");
  body = hex("0006'MQIsdp' 03 00 000A 0001'c'");
  REQUIRE_FALSE(parse_connect(body, c, scratch));
  CHECK(c.version == Version::v31);
  CHECK_FALSE(c.clean_start);
  CHECK(c.client_id == "c");
  // v3.1: the length takes precedence over the flags.
  body = hex("0006'MQIsdp' 03 C2 000A 0001'c'");
  REQUIRE_FALSE(parse_connect(body, c, scratch));
  CHECK_FALSE(c.has_username);
  CHECK_FALSE(c.has_password);
  body = hex("0006'MQIsdp' 03 C2 000A 0001'c' 0001'u'");
  REQUIRE_FALSE(parse_connect(body, c, scratch));
  CHECK(c.has_username);
  CHECK_FALSE(c.has_password);
}

TEST_CASE("connect: properties that do not stand side by side end up in the scratch") {
  const std::string body =
      hex("0004'MQTT' 05 04 0000"
          "10 26 0001'a' 0000 21 0001 26 0000 0002'bc' 0001'c'"
          "0E 01 00 18 00000001 03 0001't' 01 00");
  ConnectView c;
  std::string scratch = "left over from another packet";
  // The last property repeats; take it away for the good case.
  CHECK(parse_connect(body + hex("0001'w' 0000"), c, scratch).reason == Reason::protocol_error);
  const std::string good =
      hex("0004'MQTT' 05 04 0000"
          "10 26 0001'a' 0000 21 0001 26 0000 0002'bc' 0001'c'"
          "0B 01 00 18 00000001 03 0001't' 0001'w' 0000");
  REQUIRE_FALSE(parse_connect(good, c, scratch));
  CHECK(c.user_properties == hex("26 0001'a' 0000 26 0000 0002'bc'"));
  CHECK(c.will.properties == hex("01 00 03 0001't'"));
  CHECK(c.receive_maximum == 1);
}

TEST_CASE("connect: unsupported versions tell which answer fits") {
  struct Row {
    const char* body;
    Version answer;
  };
  for (const Row& r : {Row{"0004'MQTT' 06", Version::v5}, Row{"0004'MQTT' 7F", Version::v5},
                       Row{"0004'MQTT' 03", Version::v311}, Row{"0004'MQTT' 00", Version::v311},
                       Row{"0004'MQTT' 84 02 0000 0000", Version::v311},
                       Row{"0006'MQIsdp' 83", Version::v311}, Row{"0006'MQIsdp' 04", Version::v311},
                       Row{"0004'mqtt' 04", Version::v311}, Row{"0000 04", Version::v311},
                       Row{"0004'MQTT' 86", Version::v5}, Row{"0004'HTTP' 09", Version::v5}}) {
    ConnectView c;
    std::string scratch;
    CAPTURE(std::string(r.body));
    CHECK(parse_connect(hex(r.body), c, scratch).reason == Reason::unsupported_protocol_version);
    CHECK(c.version == r.answer);
  }
}

TEST_CASE("connect: what every version refuses") {
  const Case cases[] = {
      {"empty", "", Reason::malformed_packet},
      {"name cut off", "0004'MQ'", Reason::malformed_packet},
      {"no level", "0004'MQTT'", Reason::malformed_packet},
      {"no flags", "0004'MQTT' 04", Reason::malformed_packet},
      {"no keep alive", "0004'MQTT' 04 02 00", Reason::malformed_packet},
      {"no client id", "0004'MQTT' 04 02 0000", Reason::malformed_packet},
      {"client id cut off", "0004'MQTT' 04 02 0000 0003'ab'", Reason::malformed_packet},
      {"client id with NUL", "0004'MQTT' 04 02 0000 0003'a'00'b'", Reason::malformed_packet},
      {"client id no UTF-8", "0004'MQTT' 04 02 0000 0001 FF", Reason::malformed_packet},
      {"client id surrogate", "0004'MQTT' 04 02 0000 0003 EDA080", Reason::malformed_packet},
      {"reserved bit v3.1.1", "0004'MQTT' 04 03 0000 0001'c'", Reason::malformed_packet},
      {"reserved bit v3.1", "0006'MQIsdp' 03 03 0000 0001'c'", Reason::malformed_packet},
      {"reserved bit v5", "0004'MQTT' 05 03 0000 00 0001'c'", Reason::malformed_packet},
      {"trailing bytes v3.1.1", "0004'MQTT' 04 02 0000 0001'c' 00", Reason::malformed_packet},
      {"trailing bytes v3.1", "0006'MQIsdp' 03 02 0000 0001'c' 00", Reason::malformed_packet},
      {"trailing bytes v5", "0004'MQTT' 05 02 0000 00 0001'c' 00", Reason::malformed_packet},
      {"empty id, v3.1", "0006'MQIsdp' 03 02 0000 0000"},
      {"empty id, clean, v3.1.1", "0004'MQTT' 04 02 0000 0000"},
      {"empty id, kept, v3.1.1", "0004'MQTT' 04 00 0000 0000"},
      {"empty id, kept, v5", "0004'MQTT' 05 00 0000 00 0000"},
      {"password alone v3.1.1", "0004'MQTT' 04 42 0000 0001'c' 0001'p'", Reason::malformed_packet},
      {"password alone v3.1", "0006'MQIsdp' 03 42 0000 0001'c' 0001'p'", Reason::malformed_packet},
      {"password alone v5", "0004'MQTT' 05 42 0000 00 0001'c' 0001'p'"},
      {"user name no UTF-8", "0004'MQTT' 04 82 0000 0001'c' 0001 80", Reason::malformed_packet},
      {"user name missing", "0004'MQTT' 04 82 0000 0001'c'", Reason::malformed_packet},
      {"password missing", "0004'MQTT' 04 C2 0000 0001'c' 0001'u'", Reason::malformed_packet},
      {"user name empty", "0004'MQTT' 04 C2 0000 0001'c' 0000 0000"},
      {"will flags, no will", "0004'MQTT' 04 0A 0000 0001'c'", Reason::malformed_packet},
      {"will retain, no will", "0004'MQTT' 05 22 0000 00 0001'c'", Reason::malformed_packet},
      {"will flags, no will, v3.1", "0006'MQIsdp' 03 2A 0000 0001'c'"},
      {"will QoS 3", "0004'MQTT' 04 1E 0000 0001'c' 0001'w' 0000", Reason::malformed_packet},
      {"will QoS 3 v3.1", "0006'MQIsdp' 03 1E 0000 0001'c' 0001'w' 0000", Reason::malformed_packet},
      {"will topic empty", "0004'MQTT' 04 06 0000 0001'c' 0000 0000", Reason::topic_name_invalid},
      {"will topic #", "0004'MQTT' 04 06 0000 0001'c' 0003'a/#' 0000", Reason::topic_name_invalid},
      {"will topic +", "0004'MQTT' 05 06 0000 00 0001'c' 00 0003'+/a' 0000",
       Reason::topic_name_invalid},
      {"will topic NUL", "0004'MQTT' 04 06 0000 0001'c' 0002'a'00 0000", Reason::malformed_packet},
      {"will payload missing", "0004'MQTT' 04 06 0000 0001'c' 0001'w'", Reason::malformed_packet},
      {"will topic missing", "0004'MQTT' 04 06 0000 0001'c'", Reason::malformed_packet},
  };
  test::check_table(cases, parse);
}

// The properties of a v5 CONNECT, and of its will, one fault at a time.
TEST_CASE("connect: v5 properties") {
  struct Row {
    const char* properties;
    Reason expected = Reason::success;
  };
  const Row rows[] = {
      {""},
      {"11 00000000"},
      {"11 FFFFFFFF"},
      {"11 000000", Reason::malformed_packet},
      {"11 00000001 11 00000001", Reason::protocol_error},
      {"21 0000", Reason::protocol_error},
      {"21 0001 21 0001", Reason::protocol_error},
      {"21 00", Reason::malformed_packet},
      {"27 00000000", Reason::protocol_error},
      {"27 00000001"},
      {"22 0000"},
      {"22 FFFF"},
      {"19 02", Reason::protocol_error},
      {"17 02", Reason::protocol_error},
      {"19 01 19 01", Reason::protocol_error},
      {"17", Reason::malformed_packet},
      {"15 0001'm'"},
      {"15 0001 FF", Reason::malformed_packet},
      {"15 0000", Reason::bad_authentication_method},
      {"15 0001'm' 15 0001'm'", Reason::protocol_error},
      {"16 0001'd'", Reason::protocol_error},
      {"16 0000", Reason::protocol_error},
      {"16 0001'd' 15 0001'm'"},
      {"26 0001'k' 0001'v' 26 0001'k' 0001'v'"},
      {"26 0001 80 0001'v'", Reason::malformed_packet},
      {"26 0001'k' 0001 80", Reason::malformed_packet},
      {"26 0001'k'", Reason::malformed_packet},
      {"26 0001'k' 0002'v'", Reason::malformed_packet},
      {"00", Reason::malformed_packet},
      {"04 00", Reason::malformed_packet},
      {"2B 00", Reason::malformed_packet},
      {"FF 00", Reason::malformed_packet},
      {"A6 00 0001'k' 0001'v'", Reason::malformed_packet},  // an identifier in two bytes
      {"01 00", Reason::malformed_packet},                  // payload format
      {"02 00000001", Reason::malformed_packet},            // message expiry
      {"0B 01", Reason::malformed_packet},                  // subscription identifier
      {"12 0001'c'", Reason::malformed_packet},             // assigned client identifier
      {"13 0001", Reason::malformed_packet},                // server keep alive
      {"18 00000001", Reason::malformed_packet},            // will delay, outside the will
      {"1F 0001'r'", Reason::malformed_packet},             // reason string
      {"23 0001", Reason::malformed_packet},                // topic alias
      {"24 01", Reason::malformed_packet},                  // maximum QoS
  };
  for (const Row& r : rows) {
    const std::string section = hex(r.properties);
    const std::string body =
        hex("0004'MQTT' 05 02 0000") + static_cast<char>(section.size()) + section + hex("0001'c'");
    const Fault fault = parse(body);
    CAPTURE(std::string(r.properties));
    CAPTURE(std::string(fault.what));
    CHECK(reason_name(fault.reason) == reason_name(r.expected));
  }
}

TEST_CASE("connect: v5 will properties") {
  struct Row {
    const char* properties;
    const char* payload = "0000";
    Reason expected = Reason::success;
  };
  const Row rows[] = {
      {""},
      {"18 00000000"},
      {"18 00000001 18 00000001", "0000", Reason::protocol_error},
      {"01 01", "0002 C3B6"},
      {"01 01", "0001 C3", Reason::payload_format_invalid},
      {"01 01", "0003'a'00'b'"},  // U+0000 is allowed in a payload
      {"01 00", "0001 C3"},
      {"01 02", "0000", Reason::protocol_error},
      {"02 00000000"},
      {"03 0001 FF", "0000", Reason::malformed_packet},
      {"08 0001'r'"},
      {"08 0001'#'", "0000", Reason::protocol_error},
      {"08 0000", "0000", Reason::protocol_error},
      {"09 0002 0000"},
      {"09 0003 0000", "0000", Reason::malformed_packet},
      {"26 0000 0000 26 0000 0000"},
      {"11 00000001", "0000", Reason::malformed_packet},
      {"23 0001", "0000", Reason::malformed_packet},
      {"0B 01", "0000", Reason::malformed_packet},
  };
  for (const Row& r : rows) {
    const std::string section = hex(r.properties);
    const std::string body = hex("0004'MQTT' 05 06 0000 00 0001'c'") +
                             static_cast<char>(section.size()) + section + hex("0001'w'") +
                             hex(r.payload);
    const Fault fault = parse(body);
    CAPTURE(std::string(r.properties));
    CAPTURE(std::string(fault.what));
    CHECK(reason_name(fault.reason) == reason_name(r.expected));
  }
}

TEST_CASE("connect: property lengths") {
  const Case cases[] = {
      {"beyond the packet", "0004'MQTT' 05 02 0000 20 0001'c'", Reason::malformed_packet},
      {"not minimal", "0004'MQTT' 05 02 0000 80 00 0001'c'", Reason::malformed_packet},
      {"five bytes", "0004'MQTT' 05 02 0000 8080808001 0001'c'", Reason::malformed_packet},
      {"cut off", "0004'MQTT' 05 02 0000 80", Reason::malformed_packet},
      {"missing", "0004'MQTT' 05 02 0000", Reason::malformed_packet},
  };
  test::check_table(cases, parse);
}

TEST_CASE("connect: cut off anywhere") {
  const auto never = [](std::size_t) { return false; };
  test::check_truncation("0004'MQTT' 04 EE 000A 0001'c' 0001'w' 0002'xy' 0001'u' 0002'pw'", parse,
                         never);
  test::check_truncation(
      "0004'MQTT' 05 EE 000A 05 11 00000001 0001'c' 05 18 00000001 0001'w' 0002'xy' 0001'u' "
      "0002'pw'",
      parse, never);
  // 20: before the user name, 23: before the password.
  test::check_truncation("0006'MQIsdp' 03 EE 000A 0001'c' 0001'w' 0000 0001'u' 0002'pw'", parse,
                         [](std::size_t n) { return n == 20 || n == 23; });
}

}  // namespace
}  // namespace keel::kernel
