// Deliveries to the client: REGISTER, PUBLISH, acknowledgements, repetition, octet by octet.
#include <doctest/doctest.h>

#include "emqx_sn/tests/machine.hpp"

namespace {

using sn_test::Machine;

// A client with a subscription to "a/b" (id 0x0100, told by SUBACK).
void subscribe(Machine& m, std::string_view connect = Machine::kConnect) {
  m.connect(connect);
  m.in("08 12 40 00 05 61 2F 62");
  m.suback(2);
}
// A client with a subscription to "a/#".
void subscribe_all(Machine& m, std::string_view connect = Machine::kConnect) {
  m.connect(connect);
  m.in("08 12 40 00 05 61 2F 23");
  m.suback(2);
}

TEST_CASE("the first of a topic is preceded by REGISTER, the next is not") {
  Machine m;
  subscribe_all(m);
  CHECK(m.deliver(0, "a/x", "1", 0) == "09 0A 01 00 00 01 61 2F 78");
  CHECK(m.deliver(0, "a/x", "2", 0) == "");
  CHECK(m.in("07 0B 01 00 00 01 00") == "08 0C 00 01 00 00 00 31; 08 0C 00 01 00 00 00 32");
  CHECK(m.deliver(0, "a/x", "3", 0) == "08 0C 00 01 00 00 00 33");
  CHECK(m.counters.register_out == 1);
}

TEST_CASE("one REGISTER at a time; what comes behind waits, in order") {
  Machine m;
  subscribe(m);
  CHECK(m.deliver(0, "a/x", "1", 0) == "09 0A 01 01 00 01 61 2F 78");
  CHECK(m.deliver(0, "a/y", "2", 0) == "");
  CHECK(m.deliver(0, "a/b", "3", 0) == "");
  CHECK(m.in("07 0B 01 01 00 01 00") == "08 0C 00 01 01 00 00 31; 09 0A 01 02 00 02 61 2F 79");
  CHECK(m.in("07 0B 01 02 00 02 00") == "08 0C 00 01 02 00 00 32; 08 0C 00 01 00 00 00 33");
}

TEST_CASE("an id that the client has registered needs no REGISTER") {
  Machine m;
  subscribe_all(m);
  m.in("09 0A 00 00 00 01 61 2F 78");
  CHECK(m.deliver(0, "a/x", "1", 0) == "08 0C 00 01 00 00 00 31");
}

TEST_CASE("two octets go as short name, unless the client knows an id") {
  Machine m;
  m.connect();
  CHECK(m.deliver(0, "te", "x", 0) == "08 0C 02 74 65 00 00 78");
  m.in("08 0A 00 00 00 01 74 65");
  CHECK(m.deliver(0, "te", "x", 0) == "08 0C 00 01 00 00 00 78");
}

TEST_CASE("retain is passed on") {
  Machine m;
  subscribe(m);
  CHECK(m.deliver(0, "a/b", "x", 0, true) == "08 0C 10 01 00 00 00 78");
}

TEST_CASE("the mountpoint is taken off") {
  Machine m;
  m.settings->mountpoint = "sn/";
  subscribe(m);
  CHECK(m.deliver(0, "sn/a/b", "x", 0) == "08 0C 00 01 00 00 00 78");
}

TEST_CASE("QoS 1: the broker is told when the client has it") {
  Machine m;
  subscribe(m);
  CHECK(m.deliver(7, "a/b", "x", 1) == "08 0C 20 01 00 00 01 78");
  CHECK(m.in("07 0D 01 00 00 01 00") == "ack 7");
  CHECK(m.in("07 0D 01 00 00 01 00") == "");
  CHECK(m.client->held() == 0);
}

TEST_CASE("QoS 1 is repeated with DUP and the same id, then the client is lost") {
  Machine m;
  subscribe(m);
  m.deliver(7, "a/b", "x", 1);
  CHECK(m.after(9'999) == "");
  CHECK(m.after(1) == "08 0C A0 01 00 00 01 78");
  CHECK(m.after(10'000) == "08 0C A0 01 00 00 01 78");
  CHECK(m.after(10'000) == "08 0C A0 01 00 00 01 78");
  CHECK(m.after(10'000) == "02 18; close with will");
  CHECK(m.counters.lost_retry == 1);
  CHECK(m.counters.retransmits == 3);
  CHECK(m.closed() == "forget");
}

TEST_CASE("other messages of the client do not count as an acknowledgement") {
  Machine m;
  subscribe(m);
  m.deliver(7, "a/b", "x", 1);
  for (int i = 0; i < 3; ++i) {
    CHECK(m.after(10'000) == "08 0C A0 01 00 00 01 78");
    m.in("02 16");
  }
  CHECK(m.after(10'000) == "02 18; close with will");
}

TEST_CASE("QoS 2: the whole exchange") {
  Machine m;
  subscribe(m);
  CHECK(m.deliver(7, "a/b", "x", 2) == "08 0C 40 01 00 00 01 78");
  CHECK(m.in("07 0D 01 00 00 01 00") == "");  // PUBACK is no answer to QoS 2
  CHECK(m.in("04 0F 00 01") == "received 7; 04 10 00 01");
  CHECK(m.in("04 0E 00 01") == "ack 7");
  CHECK(m.in("04 0E 00 01") == "");
}

TEST_CASE("QoS 2: PUBLISH and PUBREL are repeated") {
  Machine m;
  subscribe(m);
  m.deliver(7, "a/b", "x", 2);
  CHECK(m.after(10'000) == "08 0C C0 01 00 00 01 78");
  CHECK(m.in("04 0F 00 01") == "received 7; 04 10 00 01");
  CHECK(m.after(10'000) == "04 10 00 01");
  CHECK(m.in("04 0F 00 01") == "04 10 00 01");
  CHECK(m.after(10'000) == "04 10 00 01");
  CHECK(m.after(10'000) == "04 10 00 01");
  CHECK(m.in("04 0E 00 01") == "ack 7");
}

TEST_CASE("QoS 2: PUBREL that is never answered is a loss") {
  Machine m;
  subscribe(m);
  m.deliver(7, "a/b", "x", 2);
  m.in("04 0F 00 01");
  for (int i = 0; i < 3; ++i) CHECK(m.after(10'000) == "04 10 00 01");
  CHECK(m.after(10'000) == "02 18; close with will");
}

TEST_CASE("unknown acknowledgements: PUBREC is answered, the others mean nothing") {
  Machine m;
  subscribe(m);
  CHECK(m.in("04 0F 00 09") == "04 10 00 09");
  CHECK(m.in("04 0E 00 09") == "");
  CHECK(m.in("07 0D 01 00 00 09 00") == "");
  CHECK(m.in("07 0B 01 00 00 09 00") == "");
  m.deliver(7, "a/b", "x", 1);
  CHECK(m.in("04 0F 00 01") == "");  // not QoS 2
  CHECK(m.in("04 0E 00 01") == "");
}

TEST_CASE("one in flight by default; order is kept over many messages") {
  Machine m;
  subscribe(m);
  for (std::uint32_t i = 1; i <= 1000; ++i) m.deliver(i, "a/b", std::to_string(i), 1);
  std::string answer;
  for (std::uint32_t i = 1; i <= 1000; ++i) {
    char puback[32];
    std::snprintf(puback, sizeof puback, "07 0D 01 00 %02X %02X 00", i >> 8, i & 0xff);
    answer = m.in(puback);
    REQUIRE(answer.starts_with("ack " + std::to_string(i)));
    if (i == 1000) break;
    const std::string next = std::to_string(i + 1);
    REQUIRE(answer.ends_with(sn_test::to_hex(next)));
  }
  CHECK(answer == "ack 1000");
}

TEST_CASE("more in flight, if the settings say so") {
  Machine m;
  m.settings->max_inflight = 2;
  subscribe(m);
  CHECK(m.deliver(1, "a/b", "1", 1) == "08 0C 20 01 00 00 01 31");
  CHECK(m.deliver(2, "a/b", "2", 1) == "08 0C 20 01 00 00 02 32");
  CHECK(m.deliver(3, "a/b", "3", 1) == "");
  CHECK(m.in("07 0D 01 00 00 02 00") == "ack 2; 08 0C 20 01 00 00 03 33");
}

TEST_CASE("QoS 0 passes what is in flight, but nothing that waits") {
  Machine m;
  subscribe(m);
  m.deliver(1, "a/b", "1", 1);
  CHECK(m.deliver(0, "a/b", "0", 0) == "08 0C 00 01 00 00 00 30");
  m.deliver(2, "a/b", "2", 1);
  CHECK(m.deliver(0, "a/b", "3", 0) == "");
  CHECK(m.in("07 0D 01 00 00 01 00") == "ack 1; 08 0C 20 01 00 00 02 32; 08 0C 00 01 00 00 00 33");
}

TEST_CASE("a delivery that is here already is not taken twice") {
  Machine m;
  subscribe(m);
  m.deliver(1, "a/b", "1", 1);
  CHECK(m.deliver(1, "a/b", "1", 1, false, true) == "");
  CHECK(m.client->held() == 1);
}

TEST_CASE("REGISTER is repeated, then the client is lost") {
  Machine m;
  subscribe_all(m);
  m.deliver(0, "a/x", "1", 0);
  for (int i = 0; i < 3; ++i) CHECK(m.after(10'000) == "09 0A 01 00 00 01 61 2F 78");
  CHECK(m.after(10'000) == "02 18; close with will");
  CHECK(m.counters.lost_retry == 1);
}

TEST_CASE("a REGACK of another id or message is none") {
  Machine m;
  subscribe_all(m);
  m.deliver(0, "a/x", "1", 0);
  CHECK(m.in("07 0B 01 01 00 01 00") == "");
  CHECK(m.in("07 0B 01 00 00 02 00") == "");
  CHECK(m.in("07 0B 01 00 00 01 00") == "08 0C 00 01 00 00 00 31");
}

TEST_CASE("a topic that the client refuses is not delivered, others are") {
  for (const char* code : {"02", "03", "04", "FF"}) {
    CAPTURE(code);
    Machine m;
    subscribe_all(m);
    m.deliver(5, "a/x", "1", 1);
    m.deliver(0, "a/x", "2", 0);
    m.deliver(0, "a/y", "3", 0);
    CHECK(m.in(std::string("07 0B 01 00 00 01 ") + code) ==
          "ack 5 refused; 09 0A 01 01 00 02 61 2F 79");
    CHECK(m.in("07 0B 01 01 00 02 00") == "08 0C 00 01 01 00 00 33");
    CHECK(m.deliver(6, "a/x", "4", 1) == "ack 6 refused");
    CHECK(m.counters.refused_topic == 3);
    // A new subscription is another try.
    m.in("08 12 40 00 06 61 2F 23");
    m.suback(2);
    CHECK(m.deliver(0, "a/x", "5", 0) == "09 0A 01 00 00 03 61 2F 78");
  }
}

TEST_CASE("refusing a topic ends the subscription to just this topic") {
  Machine m;
  subscribe(m, Machine::kPersistent);
  m.in("02 18");
  m.closed();
  m.connect(Machine::kPersistent, true);
  CHECK(m.deliver(0, "a/b", "1", 0) == "09 0A 01 00 00 01 61 2F 62");
  CHECK(m.in("07 0B 01 00 00 01 03") == "unsubscribe a/b");
  CHECK(m.suback() == "");  // the client did not ask
}

TEST_CASE("a topic that the client puts off is told again after T_WAIT") {
  Machine m;
  m.settings->wait_interval_ms = 30'000;
  subscribe_all(m);
  m.settings->max_inflight = 3;
  m.deliver(5, "a/x", "1", 1);
  m.deliver(0, "a/x", "2", 0);
  CHECK(m.in("07 0B 01 00 00 01 01") == "");
  CHECK(m.deliver(0, "a/x", "3", 0) == "");
  CHECK(m.counters.refused_topic == 2);
  CHECK(m.deliver(6, "a/x", "4", 1) == "");
  CHECK(m.deliver(0, "te", "5", 0) == "08 0C 02 74 65 00 00 35");  // others go on
  CHECK(m.after(29'999) == "");
  CHECK(m.after(1) == "09 0A 01 00 00 02 61 2F 78");
  CHECK(m.in("07 0B 01 00 00 02 00") == "08 0C 20 01 00 00 03 31; 08 0C 20 01 00 00 04 34");
}

TEST_CASE("PUBACK 0x02: the id is told again, then the same message again") {
  Machine m;
  subscribe(m);
  m.deliver(7, "a/b", "x", 1);
  CHECK(m.in("07 0D 01 00 00 01 02") == "09 0A 01 00 00 02 61 2F 62");
  CHECK(m.deliver(0, "a/b", "y", 0) == "");
  CHECK(m.in("07 0B 01 00 00 02 00") == "08 0C A0 01 00 00 01 78; 08 0C 00 01 00 00 00 79");
  CHECK(m.in("07 0D 01 00 00 01 00") == "ack 7");
}

TEST_CASE("PUBACK 0x02 of QoS 2") {
  Machine m;
  subscribe(m);
  m.deliver(7, "a/b", "x", 2);
  CHECK(m.in("07 0D 01 00 00 01 02") == "09 0A 01 00 00 02 61 2F 62");
  CHECK(m.in("07 0B 01 00 00 02 00") == "08 0C C0 01 00 00 01 78");
  CHECK(m.in("04 0F 00 01") == "received 7; 04 10 00 01");
  CHECK(m.in("07 0D 01 00 00 01 02") == "");
}

TEST_CASE("PUBACK 0x02 without end: three times, then the message is dropped") {
  Machine m;
  subscribe(m);
  m.deliver(7, "a/b", "x", 1);
  for (int i = 0; i < 3; ++i) {
    const std::string id = std::to_string(i + 2);
    CHECK(m.in("07 0D 01 00 00 01 02") == "09 0A 01 00 00 0" + id + " 61 2F 62");
    CHECK(m.in("07 0B 01 00 00 0" + id + " 00") == "08 0C A0 01 00 00 01 78");
  }
  CHECK(m.in("07 0D 01 00 00 01 02") == "ack 7 refused");
  CHECK(m.client->held() == 0);
}

TEST_CASE("PUBACK 0x02 for a pre-defined id or a short name drops the message") {
  Machine m;
  m.predefine("", 1, "global");
  m.connect();
  m.in("07 12 21 00 06 00 01");
  m.suback(1);
  CHECK(m.deliver(7, "global", "x", 1) == "08 0C 21 00 01 00 01 78");
  CHECK(m.in("07 0D 00 01 00 01 02") == "ack 7 refused");
  CHECK(m.deliver(8, "te", "x", 1) == "08 0C 22 74 65 00 02 78");
  CHECK(m.in("07 0D 74 65 00 02 02") == "ack 8 refused");
}

TEST_CASE("PUBACK 0x02 for QoS 0: the next message is preceded by REGISTER") {
  Machine m;
  subscribe(m);
  m.deliver(0, "a/b", "x", 0);
  CHECK(m.in("07 0D 01 00 00 00 02") == "");
  CHECK(m.deliver(0, "a/b", "y", 0) == "09 0A 01 00 00 01 61 2F 62");
}

TEST_CASE("PUBACK 0x01: nothing for T_WAIT, then on") {
  Machine m;
  m.settings->wait_interval_ms = 30'000;
  subscribe(m);
  m.deliver(7, "a/b", "x", 1);
  CHECK(m.in("07 0D 01 00 00 01 01") == "");
  CHECK(m.deliver(0, "a/b", "y", 0) == "");
  CHECK(m.in("02 16") == "02 17");
  CHECK(m.after(29'999) == "");
  CHECK(m.after(1) == "08 0C A0 01 00 00 01 78; 08 0C 00 01 00 00 00 79");
  CHECK(m.in("07 0D 01 00 00 01 00") == "ack 7");
}

TEST_CASE("PUBACK 0x01 for QoS 0 pauses, too") {
  Machine m;
  m.settings->wait_interval_ms = 30'000;
  subscribe(m);
  m.deliver(0, "a/b", "x", 0);
  m.in("07 0D 01 00 00 00 01");
  CHECK(m.deliver(0, "a/b", "y", 0) == "");
  CHECK(m.after(30'000) == "08 0C 00 01 00 00 00 79");
}

TEST_CASE("PUBACK with another error drops the message") {
  for (const char* code : {"03", "04", "80", "FF"}) {
    CAPTURE(code);
    Machine m;
    subscribe(m);
    m.deliver(7, "a/b", "x", 1);
    m.deliver(8, "a/b", "y", 1);
    CHECK(m.in(std::string("07 0D 01 00 00 01 ") + code) ==
          "ack 7 refused; 08 0C 20 01 00 00 02 79");
  }
}

TEST_CASE("what is too large is dropped, and the broker goes on") {
  Machine m;
  m.settings->max_packet_size = 20;
  subscribe(m);
  CHECK(m.deliver(7, "a/b", std::string(14, 'x'), 1) == "ack 7 refused");
  CHECK(m.deliver(0, "a/b", std::string(14, 'x'), 0) == "");
  CHECK(m.deliver(8, "a/b", std::string(13, 'x'), 1).starts_with("14 0C 20 01 00 00 01"));
  // A topic that does not fit into REGISTER.
  CHECK(m.deliver(9, std::string(15, 't'), "x", 1) == "ack 9 refused");
  CHECK(m.counters.too_large == 3);
}

TEST_CASE("a topic that does not fit into REGISTER cannot be told again") {
  Machine m;
  m.settings->max_packet_size = 12;
  m.settings->subs_resume = true;
  m.connect(Machine::kPersistent);
  m.in("0D 12 40 00 05 6C 6F 6E 67 2F 74 2F 31");  // long/t/1
  CHECK(m.suback(2) == "08 13 40 01 00 00 05 00");
  CHECK(m.deliver(7, "long/t/1", "x", 1) == "08 0C 20 01 00 00 01 78");
  SUBCASE("when the client does not know it") {
    CHECK(m.in("07 0D 01 00 00 01 02") == "ack 7 refused");
  }
  SUBCASE("when the client is back") {
    m.in("02 18");
    m.closed();
    m.in(Machine::kPersistent);
    CHECK(m.opened(0, true) == "03 05 00");
    CHECK(m.deliver(7, "long/t/1", "x", 1, false, true) == "ack 7 refused");
    CHECK(m.deliver(0, "te", "x", 0) == "08 0C 02 74 65 00 00 78");
  }
  CHECK(m.counters.too_large == 1);
}

TEST_CASE("when there is no id for a topic its messages are dropped") {
  Machine m;
  m.settings->max_topics = 1;
  subscribe(m);
  CHECK(m.deliver(7, "a/x", "1", 1) == "ack 7 refused");
  CHECK(m.counters.refused_topic == 1);
  CHECK(m.deliver(0, "a/b", "x", 0) == "08 0C 00 01 00 00 00 78");
}

TEST_CASE("QoS 0 that waits is bounded, by number and by octets; the oldest goes") {
  Machine m;
  subscribe_all(m);
  SUBCASE("number") {
    m.settings->max_held = 2;
    m.deliver(0, "a/x", "1", 0);
    m.deliver(0, "a/x", "2", 0);
    m.deliver(0, "a/x", "3", 0);
    CHECK(m.in("07 0B 01 00 00 01 00") == "08 0C 00 01 00 00 00 32; 08 0C 00 01 00 00 00 33");
  }
  SUBCASE("octets") {
    m.settings->max_held_octets = 4;
    m.deliver(0, "a/x", "11", 0);
    m.deliver(0, "a/x", "22", 0);
    m.deliver(0, "a/x", "3", 0);
    CHECK(m.in("07 0B 01 00 00 01 00") == "09 0C 00 01 00 00 00 32 32; 08 0C 00 01 00 00 00 33");
  }
  SUBCASE("QoS 1 is not counted out") {
    m.settings->max_held = 1;
    m.deliver(7, "a/x", "1", 1);
    m.deliver(0, "a/x", "2", 0);
    m.deliver(0, "a/x", "3", 0);
    CHECK(m.in("07 0B 01 00 00 01 00") == "08 0C 20 01 00 00 02 31; 08 0C 00 01 00 00 00 33");
  }
  CHECK(m.counters.overflow_dropped == 1);
}

TEST_CASE("message ids are never 0, wrap, and skip those in use") {
  Machine m;
  m.settings->max_inflight = 2;
  subscribe(m);
  m.deliver(70'000, "a/b", "x", 1);  // stays in flight with id 1
  std::string answer;
  for (std::uint32_t i = 2; i <= 0xffff; ++i) {
    m.client->on_delivery({i, "a/b", "", 1, false, false});
    sn::Packet puback;
    puback.type = sn::Type::puback;
    puback.msg_id = static_cast<std::uint16_t>(i);
    answer = m.in(puback);
    REQUIRE(answer.ends_with("ack " + std::to_string(i)));
  }
  CHECK(m.deliver(70'001, "a/b", "", 1) == "07 0C 20 01 00 00 02");
}

TEST_CASE("after a reconnect ids are told again before anything is delivered") {
  Machine m;
  subscribe(m, Machine::kPersistent);
  CHECK(m.deliver(0, "a/b", "x", 0) == "08 0C 00 01 00 00 00 78");
  m.in("02 18");
  m.closed();
  m.connect(Machine::kPersistent, true);
  CHECK(m.deliver(0, "a/b", "x", 0) == "09 0A 01 00 00 01 61 2F 62");
  CHECK(m.in("07 0B 01 00 00 01 00") == "08 0C 00 01 00 00 00 78");
  CHECK(m.in("09 0C 00 01 00 00 00 68 69") == "publish a/b 'hi' q0");  // uplink it stays good
}

TEST_CASE("subs_resume tells the ids of subscriptions right away, one after the other") {
  Machine m;
  m.settings->subs_resume = true;
  subscribe(m, Machine::kPersistent);
  m.in("08 12 40 00 06 61 2F 63");
  m.suback(2);
  m.in("09 0A 00 00 00 07 61 2F 7A");  // no subscription
  m.in("02 18");
  m.closed();
  m.in(Machine::kPersistent);
  CHECK(m.opened(0, true) == "03 05 00; 09 0A 01 00 00 01 61 2F 62");
  CHECK(m.deliver(0, "te", "x", 0) == "");
  CHECK(m.in("07 0B 01 00 00 01 00") == "09 0A 01 01 00 02 61 2F 63");
  CHECK(m.in("07 0B 01 01 00 02 00") == "08 0C 02 74 65 00 00 78");
}

TEST_CASE("subs_resume: an id that the client puts off is not told again and again") {
  Machine m;
  m.settings->subs_resume = true;
  subscribe(m, Machine::kPersistent);
  m.in("02 18");
  m.closed();
  m.connect(Machine::kPersistent, true);
  CHECK(m.in("07 0B 01 00 00 01 01") == "");
  CHECK(m.deliver(0, "te", "x", 0) == "08 0C 02 74 65 00 00 78");
}

TEST_CASE("what is not acknowledged when the connection ends comes from the broker again") {
  Machine m;
  subscribe(m, Machine::kPersistent);
  m.deliver(7, "a/b", "x", 1);
  m.in(Machine::kPersistent);
  m.closed();
  CHECK(m.client->held() == 0);
  m.opened(0, true);
  m.deliver(7, "a/b", "x", 1, false, true);
  CHECK(m.in("07 0B 01 00 00 02 00") == "08 0C A0 01 00 00 03 78");
}

TEST_CASE("QoS 2 that the client may have got keeps its message id over a reconnect") {
  Machine m;
  subscribe(m, Machine::kPersistent);
  m.deliver(7, "a/b", "x", 2);
  m.in(Machine::kPersistent);
  m.closed();
  m.opened(0, true);
  CHECK(m.deliver(7, "a/b", "x", 2, false, true) == "09 0A 01 00 00 02 61 2F 62");
  CHECK(m.in("07 0B 01 00 00 02 00") == "08 0C C0 01 00 00 01 78");
}

TEST_CASE("QoS 2 that the client has is brought to its end over a reconnect") {
  Machine m;
  subscribe(m, Machine::kPersistent);
  m.deliver(7, "a/b", "x", 2);
  m.in("04 0F 00 01");
  m.in(Machine::kPersistent);
  m.closed();
  CHECK(m.opened(0, true) == "03 05 00; 04 10 00 01");
  SUBCASE("the broker knows") {}
  SUBCASE("the broker has missed that the client has it") {
    CHECK(m.deliver(7, "a/b", "x", 2, false, true) == "received 7; ack 7");
  }
  CHECK(m.after(10'000) == "04 10 00 01");
  CHECK(m.in("04 0E 00 01") == "");
  CHECK(m.client->held() == 0);
  CHECK(m.deliver(7, "a/b", "y", 2) == "09 0A 01 00 00 02 61 2F 62");
}

TEST_CASE("QoS 2: PUBREC after the reconnect, before the broker has delivered again") {
  Machine m;
  subscribe(m, Machine::kPersistent);
  m.deliver(7, "a/b", "x", 2);
  m.in(Machine::kPersistent);
  m.closed();
  m.opened(0, true);
  CHECK(m.in("04 0F 00 01") == "04 10 00 01");
  SUBCASE("the broker's comes before PUBCOMP") {
    CHECK(m.deliver(7, "a/b", "x", 2, false, true) == "received 7; 04 10 00 01");
    CHECK(m.in("04 0E 00 01") == "ack 7");
  }
  SUBCASE("the broker's comes after PUBCOMP") {
    CHECK(m.in("04 0E 00 01") == "");
    CHECK(m.deliver(7, "a/b", "x", 2, false, true) == "received 7; ack 7");
  }
  SUBCASE("the broker's is another message") {
    CHECK(m.deliver(7, "a/b", "y", 2) == "09 0A 01 00 00 02 61 2F 62");
  }
}

TEST_CASE("a clean session has nothing left over") {
  Machine m;
  subscribe(m, Machine::kPersistent);
  m.deliver(7, "a/b", "x", 2);
  m.in("04 0F 00 01");
  m.in(Machine::kConnect);
  m.closed();
  CHECK(m.opened() == "03 05 00");
}

}  // namespace
