// SUBSCRIBE and UNSUBSCRIBE, octet by octet.
#include <doctest/doctest.h>

#include "emqx_sn/tests/machine.hpp"

namespace {

using sn_test::Machine;

TEST_CASE("a name: SUBACK has its id, and what is delivered has it, too") {
  Machine m;
  m.connect();
  CHECK(m.in("08 12 20 00 05 61 2F 62") == "subscribe a/b q1");
  CHECK(m.suback(1) == "08 13 20 01 00 00 05 00");
  CHECK(m.deliver(0, "a/b", "x", 0) == "08 0C 00 01 00 00 00 78");
}

TEST_CASE("a wildcard has no id") {
  Machine m;
  m.connect();
  CHECK(m.in("08 12 20 00 05 61 2F 23") == "subscribe a/# q1");
  CHECK(m.suback(1) == "08 13 20 00 00 00 05 00");
  CHECK(m.client->topics().size() == 0);
}

TEST_CASE("the QoS that the broker grants is told") {
  for (std::uint8_t qos = 0; qos <= 2; ++qos) {
    Machine m;
    m.connect();
    CHECK(m.in("08 12 40 00 05 61 2F 62") == "subscribe a/b q2");
    CHECK(m.suback(qos) == std::string("08 13 ") + "024"[qos] + "0 01 00 00 05 00");
  }
}

TEST_CASE("a pre-defined id: deliveries have it and its type") {
  Machine m;
  m.predefine("", 1, "global");
  m.connect();
  CHECK(m.in("07 12 01 00 06 00 01") == "subscribe global q0");
  CHECK(m.suback() == "08 13 00 00 01 00 06 00");
  CHECK(m.deliver(0, "global", "x", 0) == "08 0C 01 00 01 00 00 78");
}

TEST_CASE("subscribed by name, a topic that has a pre-defined id comes with a normal one") {
  Machine m;
  m.predefine("", 1, "global");
  m.connect();
  m.in("0B 12 00 00 06 67 6C 6F 62 61 6C");
  CHECK(m.suback() == "08 13 00 01 00 00 06 00");
  CHECK(m.deliver(0, "global", "x", 0) == "08 0C 00 01 00 00 00 78");
}

TEST_CASE("an unknown pre-defined id is echoed, the reserved type is not") {
  Machine m;
  m.connect();
  CHECK(m.in("07 12 01 00 06 00 09") == "08 13 00 00 09 00 06 02");
  CHECK(m.in("07 12 03 00 06 00 09") == "08 13 00 00 00 00 06 02");
}

TEST_CASE("a short name: SUBACK without id, deliveries as short name") {
  Machine m;
  m.connect();
  CHECK(m.in("07 12 02 00 06 74 65") == "subscribe te q0");
  CHECK(m.suback() == "08 13 00 00 00 00 06 00");
  CHECK(m.deliver(0, "te", "x", 0) == "08 0C 02 74 65 00 00 78");
  SUBCASE("also after it was registered for publishing") {
    m.in("08 0A 00 00 00 01 74 65");
    CHECK(m.deliver(0, "te", "x", 0) == "08 0C 02 74 65 00 00 78");
  }
}

TEST_CASE("a short name may be a wildcard") {
  Machine m;
  m.connect();
  CHECK(m.in("07 12 02 00 06 2F 23") == "subscribe /# q0");
  CHECK(m.suback() == "08 13 00 00 00 00 06 00");
  CHECK(m.deliver(0, "/x", "y", 0) == "08 0C 02 2F 78 00 00 79");
}

TEST_CASE("filters that are none") {
  for (const char* filter :
       {"05 12 00 00 06", "07 12 00 00 06 FF FF", "07 12 00 00 06 61 00",
        "0D 12 00 00 06 24 73 68 61 72 65 2F 67", "0C 12 00 00 06 24 71 75 65 75 65 2F",
        "07 12 02 00 06 FF FF", "08 12 60 00 06 61 2F 62"}) {
    CAPTURE(filter);
    Machine m;
    m.connect();
    CHECK(m.in(filter) == "08 13 00 00 00 00 06 03");
  }
}

TEST_CASE("what the broker refuses") {
  const struct {
    std::uint8_t code;
    const char* answer;
  } kCases[] = {{0x80, "08 13 00 00 00 00 05 03"},
                {0x87, "08 13 00 00 00 00 05 03"},
                {0x8f, "08 13 00 00 00 00 05 03"},
                {0xa2, "08 13 00 00 00 00 05 03"},
                {0x97, "08 13 00 00 00 00 05 01"}};
  for (const auto& c : kCases) {
    CAPTURE(int{c.code});
    Machine m;
    m.connect();
    m.in("08 12 20 00 05 61 2F 62");
    CHECK(m.suback(c.code) == c.answer);
    // The id was not told, so it is before anything is delivered.
    CHECK(m.deliver(0, "a/b", "x", 0) == "09 0A 01 00 00 01 61 2F 62");
  }
}

TEST_CASE("too much under way is congestion") {
  Machine m;
  m.connect();
  m.out.busy = true;
  CHECK(m.in("08 12 20 00 05 61 2F 62") == "08 13 00 00 00 00 05 01");
}

TEST_CASE("no ids left") {
  Machine m;
  m.settings->max_topics = 0;
  m.connect();
  CHECK(m.in("08 12 20 00 05 61 2F 62") == "08 13 00 00 00 00 05 03");
  CHECK(m.in("08 12 20 00 05 61 2F 23") == "subscribe a/# q1");
}

TEST_CASE("shared subscriptions: the id is of the topic that is delivered") {
  const struct {
    const char* message;
    const char* order;
  } kCases[] = {
      {"11 12 20 00 05 24 73 68 61 72 65 2F 67 2F 61 2F 62", "subscribe $share/g/sn/a/b q1"},
      {"0F 12 20 00 05 24 71 75 65 75 65 2F 61 2F 62", "subscribe $queue/sn/a/b q1"}};
  for (const auto& c : kCases) {
    CAPTURE(c.message);
    Machine m;
    m.settings->mountpoint = "sn/";
    m.connect();
    CHECK(m.in(c.message) == c.order);
    CHECK(m.suback(1) == "08 13 20 01 00 00 05 00");
    CHECK(m.deliver(0, "sn/a/b", "x", 0) == "08 0C 00 01 00 00 00 78");
  }
}

TEST_CASE("SUBACK comes before anything that is delivered") {
  Machine m;
  m.connect();
  m.in("08 12 20 00 05 61 2F 23");
  CHECK(m.deliver(7, "a/b", "x", 1, true) == "");
  CHECK(m.deliver(0, "te", "y", 0) == "");
  CHECK(m.suback(1) == "08 13 20 00 00 00 05 00; 09 0A 01 00 00 01 61 2F 62");
  CHECK(m.in("07 0B 01 00 00 01 00") == "08 0C 30 01 00 00 02 78; 08 0C 02 74 65 00 00 79");
}

TEST_CASE("a repeated SUBSCRIBE is answered again without asking the broker again") {
  Machine m;
  m.connect();
  CHECK(m.in("08 12 20 00 05 61 2F 62") == "subscribe a/b q1");
  CHECK(m.in("08 12 A0 00 05 61 2F 62") == "");  // the answer is on the way
  CHECK(m.suback(1) == "08 13 20 01 00 00 05 00");
  CHECK(m.in("08 12 A0 00 05 61 2F 62") == "08 13 20 01 00 00 05 00");
  CHECK(m.in("08 12 20 00 05 61 2F 62") == "08 13 20 01 00 00 05 00");
  CHECK(m.in("08 12 A0 00 06 61 2F 62") == "08 13 20 01 00 00 06 00");
  SUBCASE("another message id without DUP is a new one") {
    CHECK(m.in("08 12 20 00 07 61 2F 62") == "subscribe a/b q1");
  }
  SUBCASE("another filter or QoS is a new one") {
    CHECK(m.in("08 12 A0 00 05 61 2F 63") == "subscribe a/c q1");
    CHECK(m.in("08 12 C0 00 05 61 2F 62") == "subscribe a/b q2");
  }
  SUBCASE("after T_retry it is a new one") {
    m.after(10'000);
    CHECK(m.in("08 12 A0 00 05 61 2F 62") == "subscribe a/b q1");
  }
  SUBCASE("after UNSUBSCRIBE it is a new one") {
    m.in("08 14 00 00 07 61 2F 62");
    CHECK(m.in("08 12 A0 00 05 61 2F 62") == "subscribe a/b q1");
  }
}

TEST_CASE("a SUBSCRIBE that was refused is asked again") {
  Machine m;
  m.connect();
  m.in("08 12 20 00 05 61 2F 62");
  m.suback(0x97);
  CHECK(m.in("08 12 A0 00 05 61 2F 62") == "subscribe a/b q1");
}

TEST_CASE("many SUBSCRIBEs at once are all answered") {
  Machine m;
  m.connect();
  for (int i = 0; i < 100; ++i) {
    sn::Packet packet;
    const std::string filter = "f/" + std::to_string(i) + "/#";
    packet.type = sn::Type::subscribe;
    packet.msg_id = static_cast<std::uint16_t>(i + 1);
    packet.text = filter;
    CHECK(m.in(packet) == "subscribe " + filter + " q0");
  }
  for (int i = 0; i < 100; ++i) CHECK(m.suback().starts_with("08 13 00 00 00 00"));
  m.deliver(0, "te", "x", 0);
  CHECK(m.deliver(0, "te", "x", 0) == "08 0C 02 74 65 00 00 78");
}

TEST_CASE("UNSUBSCRIBE by all three types is answered when the broker has done it") {
  Machine m;
  m.predefine("", 1, "global");
  m.connect();
  CHECK(m.in("08 14 00 00 07 61 2F 23") == "unsubscribe a/#");
  CHECK(m.suback() == "04 15 00 07");
  CHECK(m.in("07 14 01 00 08 00 01") == "unsubscribe global");
  CHECK(m.suback(0x11) == "04 15 00 08");
  CHECK(m.in("07 14 02 00 09 74 65") == "unsubscribe te");
  CHECK(m.suback(0x87) == "04 15 00 09");
}

TEST_CASE("UNSUBSCRIBE of what cannot be named is answered at once") {
  Machine m;
  m.connect();
  CHECK(m.in("07 14 01 00 08 00 09") == "04 15 00 08");
  CHECK(m.in("07 14 03 00 08 00 09") == "04 15 00 08");
  CHECK(m.in("05 14 00 00 08") == "04 15 00 08");
}

TEST_CASE("after UNSUBSCRIBE by name or id a pre-defined id is used no more") {
  for (const char* message : {"07 14 01 00 08 00 01", "0B 14 00 00 08 67 6C 6F 62 61 6C"}) {
    CAPTURE(message);
    Machine m;
    m.predefine("", 1, "global");
    m.connect();
    m.in("07 12 01 00 06 00 01");
    m.suback();
    m.in(message);
    m.suback();
    CHECK(m.deliver(0, "global", "x", 0) == "0C 0A 01 00 00 01 67 6C 6F 62 61 6C");
  }
}

TEST_CASE("subscriptions by pre-defined id outlast the connection of a persistent session") {
  Machine m;
  m.predefine("", 1, "global");
  m.connect(Machine::kPersistent);
  m.in("07 12 01 00 06 00 01");
  m.suback();
  m.in("02 18");
  m.closed();
  SUBCASE("the broker has the session") {
    m.connect(Machine::kPersistent, true);
    CHECK(m.deliver(0, "global", "x", 0) == "08 0C 01 00 01 00 00 78");
  }
  SUBCASE("the broker has lost it") {
    m.connect(Machine::kPersistent, false);
    CHECK(m.deliver(0, "global", "x", 0) == "0C 0A 01 00 00 01 67 6C 6F 62 61 6C");
  }
}

}  // namespace
