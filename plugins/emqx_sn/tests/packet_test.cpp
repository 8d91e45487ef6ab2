// Reading MQTT-SN messages: tables of what a client sends and what is made of it.
#include "emqx_sn/packet.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <vector>

#include "emqx_sn/tests/messages.hpp"

namespace {

using namespace sn_test;
using sn::Flags, sn::IdType, sn::Packet, sn::Type;

constexpr std::size_t kNoLimit = 65'507;

// How long the messages of each type are in all, with the short header.
struct Size {
  Type type;
  std::size_t least, most;
};
constexpr Size kSizes[] = {
    {Type::advertise, 5, 5},
    {Type::searchgw, 3, 3},
    {Type::gwinfo, 3, kNoLimit},
    {Type::connect, 6, kNoLimit},
    {Type::connack, 3, 3},
    {Type::willtopicreq, 2, 2},
    {Type::willmsgreq, 2, 2},
    {Type::willmsg, 2, kNoLimit},
    {Type::reg, 6, kNoLimit},
    {Type::regack, 7, 7},
    {Type::publish, 7, kNoLimit},
    {Type::puback, 7, 7},
    {Type::pubcomp, 4, 4},
    {Type::pubrec, 4, 4},
    {Type::pubrel, 4, 4},
    {Type::subscribe, 5, kNoLimit},
    {Type::suback, 8, 8},
    {Type::unsubscribe, 5, kNoLimit},
    {Type::unsuback, 4, 4},
    {Type::pingreq, 2, kNoLimit},
    {Type::pingresp, 2, 2},
    {Type::willtopicresp, 3, 3},
    {Type::willmsgupd, 2, kNoLimit},
    {Type::willmsgresp, 3, 3},
};

bool decodes(std::string_view datagram) {
  Packet packet;
  return sn::decode(datagram, packet);
}

struct Case {
  const char *in, *out;
};
void check(const std::vector<Case>& cases) {
  for (const Case& each : cases) {
    CAPTURE(each.in);
    const std::string octets = hex(each.in);
    CHECK(read(octets) == each.out);
    if (*each.out == '-') continue;
    CHECK(read(long_form(static_cast<Type>(octets[1]), octets.substr(2))) == each.out);
    for (std::size_t n = 0; n < octets.size(); ++n) CHECK(read(octets.substr(0, n)) == "-");
    CHECK(read(octets + '\0') == "-");
  }
}

}  // namespace

TEST_CASE("messages that clients send") {
  check({
      {"03 01 00", "SEARCHGW"},
      {"03 01 02", "SEARCHGW radius=2"},
      {"08 04 04 01 00 3C 63 31", "CONNECT flags=4 protocol=1 duration=60 'c1'"},
      {"08 04 0C 01 00 3C 63 31", "CONNECT flags=12 protocol=1 duration=60 'c1'"},
      {"06 04 04 02 FF FF", "CONNECT flags=4 protocol=2 duration=65535"},
      {"06 07 20 77 2F 74", "WILLTOPIC flags=32 'w/t'"},
      {"04 07 70 74", "WILLTOPIC flags=112 't'"},
      {"02 07", "WILLTOPIC empty=1"},
      {"03 09 78", "WILLMSG 'x'"},
      {"02 09", "WILLMSG"},
      {"09 0A 00 00 00 01 61 2F 62", "REGISTER msg=1 'a/b'"},
      {"07 0B 01 01 00 01 00", "REGACK topic=257 msg=1"},
      {"07 0B 01 01 00 01 03", "REGACK code=3 topic=257 msg=1"},
      {"07 0B 01 01 00 01 80", "REGACK code=128 topic=257 msg=1"},
      {"09 0C 20 01 00 00 02 68 69", "PUBLISH flags=32 topic=256 msg=2 'hi'"},
      {"08 0C 02 74 65 00 00 78", "PUBLISH flags=2 topic=29797 'x'"},
      {"08 0C 61 00 01 00 00 78", "PUBLISH flags=97 topic=1 'x'"},
      {"08 0C 40 01 00 00 03 78", "PUBLISH flags=64 topic=256 msg=3 'x'"},
      {"07 0C F3 FF FF FF FF", "PUBLISH flags=243 topic=65535 msg=65535"},
      {"07 0D 01 00 00 02 02", "PUBACK code=2 topic=256 msg=2"},
      {"04 0E 00 03", "PUBCOMP msg=3"},
      {"04 0F 00 03", "PUBREC msg=3"},
      {"04 10 00 03", "PUBREL msg=3"},
      {"08 12 20 00 05 61 2F 23", "SUBSCRIBE flags=32 msg=5 'a/#'"},
      {"07 12 01 00 06 00 01", "SUBSCRIBE flags=1 topic=1 msg=6"},
      {"07 12 02 00 06 74 65", "SUBSCRIBE flags=2 topic=29797 msg=6"},
      {"07 12 00 00 06 74 65", "SUBSCRIBE msg=6 'te'"},
      {"08 14 00 00 07 61 2F 23", "UNSUBSCRIBE msg=7 'a/#'"},
      {"07 14 01 00 07 FF FF", "UNSUBSCRIBE flags=1 topic=65535 msg=7"},
      {"02 16", "PINGREQ"},
      {"04 16 63 31", "PINGREQ 'c1'"},
      {"02 17", "PINGRESP"},
      {"02 18", "DISCONNECT"},
      {"04 18 01 2C", "DISCONNECT duration=300"},
      {"04 18 00 00", "DISCONNECT"},
      {"06 1A 20 77 2F 74", "WILLTOPICUPD flags=32 'w/t'"},
      {"02 1A", "WILLTOPICUPD empty=1"},
      {"03 1C 79", "WILLMSGUPD 'y'"},
      {"02 1C", "WILLMSGUPD"},
  });
}

TEST_CASE("messages that only gateways send are read, so that they can be ignored") {
  check({
      {"05 00 01 03 84", "ADVERTISE gateway=1 duration=900"},
      {"03 02 01", "GWINFO gateway=1"},
      {"08 02 01 04 7F 01 01 01", "GWINFO gateway=1 '\x04\x7f\x01\x01\x01'"},
      {"03 05 00", "CONNACK"},
      {"03 05 03", "CONNACK code=3"},
      {"02 06", "WILLTOPICREQ"},
      {"02 08", "WILLMSGREQ"},
      {"08 13 20 01 00 00 05 00", "SUBACK flags=32 topic=256 msg=5"},
      {"08 13 00 00 01 00 06 02", "SUBACK code=2 topic=1 msg=6"},
      {"04 15 00 07", "UNSUBACK msg=7"},
      {"03 1B 00", "WILLTOPICRESP"},
      {"03 1D 03", "WILLMSGRESP code=3"},
  });
}

TEST_CASE("what has an answer is read, though nothing is in it") {
  check({
      {"06 04 00 01 00 0A", "CONNECT protocol=1 duration=10"},
      {"06 0A 00 00 00 01", "REGISTER msg=1"},
      {"05 12 00 00 05", "SUBSCRIBE msg=5"},
      {"05 14 00 00 05", "UNSUBSCRIBE msg=5"},
      {"05 12 03 00 05", "SUBSCRIBE flags=3 msg=5"},
      {"06 12 03 00 05 61", "SUBSCRIBE flags=3 msg=5 'a'"},
      {"07 12 03 00 05 61 62", "SUBSCRIBE flags=3 msg=5 'ab'"},
      {"08 14 03 00 05 61 62 63", "UNSUBSCRIBE flags=3 msg=5 'abc'"},
  });
}

TEST_CASE("no message") {
  check({
      {"", "-"},
      {"00", "-"},
      {"01", "-"},
      {"02", "-"},
      {"03", "-"},
      {"FF", "-"},
      {"00 16", "-"},
      {"01 16", "-"},
      {"01 00", "-"},
      {"01 00 03", "-"},
      {"01 00 03 16", "-"},
      {"01 00 04", "-"},
      {"01 00 00 16", "-"},
      {"00 00 04 16", "-"},
      {"01 00 04 FE", "-"},  // an encapsulation has no long header
      {"02 FE", "-"},
      {"05 FE 00 AA BB 02 16", "-"},
      {"07 FE 00 AA BB 02 16", "-"},
  });
}

TEST_CASE("a message is as long as its datagram") {
  for (const char* const each :
       {"01 16", "03 16", "04 16", "FF 16", "01 00 05 16", "01 00 03 16", "01 01 04 16",
        "01 04 00 16", "03 05 00 00", "02 05 00", "01 00 06 01 00", "01 FF FF 01 00"}) {
    CAPTURE(each);
    CHECK(read(hex(each)) == "-");
  }
  CHECK(read(hex("01 00 04 16")) == "PINGREQ");
  CHECK(read(hex("01 00 05 01 00")) == "SEARCHGW");
}

TEST_CASE("too short and too long, by type") {
  for (const Size& size : kSizes) {
    CAPTURE(sn::name(size.type));
    for (std::size_t total = 2; total <= 20; ++total) {
      CAPTURE(total);
      const std::string body(total - 2, '\0');
      const bool fits = total >= size.least && total <= size.most;
      CHECK(decodes(message(size.type, body)) == fits);
      CHECK(decodes(long_form(size.type, body)) == fits);
    }
    // Around the end of the short header, and the largest there is.
    for (const std::size_t body : {251u, 252u, 253u, 254u, 255u, 256u, 65'503u}) {
      CAPTURE(body);
      CHECK(decodes(message(size.type, std::string(body, '\0'))) == (size.most == kNoLimit));
    }
  }
}

TEST_CASE("messages with two lengths") {
  for (const Type type : {Type::willtopic, Type::willtopicupd}) {
    CAPTURE(sn::name(type));
    for (std::size_t total = 2; total <= 20; ++total) {
      CAPTURE(total);
      CHECK(decodes(message(type, std::string(total - 2, 'a'))) == (total != 3));
      CHECK(decodes(long_form(type, std::string(total - 2, 'a'))) == (total != 3));
    }
  }
  for (std::size_t total = 2; total <= 20; ++total) {
    CAPTURE(total);
    CHECK(decodes(message(Type::disconnect, std::string(total - 2, 'a'))) ==
          (total == 2 || total == 4));
  }
}

TEST_CASE("an id in SUBSCRIBE and UNSUBSCRIBE has two octets") {
  for (const Type type : {Type::subscribe, Type::unsubscribe}) {
    for (std::size_t topic = 0; topic <= 6; ++topic) {
      CAPTURE(topic);
      for (const char flags : {'\x01', '\x02', '\x21', '\xe2'}) {
        const std::string body = std::string{flags, 0, 5} + std::string(topic, 'a');
        CHECK(decodes(message(type, body)) == (topic == 2));
      }
      for (const char flags : {'\x00', '\x03', '\xe0'}) {
        const std::string body = std::string{flags, 0, 5} + std::string(topic, 'a');
        CHECK(decodes(message(type, body)));
      }
    }
  }
}

TEST_CASE("types that are none") {
  std::set<int> known = {int(Type::willtopic), int(Type::willtopicupd), int(Type::disconnect)};
  for (const Size& size : kSizes) known.insert(int(size.type));
  CHECK(known.size() == 27);
  for (int type = 0; type < 256; ++type) {
    CAPTURE(type);
    bool any = false;
    for (std::size_t body = 0; body <= 8; ++body) {
      const std::string octets(body, '\x04');
      any |= decodes(message(static_cast<Type>(type), octets)) ||
             decodes(long_form(static_cast<Type>(type), octets));
    }
    CHECK(any == known.contains(type));
    const std::string name = sn::name(static_cast<Type>(type));
    CHECK((name == "RESERVED") == (!known.contains(type) && type != 0xfe));
  }
}

TEST_CASE("every type has its own name") {
  std::set<std::string> names;
  for (int type = 0; type < 256; ++type) names.insert(sn::name(static_cast<Type>(type)));
  CHECK(names.size() == 29);  // with the encapsulation, and what is reserved
}

TEST_CASE("long messages are read whole") {
  for (const std::size_t data : {246u, 247u, 248u, 249u, 250u, 65'498u}) {
    CAPTURE(data);
    const std::string text(data, 'd');
    const std::string datagram = message(Type::publish, hex("20 01 00 00 02") + text);
    Packet packet;
    REQUIRE(sn::decode(datagram, packet));
    CHECK(packet.topic_id == 0x100);
    CHECK(packet.msg_id == 2);
    CHECK(packet.text == text);
    CHECK(packet.text.data() + data == datagram.data() + datagram.size());
  }
}

TEST_CASE("nothing of one message is left in the next") {
  struct Case {
    const char *first, *second, *out;
  };
  for (const Case& each : std::vector<Case>{
           {"09 0C FF FF FF FF FF 68 69", "02 16", "PINGREQ"},
           {"08 13 FF FF FF FF FF FF", "02 18", "DISCONNECT"},
           {"02 07", "04 07 00 74", "WILLTOPIC 't'"},
           {"04 07 FF 74", "02 07", "WILLTOPIC empty=1"},
           {"05 00 FF FF FF", "06 04 00 00 00 00", "CONNECT"},
       }) {
    CAPTURE(each.out);
    const std::string first = hex(each.first), second = hex(each.second);
    Packet packet;
    REQUIRE(sn::decode(first, packet));
    REQUIRE(sn::decode(second, packet));
    CHECK(say(packet) == each.out);
  }
}

TEST_CASE("flags") {
  for (int octet = 0; octet < 256; ++octet) {
    CAPTURE(octet);
    const Flags flags = Flags::from(static_cast<std::uint8_t>(octet));
    CHECK(flags.octet() == octet);
    CHECK(flags.dup == (octet >= 0x80));
    CHECK(flags.qos == (octet / 32 % 4 == 3 ? -1 : octet / 32 % 4));
    CHECK(flags.retain == (octet / 16 % 2 == 1));
    CHECK(flags.will == (octet / 8 % 2 == 1));
    CHECK(flags.clean == (octet / 4 % 2 == 1));
    CHECK(int(flags.id_type) == octet % 4);
  }
  CHECK(Flags{}.octet() == 0);
}

TEST_CASE("short names") {
  char octets[2];
  CHECK(sn::short_name(0x7465, octets) == "te");
  CHECK(sn::short_name(0xff00, octets) == std::string_view("\xff\0", 2));
  CHECK(sn::short_name(0x2f23, octets).data() == octets);
}
