// What we ask of a peer: retransmission, turns, responses that come with the ACK and later, tokens
// and message ids.
#include <doctest/doctest.h>

#include <set>
#include <vector>

#include "emqx_lwm2m/tests/coap_world.hpp"

namespace {

using namespace coap_test;

TEST_CASE("a request and the response in its ACK") {
  World w;
  coap::Request what;
  what.method = coap::kPost;
  what.path = {"3", "0"};
  what.queries = {"pmin=1", "pmax=60"};
  what.accept = 11542;
  what.content_format = 42;
  what.body = std::make_shared<std::string>("body");
  CHECK_FALSE(w.peer->busy());
  CHECK(w.request(what) == "CON POST #1 t1 /3 /0 ct=42 ?pmin=1 ?pmax=60 accept=11542 'body");
  CHECK(w.peer->busy());
  CHECK(w.tokens.octets("t1").size() == 8);
  CHECK(w.in("ACK 2.01 #1 t1 loc=3 loc=7 ct=0 'hello") == "responded 1 2.01 ct=0 loc=/3/7 'hello");
  CHECK_FALSE(w.peer->busy());
  CHECK(w.outside.timer == 0);
  CHECK(w.in("ACK 2.01 #1 t1 'hello") == "");
}

TEST_CASE("error codes are responses as well") {
  World w;
  for (const char* code : {"4.00", "4.04", "4.31", "5.00", "2.31", "3.00"}) {
    CAPTURE(std::string(code));
    w.get("a");
    const std::string id = std::to_string(w.last);
    CHECK(w.in("ACK " + std::string(code) + " #" + id + " t" + id) ==
          "responded " + id + " " + code);
  }
}

TEST_CASE("without an ACK the same octets come again, at doubled intervals, then it fails") {
  World w;
  std::set<std::int64_t> firsts;
  for (int i = 0; i < 200; ++i) {
    w.restart();
    std::int64_t last = w.outside.now;
    w.get("a");
    const std::string octets = w.outside.last_sent;
    std::int64_t interval = 0;
    for (int copy = 1; copy <= 4; ++copy) {
      w.outside.last_sent.clear();
      w.next();
      CHECK(w.outside.last_sent == octets);
      const std::int64_t now = w.outside.now;
      if (copy == 1) {
        interval = now - last;
        CHECK(interval >= 2'000);
        CHECK(interval <= 3'000);
        firsts.insert(interval);
      } else {
        interval *= 2;
        CHECK(now - last == interval);
      }
      last = now;
    }
    CHECK(w.next() == "failed 1 timeout");
    CHECK(w.outside.now - last == 2 * interval);
    CHECK(w.outside.timer == 0);
    CHECK_FALSE(w.peer->busy());
  }
  CHECK(firsts.size() > 100);
  CHECK(*firsts.begin() < 2'050);
  CHECK(*firsts.rbegin() > 2'950);
  CHECK(w.counters.timeouts == 200);
  CHECK(w.counters.retransmitted == 800);
}

TEST_CASE("being called too early does no harm") {
  World w;
  w.get("a");
  const std::int64_t when = w.outside.timer;
  w.peer->on_time();
  CHECK(w.outside.take() == "");
  CHECK(w.outside.timer == when);
}

TEST_CASE("an ACK after the third copy stops it, one response comes of it") {
  World w;
  w.get("a");
  w.next();
  w.next();
  CHECK(w.in("ACK 2.05 #1 t1 'x") == "responded 1 2.05 'x");
  CHECK(w.in("ACK 2.05 #1 t1 'x") == "");
  CHECK(w.pass(300'000) == "");
}

TEST_CASE("what matches nothing is ignored") {
  World w;
  w.get("a");
  for (const char* text : {"ACK 2.05 #2 t1 'x", "ACK 2.05 #1 x01 'x", "ACK 2.05 #1",
                           "ACK GET #1 t1", "ACK 0.00 #9", "RST 0.00 #9", "NON 2.05 #1 x01 'x"}) {
    CAPTURE(std::string(text));
    CHECK(w.in(text) == "");
  }
  CHECK(w.in("ACK 2.05 #1 t1 'x") == "responded 1 2.05 'x");
}

TEST_CASE("what has not been sent cannot be acknowledged, answered or refused") {
  World w;
  w.get("a");
  w.get("b");
  for (const char* text : {"ACK 0.00 #0", "ACK 2.05 #0", "RST 0.00 #0"}) CHECK(w.in(text) == "");
  CHECK(w.in("ACK 2.05 #1 t1") == "responded 1 2.05; CON GET #2 t2 /b");
}

TEST_CASE("RST fails the request") {
  World w;
  w.get("a");
  CHECK(w.in("RST 0.00 #1") == "failed 1 reset");
  CHECK(w.counters.resets_received == 1);
  CHECK(w.pass(300'000) == "");
  w.get("a");
  w.in("ACK 0.00 #2");
  CHECK(w.in("RST 0.00 #2") == "");  // too late
}

TEST_CASE("a response that comes later, its ACK, and its copies") {
  World w;
  w.get("a");
  CHECK(w.in("ACK 0.00 #1") == "acknowledged 1");
  CHECK(w.in("ACK 0.00 #1") == "");
  CHECK(w.pass(60'000) == "");
  CHECK(w.in("CON 2.05 #77 t1 'late") == "ACK 0.00 #77; responded 1 2.05 'late");
  CHECK(w.in("CON 2.05 #77 t1 'late") == "ACK 0.00 #77");
  CHECK(w.counters.duplicates == 1);
  CHECK(w.in("CON 2.05 #78 t1 'late") == "RST 0.00 #78");  // another message, nobody waits
  CHECK(w.pass(300'000) == "");
  CHECK(w.in("CON 2.05 #77 t1 'late") == "RST 0.00 #77");  // and so long ago
}

TEST_CASE("a response in another ACK behind the empty one") {
  World w;
  w.get("a");
  w.in("ACK 0.00 #1");
  CHECK(w.in("ACK 2.05 #1 t1 'late") == "responded 1 2.05 'late");
}

TEST_CASE("the same, not confirmable") {
  World w;
  w.get("a");
  w.in("ACK 0.00 #1");
  CHECK(w.in("NON 2.05 #77 t1 'late") == "responded 1 2.05 'late");
  CHECK(w.in("NON 2.05 #77 t1 'late") == "");
}

TEST_CASE("a response that overtakes the empty ACK") {
  World w;
  w.get("a");
  CHECK(w.in("CON 2.05 #77 t1 'x") == "ACK 0.00 #77; responded 1 2.05 'x");
  CHECK(w.in("ACK 0.00 #1") == "");
  CHECK(w.pass(300'000) == "");
}

TEST_CASE("no response after the empty ACK") {
  World w;
  w.get("a");
  w.in("ACK 0.00 #1");
  CHECK(w.pass(90'000) == "");
  CHECK(w.in("ACK 0.00 #1") == "");  // that does not make it longer
  CHECK(w.pass(2'999) == "");
  CHECK(w.pass(1) == "failed 1 timeout");
}

TEST_CASE("one at a time, in order; the next begins when one has ended") {
  World w;
  CHECK(w.get("a") == "CON GET #1 t1 /a");
  CHECK(w.get("b") == "");
  CHECK(w.get("c") == "");
  CHECK(w.in("ACK 0.00 #1") == "acknowledged 1");
  CHECK(w.in("CON 2.05 #9 t1") == "ACK 0.00 #9; responded 1 2.05; CON GET #2 t2 /b");
  CHECK(w.in("RST 0.00 #2") == "failed 2 reset; CON GET #3 t3 /c");
  CHECK(w.in("ACK 4.04 #3 t3") == "responded 3 4.04");
}

TEST_CASE("as many at a time as nstart says") {
  World w;
  w.change([](coap::PeerSettings& s) { s.nstart = 2; });
  CHECK(w.get("a") == "CON GET #1 t1 /a");
  CHECK(w.get("b") == "CON GET #2 t2 /b");
  CHECK(w.get("c") == "");
  CHECK(w.in("ACK 2.05 #2 t2") == "responded 2 2.05; CON GET #3 t3 /c");
  CHECK(w.in("ACK 2.05 #1 t1") == "responded 1 2.05");
}

TEST_CASE("of a request that is cancelled nothing is heard any more") {
  World w;
  w.get("a");
  w.get("b");
  w.peer->cancel(1);
  CHECK(w.outside.take() == "CON GET #2 t2 /b");
  CHECK(w.in("ACK 2.05 #1 t1 'x") == "");
  CHECK(w.in("CON 2.05 #9 t1 'x") == "RST 0.00 #9");
  w.peer->cancel(2);
  w.peer->cancel(2);
  w.peer->cancel(99);
  CHECK(w.pass(300'000) == "");
}

TEST_CASE("what cannot be sent fails at the next opportunity, not at once") {
  World w;
  w.change([](coap::PeerSettings& s) { s.max_body_size = 1'000; });
  coap::Request what = World::request_of(coap::kPut, "a");
  what.body = std::make_shared<std::string>(1'001, 'x');
  CHECK(w.request(what) == "");
  CHECK(w.peer->busy());
  CHECK(w.get("b") == "CON GET #1 t1 /b");
  CHECK(w.pass(1) == "failed 1 too_large");
  what.body.reset();
  what.path.assign(1'000, "long");
  CHECK(w.request(what) == "");
  CHECK(w.pass(1) == "failed 3 too_large");
}

TEST_CASE("critical options make a response unacceptable") {
  World w;
  w.get("a");
  CHECK(w.in("ACK 2.05 #1 t1 o2049=x 'x") == "");
  CHECK(w.in("CON 2.05 #7 t1 o2049=x 'x") == "RST 0.00 #7");
  CHECK(w.in("NON 2.05 #8 t1 o2049=x 'x") == "");
  CHECK(w.in("ACK 2.05 #1 t1 o2048=x age=60 'x") == "responded 1 2.05 'x");
}

TEST_CASE("known options of the wrong length") {
  World w;
  w.get("a");
  CHECK(w.in("ACK 2.05 #1 t1 o23=four 'x") == "");
  CHECK(w.in("ACK 2.05 #1 t1 o6=four o12=thr 'x") == "responded 1 2.05 'x");
}

TEST_CASE("message ids: in a row over the end, none again while it may be remembered") {
  World w;
  w.peer->begin_at(65'534);
  std::vector<std::string> expected{"65534", "65535", "0", "1"};
  for (const std::string& id : expected) {
    const std::string sent = w.get("a");
    CHECK(sent.find(" #" + id + " ") != std::string::npos);
    CHECK(w.in("RST 0.00 #" + id).find("reset") != std::string::npos);
  }
  CHECK(w.peer->next_message_id() == 2);
}

TEST_CASE("when the message ids are used up, requests wait for one") {
  World w;
  w.peer->begin_at(0);
  w.outside.quiet = true;
  std::string ids(65'536, '\0');
  std::size_t used = 0;
  const std::int64_t begin = w.outside.now;
  for (; used < 65'536; ++used) {
    w.peer->request(World::request_of(coap::kGet, "a"));
    REQUIRE(w.outside.last_sent.size() > 4);
    const auto id =
        static_cast<std::size_t>(static_cast<std::uint8_t>(w.outside.last_sent[2]) * 256 +
                                 static_cast<std::uint8_t>(w.outside.last_sent[3]));
    REQUIRE(ids[id] == 0);
    ids[id] = 1;
    std::string rst;
    coap::write_empty(rst, coap::Type::rst, static_cast<std::uint16_t>(id));
    w.peer->on_datagram(rst);
  }
  w.outside.quiet = false;
  w.outside.take();
  CHECK(w.get("late") == "");
  CHECK(w.outside.timer != 0);
  const std::string sent = w.next();
  CHECK(sent.find("CON GET #0 ") == 0);
  CHECK(w.outside.now - begin >= 247'000);
  CHECK(w.outside.now - begin <= 249'000);
}

TEST_CASE("ids begin anywhere, tokens are never alike") {
  World w;
  std::set<std::uint16_t> begins;
  for (int i = 0; i < 50; ++i) {
    coap::Peer peer(w.outside, w.settings, w.counters);
    begins.insert(peer.next_message_id());
  }
  CHECK(begins.size() > 40);
  w.change([](coap::PeerSettings& s) { s.nstart = 3; });
  w.outside.numbers.seed(1);
  w.get("a");
  w.outside.numbers.seed(1);  // the same numbers again
  w.get("b");
  w.outside.numbers.seed(1);
  w.observe("c");
  CHECK(w.tokens.octets("t3").size() == 8);  // three different ones have been seen
}

TEST_CASE("a token that is given is used") {
  World w;
  coap::Request what = World::request_of(coap::kGet, "a");
  what.token = "abc";
  what.observe = false;
  CHECK(w.request(what) == "CON GET #1 t1 obs=1 /a");
  CHECK(w.tokens.octets("t1") == "abc");
}

}  // namespace
