#include "kernel/net/stream_link.hpp"

#include <doctest/doctest.h>

#include <random>

#include "server.hpp"

using namespace keel::test;

namespace {

constexpr std::chrono::seconds kPatience{30};

// The protocol's end: takes frames as the test server's does, echoes, moves, pauses.
class Echo final : public LinkHandler {
 public:
  Echo(Server& server, Link& link, std::shared_ptr<Events> events)
      : server_(server), link_(link), events_(std::move(events)) {}
  ~Echo() override { events_->add("gone"); }
  void on_open() override { events_->add("open"); }

  std::size_t on_data(std::string_view data) override {
    std::size_t taken = 0;
    while (!stop_ && data.size() - taken >= 5) {
      const std::string_view rest = data.substr(taken);
      const std::size_t size = std::strtoul(std::string(rest.substr(0, 4)).c_str(), nullptr, 10);
      if (rest.size() < 5 + size) break;
      taken += 5 + size;
      obey(rest.substr(5, size));
    }
    return taken;
  }
  void on_drained() override {
    events_->add("drained");
    stop_ = false;
    link_.resume_reading();
  }
  void on_closed(CloseCause cause, std::string_view detail) override {
    events_->add("closed " + std::string(close_cause_name(cause)) + ": " + std::string(detail));
  }

  void go_on() {
    stop_ = false;
    link_.resume_reading();
  }

 private:
  void answer(std::string_view body) {
    link_.out.append(frame(body));
    link_.touch();
  }
  void obey(std::string_view body) {
    if (body == "#move") {
      const std::uint32_t next = (link_.shard().index() + 1) % server_.shards.size();
      stop_ = true;
      link_.move_to(server_.shards.shard(next), [this] {
        stop_ = false;
        answer("moved to " + std::to_string(link_.shard().index()));
      });
    } else if (body == "#close") {
      answer("bye");
      link_.close();
      stop_ = true;
    } else if (body == "#abort") {
      link_.abort();
      stop_ = true;
    } else if (body == "#pause") {
      link_.pause_reading();
      stop_ = true;
    } else if (body == "#drain") {
      answer("before");
      stop_ = true;
      link_.pause_reading();
      link_.notify_when_drained();
    } else if (body == "#one") {  // enough for one turn
      stop_ = true;
      link_.shard().post([this] { stop_ = false; });
      link_.resume_reading();
    } else if (body == "#big") {
      link_.out.append(std::string(300'000, 'b'));
      link_.touch();
    } else if (body == "#overflow") {
      link_.out.reserve(OutBuffer::kMaxSize + 1);
      link_.touch();
    } else {
      answer(body);
    }
  }

  Server& server_;
  Link& link_;
  std::shared_ptr<Events> events_;  // outlives the carrier
  bool stop_ = false;
};

// The carrier's end, on shard 0. Everything of it is touched on that shard or while it stands
// still.
struct Carrier final : StreamUser {
  explicit Carrier(Server& with) : server(with) {}
  ~Carrier() {
    on_shard([&] { end.reset(); });
  }

  void on_shard(const std::function<void()>& what) {
    REQUIRE(server.shards.run_on(
        0, [&](Shard&) { what(); }, kPatience));
  }
  static std::shared_ptr<const ListenerInfo> make_info(std::int64_t send_timeout_ms = 30'000) {
    auto made = std::make_shared<ListenerInfo>();
    made->settings.name = "ws";
    made->send_timeout_ms = send_timeout_ms;
    return made;
  }
  std::string open(std::shared_ptr<const ListenerInfo> info = make_info(), bool refuse = false) {
    std::string error;
    on_shard([&] {
      PeerInfo peer;
      peer.endpoint = *Endpoint::parse("192.0.2.9", 99);
      peer.listener = std::move(info);
      auto opened = StreamEnd::open(
          server.shards.shard(0), std::move(peer),
          [&](Link& link) -> std::unique_ptr<LinkHandler> {
            if (refuse) return nullptr;
            auto made = std::make_unique<Echo>(server, link, kept);
            echo = made.get();
            return made;
          },
          *this);
      if (opened) {
        end = std::move(*opened);
      } else {
        error = opened.error();
      }
    });
    return error;
  }
  StreamEnd::Fed feed(std::string_view bytes, StreamEnd::When wanted = StreamEnd::When::now) {
    StreamEnd::Fed fed;
    on_shard([&] { fed = end->feed(bytes, wanted); });
    return fed;
  }
  std::string take(std::size_t size) {
    std::string got;
    const bool came = server.eventually([&] {
      on_shard([&] {
        if (output.size() >= size) got = std::exchange(output, {});
      });
      return !got.empty();
    });
    return came ? got : "(nothing)";
  }
  std::string ask(std::string_view body, std::string_view answer) {
    feed(frame(body));
    return take(frame(answer).size());
  }
  void move() {
    on_shard([&] { end->feed(frame("#move"), when); });
    at = (at + 1) % server.shards.size();
    const std::string answer = "moved to " + std::to_string(at);
    REQUIRE(take(frame(answer).size()) == frame(answer));
  }

  void on_output(const iovec* pieces, int count) override {
    ++flushes;
    for (int i = 0; i < count; ++i) {
      output.append(static_cast<const char*>(pieces[i].iov_base), pieces[i].iov_len);
    }
    if (then_output) then_output();
  }
  void on_writable() override {
    events.add("writable");
    if (then_writable) then_writable();
  }
  void on_closed(CloseCause cause, std::string_view detail) override {
    events.add("closed " + std::string(close_cause_name(cause)) + ": " + std::string(detail));
    if (then_closed) then_closed();
  }

  Server& server;
  Events events;
  std::shared_ptr<Events> kept = std::make_shared<Events>();
  Events& handler = *kept;  // what the protocol's end says
  Echo* echo = nullptr;
  std::string output;
  int flushes = 0;
  std::uint32_t at = 0;
  StreamEnd::When when = StreamEnd::When::now;
  std::function<void()> then_output, then_writable, then_closed;
  std::unique_ptr<StreamEnd> end;
};

// Lets everything that is on its way arrive.
bool settle(Server& server) {
  for (int i = 0; i < 3; ++i) {
    if (!server.shards.barrier([](Shard&) {}, kPatience)) return false;
  }
  return true;
}

bool no_links(Server& server) {
  return server.eventually([&] {
    std::size_t count = 1;
    const auto look = [&](Shard& shard) { count = shard.links(); };
    return server.shards.run_on(0, look, kPatience) && count == 0;
  });
}

// Runs a test with the link here, there, and fed later in the turn.
enum class Where { here, later, there };
constexpr Where kEverywhere[] = {Where::here, Where::later, Where::there};

void go(Carrier& carrier, Where where) {
  if (where == Where::later) carrier.when = StreamEnd::When::this_turn;
  if (where == Where::there) carrier.move();
  REQUIRE(carrier.handler.next() == "open");
}

}  // namespace

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
