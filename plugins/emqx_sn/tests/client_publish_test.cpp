// REGISTER and PUBLISH of the client, octet by octet.
#include <doctest/doctest.h>

#include "emqx_sn/tests/machine.hpp"

namespace {

using sn_test::Machine, sn_test::hex, sn_test::to_hex;

constexpr const char* kRegister = "09 0A 00 00 00 01 61 2F 62";  // a/b, becomes 0x0100

TEST_CASE("REGISTER gives an id, the same one again") {
  Machine m;
  m.connect();
  CHECK(m.in(kRegister) == "07 0B 01 00 00 01 00");
  CHECK(m.in("09 0A 00 00 00 02 61 2F 63") == "07 0B 01 01 00 02 00");
  CHECK(m.in("09 0A 00 00 00 03 61 2F 62") == "07 0B 01 00 00 03 00");
}

TEST_CASE("ids begin above the pre-defined ones, also for a name that has one of those") {
  Machine m;
  m.predefine("", 0x400, "a/b");
  m.connect();
  CHECK(m.in(kRegister) == "07 0B 04 01 00 01 00");
  CHECK(m.in("09 0A 00 00 00 02 61 2F 63") == "07 0B 04 02 00 02 00");
}

TEST_CASE("names that cannot be registered") {
  for (const char* name : {"61 2F 23", "61 2F 2B 2F 62", "", "FF", "61 00"}) {
    CAPTURE(name);
    Machine m;
    m.connect();
    const std::string octets = hex(name);
    const std::string size = to_hex(std::string(1, static_cast<char>(6 + octets.size())));
    CHECK(m.in(size + " 0A 00 00 00 07 " + name) == "07 0B 00 00 00 07 03");
    CHECK(m.client->topics().size() == 0);
  }
}

TEST_CASE("when the ids are used up the client is told so and served on") {
  Machine m;
  m.connect();
  std::uint32_t last = 0;
  for (std::uint32_t i = 0; i < 70'000; ++i) {
    sn::Packet packet;
    const std::string topic = "t/" + std::to_string(i);
    packet.type = sn::Type::reg;
    packet.text = topic;
    const std::string answer = m.in(packet);
    if (!answer.ends_with(" 00")) {
      CHECK(answer == "07 0B 00 00 00 00 03");
      break;
    }
    last = m.client->topics().id(topic);
  }
  CHECK(last == 0xfffe);
  CHECK(m.in("09 0A 00 00 00 02 74 2F 35") == "07 0B 01 05 00 02 00");
  CHECK(m.in("02 16") == "02 17");
}

TEST_CASE("a client may have no more ids than the settings say") {
  Machine m;
  m.settings->max_topics = 1;
  m.connect();
  CHECK(m.in(kRegister) == "07 0B 01 00 00 01 00");
  CHECK(m.in("09 0A 00 00 00 02 61 2F 63") == "07 0B 00 00 00 02 03");
}

TEST_CASE("QoS 0") {
  Machine m;
  m.connect();
  m.in(kRegister);
  CHECK(m.in("09 0C 00 01 00 00 00 68 69") == "publish a/b 'hi' q0");
  CHECK(m.in("09 0C 10 01 00 00 07 68 69") == "publish a/b 'hi' q0 retain");
  CHECK(m.in("07 0C 10 01 00 00 00") == "publish a/b '' q0 retain");
}

TEST_CASE("QoS 1 is acknowledged when the broker has it, a repeated one again") {
  Machine m;
  m.connect();
  m.in(kRegister);
  CHECK(m.in("09 0C 20 01 00 00 02 68 69") == "publish a/b 'hi' q1");
  CHECK(m.published() == "07 0D 01 00 00 02 00");
  CHECK(m.in("09 0C A0 01 00 00 02 68 69") == "publish a/b 'hi' q1");
  CHECK(m.published(0x10) == "07 0D 01 00 00 02 00");  // nobody listens: no error
}

TEST_CASE("several QoS 1 at once are served") {
  Machine m;
  m.connect();
  m.in(kRegister);
  m.in("09 0C 20 01 00 00 02 68 69");
  m.in("09 0C 20 01 00 00 03 68 6A");
  CHECK(m.published() == "07 0D 01 00 00 02 00");
  CHECK(m.published() == "07 0D 01 00 00 03 00");
}

TEST_CASE("QoS 2: PUBREC when the broker has it, published once, PUBCOMP as often as asked") {
  Machine m;
  m.connect();
  m.in(kRegister);
  CHECK(m.in("09 0C 40 01 00 00 03 68 69") == "publish a/b 'hi' q2");
  CHECK(m.in("09 0C C0 01 00 00 03 68 69") == "");  // the broker has not taken it yet
  CHECK(m.in("04 10 00 03") == "");
  CHECK(m.published() == "04 0F 00 03");
  CHECK(m.in("09 0C C0 01 00 00 03 68 69") == "04 0F 00 03");
  CHECK(m.in("04 10 00 03") == "04 0E 00 03");
  CHECK(m.in("04 10 00 03") == "04 0E 00 03");
}

TEST_CASE("QoS 2: what the network brings once more after PUBREL is no new message") {
  Machine m;
  m.connect();
  m.in(kRegister);
  m.in("09 0C 40 01 00 00 03 68 69");
  m.published();
  m.in("04 10 00 03");
  CHECK(m.in("09 0C 40 01 00 00 03 68 69") == "04 0F 00 03");
  SUBCASE("but another one with the same id is") {
    CHECK(m.in("09 0C 40 01 00 00 03 68 6A") == "publish a/b 'hj' q2");
  }
  SUBCASE("and so is the same one later") {
    m.after(2'500);
    CHECK(m.in("09 0C 40 01 00 00 03 68 69") == "publish a/b 'hi' q2");
  }
}

TEST_CASE("QoS 2: a device that began anew may use an id again that it had left open") {
  Machine m;
  m.connect();
  m.in(kRegister);
  m.in("09 0C 40 01 00 00 03 68 69");
  m.published();
  CHECK(m.in("09 0C 40 01 00 00 03 78 79") == "publish a/b 'xy' q2");
  CHECK(m.published() == "04 0F 00 03");
}

TEST_CASE("QoS 2: an unknown PUBREL is answered") {
  Machine m;
  m.connect();
  CHECK(m.in("04 10 00 09") == "04 0E 00 09");
}

TEST_CASE("QoS 2: no more than the settings allow are open; PUBREL makes room, and so does time") {
  Machine m;
  m.settings->max_awaiting_rel = 2;
  m.connect("08 04 04 01 00 00 63 31");
  m.in(kRegister);
  CHECK(m.in("09 0C 40 01 00 00 01 68 69") == "publish a/b 'hi' q2");
  CHECK(m.published() == "04 0F 00 01");
  CHECK(m.in("09 0C 40 01 00 00 02 68 69") == "publish a/b 'hi' q2");
  CHECK(m.published() == "04 0F 00 02");
  CHECK(m.in("09 0C 40 01 00 00 03 68 69") == "07 0D 01 00 00 03 01");
  CHECK(m.in("04 10 00 01") == "04 0E 00 01");
  CHECK(m.in("09 0C 40 01 00 00 03 68 69") == "publish a/b 'hi' q2");
  CHECK(m.published() == "04 0F 00 03");
  CHECK(m.in("09 0C 40 01 00 00 04 68 69") == "07 0D 01 00 00 04 01");
  m.after(300'000);
  CHECK(m.in("09 0C 40 01 00 00 04 68 69") == "publish a/b 'hi' q2");
}

TEST_CASE("QoS 2 that the broker refuses is open no more") {
  Machine m;
  m.connect();
  m.in(kRegister);
  m.in("09 0C 40 01 00 00 03 68 69");
  CHECK(m.published(0x87) == "07 0D 01 00 00 03 03");
  CHECK(m.in("09 0C 40 01 00 00 03 68 69") == "publish a/b 'hi' q2");
}

TEST_CASE("QoS 2 that was taken is known again after a CONNECT that keeps the session") {
  Machine m;
  m.connect(Machine::kPersistent);
  m.in(kRegister);
  m.in("09 0C 40 01 00 00 03 68 69");
  m.published();
  m.in("09 0C 40 01 00 00 04 68 69");  // the broker has not answered
  m.in(Machine::kPersistent);
  m.closed();
  m.opened(0, true);
  CHECK(m.in("09 0C C0 01 00 00 03 68 69") == "04 0F 00 03");
  CHECK(m.in("09 0C C0 01 00 00 04 68 69") == "publish a/b 'hi' q2");
}

TEST_CASE("what the broker refuses") {
  const struct {
    std::uint8_t reason;
    const char* answer;
  } kCases[] = {{0x87, "07 0D 01 00 00 02 03"}, {0x80, "07 0D 01 00 00 02 03"},
                {0x90, "07 0D 01 00 00 02 03"}, {0x9a, "07 0D 01 00 00 02 03"},
                {0x97, "07 0D 01 00 00 02 01"}, {0x96, "07 0D 01 00 00 02 01"}};
  for (const auto& c : kCases) {
    CAPTURE(int{c.reason});
    Machine m;
    m.connect();
    m.in(kRegister);
    m.in("09 0C 20 01 00 00 02 68 69");
    CHECK(m.published(c.reason) == c.answer);
  }
}

TEST_CASE("too much under way is congestion, for QoS 0 silence") {
  Machine m;
  m.connect();
  m.in(kRegister);
  m.out.busy = true;
  CHECK(m.in("09 0C 00 01 00 00 00 68 69") == "");
  CHECK(m.in("09 0C 20 01 00 00 02 68 69") == "07 0D 01 00 00 02 01");
  CHECK(m.in("09 0C 40 01 00 00 02 68 69") == "07 0D 01 00 00 02 01");
  m.out.busy = false;
  CHECK(m.in("09 0C 40 01 00 00 02 68 69") == "publish a/b 'hi' q2");
}

TEST_CASE("an unknown topic id is told at any QoS, and registering it helps") {
  Machine m;
  m.connect();
  CHECK(m.in("09 0C 00 01 00 00 00 68 69") == "07 0D 01 00 00 00 02");
  CHECK(m.in("09 0C 00 01 00 00 09 68 69") == "07 0D 01 00 00 09 02");
  CHECK(m.in("09 0C 20 01 00 00 02 68 69") == "07 0D 01 00 00 02 02");
  CHECK(m.in("09 0C 40 01 00 00 02 68 69") == "07 0D 01 00 00 02 02");
  CHECK(m.in("09 0C 21 00 05 00 02 68 69") == "07 0D 00 05 00 02 02");  // pre-defined
  CHECK(m.in("09 0C 20 00 00 00 02 68 69") == "07 0D 00 00 00 02 02");
  CHECK(m.in("09 0C 20 FF FF 00 02 68 69") == "07 0D FF FF 00 02 02");
  m.in(kRegister);
  CHECK(m.in("09 0C 20 01 00 00 02 68 69") == "publish a/b 'hi' q1");
}

TEST_CASE("short names and pre-defined ids") {
  Machine m;
  m.predefine("", 1, "global");
  m.predefine("c1", 2, "mine");
  m.predefine("c2", 3, "other");
  m.connect();
  CHECK(m.in("08 0C 02 74 65 00 00 78") == "publish te 'x' q0");
  CHECK(m.in("08 0C 22 74 65 00 05 78") == "publish te 'x' q1");
  CHECK(m.published() == "07 0D 74 65 00 05 00");
  CHECK(m.in("08 0C 01 00 01 00 00 78") == "publish global 'x' q0");
  CHECK(m.in("08 0C 21 00 02 00 06 78") == "publish mine 'x' q1");
  CHECK(m.published() == "07 0D 00 02 00 06 00");
  CHECK(m.in("08 0C 21 00 03 00 07 78") == "07 0D 00 03 00 07 02");
}

TEST_CASE("short names that are no topic, and the reserved id type") {
  for (const char* topic : {"61 23", "2B 62", "FF FE", "61 00"}) {
    CAPTURE(topic);
    Machine m;
    m.connect();
    CHECK(m.in(std::string("08 0C 22 ") + topic + " 00 05 78") ==
          std::string("07 0D ") + topic + " 00 05 03");
    CHECK(m.in(std::string("08 0C 42 ") + topic + " 00 05 78") ==
          std::string("07 0D ") + topic + " 00 05 03");
    CHECK(m.in(std::string("08 0C 02 ") + topic + " 00 00 78") == "");
  }
  Machine m;
  m.connect();
  CHECK(m.in("08 0C 23 00 01 00 05 78") == "07 0D 00 01 00 05 03");
  CHECK(m.in("08 0C 03 00 01 00 00 78") == "");
}

TEST_CASE("with lenient ids a pre-defined id may come as a normal one") {
  Machine m;
  m.predefine("", 1, "global");
  m.settings->lenient_topic_id = true;
  m.connect();
  CHECK(m.in("08 0C 00 00 01 00 00 78") == "publish global 'x' q0");
  CHECK(m.in("08 0C 20 00 02 00 09 78") == "07 0D 00 02 00 09 02");
}

TEST_CASE("QoS 1 and 2 without a message id are dropped") {
  Machine m;
  m.connect();
  m.in(kRegister);
  CHECK(m.in("09 0C 20 01 00 00 00 68 69") == "");
  CHECK(m.in("09 0C 40 01 00 00 00 68 69") == "");
  CHECK(m.counters.malformed == 2);
}

TEST_CASE("QoS -1 of a client that is connected") {
  Machine m;
  m.predefine("", 1, "global");
  m.connect();
  m.in(kRegister);
  SUBCASE("off: dropped") {
    CHECK(m.in("08 0C 61 00 01 00 00 78") == "");
    CHECK(m.counters.qos_neg1_dropped == 1);
  }
  SUBCASE("on: QoS 0, and never an answer") {
    m.settings->enable_qos3 = true;
    CHECK(m.in("08 0C 61 00 01 00 00 78") == "publish global 'x' q0");
    CHECK(m.in("08 0C 72 74 65 00 00 78") == "publish te 'x' q0 retain");
    CHECK(m.counters.qos_neg1_accepted == 2);
    CHECK(m.in("08 0C 61 00 09 00 00 78") == "");  // unknown
    CHECK(m.in("08 0C 62 61 23 00 00 78") == "");  // wildcard
    CHECK(m.in("08 0C 63 00 01 00 00 78") == "");
    CHECK(m.counters.qos_neg1_dropped == 3);
  }
  SUBCASE("on: the long name of Paho") {
    m.settings->enable_qos3 = true;
    CHECK(m.in("0C 0C 60 00 03 00 00 61 2F 63 68 69") == "publish a/c 'hi' q0");
    CHECK(m.in("0A 0C 60 00 03 00 00 61 2F 63") == "publish a/c '' q0");
    CHECK(m.in("0A 0C 60 00 04 00 00 61 2F 63") == "");
    CHECK(m.in("0A 0C 60 00 00 00 00 61 2F 63") == "");
    CHECK(m.in("0A 0C 60 00 03 00 00 61 2F 23") == "");
    CHECK(m.in("08 0C 60 01 00 00 00 78") == "");  // not a normal id
  }
}

TEST_CASE("the mountpoint goes in front of what is published") {
  Machine m;
  m.settings->mountpoint = "sn/";
  m.connect();
  m.in(kRegister);
  CHECK(m.in("09 0C 00 01 00 00 00 68 69") == "publish sn/a/b 'hi' q0");
  CHECK(m.in("08 0C 02 74 65 00 00 78") == "publish sn/te 'x' q0");
}

TEST_CASE("an answer of the broker for an earlier connection is not passed on") {
  Machine m;
  m.connect();
  m.in(kRegister);
  m.in("09 0C 20 01 00 00 02 68 69");
  const std::uint64_t token = m.out.tokens.front();
  m.in(Machine::kConnect);
  m.closed();
  m.opened();
  m.client->on_published(token, 0);
  CHECK(m.out.take() == "");
}

}  // namespace
