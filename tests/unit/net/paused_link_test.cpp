// Links whose handler reads nothing for a while, as those of a plugin that is being upgraded.
#include <doctest/doctest.h>
#include <fcntl.h>

#include <optional>

#include "kernel/net/extra_listeners.hpp"
#include "pki.hpp"
#include "server.hpp"

using namespace keel::test;

namespace {

constexpr std::int64_t kSendLimitMs = 100;
constexpr std::int64_t kHandshakeLimitMs = 2'000;  // a loaded machine takes its time

// Pauses when it opens.
struct Parked final : LinkHandler {
  Parked(Link& made, std::shared_ptr<Events> tell) : link(made), events(std::move(tell)) {}
  void on_open() override {
    link.pause_reading();
    events->add("open");
  }
  std::size_t on_data(std::string_view data) override {
    received += data.size();
    if (data.ends_with("!")) events->add("received " + std::to_string(received));
    return data.size();
  }
  void on_drained() override { events->add("drained"); }
  void on_closed(CloseCause cause, std::string_view detail) override {
    events->add(std::string("closed ") + std::string(close_cause_name(cause)));
    (void)detail;
  }
  Link& link;
  std::shared_ptr<Events> events;
  std::size_t received = 0;
};

struct ParkedServer {
  explicit ParkedServer(bool with_tls) {
    server.settings.limits.handshake_timeout_ms = kHandshakeLimitMs;
    server.settings.limits.send_timeout_ms = kSendLimitMs;
    server.start();
    ExtraListener listener;
    listener.settings.name = "parked";
    listener.settings.bind = "127.0.0.1:0";
    listener.factory = [this](Link& link) {
      auto made = std::make_unique<Parked>(link, events);
      handler = made.get();
      return made;
    };
    if (with_tls) {
      const Identity own = make_authority("server");
      write_certificate(own, dir.file("cert.pem"));
      write_key(own, dir.file("key.pem"));
      listener.tls = TlsSettings{};
      listener.tls->certfile = dir.file("cert.pem");
      listener.tls->keyfile = dir.file("key.pem");
    }
    const auto id = server.listeners.extra().add(std::move(listener));
    REQUIRE(id);
    server.listeners.extra().resume(*id);
    client.emplace(Client::tcp(server.listeners.extra().bound(*id)->endpoint.port));
    if (with_tls) REQUIRE(client->start_tls(context.get()) == "");
    REQUIRE(events->next() == "open");
  }

  // On the shard of the link.
  void on_link(const std::function<void(Parked&)>& what) {
    REQUIRE(server.shards.run_on(
        0, [&](Shard&) { what(*handler); }, kPatience));
  }
  // Until the time-outs that could matter have passed.
  void let_time_pass() {
    struct Alarm {
      explicit Alarm(Events& events) : tell(events) {}
      Events& tell;
      Timer timer{[](void* self) { static_cast<Alarm*>(self)->tell.add("rung"); }, this};
    };
    Events rung;
    Alarm alarm(rung);
    const auto arm = [&](Shard& shard) {
      shard.timers().arm(alarm.timer, 2 * kSendLimitMs + (client->ssl() ? kHandshakeLimitMs : 0));
    };
    REQUIRE(server.shards.run_on(0, arm, kPatience));
    CHECK(rung.next() == "rung");
    REQUIRE(server.shards.run_on(
        0, [&](Shard&) { alarm.timer.cancel(); }, kPatience));
  }
  void resume() {
    on_link([](Parked& parked) { parked.link.resume_reading(); });
  }
  bool silent() {
    REQUIRE(server.shards.barrier([](Shard&) {}, kPatience));
    events->add("(silence)");
    return events->next() == "(silence)";
  }
  // As much as fits, without anybody reading it; answers how much.
  std::size_t stuff() {
    ::fcntl(client->fd(), F_SETFL, O_NONBLOCK);
    if (client->ssl()) {
      SSL_set_mode(client->ssl(), SSL_MODE_ENABLE_PARTIAL_WRITE);
    }
    const std::string block(16'000, 'd');
    std::size_t size = 0;
    while (size < 100'000'000 && client->send(block)) size += block.size();
    ::fcntl(client->fd(), F_SETFL, 0);
    return size;
  }

  TempDir dir;
  std::shared_ptr<SSL_CTX> context{SSL_CTX_new(TLS_client_method()), SSL_CTX_free};
  std::shared_ptr<Events> events = std::make_shared<Events>();
  Parked* handler = nullptr;
  Server server{1};
  std::optional<Client> client;
};

}  // namespace

TEST_CASE("a paused link does not time out and loses nothing") {
  for (const bool tls : {false, true}) {
    CAPTURE(tls);
    ParkedServer parked(tls);
    std::size_t sent = 6;
    if (tls) {
      REQUIRE(parked.client->send("early!"));
    } else {
      REQUIRE(parked.client->send("early "));
      sent += parked.stuff();  // the socket is full; a part of the last block may have gone
    }
    parked.let_time_pass();
    CHECK(parked.silent());
    parked.resume();
    if (tls) {
      CHECK(parked.events->next() == "received 6");
    } else {
      REQUIRE(parked.client->send("!"));
      const std::string got = parked.events->next();
      REQUIRE(got.starts_with("received "));
      const std::size_t received = std::stoul(got.substr(9));
      CHECK(received > sent);
      CHECK(received <= sent + 16'001);
    }
  }
}

TEST_CASE("a paused link: what the client said before it went comes first") {
  for (const bool tls : {false, true}) {
    CAPTURE(tls);
    ParkedServer parked(tls);
    REQUIRE(parked.client->send("farewell!"));
    parked.client->close();
    parked.let_time_pass();
    CHECK(parked.silent());
    parked.resume();
    CHECK(parked.events->next() == "received 9");
    CHECK(parked.events->next() == "closed peer");
  }
}

TEST_CASE("a paused link: a reset is heard of on resuming") {
  ParkedServer parked(false);
  parked.client->reset();
  parked.let_time_pass();
  CHECK(parked.silent());
  parked.resume();
  CHECK(parked.events->next() == "closed peer");
}

TEST_CASE("a paused link closes when it is told to") {
  for (const bool tls : {false, true}) {
    for (const bool polite : {false, true}) {
      ParkedServer parked(tls);
      parked.on_link([&](Parked& p) {
        if (polite) p.link.out.append(std::string("bye"));
        polite ? p.link.close() : p.link.abort();
      });
      if (polite) CHECK(parked.client->receive(3) == "bye");
      CHECK(parked.events->next() == "closed local");
      CHECK(parked.client->at_end());
    }
  }
}

TEST_CASE("a paused link with output: sent, or closed at once when nobody is there") {
  ParkedServer parked(false);
  parked.on_link([&](Parked& p) {
    p.link.out.append(std::string("for you"));
    p.link.notify_when_drained();
  });
  CHECK(parked.client->receive(7) == "for you");
  CHECK(parked.events->next() == "drained");
  parked.client->reset();
  CHECK(parked.silent());
  parked.on_link([&](Parked& p) {
    p.link.out.append(std::string("too late"));
    p.link.touch();
  });
  CHECK(parked.events->next() == "closed peer");  // without being resumed
}

TEST_CASE("a paused link with output that nobody takes is slow") {
  ParkedServer parked(false);
  parked.on_link([&](Parked& p) {
    p.link.out.append(std::string(50'000'000, 'x'));
    p.link.touch();
  });
  CHECK(parked.events->next() == "closed slow");
}
