// Observations: how they begin and end, which notifications are handed over, and those that are
// larger than a message.
#include <doctest/doctest.h>

#include "emqx_lwm2m/tests/coap_world.hpp"

namespace {

using namespace coap_test;

// Observing /9 with token t1, the last number 10; ids of ours go on with 2.
struct Observing : World {
  Observing() {
    observe("9");
    in("ACK 2.05 #1 t1 obs=10 'first");
    outside.rest = request_of(coap::kGet, "9");
    outside.rest->accept = 11542;
  }
};

TEST_CASE("an observation begins with a response that says so") {
  World w;
  CHECK(w.observe("9") == "CON GET #1 t1 obs=0 /9");
  CHECK(w.in("ACK 2.05 #1 t1 obs=10 ct=0 '98") == "responded 1 2.05 obs=10 ct=0 '98");
  CHECK(w.in("CON 2.05 #50 t1 obs=11 ct=0 '97") ==
        "ACK 0.00 #50; notified t1 2.05 obs=11 ct=0 '97");
  CHECK(w.in("NON 2.05 #51 t1 obs=12 '96") == "notified t1 2.05 obs=12 '96");
  CHECK(w.in("NON 2.04 #52 t1 obs=13") == "notified t1 2.04 obs=13");
  CHECK(w.counters.notifications == 3);
}

TEST_CASE("a response without Observe, or with an error, begins none") {
  World w;
  w.observe("9");
  CHECK(w.in("ACK 2.05 #1 t1 '98") == "responded 1 2.05 '98");
  CHECK(w.in("CON 2.05 #50 t1 obs=11 '97") == "RST 0.00 #50");
  w.observe("9");
  CHECK(w.in("ACK 4.04 #2 t2 obs=1") == "responded 2 4.04 obs=1");
  CHECK(w.in("CON 2.05 #51 t2 obs=11 '97") == "RST 0.00 #51");
  CHECK(w.in("NON 2.05 #52 t2 obs=11 '97") == "");
}

TEST_CASE("numbers that are newer, and such that are not") {
  struct Case {
    std::uint32_t last, now;
    bool fresh;
  };
  const Case cases[] = {
      {10, 11, true},
      {10, 10, false},
      {10, 9, false},
      {10, 10 + 8'388'607, true},
      {10, 10 + 8'388'608, false},
      {0, 1, true},
      {16'777'215, 0, true},
      {16'777'215, 5, true},
      {16'777'200, 16'777'199, false},
      {9'000'000, 1, true},
      {8'388'608, 0, false},
      {8'388'609, 0, true},
      {0, 16'777'215, false},
  };
  for (const Case& each : cases) {
    CAPTURE(each.last);
    CAPTURE(each.now);
    World w;
    w.observe("9");
    w.in("ACK 2.05 #1 t1 obs=" + std::to_string(each.last));
    const std::string seen = w.in("CON 2.05 #50 t1 obs=" + std::to_string(each.now) + " 'x");
    CHECK(seen == (each.fresh
                       ? "ACK 0.00 #50; notified t1 2.05 obs=" + std::to_string(each.now) + " 'x"
                       : "ACK 0.00 #50"));
    CHECK(w.counters.stale_notifications == (each.fresh ? 0 : 1));
  }
}

TEST_CASE("after 128 seconds any number is new") {
  Observing w;
  w.pass(128'000);
  CHECK(w.in("NON 2.05 #50 t1 obs=3 'x") == "");
  w.pass(1);
  CHECK(w.in("NON 2.05 #51 t1 obs=3 'x") == "notified t1 2.05 obs=3 'x");
  CHECK(w.in("NON 2.05 #52 t1 obs=2 'x") == "");
}

TEST_CASE("copies of a notification are acknowledged and not handed over") {
  Observing w;
  w.in("CON 2.05 #50 t1 obs=11 'x");
  CHECK(w.in("CON 2.05 #50 t1 obs=11 'x") == "ACK 0.00 #50");
  CHECK(w.in("NON 2.05 #50 t1 obs=11 'x") == "");
  // Nor are those without a number, or that end it.
  CHECK(w.in("CON 2.05 #51 t1 'x") == "ACK 0.00 #51; notified t1 2.05 'x");
  CHECK(w.in("CON 2.05 #51 t1 'x") == "ACK 0.00 #51");
  CHECK(w.in("CON 4.04 #52 t1") == "ACK 0.00 #52; notified t1 4.04");
  CHECK(w.in("CON 4.04 #52 t1") == "ACK 0.00 #52");
}

TEST_CASE("an error ends the observation") {
  for (const char* code : {"4.04", "5.00"}) {
    Observing w;
    CHECK(w.in("NON "s + code + " #50 t1 obs=11") == "notified t1 "s + code + " obs=11");
    CHECK(w.in("CON 2.05 #51 t1 obs=12 'x") == "RST 0.00 #51");
  }
}

TEST_CASE("observed again with the same token, which the device does not want any more") {
  Observing w;
  coap::Request again = World::request_of(coap::kGet, "9");
  again.observe = true;
  again.token = w.tokens.octets("t1");
  CHECK(w.request(again) == "CON GET #2 t1 obs=0 /9");
  CHECK(w.in("ACK 2.05 #2 t1 'x") == "responded 2 2.05 'x");
  CHECK(w.in("CON 2.05 #50 t1 obs=11 'x") == "RST 0.00 #50");
}

TEST_CASE("ended by us: the same token, and nothing more after the answer") {
  Observing w;
  coap::Request end = World::request_of(coap::kGet, "9");
  end.observe = false;
  end.token = w.tokens.octets("t1");
  CHECK(w.request(end) == "CON GET #2 t1 obs=1 /9");
  // One that was under way is still what it says; the answer is told by having no number.
  CHECK(w.in("CON 2.05 #50 t1 obs=11 'x") == "ACK 0.00 #50; notified t1 2.05 obs=11 'x");
  CHECK(w.in("ACK 2.05 #2 t1 'last") == "responded 2 2.05 'last");
  CHECK(w.in("CON 2.05 #51 t1 obs=12 'x") == "RST 0.00 #51");
}

TEST_CASE("ended by us without an answer") {
  Observing w;
  coap::Request end = World::request_of(coap::kGet, "9");
  end.observe = false;
  end.token = w.tokens.octets("t1");
  w.request(end);
  CHECK(w.in("RST 0.00 #2") == "failed 2 reset");
  CHECK(w.in("CON 2.05 #51 t1 obs=12 'x") == "RST 0.00 #51");
}

TEST_CASE("unwatched: the next notification is refused") {
  Observing w;
  w.peer->unwatch(w.tokens.octets("t1"));
  w.peer->unwatch("other");
  CHECK(w.in("CON 2.05 #51 t1 obs=12 'x") == "RST 0.00 #51");
  CHECK(w.in("NON 2.05 #52 t1 obs=13 'x") == "");
}

TEST_CASE("an observation that is restored") {
  World w;
  w.peer->watch("\x0a\x0b", 10);
  CHECK(w.in("CON 2.05 #50 x0a0b obs=10 'x") == "ACK 0.00 #50");
  CHECK(w.in("CON 2.05 #51 x0a0b obs=11 'x") == "ACK 0.00 #51; notified x0a0b 2.05 obs=11 'x");
  w.peer->watch("\x0c", std::nullopt);
  CHECK(w.in("CON 2.05 #52 x0c obs=0 'x") == "ACK 0.00 #52; notified x0c 2.05 obs=0 'x");
  CHECK(w.in("CON 2.05 #53 x0a0b obs=12 'x") == "ACK 0.00 #53; notified x0a0b 2.05 obs=12 'x");
}

TEST_CASE("cancelling the request that began an observation forgets it") {
  World w;
  w.observe("9");
  w.peer->cancel(1);
  CHECK(w.in("ACK 2.05 #1 t1 obs=10 '98") == "");
  CHECK(w.in("CON 2.05 #50 t1 obs=11 'x") == "RST 0.00 #50");
}

TEST_CASE("a notification that overtakes the first response is taken for it") {
  World w;
  w.observe("9");
  CHECK(w.in("CON 2.05 #50 t1 obs=11 'x") == "ACK 0.00 #50; responded 1 2.05 obs=11 'x");
  CHECK(w.in("ACK 2.05 #1 t1 obs=10 'y") == "");
  CHECK(w.in("CON 2.05 #51 t1 obs=12 'z") == "ACK 0.00 #51; notified t1 2.05 obs=12 'z");
}

TEST_CASE("critical options make a notification unacceptable") {
  Observing w;
  CHECK(w.in("CON 2.05 #50 t1 obs=11 o2049=x 'x") == "RST 0.00 #50");
  CHECK(w.in("NON 2.05 #51 t1 obs=11 o2049=x 'x") == "");
}

const std::string kA(16, 'a'), kB(16, 'b'), kC(16, 'c');

TEST_CASE("the rest of a large notification is fetched with tokens of its own") {
  Observing w;
  CHECK(w.in("CON 2.05 #50 t1 obs=11 ct=42 etag=01 b2=0+/16", kA) ==
        "ACK 0.00 #50; CON GET #2 t2 /9 accept=11542 b2=1/16");
  CHECK(w.in("CON 2.05 #50 t1 obs=11 ct=42 etag=01 b2=0+/16", kA) == "ACK 0.00 #50");
  CHECK(w.in("ACK 2.05 #2 t2 ct=42 etag=01 b2=1+/16", kB) ==
        "CON GET #3 t3 /9 accept=11542 b2=2/16");
  CHECK(w.in("ACK 2.05 #3 t3 ct=42 etag=01 b2=2/16 'end") ==
        "notified t1 2.05 obs=11 ct=42 '" + kA + kB + "end");
  CHECK_FALSE(w.peer->busy());
  CHECK(w.counters.notifications == 1);
  CHECK(w.counters.blocks_received == 3);
  CHECK(w.counters.bodies_received == 1);
}

TEST_CASE("it waits for its turn like any request") {
  Observing w;
  w.get("x");
  CHECK(w.in("NON 2.05 #50 t1 obs=11 b2=0+/16", kA) == "");
  CHECK(w.in("NON 2.05 #51 t1 obs=12 b2=0+/16", kB) == "");  // a newer one, before that
  CHECK(w.in("ACK 2.05 #2 t2") == "responded 2 2.05; CON GET #3 t3 /9 accept=11542 b2=1/16");
  CHECK(w.in("ACK 2.05 #3 t3 b2=1/16 'x") == "notified t1 2.05 obs=12 '" + kB + "x");
}

TEST_CASE("a newer large one meanwhile: begun anew, still one request at a time") {
  Observing w;
  w.in("NON 2.05 #50 t1 obs=11 b2=0+/16", kA);
  CHECK(w.in("CON 2.05 #51 t1 obs=12 b2=0+/16", kC) == "ACK 0.00 #51");
  CHECK(w.in("ACK 2.05 #2 t2 b2=1/16 'old") == "CON GET #3 t3 /9 accept=11542 b2=1/16");
  CHECK(w.in("ACK 2.05 #3 t3 b2=1/16 'new") == "notified t1 2.05 obs=12 '" + kC + "new");
}

TEST_CASE("a newer small one meanwhile: that is it") {
  Observing w;
  w.in("NON 2.05 #50 t1 obs=11 b2=0+/16", kA);
  CHECK(w.in("NON 2.05 #51 t1 obs=12 'small") == "notified t1 2.05 obs=12 'small");
  CHECK_FALSE(w.peer->busy());
  CHECK(w.in("ACK 2.05 #2 t2 b2=1/16 'old") == "");
  w.in("NON 2.05 #52 t1 obs=13 b2=0+/16", kA);
  CHECK(w.in("CON 4.04 #53 t1") == "ACK 0.00 #53; notified t1 4.04");
  CHECK_FALSE(w.peer->busy());
}

TEST_CASE("an older one meanwhile changes nothing") {
  Observing w;
  w.in("NON 2.05 #50 t1 obs=11 b2=0+/16", kA);
  CHECK(w.in("NON 2.05 #51 t1 obs=9 'old") == "");
  CHECK(w.in("ACK 2.05 #2 t2 b2=1/16 'x") == "notified t1 2.05 obs=11 '" + kA + "x");
}

TEST_CASE("the representation has changed: from the beginning, once") {
  Observing w;
  w.in("NON 2.05 #50 t1 obs=11 etag=01 b2=0+/16", kA);
  CHECK(w.in("ACK 2.05 #2 t2 etag=02 b2=1/16 'x") == "CON GET #3 t3 /9 accept=11542");
  CHECK(w.in("ACK 2.05 #3 t3 etag=02 b2=0+/16", kB) == "CON GET #4 t4 /9 accept=11542 b2=1/16");
  SUBCASE("which goes well") {
    CHECK(w.in("ACK 2.05 #4 t4 etag=02 b2=1/16 'x") == "notified t1 2.05 obs=11 '" + kB + "x");
  }
  SUBCASE("and again: it is dropped") {
    CHECK(w.in("ACK 2.05 #4 t4 etag=03 b2=1/16 'x") == "");
    CHECK_FALSE(w.peer->busy());
    CHECK(w.in("NON 2.05 #51 t1 obs=12 'x") == "notified t1 2.05 obs=12 'x");
  }
}

TEST_CASE("a fetch that comes to nothing is dropped, the observation stays") {
  for (const char* answer : {"RST 0.00 #2", ""}) {
    Observing w;
    w.in("NON 2.05 #50 t1 obs=11 b2=0+/16", kA);
    if (*answer) CHECK(w.in(answer) == "");
    w.pass(100'000);
    CHECK_FALSE(w.peer->busy());
    CHECK(w.outside.timer == 0);
    CHECK(w.in("NON 2.05 #51 t1 obs=12 'x") == "notified t1 2.05 obs=12 'x");
  }
}

TEST_CASE("nobody knows where the rest is, or it is unwatched") {
  Observing w;
  w.outside.rest.reset();
  CHECK(w.in("CON 2.05 #50 t1 obs=11 b2=0+/16", kA) == "ACK 0.00 #50");
  CHECK_FALSE(w.peer->busy());
  w.outside.rest = World::request_of(coap::kGet, "9");
  w.in("CON 2.05 #51 t1 obs=12 b2=0+/16", kA);
  CHECK(w.peer->busy());
  w.peer->unwatch(w.tokens.octets("t1"));
  CHECK_FALSE(w.peer->busy());
}

TEST_CASE("the body of a notification is bounded") {
  Observing w;
  w.change([](coap::PeerSettings& s) { s.max_body_size = 40; });
  w.in("NON 2.05 #50 t1 obs=11 b2=0+/16", kA);
  w.in("ACK 2.05 #2 t2 b2=1+/16", kB);
  CHECK(w.in("ACK 2.05 #3 t3 b2=2+/16", kC) == "");
  CHECK_FALSE(w.peer->busy());
}

TEST_CASE("one block that is all of it") {
  Observing w;
  CHECK(w.in("NON 2.05 #50 t1 obs=11 b2=0/16 'x") == "notified t1 2.05 obs=11 'x");
}

TEST_CASE("a first response that is large") {
  World w;
  w.observe("9");
  CHECK(w.in("ACK 2.05 #1 t1 obs=10 b2=0+/16", kA) == "CON GET #2 t2 /9 b2=1/16");
  SUBCASE("whole") {
    CHECK(w.in("ACK 2.05 #2 t2 b2=1/16 'x") == "responded 1 2.05 obs=10 '" + kA + "x");
    CHECK(w.in("CON 2.05 #50 t1 obs=11 'y") == "ACK 0.00 #50; notified t1 2.05 obs=11 'y");
  }
  SUBCASE("a newer one meanwhile, large") {
    CHECK(w.in("CON 2.05 #50 t1 obs=11 b2=0+/16", kB) == "ACK 0.00 #50");
    CHECK(w.in("ACK 2.05 #2 t2 b2=1/16 'x") == "CON GET #3 t3 /9 b2=1/16");
    CHECK(w.in("ACK 2.05 #3 t3 b2=1/16 'y") == "responded 1 2.05 obs=11 '" + kB + "y");
  }
  SUBCASE("a newer one meanwhile, small") {
    CHECK(w.in("CON 2.05 #50 t1 obs=11 'y") == "ACK 0.00 #50; responded 1 2.05 obs=11 'y");
    CHECK(w.in("CON 2.05 #51 t1 obs=12 'z") == "ACK 0.00 #51; notified t1 2.05 obs=12 'z");
  }
  SUBCASE("it ends meanwhile") {
    CHECK(w.in("CON 4.04 #50 t1") == "ACK 0.00 #50; responded 1 4.04");
    CHECK(w.in("CON 2.05 #51 t1 obs=12 'z") == "RST 0.00 #51");
  }
  SUBCASE("the rest does not come") {
    CHECK(w.in("RST 0.00 #2") == "failed 1 reset");
    CHECK(w.in("CON 2.05 #51 t1 obs=12 'z") == "RST 0.00 #51");
  }
  SUBCASE("it is cancelled") {
    w.peer->cancel(1);
    CHECK(w.in("CON 2.05 #51 t1 obs=12 'z") == "RST 0.00 #51");
  }
}

TEST_CASE("many notifications of one observation leave nothing behind") {
  Observing w;
  for (std::uint32_t i = 1; i <= 10'000; ++i) {
    const std::string number = std::to_string(i % 65'536);
    w.in("CON 2.05 #" + number + " t1 obs=" + std::to_string(10 + i) + " 'x");
  }
  CHECK(w.counters.notifications == 10'000);
  CHECK(w.outside.timer == 0);
}

}  // namespace
