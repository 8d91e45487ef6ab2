// How streams open, close and end, from both sides.
#include <doctest/doctest.h>

#include "stream_rig.hpp"

using namespace keel::test;

TEST_CASE("stream: the broker closes, after its last output") {
  for (const Where where : kEverywhere) {
    Server server;
    Carrier carrier(server);
    REQUIRE(carrier.open() == "");
    go(carrier, where);
    carrier.then_closed = [&] {
      carrier.events.add(carrier.output);
      carrier.end.reset();  // the end may go from within its callback
    };
    carrier.feed(frame("#close") + frame("not any more"), carrier.when);
    CHECK(carrier.events.next() == "closed local: closed");
    CHECK(carrier.events.next() == frame("bye"));
    CHECK(carrier.handler.next() == "closed local: closed");
    CHECK(carrier.handler.next() == "gone");
    CHECK(no_links(server));
  }
}

TEST_CASE("stream: aborted, or too much output") {
  for (const char* command : {"#abort", "#overflow"}) {
    for (const Where where : kEverywhere) {
      Server server;
      Carrier carrier(server);
      REQUIRE(carrier.open() == "");
      go(carrier, where);
      carrier.feed(frame(command), carrier.when);
      const std::string expected =
          command[1] == 'a' ? "closed local: aborted" : "closed error: the output grew too large";
      CHECK(carrier.handler.next() == expected);
      CHECK(carrier.events.next() == expected);
      carrier.on_shard([&] {
        CHECK(carrier.end->over());
        CHECK_FALSE(carrier.end->feed("x").taken);
        carrier.end->pause();
        carrier.end->resume();
        carrier.end->close(CloseCause::peer, "late");
      });
    }
  }
}

TEST_CASE("stream: the client goes, after what it said last") {
  for (const Where where : kEverywhere) {
    Server server;
    Carrier carrier(server);
    REQUIRE(carrier.open() == "");
    go(carrier, where);
    bool said = false;
    SUBCASE("close") {
      carrier.on_shard([&] {
        carrier.end->feed(frame("last words"), carrier.when);
        carrier.end->close(CloseCause::slow, "took nothing");
        CHECK(carrier.end->over());
      });
      CHECK(carrier.handler.next() == "closed slow: took nothing");
    }
    SUBCASE("destruction") {
      carrier.on_shard([&] {
        carrier.end->feed(frame("#close"), carrier.when);  // which the handler answers
        carrier.end.reset();
      });
      said = true;
      CHECK(carrier.handler.next() == "closed local: closed");
    }
    SUBCASE("while it is fed: packets that are not complete are lost") {
      carrier.on_shard([&] {
        carrier.end->feed("0009:half", carrier.when);
        carrier.end.reset();
      });
      CHECK(carrier.handler.next() == "closed peer: dropped");
    }
    CHECK(carrier.handler.next() == "gone");
    carrier.events.add("(end)");
    CHECK(carrier.events.next() == "(end)");  // the user is not told
    carrier.on_shard([&] { CHECK((said || carrier.output.empty())); });
  }
}

TEST_CASE("stream: the client goes while the handler pauses") {
  for (const Where where : kEverywhere) {
    Server server;
    Carrier carrier(server);
    REQUIRE(carrier.open() == "");
    go(carrier, where);
    carrier.feed(frame("#pause") + frame("#move") + frame("unseen"), carrier.when);
    carrier.on_shard([&] { carrier.end->close(CloseCause::peer, "went away"); });
    CHECK(settle(server));
    // It is told once it has seen everything; its moving on is not in the way.
    REQUIRE(server.shards.run_on(
        carrier.at, [&](Shard&) { carrier.echo->go_on(); }, kPatience));
    CHECK(carrier.handler.next() == "closed peer: went away");
  }
}

TEST_CASE("stream: the client goes while the link travels") {
  Server server;
  for (int i = 0; i < 300; ++i) {
    Carrier carrier(server);
    REQUIRE(carrier.open() == "");
    if (i % 2) carrier.move();
    carrier.on_shard([&] { carrier.end->feed(frame("#move") + frame("#move")); });
    if (i % 5 == 0) carrier.on_shard([&] { carrier.end->feed(frame("#move")); });
    if (i % 3 == 0) CHECK(server.shards.barrier([](Shard&) {}, kPatience));
    carrier.on_shard([&] {
      carrier.end->feed(frame("last"));
      carrier.end->close(CloseCause::peer, "went away");
      if (i % 4 == 0) carrier.end.reset();
    });
    REQUIRE(carrier.handler.next() == "open");
    REQUIRE(carrier.handler.next() == "closed peer: went away");
    REQUIRE(carrier.handler.next() == "gone");
  }
}

TEST_CASE("stream: feeding and destroying from within the output") {
  for (const Where where : kEverywhere) {
    Server server;
    Carrier carrier(server);
    REQUIRE(carrier.open() == "");
    go(carrier, where);
    int rounds = 0;
    carrier.then_output = [&] {
      if (++rounds < 10) {
        carrier.end->feed(frame("again " + std::to_string(rounds)), carrier.when);
      } else if (carrier.end) {
        carrier.end.reset();
      }
    };
    carrier.feed(frame("first"), carrier.when);
    CHECK(carrier.handler.next() == "closed peer: dropped");
    CHECK(rounds == 10);
  }
}

TEST_CASE("stream: fed from within the handler's own doing keeps the order") {
  Server server(1);
  Carrier carrier(server);
  class Nested final : public LinkHandler {
   public:
    Nested(Carrier& carrier, std::string& seen) : carrier_(carrier), seen_(seen) {}
    std::size_t on_data(std::string_view data) override {
      if (seen_.empty()) carrier_.end->feed("cd");
      if (seen_.size() == 2) carrier_.end->feed("ef");
      seen_ += data;
      return data.size();
    }
    void on_drained() override {}
    void on_closed(CloseCause, std::string_view) override {}

   private:
    Carrier& carrier_;
    std::string& seen_;
  };
  std::string seen;
  carrier.on_shard([&] {
    PeerInfo peer;
    peer.listener = Carrier::make_info();
    auto opened = StreamEnd::open(
        server.shards.shard(0), std::move(peer),
        [&](Link&) { return std::make_unique<Nested>(carrier, seen); }, carrier);
    carrier.end = std::move(*opened);
    carrier.end->feed("ab");
  });
  CHECK(settle(server));
  carrier.on_shard([&] { CHECK(seen == "abcdef"); });
  CHECK(carrier.feed("").waiting == 0);
}

TEST_CASE("stream: counted like an accepted connection, unless carried by one") {
  Server server;
  server.settings.limits.max_connections = 1;
  server.listener("plain", "127.0.0.1:0");
  server.start();
  ExtraListener ws;
  ws.settings.name = "ws";
  ws.settings.bind = "127.0.0.1:0";
  ws.factory = [](Link&) { return nullptr; };
  const auto id = server.listeners.extra().add(ws);
  REQUIRE(id);
  const auto info = server.listeners.extra().info(*id);
  {
    Carrier first(server), second(server);
    REQUIRE(first.open(info) == "");
    CHECK(server.status("ws").current == 1);
    CHECK(server.metric(Metric::connections_accepted) == 1);
    CHECK(second.open(info).find("limits.max_connections of listener ws is reached") == 0);
    CHECK(server.status("ws").refused == 1);
    second.on_shard([&] {
      PeerInfo peer;
      peer.listener = info;
      peer.carried = true;
      auto opened = StreamEnd::open(
          server.shards.shard(0), std::move(peer),
          [&](Link& link) { return std::make_unique<Echo>(server, link, second.kept); }, second);
      REQUIRE(opened);
      second.end = std::move(*opened);
    });
    CHECK(server.status("ws").current == 1);
    first.move();
    first.feed(frame("#close"));
    CHECK(first.events.next() == "closed local: closed");
    CHECK(server.eventually([&] { return server.status("ws").current == 0; }));
    CHECK(server.status("ws").shutdowns.at("local") == 1);
  }
  CHECK(server.eventually([&] { return server.status("ws").shutdowns.size() == 1; }));
  CHECK(server.status("ws").accepted == 1);
}

TEST_CASE("stream: what cannot be opened") {
  Server server;
  Carrier carrier(server);
  CHECK(carrier.open(nullptr) == "a stream needs the settings of a listener");
  CHECK(carrier.open(Carrier::make_info(), true) == "nobody speaks the protocol of this stream");
  CHECK(no_links(server));
}

TEST_CASE("stream: shards stop with streams open, wherever their links are") {
  for (const bool end_first : {true, false}) {
    Server server(3);
    std::vector<std::unique_ptr<Carrier>> carriers;
    for (int i = 0; i < 12; ++i) {
      Carrier& carrier = *carriers.emplace_back(std::make_unique<Carrier>(server));
      REQUIRE(carrier.open() == "");
      for (int k = 0; k < i % 3; ++k) carrier.move();
      carrier.on_shard([&] {
        if (i % 4 == 0) carrier.end->pause();
        carrier.end->feed(frame("on its way") + (i % 2 ? frame("#move") : ""));
        if (end_first && i % 2) carrier.end.reset();
      });
    }
    server.shards.stop();
    for (auto& carrier : carriers) {
      CHECK((!carrier->end || !carrier->end->over()));
      if (carrier->end) carrier->end->close(CloseCause::peer, "late");
      carrier->end.reset();
    }
  }
}
