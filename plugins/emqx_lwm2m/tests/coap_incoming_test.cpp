// What a peer asks of us: deduplication, answers at once and later, options that are refused, and
// requests that come in blocks.
#include <doctest/doctest.h>

#include "emqx_lwm2m/tests/coap_world.hpp"

namespace {

using namespace coap_test;

TEST_CASE("a request is handed over and answered in its ACK") {
  World w;
  w.answer_with(coap::kChanged);
  CHECK(w.in("CON POST #7 xa1b2 /rd /5a3f ?lt=60 ?b=U ct=40 '</1/0>") ==
        "requested POST /rd /5a3f ?lt=60 ?b=U ct=40 '</1/0>; ACK 2.04 #7 xa1b2");
}

TEST_CASE("all that an answer may have") {
  World w;
  w.outside.on_requested = [&](const coap::Incoming& request) {
    coap::Reply reply;
    reply.code = coap::kCreated;
    reply.location = {"rd", "5a3f"};
    reply.content_format = 40;
    reply.max_age = 30;
    reply.payload = "x";
    CHECK(w.peer->reply(request.ticket, reply));
    CHECK_FALSE(w.peer->reply(request.ticket, reply));
  };
  CHECK(w.in("CON POST #7 /rd") ==
        "requested POST /rd; ACK 2.01 #7 loc=rd loc=5a3f ct=40 age=30 'x");
  CHECK_FALSE(w.reply(w.outside.last_ticket, coap::kCreated));
  CHECK_FALSE(w.reply(0, coap::kCreated));
}

TEST_CASE("tokens of every length come back") {
  World w;
  w.answer_with(coap::kChanged);
  for (std::size_t size = 0; size <= 8; ++size) {
    const std::string token = size == 0 ? "" : " x" + std::string(2 * size, '1');
    CHECK(w.in("CON POST #" + std::to_string(size) + token + " /rd") ==
          "requested POST /rd; ACK 2.04 #" + std::to_string(size) + token);
  }
}

TEST_CASE("a copy is answered with the same octets and not handed over") {
  World w;
  w.answer_with(coap::kContent, "x");
  w.in("CON POST #7 xa1 /rd");
  const std::string octets = w.outside.last_sent;
  w.answer_with(coap::kContent, "y");
  CHECK(w.in("CON POST #7 xa1 /rd") == "ACK 2.05 #7 xa1 'x");
  CHECK(w.outside.last_sent == octets);
  CHECK(w.pass(246'999) == "");
  CHECK(w.in("CON POST #7 xa1 /rd") == "ACK 2.05 #7 xa1 'x");
  CHECK(w.counters.duplicates == 2);
  CHECK(w.pass(1) == "");
  CHECK(w.in("CON POST #7 xa1 /rd") == "requested POST /rd; ACK 2.05 #7 xa1 'y");
}

TEST_CASE("the same message id with other octets is another request") {
  World w;
  w.answer_with(coap::kChanged);
  CHECK(w.in("CON POST #7 xa1 /rd") == "requested POST /rd; ACK 2.04 #7 xa1");
  CHECK(w.in("CON POST #7 xa2 /rd") == "requested POST /rd; ACK 2.04 #7 xa2");
  CHECK(w.in("CON POST #7 xa1 /rd 'p") == "requested POST /rd 'p; ACK 2.04 #7 xa1");
  CHECK(w.in("CON POST #7 xa1 /rd") == "ACK 2.04 #7 xa1");
  CHECK(w.in("CON POST #7 xa2 /rd") == "ACK 2.04 #7 xa2");
}

TEST_CASE("not confirmable: answered the same way with an id of ours, once") {
  World w;
  w.answer_with(coap::kCreated);
  CHECK(w.in("NON POST #7 xa1 /rd") == "requested POST /rd; NON 2.01 #1 xa1");
  CHECK(w.in("NON POST #7 xa1 /rd") == "");
  CHECK(w.pass(144'999) == "");
  CHECK(w.in("NON POST #7 xa1 /rd") == "");
  w.pass(1);
  CHECK(w.in("NON POST #7 xa1 /rd") == "requested POST /rd; NON 2.01 #2 xa1");
}

TEST_CASE("an answer that takes its time comes in the ACK, or after it") {
  World w;
  CHECK(w.in("CON POST #7 xa1 /rd") == "requested POST /rd");
  const std::uint32_t first = w.outside.last_ticket;
  CHECK(w.in("CON POST #7 xa1 /rd") == "");  // it is being worked on
  CHECK(w.counters.duplicates == 1);
  CHECK(w.pass(1'999) == "");
  CHECK(w.reply(first, coap::kCreated));
  CHECK(w.outside.take() == "ACK 2.01 #7 xa1");

  CHECK(w.in("CON POST #8 xa2 /rd") == "requested POST /rd");
  CHECK(w.pass(2'000) == "ACK 0.00 #8");
  CHECK(w.in("CON POST #8 xa2 /rd") == "ACK 0.00 #8");
  CHECK(w.pass(5'000) == "");
  CHECK(w.reply(w.outside.last_ticket, coap::kCreated, "done"));
  CHECK(w.outside.take() == "CON 2.01 #1 xa2 'done");
  CHECK(w.in("CON POST #8 xa2 /rd") == "ACK 0.00 #8");
  const std::string octets = w.outside.last_sent;
  CHECK(w.next() == "CON 2.01 #1 xa2 'done");
  CHECK(w.next() == "CON 2.01 #1 xa2 'done");
  CHECK(w.in("ACK 0.00 #1") == "");
  CHECK(w.pass(100'000) == "");
  CHECK_FALSE(w.reply(w.outside.last_ticket, coap::kCreated));
}

TEST_CASE("an answer of its own is given up after the last copy, or with RST") {
  World w;
  w.in("CON POST #8 /rd");
  w.pass(2'000);
  w.reply(w.outside.last_ticket, coap::kCreated);
  CHECK(w.outside.take() == "CON 2.01 #1");
  CHECK(w.pass(120'000) == "CON 2.01 #1; CON 2.01 #1; CON 2.01 #1; CON 2.01 #1");
  w.in("CON POST #9 /rd");
  w.pass(2'000);
  w.reply(w.outside.last_ticket, coap::kCreated);
  CHECK(w.outside.take() == "CON 2.01 #2");
  CHECK(w.in("RST 0.00 #2") == "");
  CHECK(w.pass(120'000) == "");
}

TEST_CASE("not confirmable and late") {
  World w;
  CHECK(w.in("NON POST #8 xa1 /rd") == "requested POST /rd");
  CHECK(w.in("NON POST #8 xa1 /rd") == "");
  CHECK(w.pass(10'000) == "");
  CHECK(w.reply(w.outside.last_ticket, coap::kCreated));
  CHECK(w.outside.take() == "NON 2.01 #1 xa1");
  CHECK(w.pass(10'000) == "");
}

TEST_CASE("nobody waits for an answer for ever") {
  World w;
  w.in("CON POST #8 /rd");
  CHECK(w.pass(247'000) == "ACK 0.00 #8");
  CHECK_FALSE(w.reply(w.outside.last_ticket, coap::kCreated));
  CHECK(w.outside.timer == 0);
}

TEST_CASE("the empty ACK comes sooner where the peer repeats sooner") {
  World w;
  w.change([](coap::PeerSettings& s) { s.ack_timeout_ms = 100; });
  w.in("CON POST #8 /rd");
  CHECK(w.pass(100) == "ACK 0.00 #8");
}

TEST_CASE("requests without an answer are bounded") {
  World w;
  w.change([](coap::PeerSettings& s) { s.max_unanswered = 2; });
  CHECK(w.in("CON POST #1 /rd") == "requested POST /rd");
  const std::uint32_t first = w.outside.last_ticket;
  CHECK(w.in("CON POST #2 /rd") == "requested POST /rd");
  CHECK(w.in("CON POST #3 /rd") == "ACK 5.03 #3");
  CHECK(w.reply(first, coap::kChanged));
  CHECK(w.outside.take() == "ACK 2.04 #1");
  CHECK(w.in("CON POST #4 /rd") == "requested POST /rd");
}

TEST_CASE("options") {
  struct Case {
    const char *request, *con, *non;
  };
  const Case cases[] = {
      {"POST #7 /rd o2048=x o258=x o292=y o252=z", "requested POST /rd; ACK 2.04 #7",
       "requested POST /rd; NON 2.04 #1"},  // elective
      {"POST #7 o3=host port=5683 /rd obs=0 etag=01 age=1 accept=40 size1=5 size2=5",
       "requested POST /rd; ACK 2.04 #7", "requested POST /rd; NON 2.04 #1"},
      {"POST #7 /rd o2049=x", "ACK 4.02 #7", ""},  // critical
      {"POST #7 o1=x /rd", "ACK 4.02 #7", ""},     // If-Match
      {"POST #7 o5= /rd", "ACK 4.02 #7", ""},      // If-None-Match
      {"POST #7 o9=x /rd", "ACK 4.02 #7", ""},     // OSCORE
      {"POST #7 /rd o35=coap://x", "ACK 5.05 #7", "NON 5.05 #1"},
      {"POST #7 /rd o39=coap", "ACK 5.05 #7", "NON 5.05 #1"},
      {"POST #7 /rd o35=coap://x o2049=x", "ACK 4.02 #7", ""},
      {"POST #7 o7=abc /rd", "ACK 4.02 #7", ""},  // Uri-Port of three octets
      {"POST #7 o3= /rd", "ACK 4.02 #7", ""},     // no host
      {"POST #7 o3=a o3=b /rd", "ACK 4.02 #7", ""},
      {"POST #7 /rd o17=abc", "ACK 4.02 #7", ""},
      {"POST #7 /rd accept=1 accept=2", "ACK 4.02 #7", ""},
      {"POST #7 /rd o27=abcd", "ACK 4.02 #7", ""},
      {"POST #7 /rd o27=\x07", "ACK 4.00 #7", "NON 4.00 #1"},  // a reserved size
      {"POST #7 /rd o23=\x07", "ACK 4.00 #7", "NON 4.00 #1"},
      {"POST #7 /rd o12=abc", "requested POST /rd; ACK 2.04 #7",
       "requested POST /rd; NON 2.04 #1"},  // no content format then
      {"POST #7 /rd o8=x", "requested POST /rd; ACK 2.04 #7", "requested POST /rd; NON 2.04 #1"},
  };
  for (const Case& each : cases) {
    CAPTURE(std::string(each.request));
    World w;
    w.answer_with(coap::kChanged);
    CHECK(w.in("CON "s + each.request) == each.con);
    w.restart();
    CHECK(w.in("NON "s + each.request) == each.non);
  }
}

TEST_CASE("a query of 300 octets is handed over") {
  World w;
  w.answer_with(coap::kChanged);
  const std::string query = "?ep=" + std::string(297, 'e');
  CHECK(w.in("CON POST #7 /rd " + query) == "requested POST /rd " + query + "; ACK 2.04 #7");
}

TEST_CASE("a ping, what is malformed, and what nobody asked for") {
  World w;
  CHECK(w.raw(hex("40 00 12 34")) == "RST 0.00 #4660");
  CHECK(w.raw(hex("49 01 12 34 00 00 00 00 00 00 00 00 00")) == "RST 0.00 #4660");
  CHECK(w.raw(hex("40 01 12 34 FF")) == "RST 0.00 #4660");
  CHECK(w.raw(hex("50 01 12 34 FF")) == "");
  CHECK(w.raw(hex("80 01 12 34")) == "");
  CHECK(w.raw("") == "");
  CHECK(w.counters.malformed == 5);
  CHECK(w.in("CON 2.05 #9 x01 'x") == "RST 0.00 #9");
  CHECK(w.in("CON 2.05 #9") == "RST 0.00 #9");
  CHECK(w.in("NON 2.05 #9 x01 'x") == "");
  CHECK(w.in("ACK 2.05 #9 x01 'x") == "");
  CHECK(w.in("RST 0.00 #9") == "");
  CHECK(w.counters.received == 11);
  CHECK(w.counters.sent == 5);
  CHECK(w.counters.resets_sent == 5);
}

TEST_CASE("what is remembered is bounded, the oldest goes first") {
  World w;
  w.change([](coap::PeerSettings& s) { s.max_remembered = 3; });
  w.answer_with(coap::kChanged);
  for (int i = 1; i <= 4; ++i) w.in("CON POST #" + std::to_string(i) + " /rd");
  CHECK(w.in("CON POST #2 /rd") == "ACK 2.04 #2");
  CHECK(w.in("CON POST #4 /rd") == "ACK 2.04 #4");
  CHECK(w.in("CON POST #1 /rd") == "requested POST /rd; ACK 2.04 #1");
  w.change([](coap::PeerSettings& s) { s.max_remembered_octets = 1'100; });
  w.answer_with(coap::kContent, std::string(1'000, 'x'));
  w.in("CON POST #5 /rd");
  w.in("CON POST #6 /rd");
  CHECK(w.in("CON POST #6 /rd") == "ACK 2.05 #6 [1000]");
  CHECK(w.in("CON POST #5 /rd") == "requested POST /rd; ACK 2.05 #5 [1000]");
}

// Blocks of 16 octets.
const std::string k16(16, 'a'), k32(32, 'b');

TEST_CASE("a request in blocks is handed over when it is whole") {
  World w;
  w.answer_with(coap::kCreated);
  CHECK(w.in("CON POST #1 x01 /rd ?ep=1 b1=0+/16", k16) == "ACK 2.31 #1 x01 b1=0+/16");
  CHECK(w.in("CON POST #2 x02 /rd ?ep=1 b1=1+/16", k16) == "ACK 2.31 #2 x02 b1=1+/16");
  CHECK(w.in("CON POST #1 x01 /rd ?ep=1 b1=0+/16", k16) == "ACK 2.31 #1 x01 b1=0+/16");
  CHECK(w.in("CON POST #3 x03 /rd ?ep=1 ct=40 b1=2/16 'end") ==
        "requested POST /rd ?ep=1 ct=40 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaend; "
        "ACK 2.01 #3 x03 b1=2/16");
  CHECK(w.in("CON POST #3 x03 /rd ?ep=1 ct=40 b1=2/16 'end") == "ACK 2.01 #3 x03 b1=2/16");
  CHECK(w.in("CON POST #4 x03 /rd ?ep=1 ct=40 b1=2/16 'end") == "ACK 4.08 #4 x03 b1=2/16");
  CHECK(w.counters.bodies_received == 1);
}

TEST_CASE("one block alone") {
  World w;
  w.answer_with(coap::kCreated);
  CHECK(w.in("CON POST #1 /rd b1=0/16 'x") == "requested POST /rd 'x; ACK 2.01 #1 b1=0/16");
  CHECK(w.in("CON POST #2 /rd b1=0/16") == "requested POST /rd; ACK 2.01 #2 b1=0/16");
}

TEST_CASE("blocks that do not fit") {
  World w;
  w.answer_with(coap::kCreated);
  // The beginning is missing, or the middle.
  CHECK(w.in("CON POST #1 /rd b1=1+/16", k16) == "ACK 4.08 #1 b1=1+/16");
  CHECK(w.in("CON POST #2 /rd b1=0+/16", k16) == "ACK 2.31 #2 b1=0+/16");
  CHECK(w.in("CON POST #3 /rd b1=2/16", k16) == "ACK 4.08 #3 b1=2/16");
  // And then it is forgotten.
  CHECK(w.in("CON POST #4 /rd b1=1/16", k16) == "ACK 4.08 #4 b1=1/16");
  // Too short, too long.
  CHECK(w.in("CON POST #5 /rd b1=0+/16 'short") == "ACK 4.00 #5 b1=0+/16");
  CHECK(w.in("CON POST #6 /rd b1=0+/16", k32) == "ACK 4.00 #6 b1=0+/16");
  CHECK(w.in("CON POST #7 /rd b1=0/16", k32) == "ACK 4.00 #7 b1=0/16");
  CHECK(w.outside.timer != 0);
}

TEST_CASE("a block that comes again as another message, a beginning that comes again") {
  World w;
  w.answer_with(coap::kCreated);
  w.in("CON POST #1 /rd b1=0+/16", k16);
  w.in("CON POST #2 /rd b1=1+/16", k16);
  CHECK(w.in("CON POST #3 /rd b1=1+/16", k16) == "ACK 2.31 #3 b1=1+/16");
  CHECK(w.in("CON POST #4 /rd b1=2/16 'x") ==
        "requested POST /rd '" + k16 + k16 + "x; ACK 2.01 #4 b1=2/16");
  w.in("CON POST #5 /rd b1=0+/16", k16);
  w.in("CON POST #6 /rd b1=0+/16 'bbbbbbbbbbbbbbbb");
  CHECK(w.in("CON POST #7 /rd b1=1/16 'x") ==
        "requested POST /rd 'bbbbbbbbbbbbbbbbx; ACK 2.01 #7 b1=1/16");
}

TEST_CASE("the size of blocks may shrink on the way") {
  World w;
  w.answer_with(coap::kCreated);
  w.in("CON POST #1 /rd b1=0+/32", k32);
  CHECK(w.in("CON POST #2 /rd b1=2+/16", k16) == "ACK 2.31 #2 b1=2+/16");
  w.in("CON POST #3 /rd b1=3/16 'x");
  CHECK(w.outside.last_payload == k32 + k16 + "x");
}

TEST_CASE("what differs in method, path or query is put together apart") {
  World w;
  w.answer_with(coap::kCreated);
  w.in("CON POST #1 /rd b1=0+/16 '1111111111111111");
  w.in("CON PUT #2 /rd b1=0+/16 '2222222222222222");
  w.in("CON POST #3 /dp b1=0+/16 '3333333333333333");
  w.in("CON POST #4 /rd ?a b1=0+/16 '4444444444444444");
  const char* requests[] = {"POST #5 /rd", "PUT #6 /rd", "POST #7 /dp", "POST #8 /rd ?a"};
  for (int i = 0; i < 4; ++i) {
    w.in("CON "s + requests[i] + " b1=1/16 '-");
    CHECK(w.outside.last_payload == std::string(16, static_cast<char>('1' + i)) + "-");
  }
  // More than four at once: the oldest makes room.
  for (int i = 0; i < 5; ++i) {
    w.in("CON POST #1" + std::to_string(i) + " /r" + std::to_string(i) + " b1=0+/16", k16);
  }
  CHECK(w.in("CON POST #20 /r0 b1=1/16 '-") == "ACK 4.08 #20 b1=1/16");
  w.in("CON POST #21 /r1 b1=1/16 '-");
  CHECK(w.outside.last_payload == k16 + "-");
}

TEST_CASE("the body of a request is bounded") {
  World w;
  w.change([](coap::PeerSettings& s) { s.max_assembly = 40; });
  w.answer_with(coap::kCreated);
  w.in("CON POST #1 /rd b1=0+/16", k16);
  w.in("CON POST #2 /rd b1=1+/16", k16);
  CHECK(w.in("CON POST #3 /rd b1=2+/16", k16) == "ACK 4.13 #3 b1=2+/1024 size1=40");
  CHECK(w.in("CON POST #4 /rd b1=3/16 'x") == "ACK 4.08 #4 b1=3/16");
  CHECK(w.in("CON POST #5 /rd b1=0+/16 size1=41", k16) == "ACK 4.13 #5 b1=0+/1024 size1=40");
  CHECK(w.in("CON POST #6 /rd b1=0+/16 size1=40", k16) == "ACK 2.31 #6 b1=0+/16");
  // All that is put together at a time counts.
  CHECK(w.in("CON POST #7 /dp b1=0+/32", k32) == "ACK 4.13 #7 b1=0+/1024 size1=40");
}

TEST_CASE("what is not continued is forgotten in time") {
  World w;
  w.answer_with(coap::kCreated);
  w.in("CON POST #1 /rd b1=0+/16", k16);
  w.pass(246'999);
  CHECK(w.in("CON POST #2 /rd b1=1+/16", k16) == "ACK 2.31 #2 b1=1+/16");
  w.pass(247'000);
  CHECK(w.in("CON POST #3 /rd b1=2/16 'x") == "ACK 4.08 #3 b1=2/16");
  w.pass(247'000);
  CHECK(w.outside.timer == 0);
}

TEST_CASE("an answer in the blocks that were asked for") {
  World w;
  w.answer_with(coap::kContent, "0123456789abcdefghij");
  CHECK(w.in("CON GET #1 /c b2=0/16") ==
        "requested GET /c; ACK 2.05 #1 b2=0+/16 '0123456789abcdef");
  CHECK(w.in("CON GET #2 /c b2=1/16") == "requested GET /c; ACK 2.05 #2 b2=1/16 'ghij");
  CHECK(w.in("CON GET #3 /c b2=2/16") == "requested GET /c; ACK 4.00 #3");
  CHECK(w.in("CON GET #4 /c b2=0/32") == "requested GET /c; ACK 2.05 #4 '0123456789abcdefghij");
}

}  // namespace
