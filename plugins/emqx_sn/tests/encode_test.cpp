// Writing MQTT-SN messages: octet by octet, and read back.
#include "emqx_sn/encode.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "emqx_sn/tests/messages.hpp"

namespace {

using namespace sn_test;
using sn::Flags, sn::Head, sn::IdType, sn::ReturnCode;

// A whole message as it goes out.
std::string whole(const Head& head, std::string_view data = {}) {
  return std::string(head.view()).append(data);
}

constexpr ReturnCode kCodes[] = {ReturnCode::accepted, ReturnCode::congestion,
                                 ReturnCode::invalid_topic_id, ReturnCode::not_supported};

}  // namespace

TEST_CASE("messages that the gateway sends, octet by octet") {
  struct Case {
    std::string written;
    const char* octets;
  };
  const std::vector<Case> cases = {
      {whole(sn::advertise(1, 900)), "05 00 01 03 84"},
      {whole(sn::advertise(255, 65535)), "05 00 FF FF FF"},
      {whole(sn::gwinfo(1)), "03 02 01"},
      {whole(sn::connack(ReturnCode::accepted)), "03 05 00"},
      {whole(sn::willtopicreq()), "02 06"},
      {whole(sn::willmsgreq()), "02 08"},
      {whole(sn::reg(0x0101, 1, 3), "a/x"), "09 0A 01 01 00 01 61 2F 78"},
      {whole(sn::regack(0x0100, 1, ReturnCode::accepted)), "07 0B 01 00 00 01 00"},
      {whole(sn::publish({.qos = 1}, 0x0100, 2, 2), "hi"), "09 0C 20 01 00 00 02 68 69"},
      {whole(sn::publish({.id_type = IdType::short_name}, 0x7465, 0, 1), "x"),
       "08 0C 02 74 65 00 00 78"},
      {whole(sn::publish({.id_type = IdType::predefined}, 1, 0, 1), "x"),
       "08 0C 01 00 01 00 00 78"},
      {whole(sn::publish({.dup = true, .qos = 2, .retain = true}, 0xfffe, 0xffff, 0)),
       "07 0C D0 FF FE FF FF"},
      {whole(sn::puback(0x0100, 2, ReturnCode::accepted)), "07 0D 01 00 00 02 00"},
      {whole(sn::puback(0x0100, 0, ReturnCode::invalid_topic_id)), "07 0D 01 00 00 00 02"},
      {whole(sn::pubrec(3)), "04 0F 00 03"},
      {whole(sn::pubrel(3)), "04 10 00 03"},
      {whole(sn::pubcomp(3)), "04 0E 00 03"},
      {whole(sn::suback(1, 0, 5, ReturnCode::accepted)), "08 13 20 00 00 00 05 00"},
      {whole(sn::suback(0, 1, 6, ReturnCode::accepted)), "08 13 00 00 01 00 06 00"},
      {whole(sn::suback(2, 0x0102, 6, ReturnCode::accepted)), "08 13 40 01 02 00 06 00"},
      {whole(sn::suback(0, 0, 6, ReturnCode::invalid_topic_id)), "08 13 00 00 00 00 06 02"},
      {whole(sn::unsuback(7)), "04 15 00 07"},
      {whole(sn::pingresp()), "02 17"},
      {whole(sn::disconnect()), "02 18"},
      {whole(sn::willtopicresp(ReturnCode::accepted)), "03 1B 00"},
      {whole(sn::willmsgresp(ReturnCode::accepted)), "03 1D 00"},
  };
  for (const Case& each : cases) {
    CHECK(to_hex(each.written) == each.octets);
    CHECK(read(each.written) != "-");
  }
}

TEST_CASE("return codes") {
  for (const ReturnCode code : kCodes) {
    const std::string value =
        code == ReturnCode::accepted ? "" : " code=" + std::to_string(int(code));
    CHECK(read(whole(sn::connack(code))) == "CONNACK" + value);
    CHECK(read(whole(sn::willtopicresp(code))) == "WILLTOPICRESP" + value);
    CHECK(read(whole(sn::willmsgresp(code))) == "WILLMSGRESP" + value);
    CHECK(read(whole(sn::regack(7, 9, code))) == "REGACK" + value + " topic=7 msg=9");
    CHECK(read(whole(sn::puback(7, 9, code))) == "PUBACK" + value + " topic=7 msg=9");
    CHECK(read(whole(sn::suback(0, 7, 9, code))) == "SUBACK" + value + " topic=7 msg=9");
  }
}

TEST_CASE("a PUBLISH carries the flags that belong to it and no others") {
  for (int octet = 0; octet < 256; ++octet) {
    CAPTURE(octet);
    const Flags flags = Flags::from(static_cast<std::uint8_t>(octet));
    const Head head = sn::publish(flags, 1, 1, 0);
    CHECK(static_cast<std::uint8_t>(head.octets[2]) == (octet & 0xf3));
  }
}

TEST_CASE("one octet of length up to 255, three above") {
  struct Case {
    std::size_t data, size, head;
    const char* begin;
  };
  // Totals of 256 and 257 do not occur.
  const std::vector<Case> cases = {
      {0, 7, 7, "07 0C"},           {246, 253, 7, "FD 0C"},
      {247, 254, 7, "FE 0C"},       {248, 255, 7, "FF 0C"},
      {249, 258, 9, "01 01 02 0C"}, {250, 259, 9, "01 01 03 0C"},
      {503, 512, 9, "01 02 00 0C"}, {65'498, sn::kMaxMessage, 9, "01 FF E3 0C"},
  };
  for (const Case& each : cases) {
    CAPTURE(each.data);
    const std::string data(each.data, 'd');
    const Head head = sn::publish({.qos = 1}, 0x0102, 0x0304, each.data);
    CHECK(head.size == each.head);
    CHECK(sn::publish_size(each.data) == each.size);
    const std::string octets = whole(head, data);
    CHECK(octets.size() == each.size);
    CHECK(to_hex(octets).starts_with(each.begin));
    CHECK(read(octets) ==
          "PUBLISH flags=32 topic=258 msg=772" + (data.empty() ? data : " '" + data + '\''));
  }
}

TEST_CASE("every size reads back") {
  for (std::size_t n = 0; n <= 600; ++n) {
    CAPTURE(n);
    const std::string text(n, 't');
    const std::string publish = whole(sn::publish({}, 1, 0, n), text);
    CHECK(publish.size() == sn::publish_size(n));
    const std::string reg = whole(sn::reg(1, 2, n), text);
    CHECK(reg.size() == sn::register_size(n));
    for (const std::string& each : {publish, reg}) {
      CHECK((each[0] == 1) == (each.size() > 255));
      sn::Packet packet;
      REQUIRE(sn::decode(each, packet));
      CHECK(packet.topic_id == 1);
      CHECK(packet.text == text);
    }
  }
}

TEST_CASE("a REGISTER with a long name") {
  CHECK(sn::register_size(249) == 255);
  CHECK(sn::register_size(250) == 258);
  CHECK(to_hex(sn::reg(0x0102, 0x0304, 250).view()) == "01 01 02 0A 01 02 03 04");
  CHECK(to_hex(sn::reg(0x0102, 0x0304, 249).view()) == "FF 0A 01 02 03 04");
}

TEST_CASE("ids of all sizes") {
  for (const int id : {0, 1, 0x00ff, 0x0100, 0x7fff, 0x8000, 0xff00, 0xfffe, 0xffff}) {
    const auto value = static_cast<std::uint16_t>(id);
    for (const Head& head : {sn::pubrec(value), sn::pubrel(value), sn::pubcomp(value),
                             sn::unsuback(value), sn::regack(value, value, ReturnCode::accepted),
                             sn::suback(0, value, value, ReturnCode::accepted)}) {
      sn::Packet packet;
      REQUIRE(sn::decode(head.view(), packet));
      CHECK(packet.msg_id == value);
    }
  }
}
