// Sessions on FakeHost: windows, sleep, polls, figures.
#include "support.hpp"

namespace keel::test {
namespace {

struct Client final : SessionHandler {
  void opened(std::uint8_t, bool) override {}
  void deliver(const Delivery& delivery) override {
    log += concat(delivery.message().payload(), ';');
    if (delivery.id() != 0) last = delivery.id();
    if (acks && delivery.id() != 0) CHECK(session.ack(delivery.id()));
  }
  void polled() override { log += "polled;"; }
  void session_closed(std::uint8_t, std::string_view) override { log += "closed;"; }
  std::string take() { return std::exchange(log, {}); }

  Session session;
  std::string log;
  std::uint32_t last = 0;
  bool acks = true;
};

struct Opened {
  explicit Opened(std::uint16_t window = 0) {
    f.load();
    on([&] {
      REQUIRE(f.host()
                  .sessions()
                  .open({.client_id = "c", .receive_maximum = window}, client)
                  .into(client.session));
    });
    peer = f.fake.session("c");
    REQUIRE(peer);
  }
  template <class F>
  void on(F&& fn) {
    f.fake.on(1, fn);
    f.fake.run();
  }
  void deliver(std::string_view payload, std::uint8_t qos) {
    f.fake.deliver("c", {"t", std::string(payload), qos});
  }
  void ack() {
    on([&] { CHECK(client.session.ack(client.last)); });
  }
  std::optional<keel_session_stats> inspect() {
    std::optional<keel_session_stats> out;
    on([&] {
      CHECK(client.session.inspect([&](const keel_session_stats* stats) {
        if (stats) out = *stats;
      }));
      CHECK(!out);  // never from within
    });
    return out;
  }
  Fixture f;
  Client client;
  fake::SessionPeer* peer = nullptr;
};

TEST_CASE("deliveries come as acknowledgements make room") {
  Opened o(1);
  o.client.acks = false;
  for (const char* payload : {"1", "2", "3"}) o.deliver(payload, 1);
  CHECK(o.client.take() == "1;");
  CHECK(o.peer->receive_maximum == 1);
  CHECK(o.peer->waiting.size() == 2);
  o.ack();
  CHECK(o.client.take() == "2;");
  o.on([&] {
    CHECK(o.client.session.ack(o.client.last + 1) == KEEL_E_NOENT);
    CHECK(o.client.session.received(o.client.last) == KEEL_E_NOENT);  // QoS 1
    CHECK(o.client.session.ack(o.client.last, 0x83));
    CHECK(o.client.session.ack(o.client.last) == KEEL_E_NOENT);  // done
  });
  CHECK(o.client.take() == "3;");
  CHECK(o.peer->acked.back().second == 0x83);
  o.ack();
  o.deliver("4", 2);
  o.on([&] { CHECK(o.client.session.received(o.client.last)); });
  CHECK(o.peer->inflight.size() == 1);
  o.deliver("5", 0);
  CHECK(o.client.take() == "4;5;");
}

TEST_CASE("a poll delivers what waits at that moment, and the session stays suspended") {
  Opened o(1);
  o.on([&] {
    CHECK(o.client.session.poll() == KEEL_E_STATE);
    CHECK(o.client.session.suspend());
    CHECK(o.client.session.poll());
    CHECK(o.client.log.empty());  // never from within
  });
  CHECK(o.client.take() == "polled;");
  o.client.acks = false;
  for (const auto& [payload, qos] : {std::pair{"0", 0}, {"1", 1}, {"2", 2}, {"3", 0}})
    o.deliver(payload, static_cast<std::uint8_t>(qos));
  CHECK(o.client.take().empty());
  o.on([&] { CHECK(o.client.session.poll()); });
  CHECK(o.client.take() == "0;1;");
  o.deliver("late", 0);
  o.ack();
  CHECK(o.client.take() == "2;3;polled;");
  o.ack();
  CHECK(o.client.take().empty());
  CHECK(o.peer->suspended);
  CHECK(!o.peer->poll_left);
  o.on([&] { CHECK(o.client.session.resume()); });
  CHECK(o.client.take() == "late;");
  CHECK(!o.peer->suspended);
}

TEST_CASE("other orders end a poll, and nothing is said") {
  Opened o(1);
  o.client.acks = false;
  o.on([&] { CHECK(o.client.session.suspend()); });
  for (const char* payload : {"1", "2"}) o.deliver(payload, 1);
  o.on([&] { CHECK(o.client.session.poll()); });
  CHECK(o.client.take() == "1;");
  SUBCASE("resume") {
    o.on([&] { CHECK(o.client.session.resume()); });
    o.ack();
    CHECK(o.client.take() == "2;");
  }
  SUBCASE("suspend") {
    o.on([&] { CHECK(o.client.session.suspend()); });
    o.ack();
    CHECK(o.client.take().empty());
  }
  SUBCASE("poll") {
    o.deliver("3", 1);
    o.on([&] { CHECK(o.client.session.poll()); });
    o.ack();
    CHECK(o.client.take() == "2;");
    o.ack();
    CHECK(o.client.take() == "3;polled;");
  }
  SUBCASE("its end") {
    o.f.fake.session_end("c", 0x8e, "taken over");
    CHECK(o.client.take() == "closed;");
  }
}

TEST_CASE("a full queue drops the oldest, of a poll too; the figures tell") {
  Opened o(1);
  o.client.acks = false;
  o.deliver("1", 1);
  o.on([&] {
    CHECK(o.client.session.subscribe({.filter = "t"}));
    CHECK(o.client.session.suspend(2));
  });
  for (const char* payload : {"2", "3", "4"}) o.deliver(payload, 1);
  const auto stats = o.inspect();
  REQUIRE(stats);
  CHECK(stats->size == sizeof *stats);
  CHECK(stats->waiting == 2);
  CHECK(stats->inflight == 1);
  CHECK(stats->dropped == 1);
  CHECK(stats->subscriptions == 1);
  o.on([&] { CHECK(o.client.session.poll()); });
  o.deliver("5", 1);
  o.deliver("6", 1);  // 3 and 4, which the poll is about, have gone
  CHECK(o.client.take() == "1;polled;");
  CHECK(o.peer->waiting.size() == 2);
}

TEST_CASE("figures that nobody can give any more") {
  Opened o;
  int nothing = 0;
  const auto ask = [&] {
    o.f.fake.on(1, [&] {
      CHECK(o.client.session.inspect([&](const keel_session_stats* stats) { nothing += !stats; }));
    });
  };
  SUBCASE("the session ends") {
    o.f.fake.on(1, [&] { CHECK(o.client.session.close()); });
    ask();
    o.f.fake.run();
    CHECK(nothing == 1);
    o.on(
        [&] { CHECK(o.client.session.inspect([](const keel_session_stats*) {}) == KEEL_E_STALE); });
  }
  SUBCASE("the plugin goes") {
    ask();
    CHECK(o.f.fake.unload());
    CHECK(nothing == 1);
  }
}

TEST_CASE("what a gateway asks for is there to be seen") {
  Fixture f;
  f.load();
  Client bare, rich;
  f.fake.on(1, [&] {
    REQUIRE(f.host().sessions().open({.client_id = "bare"}, bare).into(bare.session));
    const FakeVerified proved{.cn = "device 7", .psk_identity = "id7", .cipher = "PSK"};
    const keel_verified shown = proved.c();
    SessionRequest request{.client_id = "rich", .username = "", .password = "secret"};
    request.loopback_only = true;
    request.verified = Verified(&shown);
    REQUIRE(f.host().sessions().open(request, rich).into(rich.session));
  });
  f.fake.run();
  const fake::SessionPeer* const one = f.fake.session("bare");
  REQUIRE(one);
  CHECK_FALSE(one->loopback_only);
  CHECK_FALSE(one->has_username);
  CHECK_FALSE(one->has_password);
  CHECK_FALSE(one->verified);
  const fake::SessionPeer* const other = f.fake.session("rich");
  REQUIRE(other);
  CHECK(other->loopback_only);
  CHECK(other->has_username);
  CHECK(other->username.empty());
  CHECK(other->has_password);
  CHECK(other->password == "secret");
  REQUIRE(other->verified);
  CHECK(other->verified->cn == "device 7");
  CHECK(other->verified->psk_identity == "id7");
  CHECK(other->verified->cipher == "PSK");
  CHECK(other->verified->san.empty());
}

TEST_CASE("an older kernel has neither poll nor figures") {
  Fixture f;
  f.fake.resize_table(KEEL_EXT_SESSION, offsetof(keel_ext_session, poll));
  f.load();
  Client client;
  f.fake.on(1, [&] {
    REQUIRE(f.host().sessions().open({.client_id = "c"}, client).into(client.session));
    CHECK(client.session.poll() == KEEL_E_UNSUPPORTED);
    CHECK(client.session.inspect([](const keel_session_stats*) {}) == KEEL_E_UNSUPPORTED);
  });
  f.fake.run();
}

}  // namespace
}  // namespace keel::test
