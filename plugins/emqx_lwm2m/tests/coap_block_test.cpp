// Bodies larger than a message: what we send in blocks, and responses that come in blocks.
#include <doctest/doctest.h>

#include "emqx_lwm2m/tests/coap_world.hpp"

namespace {

using namespace coap_test;

std::string text_of(std::size_t size) {
  std::string out;
  for (std::size_t i = 0; out.size() < size; ++i) out += std::to_string(i) + ",";
  out.resize(size);
  return out;
}

coap::Request put(std::size_t size) {
  coap::Request out = World::request_of(coap::kPut, "5");
  out.content_format = 42;
  out.body = std::make_shared<std::string>(text_of(size));
  return out;
}

// A device that takes and gives bodies; `lose`: every n-th datagram, either way, is lost.
class Device {
 public:
  Device(World& world, std::uint8_t szx) : world_(world), szx_(szx) {}

  std::string stored, served;
  std::uint8_t change_etag_at = 0;  // with the block of this number
  unsigned lose = 0, seen = 0, requests = 0;

  // Until nothing more happens.
  std::string run() {
    std::string log;
    for (int idle = 0; idle < 10'000; ++idle) {
      const std::string datagram = std::exchange(world_.outside.last_sent, {});
      if (!datagram.empty() && !lost()) {
        const std::string reply = answer(datagram);
        if (!lost()) world_.peer->on_datagram(reply);
      } else if (world_.peer->busy()) {
        world_.outside.now = std::max(world_.outside.now, world_.outside.timer);
        world_.peer->on_time();
      } else {
        break;
      }
    }
    const std::string all = world_.outside.take();
    for (std::size_t at = 0; at < all.size();) {  // only what has become of it
      const std::size_t end = std::min(all.find("; ", at), all.size());
      const std::string part = all.substr(at, end - at);
      if (part.find("responded") == 0 || part.find("failed") == 0) log += part;
      at = end + 2;
    }
    return log;
  }

 private:
  bool lost() { return lose != 0 && ++seen % lose == 0; }

  std::string answer(const std::string& datagram) {
    if (datagram == last_request_) return last_reply_;
    ++requests;
    coap::Message m;
    REQUIRE(coap::parse(datagram, m) == coap::Parsed::ok);
    std::optional<coap::Block> block1, block2;
    coap::OptionReader reader(m.options);
    for (coap::Option o; reader.next(o);) {
      if (o.number == coap::option::kBlock1) block1 = coap::block_value(o.value);
      if (o.number == coap::option::kBlock2) block2 = coap::block_value(o.value);
    }
    last_request_ = datagram;
    if (m.code == coap::kPut) {
      take(m, block1);
    } else {
      give(m, block2.value_or(coap::Block{0, false, szx_}));
    }
    return last_reply_;
  }
  void take(const coap::Message& m, std::optional<coap::Block> block) {
    if (!block || block->number == 0) stored.clear();
    coap::Code code = coap::kChanged;
    if (block) {
      REQUIRE(block->offset() == stored.size());
      if (block->more) {
        REQUIRE(m.payload.size() == block->size());
        code = coap::kContinue;
      }
      block->szx = std::min(block->szx, szx_);
    }
    stored.append(m.payload);
    coap::Writer writer(last_reply_, coap::Type::ack, code, m.id, m.token);
    if (block) writer.number(coap::option::kBlock1, coap::value_of(*block));
  }
  void give(const coap::Message& m, coap::Block block) {
    if (change_etag_at != 0 && block.number == change_etag_at) ++etag_, change_etag_at = 0;
    const auto offset = static_cast<std::size_t>(block.offset());
    REQUIRE(offset <= served.size());
    block.more = served.size() - offset > block.size();
    coap::Writer writer(last_reply_, coap::Type::ack, coap::kContent, m.id, m.token);
    writer.option(coap::option::kEtag, {&etag_, 1});
    writer.number(coap::option::kBlock2, coap::value_of(block));
    writer.payload(std::string_view(served).substr(offset, block.size()));
  }

  World& world_;
  std::uint8_t szx_;
  char etag_ = 1;
  std::string last_request_, last_reply_;
};

TEST_CASE("a body that fits goes as it is") {
  World w;
  CHECK(w.request(put(512)) == "CON PUT #1 t1 /5 ct=42 [512]");
  CHECK(w.in("ACK 2.04 #1 t1") == "responded 1 2.04");
}

TEST_CASE("a larger one in blocks, each a message of its own") {
  World w;
  CHECK(w.request(put(1'100)) == "CON PUT #1 t1 /5 ct=42 b1=0+/512 size1=1100 [512]");
  CHECK(w.in("ACK 2.31 #1 t1 b1=0+/512") ==
        "progress 1 512/1100; CON PUT #2 t1 /5 ct=42 b1=1+/512 [512]");
  CHECK(w.in("ACK 2.31 #2 t1 b1=1+/512") ==
        "progress 1 1024/1100; CON PUT #3 t1 /5 ct=42 b1=2/512 [76]");
  CHECK(w.in("ACK 2.04 #3 t1 b1=2/512") == "progress 1 1100/1100; responded 1 2.04");
  CHECK(w.counters.blocks_sent == 3);
  CHECK(w.counters.bodies_sent == 1);
}

TEST_CASE("two blocks exactly") {
  World w;
  w.request(put(1'024));
  CHECK(w.in("ACK 2.31 #1 t1 b1=0+/512") ==
        "progress 1 512/1024; CON PUT #2 t1 /5 ct=42 b1=1/512 [512]");
}

TEST_CASE("the device wants smaller blocks") {
  World w;
  w.request(put(1'100));
  CHECK(w.in("ACK 2.31 #1 t1 b1=0+/128") ==
        "progress 1 512/1100; CON PUT #2 t1 /5 ct=42 b1=4+/128 [128]");
  CHECK(w.in("ACK 2.31 #2 t1 b1=4+/1024") ==  // larger ones it does not get
        "progress 1 640/1100; CON PUT #3 t1 /5 ct=42 b1=5+/128 [128]");
}

TEST_CASE("too large for the device, which offers smaller blocks: from the beginning") {
  World w;
  w.request(put(1'100));
  CHECK(w.in("ACK 4.13 #1 t1 b1=0+/256") == "CON PUT #2 t1 /5 ct=42 b1=0+/256 size1=1100 [256]");
  CHECK(w.in("ACK 4.13 #2 t1 b1=0+/16") ==
        "CON PUT #3 t1 /5 ct=42 b1=0+/16 size1=1100 '" + text_of(16));
  CHECK(w.in("ACK 4.13 #3 t1 b1=0+/16") == "responded 1 4.13");
  // Also when it was one message.
  w.request(put(100));
  CHECK(w.in("ACK 4.13 #4 t2 b1=0/64") == "CON PUT #5 t2 /5 ct=42 b1=0+/64 size1=100 [64]");
  w.in("ACK 2.31 #5 t2 b1=0+/64");
  CHECK(w.in("ACK 2.04 #6 t2 b1=1/64") == "progress 2 100/100; responded 2 2.04");
  w.request(put(100));
  CHECK(w.in("ACK 4.13 #7 t3") == "responded 3 4.13");
}

TEST_CASE("something was lost there: from the beginning, once") {
  World w;
  w.request(put(1'100));
  w.in("ACK 2.31 #1 t1 b1=0+/512");
  CHECK(w.in("ACK 4.08 #2 t1 b1=1+/512") == "CON PUT #3 t1 /5 ct=42 b1=0+/512 size1=1100 [512]");
  w.in("ACK 2.31 #3 t1 b1=0+/512");
  CHECK(w.in("ACK 4.08 #4 t1 b1=1+/512") == "responded 1 4.08");
}

TEST_CASE("2.04 for a block that is not the last") {
  World w;
  w.request(put(1'100));
  CHECK(w.in("ACK 2.04 #1 t1 b1=0+/512") ==
        "progress 1 512/1100; CON PUT #2 t1 /5 ct=42 b1=1+/512 [512]");
  CHECK(w.in("ACK 2.04 #2 t1") == "progress 1 1024/1100; responded 1 2.04");  // it has enough
}

TEST_CASE("2.31 without the option, errors on the way, RST, no answer") {
  World w;
  w.request(put(1'100));
  CHECK(w.in("ACK 2.31 #1 t1") == "progress 1 512/1100; CON PUT #2 t1 /5 ct=42 b1=1+/512 [512]");
  CHECK(w.in("ACK 4.15 #2 t1 b1=1+/512") == "responded 1 4.15");
  w.request(put(1'100));
  w.in("ACK 2.31 #3 t2 b1=0+/512");
  CHECK(w.in("RST 0.00 #4") == "failed 2 reset");
  w.request(put(1'100));
  w.in("ACK 2.31 #5 t3 b1=0+/512");
  CHECK(w.pass(100'000).find("failed 3 timeout") != std::string::npos);
}

TEST_CASE("a block is acknowledged first and answered later") {
  World w;
  w.request(put(1'100));
  CHECK(w.in("ACK 0.00 #1") == "acknowledged 1");
  CHECK(w.in("CON 2.31 #70 t1 b1=0+/512") ==
        "ACK 0.00 #70; progress 1 512/1100; CON PUT #2 t1 /5 ct=42 b1=1+/512 [512]");
  CHECK(w.in("CON 2.31 #70 t1 b1=0+/512") == "ACK 0.00 #70");
  CHECK(w.in("ACK 0.00 #2") == "");  // that has been told
}

TEST_CASE("other requests wait until all blocks are through") {
  World w;
  w.request(put(600));
  w.get("x");
  CHECK(w.in("ACK 2.31 #1 t1 b1=0+/512") ==
        "progress 1 512/600; CON PUT #2 t1 /5 ct=42 b1=1/512 [88]");
  CHECK(w.in("ACK 2.04 #2 t1 b1=1/512") ==
        "progress 1 600/600; responded 1 2.04; CON GET #3 t2 /x");
}

TEST_CASE("cancelled on the way") {
  World w;
  w.request(put(1'100));
  w.outside.on_progress = [&](coap::RequestId id) { w.peer->cancel(id); };
  CHECK(w.in("ACK 2.31 #1 t1 b1=0+/512") == "progress 1 512/1100");
  CHECK_FALSE(w.peer->busy());
  w.request(put(600));
  w.outside.on_progress = nullptr;
  w.in("ACK 2.31 #2 t2 b1=0+/512");
  w.outside.on_progress = [&](coap::RequestId id) { w.peer->cancel(id); };
  CHECK(w.in("ACK 2.04 #3 t2 b1=1/512") == "progress 2 600/600");
}

TEST_CASE("a mebibyte, whatever sizes there are and whatever is lost") {
  for (const std::uint32_t ours : {1'024u, 512u}) {
    for (const unsigned lose : {0u, 5u}) {
      CAPTURE(ours);
      CAPTURE(lose);
      World w;
      w.change([&](coap::PeerSettings& s) { s.block_size = ours; });
      Device device(w, 4);  // 256
      device.lose = lose;
      w.request(put(1u << 20));
      CHECK(device.run() == "responded 1 2.04");
      CHECK(device.stored == text_of(1u << 20));
      CHECK((w.counters.retransmitted > 0) == (lose != 0));
    }
  }
}

TEST_CASE("another request from within the progress of the last block") {
  World w;
  w.request(put(600));
  w.in("ACK 2.31 #1 t1 b1=0+/512");
  w.outside.on_progress = [&](coap::RequestId) {
    w.peer->request(World::request_of(coap::kGet, "x"));
  };
  CHECK(w.in("ACK 2.04 #2 t1 b1=1/512") ==
        "progress 1 600/600; CON GET #3 t2 /x; responded 1 2.04");
  CHECK(w.in("ACK 2.05 #3 t2") == "responded 2 2.05");
  CHECK_FALSE(w.peer->busy());
}

const std::string kA(16, 'a'), kB(16, 'b'), kC(16, 'c');

TEST_CASE("a response in blocks") {
  World w;
  coap::Request what = World::request_of(coap::kGet, "3");
  what.queries = {"q"};
  what.accept = 11542;
  w.request(what);
  CHECK(w.in("ACK 2.05 #1 t1 ct=42 b2=0+/16", kA) == "CON GET #2 t1 /3 ?q accept=11542 b2=1/16");
  CHECK(w.in("ACK 2.05 #2 t1 ct=42 b2=1+/16", kB) == "CON GET #3 t1 /3 ?q accept=11542 b2=2/16");
  CHECK(w.in("ACK 2.05 #3 t1 ct=42 b2=2/16 'end") == "responded 1 2.05 ct=42 '" + kA + kB + "end");
}

TEST_CASE("the size changes on the way, the end is empty") {
  World w;
  w.get("3");
  CHECK(w.in("ACK 2.05 #1 t1 b2=0+/32", kA + kB) == "CON GET #2 t1 /3 b2=1/32");
  CHECK(w.in("ACK 2.05 #2 t1 b2=2+/16", kC) == "CON GET #3 t1 /3 b2=3/16");
  CHECK(w.in("ACK 2.05 #3 t1 b2=3/16") == "responded 1 2.05 [48]");
  CHECK(w.outside.last_payload == kA + kB + kC);
}

TEST_CASE("blocks that do not fit together: from the beginning, once") {
  for (const char* bad :
       {"ACK 2.05 #2 t1 b2=2/16 'x", "ACK 2.05 #2 t1 b2=0+/16 'aaaaaaaaaaaaaaaa",
        "ACK 2.05 #2 t1 b2=1+/16 'short", "ACK 2.05 #2 t1 'no option",
        "ACK 2.05 #2 t1 etag=01 b2=1/16 'x", "ACK 2.05 #2 t1 b2=1/16 'longer than a block is"}) {
    CAPTURE(std::string(bad));
    World w;
    w.get("3");
    w.in("ACK 2.05 #1 t1 b2=0+/16", kA);
    CHECK(w.in(bad) == "CON GET #3 t1 /3");
    w.in("ACK 2.05 #3 t1 b2=0+/16", kB);
    std::string again(bad);
    again.replace(again.find("#2"), 2, "#4");
    CHECK(w.in(again) == "failed 1 broken_body");
  }
}

TEST_CASE("the first block is not the first") {
  World w;
  w.get("3");
  CHECK(w.in("ACK 2.05 #1 t1 b2=1+/16", kA) == "CON GET #2 t1 /3");
  CHECK(w.in("ACK 2.05 #2 t1 b2=1+/16", kA) == "failed 1 broken_body");
}

TEST_CASE("what may not be done twice is not asked twice") {
  World w;
  w.request(World::request_of(coap::kPost, "3"));
  CHECK(w.in("ACK 2.05 #1 t1 b2=0+/16", kA) == "CON POST #2 t1 /3 b2=1/16");
  CHECK(w.in("ACK 2.05 #2 t1 b2=5/16 'x") == "failed 1 broken_body");
}

TEST_CASE("an error on the way is the response") {
  World w;
  w.get("3");
  w.in("ACK 2.05 #1 t1 b2=0+/16", kA);
  CHECK(w.in("ACK 4.04 #2 t1 'gone") == "responded 1 4.04 'gone");
}

TEST_CASE("without an end: as far as the limit") {
  World w;
  w.change([](coap::PeerSettings& s) { s.max_body_size = 40; });
  w.get("3");
  w.in("ACK 2.05 #1 t1 b2=0+/16", kA);
  w.in("ACK 2.05 #2 t1 b2=1+/16", kA);
  CHECK(w.in("ACK 2.05 #3 t1 b2=2+/16", kA) == "failed 1 too_large");
}

TEST_CASE("the body of FETCH says what the blocks are of") {
  World w;
  coap::Request what = World::request_of(coap::kFetch, "x");
  what.content_format = 110;
  what.body = std::make_shared<std::string>("[]");
  w.request(what);
  CHECK(w.in("ACK 2.05 #1 t1 b2=0+/16", kA) == "CON FETCH #2 t1 /x ct=110 b2=1/16 '[]");
}

TEST_CASE("a body both ways") {
  World w;
  coap::Request what = put(600);
  what.method = coap::kFetch;
  w.request(what);
  w.in("ACK 2.31 #1 t1 b1=0+/512");
  CHECK(w.in("ACK 2.05 #2 t1 b1=1/512 b2=0+/16", kA) ==
        "progress 1 600/600; CON FETCH #3 t1 /5 b2=1/16");
  CHECK(w.in("ACK 2.05 #3 t1 b2=1/16 'x") == "responded 1 2.05 '" + kA + "x");
}

TEST_CASE("ten kilobytes in blocks of every size") {
  for (const std::uint8_t szx : {6, 2, 0}) {
    for (const std::uint8_t change : {0, 3}) {
      for (const unsigned lose : {0u, 7u}) {
        CAPTURE(+szx);
        CAPTURE(+change);
        CAPTURE(lose);
        World w;
        Device device(w, szx);
        device.served = text_of(10'000);
        device.change_etag_at = change;
        device.lose = lose;
        w.get("3");
        CHECK(device.run() == "responded 1 2.05 [10000]");
        CHECK(w.outside.last_payload == device.served);
        CHECK(device.requests == (10'000 + (16u << szx) - 1) / (16u << szx) + (change ? 4u : 0u));
      }
    }
  }
}

}  // namespace
