// Both ends of a stream, for tests: a protocol that echoes and obeys, and a carrier.
#pragma once

#include <doctest/doctest.h>

#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "kernel/net/stream_link.hpp"
#include "server.hpp"

namespace keel::test {

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
inline bool settle(Server& server) {
  for (int i = 0; i < 3; ++i) {
    if (!server.shards.barrier([](Shard&) {}, kPatience)) return false;
  }
  return true;
}

inline bool no_links(Server& server) {
  return server.eventually([&] {
    std::size_t count = 1;
    const auto look = [&](Shard& shard) { count = shard.links(); };
    return server.shards.run_on(0, look, kPatience) && count == 0;
  });
}

// Runs a test with the link here, there, and fed later in the turn.
enum class Where { here, later, there };
constexpr Where kEverywhere[] = {Where::here, Where::later, Where::there};

inline void go(Carrier& carrier, Where where) {
  if (where == Where::later) carrier.when = StreamEnd::When::this_turn;
  if (where == Where::there) carrier.move();
  REQUIRE(carrier.handler.next() == "open");
}

}  // namespace keel::test
