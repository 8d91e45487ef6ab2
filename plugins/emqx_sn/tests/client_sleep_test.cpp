// Sleeping clients: what waits, PINGREQ, waking up, octet by octet.
#include <doctest/doctest.h>

#include "emqx_sn/tests/machine.hpp"

namespace {

using sn::Client;
using sn_test::Machine;

constexpr const char* kPoll = "04 16 63 31";

// Subscribed to "a/b" (id 0x0100) and asleep for 300 s.
void sleeper(Machine& m, std::string_view connect = Machine::kConnect) {
  m.connect(connect);
  m.in("08 12 40 00 05 61 2F 62");
  m.suback(2);
  m.sleep();
}

TEST_CASE("DISCONNECT with a duration: asleep, the answer has none") {
  Machine m;
  m.connect();
  CHECK(m.in("04 18 01 2C") == "02 18; suspend");
  CHECK(m.client->state() == Client::State::asleep);
  CHECK(m.client->sleep_s() == 300);
  CHECK(m.counters.sleeps == 1);
}

TEST_CASE("a poll with nothing there is answered at once") {
  Machine m;
  sleeper(m);
  CHECK(m.in(kPoll) == "poll");
  CHECK(m.client->state() == Client::State::awake);
  CHECK(m.polled() == "02 17");
  CHECK(m.client->state() == Client::State::asleep);
}

TEST_CASE("PINGREQ without client id is a poll, too; with another id it is not") {
  Machine m;
  sleeper(m);
  CHECK(m.in("04 16 63 32") == "");
  CHECK(m.in("02 16") == "poll");
}

TEST_CASE("REGISTER and PUBLISH first, PINGRESP last, after the acknowledgements") {
  Machine m;
  sleeper(m);
  m.in(kPoll);
  CHECK(m.deliver(7, "a/b", "1", 1) == "08 0C 20 01 00 00 01 31");
  CHECK(m.deliver(0, "a/x", "2", 0) == "09 0A 01 01 00 02 61 2F 78");
  CHECK(m.polled() == "");
  CHECK(m.in("07 0B 01 01 00 02 00") == "08 0C 00 01 01 00 00 32");
  CHECK(m.in("07 0D 01 00 00 01 00") == "ack 7; 02 17");
  SUBCASE("a second poll finds nothing") {
    CHECK(m.in(kPoll) == "poll");
    CHECK(m.polled() == "02 17");
  }
}

TEST_CASE("everything acknowledged, but the broker has not handed over all: no PINGRESP yet") {
  Machine m;
  sleeper(m);
  m.in(kPoll);
  m.deliver(7, "a/b", "1", 1);
  CHECK(m.in("07 0D 01 00 00 01 00") == "ack 7");
  CHECK(m.deliver(8, "a/b", "2", 1) == "08 0C 20 01 00 00 02 32");
  CHECK(m.in("07 0D 01 00 00 02 00") == "ack 8");
  CHECK(m.polled() == "02 17");
}

TEST_CASE("QoS 2 during a poll is acknowledged by PUBCOMP") {
  Machine m;
  sleeper(m);
  m.in(kPoll);
  CHECK(m.deliver(7, "a/b", "1", 2) == "08 0C 40 01 00 00 01 31");
  CHECK(m.polled() == "");
  CHECK(m.in("04 0F 00 01") == "received 7; 04 10 00 01");
  CHECK(m.in("04 0E 00 01") == "ack 7; 02 17");
}

TEST_CASE("PINGREQ while awake repeats what is not acknowledged, with DUP") {
  Machine m;
  sleeper(m);
  m.in(kPoll);
  m.deliver(7, "a/b", "1", 1);
  m.polled();
  CHECK(m.in(kPoll) == "08 0C A0 01 00 00 01 31");
  CHECK(m.in("07 0D 01 00 00 01 00") == "ack 7; 02 17");
}

TEST_CASE("PINGREQ while awake repeats REGISTER and PUBREL") {
  Machine m;
  sleeper(m);
  m.in(kPoll);
  m.deliver(7, "a/b", "1", 2);
  m.in("04 0F 00 01");
  m.deliver(0, "a/x", "2", 0);
  m.polled();
  CHECK(m.in(kPoll) == "04 10 00 01; 09 0A 01 01 00 03 61 2F 78");
  CHECK(m.in("07 0B 01 01 00 03 00") == "08 0C 00 01 01 00 00 32");
  CHECK(m.in("04 0E 00 01") == "ack 7; 02 17");
}

TEST_CASE("quiet for T_retry while awake: asleep without PINGRESP, the message stays") {
  Machine m;
  sleeper(m);
  m.in(kPoll);
  m.deliver(7, "a/b", "1", 1);
  m.polled();
  CHECK(m.after(9'999) == "");
  CHECK(m.client->state() == Client::State::awake);
  CHECK(m.after(1) == "");
  CHECK(m.client->state() == Client::State::asleep);
  CHECK(m.after(20'000) == "");  // nothing is sent to a sleeping client
  CHECK(m.in(kPoll) == "poll; 08 0C A0 01 00 00 01 31");
  CHECK(m.polled() == "");
  CHECK(m.in("07 0D 01 00 00 01 00") == "ack 7; 02 17");
}

TEST_CASE("the broker still hands over an earlier poll: it is asked again afterwards") {
  Machine m;
  sleeper(m);
  m.in(kPoll);
  m.deliver(7, "a/b", "1", 1);
  m.after(10'000);
  CHECK(m.in(kPoll) == "08 0C A0 01 00 00 01 31");
  CHECK(m.in("07 0D 01 00 00 01 00") == "ack 7");
  CHECK(m.polled() == "poll");
  CHECK(m.polled() == "02 17");
}

TEST_CASE("what slips through while the client falls asleep waits for the poll") {
  Machine m;
  sleeper(m);
  CHECK(m.deliver(0, "a/b", "0", 0) == "");
  CHECK(m.deliver(7, "a/b", "1", 1) == "");
  CHECK(m.in(kPoll) == "poll; 08 0C 00 01 00 00 00 30; 08 0C 20 01 00 00 01 31");
  m.deliver(0, "a/b", "2", 0);
  m.polled();
  CHECK(m.in("07 0D 01 00 00 01 00") == "ack 7; 02 17");
}

TEST_CASE("what is in flight when the client falls asleep is repeated at the poll") {
  Machine m;
  m.connect();
  m.in("08 12 40 00 05 61 2F 62");
  m.suback(2);
  m.deliver(7, "a/b", "1", 1);
  m.deliver(0, "a/x", "2", 0);
  m.sleep();
  CHECK(m.after(60'000) == "");
  CHECK(m.in(kPoll) == "poll; 08 0C A0 01 00 00 01 31; 09 0A 01 01 00 03 61 2F 78");
}

TEST_CASE("a late acknowledgement of a sleeping client counts") {
  Machine m;
  sleeper(m);
  m.in(kPoll);
  m.deliver(7, "a/b", "1", 1);
  m.polled();
  m.after(10'000);
  CHECK(m.in("07 0D 01 00 00 01 00") == "ack 7");
  CHECK(m.deliver(8, "a/b", "2", 1) == "");
  CHECK(m.in(kPoll) == "poll; 08 0C 20 01 00 00 02 32");
}

TEST_CASE("what the client puts off does not keep PINGRESP from it") {
  Machine m;
  sleeper(m);
  m.in(kPoll);
  m.deliver(7, "a/b", "1", 1);
  CHECK(m.in("07 0D 01 00 00 01 01") == "02 17");  // the window is full: nothing more comes
  CHECK(m.in(kPoll) == "02 17");
  m.after(299'000);
  m.in(kPoll);
  m.after(2'000);
  CHECK(m.in(kPoll) == "08 0C A0 01 00 00 01 31");
}

TEST_CASE("sleep supervision: half as much again up to a minute, a tenth above") {
  const struct {
    const char* message;
    std::int64_t allowed;
  } kCases[] = {{"04 18 00 01", 1'500},
                {"04 18 00 3C", 90'000},
                {"04 18 00 3D", 67'100},
                {"04 18 01 2C", 330'000},
                {"04 18 FF FF", 72'088'500}};
  for (const auto& c : kCases) {
    CAPTURE(c.message);
    Machine m;
    m.connect();
    m.in(c.message);
    CHECK(m.after(c.allowed - 1) == "");
    CHECK(m.after(1) == "close with will");  // and nothing to the client
    CHECK(m.counters.lost_sleep == 1);
    CHECK(m.closed() == "forget");
  }
}

TEST_CASE("a poll, its end and any message begin the supervision anew") {
  Machine m;
  sleeper(m);
  m.after(300'000);
  m.in(kPoll);
  m.polled();
  m.after(329'999);
  CHECK(m.in("09 0C 00 01 00 00 00 68 69") == "publish a/b 'hi' q0");
  CHECK(m.after(329'999) == "");
  CHECK(m.after(1) == "close with will");
}

TEST_CASE("the keep alive of CONNECT means nothing while asleep") {
  Machine m;
  sleeper(m);
  CHECK(m.after(200'000) == "");
}

TEST_CASE("another duration while asleep and awake; a plain DISCONNECT ends it") {
  Machine m;
  sleeper(m);
  CHECK(m.in("04 18 00 3C") == "02 18");
  CHECK(m.client->sleep_s() == 60);
  m.in(kPoll);
  CHECK(m.in("04 18 00 1E") == "02 18");
  CHECK(m.client->state() == Client::State::asleep);
  CHECK(m.after(44'999) == "");
  m.in("04 18 00 1E");
  CHECK(m.in("02 18") == "02 18; close");
  CHECK(m.closed() == "forget");
}

TEST_CASE("a sleeping client is served and stays asleep") {
  Machine m;
  sleeper(m);
  CHECK(m.in("09 0A 00 00 00 01 61 2F 63") == "07 0B 01 01 00 01 00");
  CHECK(m.in("09 0C 20 01 00 00 02 68 69") == "publish a/b 'hi' q1");
  CHECK(m.published() == "07 0D 01 00 00 02 00");
  CHECK(m.in("08 12 20 00 05 61 2F 63") == "subscribe a/c q1");
  CHECK(m.suback(1) == "08 13 20 01 01 00 05 00");
  CHECK(m.in("08 14 00 00 07 61 2F 63") == "unsubscribe a/c");
  CHECK(m.suback() == "04 15 00 07");
  CHECK(m.in("03 1C 79") == "03 1D 00");
  CHECK(m.deliver(0, "a/b", "x", 0) == "");
  CHECK(m.client->state() == Client::State::asleep);
}

TEST_CASE("CONNECT wakes it up: everything is kept, whatever it says about the session") {
  for (const std::string_view connect : {Machine::kConnect, Machine::kPersistent}) {
    Machine m;
    sleeper(m);
    m.deliver(0, "a/b", "0", 0);
    CHECK(m.in(connect) == "03 05 00; resume; 08 0C 00 01 00 00 00 30");
    CHECK(m.client->state() == Client::State::active);
    CHECK(m.client->topics().size() == 1);
    CHECK_FALSE(m.client->persistent());
    CHECK(m.deliver(0, "a/b", "1", 0) == "08 0C 00 01 00 00 00 31");
    CHECK(m.counters.wakes == 1);
  }
}

TEST_CASE("CONNECT brings its keep alive; repeated it is answered again") {
  Machine m;
  sleeper(m);
  m.after(200'000);
  CHECK(m.in("08 04 04 01 00 1E 63 31") == "03 05 00; resume");
  CHECK(m.in("08 04 04 01 00 1E 63 31") == "03 05 00");
  CHECK(m.after(44'999) == "");
  CHECK(m.after(1) == "02 18; close with will");
  CHECK(m.counters.lost_keep_alive == 1);
}

TEST_CASE("CONNECT with will wakes it up after the dialogue") {
  Machine m;
  sleeper(m);
  CHECK(m.in(Machine::kWithWill) == "02 06");
  CHECK(m.deliver(0, "a/b", "0", 0) == "");
  CHECK(m.in("06 07 20 77 2F 74") == "02 08");
  CHECK(m.in("03 09 78") == "set will w/t 'x' q1");
  CHECK(m.in(Machine::kWithWill) == "");
  CHECK(m.published() == "03 05 00; resume; 08 0C 00 01 00 00 00 30");
  CHECK(m.client->has_will());
}

TEST_CASE("waking up with a will that the broker refuses, or that never comes") {
  Machine m;
  sleeper(m);
  SUBCASE("refused") {
    m.in(Machine::kWithWill);
    m.in("06 07 20 77 2F 74");
    m.in("03 09 78");
    CHECK(m.published(0x87) == "03 05 03");
  }
  SUBCASE("no topic name") {
    m.in(Machine::kWithWill);
    CHECK(m.in("05 07 20 77 23") == "03 05 03");
  }
  SUBCASE("too much under way") {
    m.in(Machine::kWithWill);
    m.in("06 07 20 77 2F 74");
    m.out.busy = true;
    CHECK(m.in("03 09 78") == "03 05 01");
  }
  SUBCASE("silence") {
    m.in(Machine::kWithWill);
    CHECK(m.after(30'000) == "02 06; 02 06");
  }
  CHECK(m.client->state() == Client::State::asleep);
  CHECK(m.in(kPoll) == "poll");
}

TEST_CASE("an empty WILLTOPIC of a client that wakes up removes its will") {
  Machine m;
  m.in(Machine::kWithWill);
  m.in("06 07 20 77 2F 74");
  m.in("03 09 78");
  m.opened();
  m.sleep();
  m.in(Machine::kWithWill);
  CHECK(m.in("02 07") == "no will");
  CHECK(m.published() == "03 05 00; resume");
  CHECK_FALSE(m.client->has_will());
  m.sleep();
  m.in(Machine::kWithWill);
  CHECK(m.in("02 07") == "03 05 00; resume");
}

TEST_CASE("DISCONNECT in the dialogue of a client that wakes up") {
  Machine m;
  sleeper(m);
  m.in(Machine::kWithWill);
  SUBCASE("with a duration: asleep again") {
    CHECK(m.in("04 18 00 3C") == "02 18");
    CHECK(m.client->state() == Client::State::asleep);
    CHECK(m.client->sleep_s() == 60);
  }
  SUBCASE("plain") {
    CHECK(m.in("02 18") == "02 18; close");
    CHECK(m.closed() == "forget");
  }
}

TEST_CASE("CONNECT while awake: what is left goes on, no PINGRESP") {
  Machine m;
  sleeper(m);
  m.in(kPoll);
  m.deliver(7, "a/b", "1", 1);
  CHECK(m.in(Machine::kConnect) == "03 05 00; resume; 08 0C A0 01 00 00 01 31");
  CHECK(m.polled() == "");
  CHECK(m.in("07 0D 01 00 00 01 00") == "ack 7");
}

TEST_CASE("strict: CONNECT of a sleeping client is one like any other") {
  Machine m;
  m.settings->resume_on_wakeup = false;
  sleeper(m);
  CHECK(m.in(Machine::kConnect) == "close");
  CHECK(m.closed() == "open clean 60");
  CHECK(m.opened() == "03 05 00");
  CHECK(m.client->topics().size() == 0);
}

TEST_CASE("the broker ends the session of a sleeping client") {
  Machine m;
  sleeper(m);
  CHECK(m.closed(0x98) == "forget");  // nobody is there to hear a DISCONNECT
  Machine waking;
  sleeper(waking);
  waking.in(Machine::kWithWill);
  waking.in("06 07 20 77 2F 74");
  CHECK(waking.closed(0x98) == "");
  CHECK(waking.in("03 09 78") == "open clean 60 will w/t 'x' q1");
  CHECK(waking.opened() == "03 05 00");
}

TEST_CASE("a sleeping client that is lost comes back to its session") {
  Machine m;
  sleeper(m, Machine::kPersistent);
  CHECK(m.after(330'000) == "close with will");
  m.closed();
  CHECK(m.client->state() == Client::State::away);
  CHECK(m.in(Machine::kPersistent) == "open 60");
  CHECK(m.opened(0, true) == "03 05 00");
  CHECK(m.client->topics().size() == 1);
}

}  // namespace
