// What surrounds the exchanges of a peer: calls from within its callbacks, other addresses, owners
// and settings.
#include <doctest/doctest.h>

#include "emqx_lwm2m/tests/coap_world.hpp"

namespace {

using namespace coap_test;

TEST_CASE("the next request from within the end of one") {
  World w;
  int left = 3;
  w.outside.on_ended = [&](coap::RequestId) {
    if (left-- > 0) w.peer->request(World::request_of(coap::kGet, "b"));
  };
  w.get("a");
  CHECK(w.in("ACK 2.05 #1 t1") == "responded 1 2.05; CON GET #2 t2 /b");
  CHECK(w.in("RST 0.00 #2") == "failed 2 reset; CON GET #3 t3 /b");
  CHECK(w.pass(100'000).find("failed 3 timeout; CON GET #4 t4 /b") != std::string::npos);
}

TEST_CASE("what was waiting comes before what is asked from within") {
  World w;
  w.outside.on_ended = [&](coap::RequestId id) {
    if (id == 1) w.peer->request(World::request_of(coap::kGet, "c"));
  };
  w.get("a");
  w.get("b");
  CHECK(w.in("ACK 2.05 #1 t1") == "responded 1 2.05; CON GET #2 t2 /b");
  CHECK(w.in("ACK 2.05 #2 t2") == "responded 2 2.05; CON GET #3 t3 /c");
}

TEST_CASE("a request that cannot be sent, again and again from within its end") {
  World w;
  w.change([](coap::PeerSettings& s) { s.max_body_size = 1; });
  coap::Request what = World::request_of(coap::kPut, "a");
  what.body = std::make_shared<std::string>("xy");
  w.outside.on_ended = [&](coap::RequestId) { w.peer->request(what); };
  w.request(what);
  CHECK(w.next() == "failed 1 too_large");
  CHECK(w.next() == "failed 2 too_large");
}

TEST_CASE("all that may be cancelled from within") {
  World w;
  w.change([](coap::PeerSettings& s) { s.nstart = 3; });
  w.outside.on_acknowledged = [&](coap::RequestId id) { w.peer->cancel(id); };
  w.outside.on_ended = [&](coap::RequestId) {
    for (coap::RequestId id = 1; id < 10; ++id) w.peer->cancel(id);
  };
  w.get("a");
  w.get("b");
  w.get("c");
  w.get("d");
  CHECK(w.in("ACK 0.00 #1") == "acknowledged 1; CON GET #4 t4 /d");
  CHECK(w.in("ACK 2.05 #3 t3") == "responded 3 2.05");
  CHECK_FALSE(w.peer->busy());
  CHECK(w.pass(300'000) == "");
}

TEST_CASE("time-outs together, the first cancels the second") {
  World w;
  w.outside.fixed_random = 7;
  w.change([](coap::PeerSettings& s) {
    s.nstart = 2;
    s.max_retransmit = 0;
  });
  w.get("a");
  w.outside.fixed_random.reset();
  w.outside.on_ended = [&](coap::RequestId) { w.peer->cancel(2); };
  w.get("b");
  w.outside.now += 10'000;
  w.peer->on_time();
  CHECK(w.outside.take() == "failed 1 timeout");
  CHECK_FALSE(w.peer->busy());
}

TEST_CASE("unwatched, watched and asked from within a notification") {
  World w;
  w.peer->watch("\x01", 1);
  w.outside.on_notified = [&](const coap::Response& what) {
    const std::string token(what.token);
    w.peer->unwatch(token);
    w.peer->watch("\x02", std::nullopt);
    w.peer->request(World::request_of(coap::kGet, "a"));
  };
  CHECK(w.in("CON 2.05 #9 x01 obs=2 'x") ==
        "ACK 0.00 #9; notified x01 2.05 obs=2 'x; CON GET #1 t1 /a");
  CHECK(w.in("CON 2.05 #10 x01 obs=3 'x") == "RST 0.00 #10");
  w.outside.on_notified = nullptr;
  CHECK(w.in("CON 2.05 #11 x02 obs=3 'x") == "ACK 0.00 #11; notified x02 2.05 obs=3 'x");
}

TEST_CASE("asked and answered from within a request") {
  World w;
  w.outside.on_requested = [&](const coap::Incoming& request) {
    w.peer->request(World::request_of(coap::kGet, "a"));
    w.reply(request.ticket, coap::kChanged);
    CHECK_FALSE(w.reply(request.ticket, coap::kChanged));
  };
  CHECK(w.in("CON POST #9 /rd") == "requested POST /rd; CON GET #1 t1 /a; ACK 2.04 #9");
}

TEST_CASE("another datagram from within a request") {
  World w;
  const std::string second = encode("CON POST #10 /dp", w.tokens);
  int depth = 0;
  w.outside.on_requested = [&](const coap::Incoming& request) {
    if (depth++ == 0) w.peer->on_datagram(second);
    w.reply(request.ticket, coap::kChanged);
  };
  CHECK(w.in("CON POST #9 /rd") ==
        "requested POST /rd; requested POST /dp; ACK 2.04 #10; ACK 2.04 #9");
  CHECK(w.in("CON POST #9 /rd") == "ACK 2.04 #9");
}

TEST_CASE("at another address: the old one's messages are void, requests go on") {
  World w;
  w.answer_with(coap::kChanged);
  w.in("CON POST #9 /rd");
  w.outside.on_requested = nullptr;
  w.in("CON POST #10 /rd");
  const std::uint32_t ticket = w.outside.last_ticket;
  w.in("CON POST #11 /dp b1=0+/16 'aaaaaaaaaaaaaaaa");
  w.get("a");
  w.peer->moved();
  CHECK_FALSE(w.reply(ticket, coap::kChanged));
  w.answer_with(coap::kCreated);
  CHECK(w.in("CON POST #9 /rd") == "requested POST /rd; ACK 2.01 #9");
  CHECK(w.in("CON POST #12 /dp b1=1/16 'x") == "ACK 4.08 #12 b1=1/16");
  CHECK(w.next() == "CON GET #1 t1 /a");
  CHECK(w.in("ACK 2.05 #1 t1") == "responded 1 2.05");
}

TEST_CASE("it serves another from now on, also from within") {
  World w;
  FakeOutside other(w.tokens);
  w.get("a");
  w.outside.timer = 1;
  w.peer->serve(other);
  CHECK(other.timer > w.outside.now);
  other.now = other.timer;
  w.peer->on_time();
  CHECK(other.take() == "CON GET #1 t1 /a");
  other.on_requested = [&](const coap::Incoming& request) {
    w.peer->serve(w.outside);
    w.reply(request.ticket, coap::kCreated);
  };
  CHECK(w.in("CON POST #9 /rd") == "ACK 2.01 #9");
  CHECK(other.take() == "requested POST /rd");
  CHECK(w.in("ACK 2.05 #1 t1") == "responded 1 2.05");
}

TEST_CASE("settings that change are in force at once") {
  World w;
  w.get("a");
  w.get("b");
  w.change([](coap::PeerSettings& s) { s.nstart = 2; });
  CHECK(w.outside.take() == "CON GET #2 t2 /b");
}

TEST_CASE("the one that takes over goes on with the next message id") {
  World w;
  w.peer->begin_at(41);
  w.get("a");
  const std::uint16_t next = w.peer->next_message_id();
  CHECK(next == 42);
  w.restart();
  w.peer->begin_at(next);
  CHECK(w.get("a") == "CON GET #42 t2 /a");
}

TEST_CASE("nothing remains to be done when nothing is left") {
  World w;
  w.answer_with(coap::kChanged);
  w.in("CON POST #9 /rd");
  CHECK(w.outside.timer == w.outside.now + 247'000);
  w.in("NON POST #10 /rd");
  CHECK(w.next() == "");
  CHECK(w.outside.timer == 0);
}

}  // namespace
