// CONNECT, the will dialogue and what becomes of the broker's connection, octet by octet.
#include <doctest/doctest.h>

#include "emqx_sn/tests/machine.hpp"

namespace {

using sn::Client;
using sn_test::Machine;

TEST_CASE("CONNECT without will opens the session, CONNACK follows") {
  Machine m;
  CHECK(m.in("08 04 04 01 00 3C 63 31") == "open clean 60");
  CHECK(m.client->state() == Client::State::connecting);
  CHECK(m.opened() == "03 05 00");
  CHECK(m.client->state() == Client::State::active);
  CHECK(m.client->keep_alive_s() == 60);
}

TEST_CASE("another protocol id is refused") {
  Machine m;
  CHECK(m.in("08 04 04 02 00 3C 63 31") == "03 05 03; forget");
}

TEST_CASE("another protocol id changes nothing for a client that is connected") {
  Machine m;
  m.connect();
  CHECK(m.in("08 04 04 02 00 3C 63 31") == "03 05 03");
  CHECK(m.in("02 16") == "02 17");
}

TEST_CASE("what the broker refuses is told as congestion or as not supported") {
  const struct {
    std::uint8_t reason;
    const char* answer;
  } kCases[] = {
      {0x80, "03 05 03; forget"}, {0x85, "03 05 03; forget"}, {0x86, "03 05 03; forget"},
      {0x87, "03 05 03; forget"}, {0x8a, "03 05 03; forget"}, {0x88, "03 05 01; forget"},
      {0x89, "03 05 01; forget"}, {0x96, "03 05 01; forget"}, {0x97, "03 05 01; forget"},
      {0x9f, "03 05 01; forget"},
  };
  for (const auto& c : kCases) {
    CAPTURE(int{c.reason});
    Machine m;
    m.in(Machine::kConnect);
    CHECK(m.opened(c.reason) == c.answer);
  }
}

TEST_CASE("the will dialogue comes before the session") {
  Machine m;
  CHECK(m.in("08 04 0C 01 00 3C 63 31") == "02 06");
  CHECK(m.in("06 07 20 77 2F 74") == "02 08");
  CHECK(m.in("03 09 78") == "open clean 60 will w/t 'x' q1");
  CHECK(m.opened() == "03 05 00");
}

TEST_CASE("the will's flags are QoS and retain; QoS -1 counts as 0") {
  Machine m;
  m.in(Machine::kWithWill);
  m.in("06 07 50 77 2F 74");
  CHECK(m.in("02 09") == "open clean 60 will w/t '' q2 retain");
  Machine other;
  other.in(Machine::kWithWill);
  other.in("06 07 60 77 2F 74");
  CHECK(other.in("03 09 78") == "open clean 60 will w/t 'x' q0");
}

TEST_CASE("an empty WILLTOPIC, with or without flags, means no will") {
  Machine m;
  m.in(Machine::kWithWill);
  CHECK(m.in("02 07") == "open clean 60");
  CHECK(m.opened() == "03 05 00");
  CHECK_FALSE(m.client->has_will());
  Machine other;
  other.in(Machine::kWithWill);
  sn::Packet flags_only;
  flags_only.type = sn::Type::willtopic;
  CHECK(other.in(flags_only) == "open clean 60");
}

TEST_CASE("a will topic that nobody can publish to is refused") {
  for (const char* topic : {"05 07 00 61 23", "05 07 00 61 2B", "04 07 00 FF", "04 07 00 00"}) {
    CAPTURE(topic);
    Machine m;
    m.in(Machine::kWithWill);
    CHECK(m.in(topic) == "03 05 03; forget");
  }
}

TEST_CASE("a repeated CONNECT begins the dialogue again, a repeated WILLTOPIC is taken anew") {
  Machine m;
  CHECK(m.in(Machine::kWithWill) == "02 06");
  CHECK(m.in(Machine::kWithWill) == "02 06");
  CHECK(m.in("06 07 20 77 2F 74") == "02 08");
  CHECK(m.in("06 07 20 77 2F 75") == "02 08");
  CHECK(m.in(Machine::kWithWill) == "02 06");
  CHECK(m.in("06 07 00 77 2F 76") == "02 08");
  CHECK(m.in("03 09 79") == "open clean 60 will w/v 'y' q0");
  CHECK(m.in("03 09 7A") == "");
  CHECK(m.opened() == "03 05 00");
}

TEST_CASE("what is asked for the will is repeated N_retry times, then there is no client") {
  Machine m;
  m.settings->idle_timeout_ms = 100'000;
  m.in(Machine::kWithWill);
  CHECK(m.after(9'999) == "");
  CHECK(m.after(1) == "02 06");
  CHECK(m.after(10'000) == "02 06");
  CHECK(m.after(10'000) == "02 06");
  CHECK(m.after(9'999) == "");
  CHECK(m.after(1) == "forget");
  CHECK(m.counters.retransmits == 3);
}

TEST_CASE("WILLMSGREQ is repeated as well") {
  Machine m;
  m.in(Machine::kWithWill);
  m.after(5'000);
  m.in("06 07 20 77 2F 74");
  CHECK(m.after(10'000) == "02 08");
  CHECK(m.in("03 09 78") == "open clean 60 will w/t 'x' q1");
}

TEST_CASE("the dialogue ends after the idle timeout") {
  Machine m;
  m.settings->retry_interval_ms = 20'000;
  m.in(Machine::kWithWill);
  CHECK(m.after(29'999) == "02 06");
  CHECK(m.after(1) == "forget");
}

TEST_CASE("during the dialogue only its own messages count") {
  Machine m;
  m.in(Machine::kWithWill);
  CHECK(m.in("09 0A 00 00 00 01 61 2F 62") == "");
  CHECK(m.in("09 0C 20 01 00 00 02 68 69") == "");
  CHECK(m.in("08 12 20 00 05 61 2F 23") == "");
  CHECK(m.in("02 16") == "");
  CHECK(m.in("03 09 78") == "");  // not asked for yet
  CHECK(m.in("02 18") == "02 18; forget");
}

TEST_CASE("a retransmitted CONNECT is answered again") {
  Machine m;
  m.connect();
  CHECK(m.in(Machine::kConnect) == "03 05 00");
  m.after(29'999);
  CHECK(m.in(Machine::kConnect) == "03 05 00");
  m.after(1);
  CHECK(m.in(Machine::kConnect) == "close");
}

TEST_CASE("a CONNECT that is repeated while the session opens waits for the same answer") {
  Machine m;
  CHECK(m.in(Machine::kConnect) == "open clean 60");
  CHECK(m.in(Machine::kConnect) == "");
  CHECK(m.opened() == "03 05 00");
}

TEST_CASE("CONNECT after something else, or another CONNECT, is a new beginning without will") {
  for (const char* between : {"02 16", ""}) {
    CAPTURE(between);
    Machine m;
    m.connect();
    if (*between) m.in(between);
    const char* const again = *between ? "08 04 04 01 00 3C 63 31" : "08 04 04 01 00 3D 63 31";
    CHECK(m.in(again) == "close");
    CHECK(m.client->state() == Client::State::connecting);
    CHECK(m.closed().starts_with("open clean 6"));
    CHECK(m.opened() == "03 05 00");
  }
}

TEST_CASE("a new beginning with will runs the dialogue while the old connection ends") {
  Machine m;
  m.connect();
  CHECK(m.in(Machine::kWithWill) == "close; 02 06");
  CHECK(m.in("06 07 20 77 2F 74") == "02 08");
  CHECK(m.in("03 09 78") == "");
  CHECK(m.closed() == "open clean 60 will w/t 'x' q1");
  CHECK(m.opened() == "03 05 00");
}

TEST_CASE("CONNECT from another address takes over, which publishes the will") {
  Machine m;
  m.connect();
  m.client->moved();
  CHECK(m.in(Machine::kConnect) == "close with will");
  CHECK(m.closed() == "open clean 60");
  CHECK(m.opened() == "03 05 00");
  CHECK(m.in(Machine::kConnect) == "03 05 00");
}

TEST_CASE("a CONNECT with other flags while the session opens makes the first one void") {
  Machine m;
  m.in(Machine::kConnect);
  CHECK(m.in(Machine::kPersistent) == "");
  CHECK(m.opened() == "close");
  CHECK(m.closed() == "open 60");
  CHECK(m.opened() == "03 05 00");
  CHECK(m.client->persistent());
}

TEST_CASE("the first one of two is refused: the second is asked for all the same") {
  Machine m;
  m.in(Machine::kConnect);
  m.in(Machine::kPersistent);
  CHECK(m.opened(0x87) == "open 60");
  CHECK(m.opened(0x87) == "03 05 03; forget");
}

TEST_CASE("DISCONNECT while the session opens") {
  Machine m;
  m.in(Machine::kConnect);
  CHECK(m.in("02 18") == "02 18");
  CHECK(m.opened() == "close");
  CHECK(m.closed() == "forget");
  Machine refused;
  refused.in(Machine::kConnect);
  refused.in("02 18");
  CHECK(refused.opened(0x87) == "forget");
}

TEST_CASE("DISCONNECT, with a duration of 0 too, ends the session without will") {
  for (const char* goodbye : {"02 18", "04 18 00 00"}) {
    CAPTURE(goodbye);
    Machine m;
    m.connect();
    CHECK(m.in(goodbye) == "02 18; close");
    CHECK(m.in(goodbye) == "02 18");
    CHECK(m.in("02 16") == "");
    CHECK(m.closed() == "forget");
  }
}

TEST_CASE("CONNECT right behind DISCONNECT waits for the end of the old connection") {
  Machine m;
  m.connect();
  m.in("02 18");
  CHECK(m.in(Machine::kConnect) == "");
  CHECK(m.closed() == "open clean 60");
  CHECK(m.opened() == "03 05 00");
}

TEST_CASE("a client with a persistent session is away for the session's expiry") {
  Machine m;
  m.connect(Machine::kPersistent);
  m.in("02 18");
  CHECK(m.closed() == "");
  CHECK(m.client->state() == Client::State::away);
  CHECK(m.in("02 16") == "02 18");
  CHECK(m.in("02 18") == "02 18");
  CHECK(m.in("09 0C 20 01 00 00 02 68 69") == "02 18");
  CHECK(m.after(7'199'999) == "");
  CHECK(m.after(1) == "forget");
}

TEST_CASE("a CONNECT that fails does not keep the session of a client that is away for longer") {
  Machine m;
  m.connect(Machine::kPersistent);
  m.in("02 18");
  m.closed();
  m.after(7'000'000);
  CHECK(m.in(Machine::kConnect) == "open clean 60");
  CHECK(m.opened(0x87) == "03 05 03");
  CHECK(m.client->state() == Client::State::away);
  CHECK(m.after(199'999) == "");
  CHECK(m.after(1) == "forget");
}

TEST_CASE("without an expiry nothing is kept") {
  Machine m;
  m.settings->session_expiry_s = 0;
  m.connect(Machine::kPersistent);
  m.in("02 18");
  CHECK(m.closed() == "forget");
}

TEST_CASE("clean and will: what the next connection has") {
  const auto left = [](Machine& m) {  // a persistent session with a will
    m.in("08 04 08 01 00 3C 63 31");
    m.in("06 07 30 77 2F 74");
    m.in("03 09 78");
    m.opened();
    m.in("09 0A 00 00 00 01 61 2F 62");
    m.in("02 18");
    m.closed();
  };
  SUBCASE("neither: session, ids and will stay") {
    Machine m;
    left(m);
    CHECK(m.in(Machine::kPersistent) == "open 60 will w/t 'x' q1 retain");
    CHECK(m.opened(0, true) == "03 05 00");
    CHECK(m.client->topics().id("a/b") == 0x100);
  }
  SUBCASE("will: asked for, and it replaces the old one") {
    Machine m;
    left(m);
    CHECK(m.in("08 04 08 01 00 3C 63 31") == "02 06");
    CHECK(m.in("04 07 00 7A") == "02 08");
    CHECK(m.in("03 09 79") == "open 60 will z 'y' q0");
    m.opened(0, true);
    CHECK(m.client->topics().size() == 1);
  }
  SUBCASE("will, and an empty one: there is none any more") {
    Machine m;
    left(m);
    m.in("08 04 08 01 00 3C 63 31");
    CHECK(m.in("02 07") == "open 60");
    m.opened(0, true);
    CHECK_FALSE(m.client->has_will());
  }
  SUBCASE("clean: everything goes") {
    Machine m;
    left(m);
    CHECK(m.in(Machine::kConnect) == "open clean 60");
    CHECK(m.opened() == "03 05 00");
    CHECK_FALSE(m.client->has_will());
    CHECK(m.client->topics().size() == 0);
  }
  SUBCASE("clean, but refused: everything stays") {
    Machine m;
    left(m);
    m.in(Machine::kConnect);
    m.opened(0x86);
    CHECK(m.client->has_will());
    CHECK(m.client->topics().size() == 1);
  }
  SUBCASE("after a loss the will is armed again") {
    Machine m;
    left(m);
    m.connect(Machine::kPersistent, true);
    CHECK(m.after(90'000) == "02 18; close with will");
    CHECK(m.closed() == "");
    CHECK(m.in(Machine::kPersistent) == "open 60 will w/t 'x' q1 retain");
  }
}

TEST_CASE("the broker ends it: taken over, kicked, shutting down") {
  Machine m;
  m.connect();
  CHECK(m.closed(0x8e) == "02 18; forget");
  Machine kept;
  kept.connect(Machine::kPersistent);
  CHECK(kept.closed(0x98) == "02 18");
  CHECK(kept.client->state() == Client::State::away);
}

TEST_CASE("the gateway ends it") {
  Machine m;
  m.connect();
  m.client->end(0x98);
  CHECK(m.out.take() == "02 18; close with will");
  CHECK(m.closed() == "forget");
  Machine other;
  other.connect();
  other.client->displace();
  CHECK(other.out.take() == "close");
  CHECK(other.closed() == "forget");
  Machine away;
  away.connect(Machine::kPersistent);
  away.in("02 18");
  away.closed();
  away.client->end(0);
  CHECK(away.out.take() == "forget");
}

TEST_CASE("keep alive: 1.5 times the duration, and any message begins it anew") {
  Machine m;
  m.connect();
  CHECK(m.after(89'999) == "");
  CHECK(m.in("09 0C 00 01 00 00 00 68 69") == "07 0D 01 00 00 00 02");
  CHECK(m.after(89'999) == "");
  CHECK(m.after(1) == "02 18; close with will");
  CHECK(m.counters.lost_keep_alive == 1);
  CHECK(m.closed() == "forget");
}

TEST_CASE("a keep alive of 0 never ends") {
  Machine m;
  m.connect("08 04 04 01 00 00 63 31");
  CHECK(m.after(100'000'000) == "");
}

TEST_CASE("PINGREQ") {
  Machine m;
  m.connect();
  CHECK(m.in("02 16") == "02 17");
  CHECK(m.in("04 16 63 31") == "02 17");
  CHECK(m.in("04 16 63 32") == "");
}

TEST_CASE("messages that only a gateway sends mean nothing") {
  Machine m;
  m.connect();
  for (const char* message : {"05 00 01 03 84", "03 02 01", "03 05 00", "02 06", "02 08",
                              "08 13 00 00 00 00 05 00", "04 15 00 07", "03 1B 00", "03 1D 00"}) {
    CAPTURE(message);
    CHECK(m.in(message) == "");
  }
  CHECK(m.after(90'000) == "02 18; close with will");  // nor are they a sign of life
}

TEST_CASE("the topics of the will have the mountpoint in front") {
  Machine m;
  m.settings->mountpoint = "sn/";
  m.in(Machine::kWithWill);
  m.in("06 07 20 77 2F 74");
  CHECK(m.in("03 09 78") == "open clean 60 will sn/w/t 'x' q1");
}

}  // namespace
