// WILLTOPICUPD and WILLMSGUPD, octet by octet.
#include <doctest/doctest.h>

#include "emqx_sn/tests/machine.hpp"

namespace {

using sn_test::Machine;

void with_will(Machine& m) {
  m.in(Machine::kWithWill);
  m.in("06 07 20 77 2F 74");
  m.in("03 09 78");
  m.opened();
}

TEST_CASE("topic, QoS and retain are replaced, the payload stays") {
  Machine m;
  with_will(m);
  CHECK(m.in("06 1A 50 77 2F 75") == "set will w/u 'x' q2 retain");
  CHECK(m.published() == "03 1B 00");
}

TEST_CASE("the payload is replaced, the topic stays") {
  Machine m;
  with_will(m);
  CHECK(m.in("03 1C 79") == "set will w/t 'y' q1");
  CHECK(m.published() == "03 1D 00");
  CHECK(m.in("02 1C") == "set will w/t '' q1");
}

TEST_CASE("two changes at once build on each other") {
  Machine m;
  with_will(m);
  m.in("06 1A 20 77 2F 75");
  CHECK(m.in("03 1C 79") == "set will w/u 'y' q1");
  CHECK(m.published() == "03 1B 00");
  CHECK(m.published() == "03 1D 00");
  CHECK(m.in("06 1A 20 77 2F 76") == "set will w/v 'y' q1");
}

TEST_CASE("deleting takes topic and payload") {
  Machine m;
  with_will(m);
  CHECK(m.in("02 1A") == "no will");
  CHECK(m.published() == "03 1B 00");
  CHECK_FALSE(m.client->has_will());
  CHECK(m.in("02 1A") == "03 1B 00");
  CHECK(m.in("06 1A 20 77 2F 75") == "set will w/u '' q1");
}

TEST_CASE("a topic of no octets deletes as well") {
  Machine m;
  with_will(m);
  sn::Packet packet;
  packet.type = sn::Type::willtopicupd;
  CHECK(m.in(packet) == "no will");
}

TEST_CASE("a payload without topic is kept for a topic to come, and nothing is published") {
  Machine m;
  m.connect();
  CHECK(m.in("03 1C 79") == "03 1D 00");
  CHECK(m.in("06 1A 20 77 2F 75") == "set will w/u 'y' q1");
  CHECK(m.published() == "03 1B 00");
}

TEST_CASE("a topic that nobody can publish to is refused, the old will stays") {
  for (const char* topic : {"05 1A 00 77 23", "05 1A 00 2B 62", "04 1A 00 FF", "04 1A 00 00"}) {
    CAPTURE(topic);
    Machine m;
    with_will(m);
    CHECK(m.in(topic) == "03 1B 03");
    CHECK(m.in("03 1C 79") == "set will w/t 'y' q1");
  }
}

TEST_CASE("a topic that the client may not publish to is refused, the old will stays") {
  Machine m;
  with_will(m);
  m.in("06 1A 20 77 2F 75");
  CHECK(m.published(0x87) == "03 1B 03");
  CHECK(m.in("03 1C 79") == "set will w/t 'y' q1");
}

TEST_CASE("too many changes at once, and a broker that is busy") {
  Machine m;
  with_will(m);
  for (int i = 0; i < 4; ++i) m.in("03 1C 79");
  CHECK(m.in("03 1C 79") == "03 1D 01");
  for (int i = 0; i < 4; ++i) CHECK(m.published() == "03 1D 00");
  m.out.busy = true;
  CHECK(m.in("03 1C 79") == "03 1D 01");
  CHECK(m.in("02 1A") == "03 1B 01");
}

TEST_CASE("a change is kept for the next connection of a persistent session") {
  Machine m;
  m.connect(Machine::kPersistent);
  m.in("06 1A 30 77 2F 75");
  m.published();
  m.in("03 1C 79");
  m.published();
  m.in("02 18");
  m.closed();
  CHECK(m.in(Machine::kPersistent) == "open 60 will w/u 'y' q1 retain");
}

TEST_CASE("WILLTOPIC and WILLMSG out of their time mean nothing") {
  Machine m;
  with_will(m);
  CHECK(m.in("06 07 20 77 2F 75") == "");
  CHECK(m.in("03 09 79") == "");
}

}  // namespace
