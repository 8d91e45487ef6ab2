// What goes through streams: order, batches, backpressure.
#include <doctest/doctest.h>

#include <random>

#include "stream_rig.hpp"

using namespace keel::test;

TEST_CASE("stream: bytes in, bytes out, once per flush") {
  for (const Where where : kEverywhere) {
    CAPTURE(static_cast<int>(where));
    Server server;
    Carrier carrier(server);
    REQUIRE(carrier.open() == "");
    go(carrier, where);
    carrier.flushes = 0;
    StreamEnd::Fed fed = carrier.feed(frame("one") + frame("two") + "00", carrier.when);
    CHECK(fed.taken);
    if (where == Where::here) CHECK(fed.waiting == 0);
    CHECK(carrier.take(16) == frame("one") + frame("two"));
    CHECK(carrier.flushes == 1);
    carrier.feed("05:fi", carrier.when);  // cut anywhere
    carrier.feed("v", carrier.when);
    carrier.feed("e!", carrier.when);
    CHECK(carrier.take(10) == frame("five!"));
    carrier.on_shard([&] {
      CHECK_FALSE(carrier.end->over());
      carrier.flushes = 0;
      for (int i = 0; i < 100; ++i) carrier.end->feed(frame("x"), carrier.when);
    });
    CHECK(carrier.take(600).size() == 600);
    CHECK(carrier.flushes == 1);
    CHECK(server.metric(Metric::connections_accepted) == 0);
  }
}

TEST_CASE("stream: fed in place, what was left stands before") {
  for (const Where where : kEverywhere) {
    for (const std::size_t room : {0u, 2u, 3u, 100u}) {
      CAPTURE(static_cast<int>(where));
      CAPTURE(room);
      Server server;
      Carrier carrier(server);
      REQUIRE(carrier.open() == "");
      go(carrier, where);
      StreamEnd::Fed fed;
      const auto feed = [&](std::string_view bytes) {
        std::string space = std::string(room, '?') + std::string(bytes);
        carrier.on_shard([&] {
          CHECK(carrier.end->near() == (where != Where::there));
          fed = carrier.end->feed_in_place(space.data() + room, bytes.size(), room);
        });
      };
      feed(frame("one") + "00");
      feed("03:");
      feed("two" + frame("three") + "0");
      feed("0");
      feed(frame("four").substr(2));
      const std::string expected = frame("one") + frame("two") + frame("three") + frame("four");
      CHECK(carrier.take(expected.size()) == expected);
      CHECK(fed.taken);
      feed(frame("#pause") + frame("later"));
      carrier.on_shard([&] { carrier.end->close(CloseCause::peer, "gone"); });
      feed("nobody");
      CHECK_FALSE(fed.taken);
    }
  }
}

TEST_CASE("stream: moves back and forth with bytes on the way in both directions") {
  for (const StreamEnd::When when : {StreamEnd::When::now, StreamEnd::When::this_turn}) {
    Server server(3);
    Carrier carrier(server);
    REQUIRE(carrier.open() == "");
    carrier.when = when;
    for (int i = 0; i < 30; ++i) carrier.move();
    // Pipelined: the link is anywhere when the next pieces come.
    std::string train, expected;
    std::uint32_t at = carrier.at;
    for (int i = 0; i < 3000; ++i) {
      const bool move = i % 7 == 0;
      train += frame(move ? "#move" : "number " + std::to_string(i));
      if (move) at = (at + 1) % 3;
      expected += frame(move ? "moved to " + std::to_string(at) : "number " + std::to_string(i));
    }
    std::mt19937 random(7);
    std::string_view left = train;
    while (!left.empty()) {
      const std::string_view piece = left.substr(0, random() % 200 + 1);
      if (carrier.feed(piece, when).taken) left.remove_prefix(piece.size());
    }
    CHECK(carrier.take(expected.size()) == expected);
  }
}

TEST_CASE("stream: large output in slices and many pieces comes whole") {
  for (const Where where : kEverywhere) {
    Server server;
    Carrier carrier(server);
    REQUIRE(carrier.open() == "");
    go(carrier, where);
    std::string sent;
    carrier.flushes = 0;
    carrier.on_shard([&] {
      for (int i = 0; i < 4; ++i) carrier.end->feed(frame("#big"), carrier.when);
    });
    CHECK(carrier.take(1'200'000) == std::string(1'200'000, 'b'));
    CHECK(carrier.flushes <= 2);
  }
}

TEST_CASE("stream: backpressure towards the feeder") {
  for (const Where where : kEverywhere) {
    CAPTURE(static_cast<int>(where));
    Server server;
    Carrier carrier(server);
    REQUIRE(carrier.open() == "");
    go(carrier, where);
    carrier.feed(frame("#pause"), carrier.when);
    CHECK(server.eventually([&] { return carrier.feed("", carrier.when).waiting == 0; }));
    const std::string piece = frame(std::string(9000, 'p'));
    std::size_t fed = 0;
    StreamEnd::Fed last;
    for (;;) {
      last = carrier.feed(piece, carrier.when);
      if (!last.taken) break;
      ++fed;
      CHECK(last.waiting == fed * piece.size());
    }
    CHECK(last.waiting >= StreamEnd::kMaxWaiting);
    CHECK(last.waiting < StreamEnd::kMaxWaiting + piece.size());
    REQUIRE(server.shards.run_on(
        carrier.at, [&](Shard&) { carrier.echo->go_on(); }, kPatience));
    CHECK(carrier.events.next() == "writable");
    CHECK(carrier.take(fed * piece.size()).size() == fed * piece.size());
    CHECK(carrier.feed(frame("more"), carrier.when).taken);
    CHECK(carrier.take(9) == frame("more"));
    carrier.events.add("(end)");
    CHECK(carrier.events.next() == "(end)");  // writable once, and not for little
  }
}

TEST_CASE("stream: a packet that is long in coming is not backlog") {
  for (const Where where : kEverywhere) {
    Server server;
    Carrier carrier(server);
    REQUIRE(carrier.open() == "");
    go(carrier, where);
    CAPTURE(static_cast<int>(where));
    class Hungry final : public LinkHandler {
      std::size_t on_data(std::string_view data) override {
        return data.size() < 5'000'000 ? 0 : data.size();
      }
      void on_drained() override {}
      void on_closed(CloseCause, std::string_view) override {}
    };
    std::unique_ptr<StreamEnd> end;
    carrier.on_shard([&] {
      PeerInfo peer;
      peer.listener = Carrier::make_info();
      auto opened = StreamEnd::open(
          server.shards.shard(0), std::move(peer),
          [&](Link& link) {
            if (where == Where::there) link.move_to(server.shards.shard(1), {});
            return std::make_unique<Hungry>();
          },
          carrier);
      REQUIRE(opened);
      end = std::move(*opened);
    });
    const std::string piece(100'000, 'h');
    for (int i = 0; i < 60; ++i) {
      bool taken = false;
      carrier.on_shard([&] { taken = end->feed(piece, carrier.when).taken; });
      CAPTURE(i);
      REQUIRE(taken);
      CHECK(settle(server));
    }
    std::size_t waiting = 1;
    CHECK(server.eventually([&] {
      carrier.on_shard([&] { waiting = end->feed("", carrier.when).waiting; });
      return waiting == 0;
    }));
    carrier.on_shard([&] { end.reset(); });
  }
}

TEST_CASE("stream: paused output waits in the link, drains on resume") {
  for (const Where where : kEverywhere) {
    CAPTURE(static_cast<int>(where));
    Server server;
    Carrier carrier(server);
    REQUIRE(carrier.open() == "");
    go(carrier, where);
    carrier.on_shard([&] { carrier.end->pause(); });
    carrier.feed(frame("a") + frame("#drain"), carrier.when);
    CHECK(settle(server));
    CHECK(settle(server));
    carrier.on_shard([&] { CHECK(carrier.output.empty()); });
    carrier.handler.add("(paused)");
    CHECK(carrier.handler.next() == "(paused)");  // not drained
    carrier.on_shard([&] { carrier.end->resume(); });
    CHECK(carrier.take(16) == frame("a") + frame("before"));
    CHECK(carrier.handler.next() == "drained");
    CHECK(carrier.ask("on", "on") == frame("on"));
  }
}

TEST_CASE("stream: paused from within the output, and moved while paused") {
  Server server;
  Carrier carrier(server);
  REQUIRE(carrier.open() == "");
  carrier.then_output = [&] { carrier.end->pause(); };
  std::string expected;
  for (int i = 0; i < 40; ++i) {
    if (i % 5 == 0) {
      carrier.feed(frame("#move"));
      carrier.at ^= 1;
      expected += frame("moved to " + std::to_string(carrier.at));
    }
    carrier.feed(frame(std::to_string(i)));
    expected += frame(std::to_string(i));
    if (i % 3 == 0) carrier.on_shard([&] { carrier.end->resume(); });
  }
  carrier.on_shard([&] {
    carrier.then_output = nullptr;
    carrier.end->resume();
  });
  CHECK(carrier.take(expected.size()) == expected);
}

TEST_CASE("stream: a client that takes nothing is dropped as slow") {
  for (const char* command : {"echo", "#close"}) {
    for (const Where where : kEverywhere) {
      Server server;
      Carrier carrier(server);
      REQUIRE(carrier.open(Carrier::make_info(100)) == "");
      go(carrier, where);
      carrier.on_shard([&] { carrier.end->pause(); });
      carrier.feed(frame(command), carrier.when);
      CHECK(carrier.handler.next() == "closed slow: took no byte for limits.send_timeout");
      CHECK(carrier.events.next() == "closed slow: took no byte for limits.send_timeout");
      carrier.on_shard([&] { CHECK(carrier.output.empty()); });
    }
  }
}

TEST_CASE("stream: output to a client that is gone is dropped, who waits for it goes on") {
  for (const Where where : kEverywhere) {
    Server server;
    Carrier carrier(server);
    REQUIRE(carrier.open() == "");
    go(carrier, where);
    carrier.on_shard([&] { carrier.end->pause(); });
    carrier.feed(frame("#drain") + frame("#big"), carrier.when);
    CHECK(settle(server));
    carrier.on_shard([&] { carrier.end->close(CloseCause::peer, "went away"); });
    CHECK(carrier.handler.next() == "drained");
    CHECK(carrier.handler.next() == "closed peer: went away");
  }
}

TEST_CASE("stream: a handler that does a part per turn is shown the rest") {
  for (const Where where : kEverywhere) {
    Server server;
    Carrier carrier(server);
    REQUIRE(carrier.open() == "");
    go(carrier, where);
    carrier.feed(frame("1") + frame("#one") + frame("2") + frame("#one") + frame("3"),
                 carrier.when);
    REQUIRE(settle(server));
    carrier.feed("", carrier.when);
    // Each rest is shown by itself, without anything new coming.
    CHECK(carrier.take(6).size() >= 6);
  }
}

// Many streams between two shards at full speed: nothing is lost, reordered or raced for.
TEST_CASE("stream: load across shards") {
  constexpr int kStreams = 8, kFrames = 4000;
  Server server(2);
  struct Flow {
    std::unique_ptr<Carrier> carrier;
    int fed = 0;
    bool blocked = false;
    std::string expected;
  };
  std::vector<Flow> flows(kStreams);
  for (int i = 0; i < kStreams; ++i) {
    Flow& flow = flows[static_cast<std::size_t>(i)];
    flow.carrier = std::make_unique<Carrier>(server);
    REQUIRE(flow.carrier->open() == "");
    if (i % 2) flow.carrier->move();
    flow.carrier->then_writable = [&flow] { flow.blocked = false; };
  }
  const auto all_fed = [&] {
    bool done = true;
    REQUIRE(server.shards.run_on(
        0,
        [&](Shard&) {
          for (Flow& flow : flows) {
            Carrier& carrier = *flow.carrier;
            if (flow.fed % 500 == 100) carrier.end->pause();
            if (flow.fed % 500 == 300) carrier.end->resume();
            for (int k = 0; k < 100 && flow.fed < kFrames && !flow.blocked; ++k) {
              const std::string one = frame(std::to_string(flow.fed) + std::string(200, 'x'));
              const StreamEnd::Fed fed = carrier.end->feed(one);
              if (!fed.taken) break;
              flow.blocked = fed.waiting > StreamEnd::kEnough;
              flow.expected += one;
              ++flow.fed;
            }
            if (flow.fed == kFrames) carrier.end->resume();
            done = done && flow.fed == kFrames;
          }
        },
        kPatience));
    return done;
  };
  REQUIRE(server.eventually(all_fed));
  for (Flow& flow : flows) {
    std::string got;
    REQUIRE(server.eventually([&] {
      flow.carrier->on_shard([&] { got = flow.carrier->output; });
      return got.size() >= flow.expected.size();
    }));
    CHECK((got == flow.expected));
  }
}
