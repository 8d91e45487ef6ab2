// The connections of http_client on a fake host: who waits, what is kept, what times out.
#include <doctest/doctest.h>

#include <keel/fake.hpp>
#include <map>
#include <optional>

#include "http_client/client.hpp"

namespace {

using keel::http::Client;
using keel::http::ClientOptions;
using keel::http::Response;

// A plugin that only holds a client, on shard 1.
class Holder final : public keel::Plugin {
 public:
  explicit Holder(keel::Host& host) : Plugin(host) { current = this; }
  ~Holder() override { current = nullptr; }
  keel::Status start() override {
    client.emplace(host(), options, 1);
    return {};
  }
  void stop() override { client.reset(); }

  std::optional<Client> client;
  static inline Holder* current = nullptr;
  static inline ClientOptions options;
};

constexpr const char* kYes = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes";

struct Bench {
  explicit Bench(ClientOptions options = {}) {
    options.server = *keel::http::parse_url("http://auth.test:8080");
    Holder::options = std::move(options);
    REQUIRE(host.load<Holder>());
  }
  ~Bench() { CHECK(host.misuse().empty()); }

  // Sends GET /n from the client's shard; the answer shows in answers[n].
  void send(int n, std::uint32_t timeout_ms = 0) {
    host.on(1, [&] {
      Holder::current->client->send({.target = keel::concat("/", n), .timeout_ms = timeout_ms},
                                    [this, n](keel::Result<Response> answer) {
                                      CHECK(answers[n].empty());  // once
                                      answers[n] =
                                          answer ? keel::concat(answer->status, ' ', answer->body)
                                                 : keel::concat(answer.code(), ' ', answer.text());
                                      if (then) then(n);
                                    });
    });
    host.run();
  }
  // The connection that is being made.
  keel_handle dialled() {
    const auto outgoing = host.tcp_outgoing();
    REQUIRE(!outgoing.empty());
    return outgoing.front();
  }
  keel_handle accept() {
    const keel_handle connection = dialled();
    host.tcp_accept(connection);
    return connection;
  }
  // What was asked on a connection: "/7".
  std::string asked(keel_handle connection) {
    const std::string bytes = host.tcp_take(connection);
    const std::size_t at = bytes.find(' ');
    return at == std::string::npos ? bytes : bytes.substr(at + 1, bytes.find(' ', at + 1) - at - 1);
  }
  const keel::http::ClientStats& stats() const { return Holder::current->client->stats(); }

  std::map<int, std::string> answers;
  std::function<void(int)> then;
  keel::FakeHost host{2};  // goes first: unloading answers what is left
};

std::string code(keel_status status) { return keel::concat(status, ' '); }

}  // namespace

TEST_CASE("a request goes out when the connection is there, and the connection is kept") {
  Bench bench;
  bench.send(1);
  const keel_handle connection = bench.dialled();
  CHECK(bench.host.tcp_peer(connection).host == "auth.test");
  CHECK(bench.host.tcp_peer(connection).port == 8080);
  CHECK(bench.asked(connection).empty());
  bench.host.tcp_accept(connection);
  CHECK(bench.asked(connection) == "/1");
  bench.host.tcp_send(connection, "HTTP/1.1 200 OK\r\nContent-Le");
  CHECK(bench.answers[1].empty());
  bench.host.tcp_send(connection, "ngth: 3\r\n\r\nyes");
  CHECK(bench.answers[1] == "200 yes");
  bench.send(2);
  CHECK(bench.asked(connection) == "/2");
  bench.host.tcp_send(connection, kYes);
  CHECK(bench.answers[2] == "200 yes");
  CHECK(bench.stats().connects == 1);
  CHECK(bench.stats().requests == 2);
  CHECK(bench.host.unload());
}

TEST_CASE("from other threads it comes to the client's shard") {
  Bench bench;
  std::uint32_t where = 99;
  Holder::current->client->send({}, [&](const keel::Result<Response>& answer) {
    CHECK(answer);
    where = bench.host.current();
  });
  bench.host.run();
  bench.host.tcp_send(bench.accept(), kYes);
  CHECK(where == 1);
}

TEST_CASE("more requests than connections wait in order, more than that fail at once") {
  Bench bench({.pool_size = 2, .max_waiting = 2});
  for (int n = 1; n <= 5; ++n) bench.send(n);
  CHECK(bench.answers[5].starts_with(code(KEEL_E_LIMIT)));
  const auto outgoing = bench.host.tcp_outgoing();
  REQUIRE(outgoing.size() == 2);
  for (const keel_handle connection : outgoing) bench.host.tcp_accept(connection);
  CHECK(bench.stats().busy == 2);
  CHECK(bench.stats().waiting == 2);
  CHECK(bench.asked(outgoing[0]) == "/1");
  CHECK(bench.asked(outgoing[1]) == "/2");
  bench.host.tcp_send(outgoing[1], kYes);
  CHECK(bench.asked(outgoing[1]) == "/3");
  bench.host.tcp_send(outgoing[1], kYes);
  CHECK(bench.asked(outgoing[1]) == "/4");
  bench.host.tcp_send(outgoing[0], kYes);
  bench.host.tcp_send(outgoing[1], kYes);
  for (int n = 1; n <= 4; ++n) CHECK(bench.answers[n] == "200 yes");
  CHECK(bench.stats().waiting == 0);
  CHECK(bench.stats().connections == 2);
}

TEST_CASE("a connection that cannot be made fails its request only") {
  Bench bench({.pool_size = 1});
  bench.send(1);
  bench.send(2);
  bench.host.tcp_refuse(bench.dialled(), "connect to auth.test:8080: Connection refused");
  CHECK(bench.answers[1] ==
        code(KEEL_E_IO) + "http://auth.test:8080: connect to auth.test:8080: Connection refused");
  bench.host.tcp_send(bench.accept(), kYes);
  CHECK(bench.answers[2] == "200 yes");
}

TEST_CASE("when connecting fails at once the answer comes later, not within send()") {
  Bench bench;
  bench.host.fail_next("tcp.connect", KEEL_E_INVAL);
  bool within = true, called = false;
  bench.host.on(1, [&] {
    Holder::current->client->send({}, [&](const keel::Result<Response>& answer) {
      CHECK(answer.code() == KEEL_E_IO);
      called = true;
      CHECK(!within);
    });
    within = false;
  });
  bench.host.run();
  CHECK(called);
}

TEST_CASE("a connection closed while idle: the next request is repeated once, on a new one") {
  Bench bench;
  bench.send(1);
  const keel_handle first = bench.accept();
  bench.host.tcp_send(first, kYes);
  bench.send(2);  // on its way when the server closes
  CHECK(bench.asked(first) == "/1");
  bench.host.tcp_close(first);
  CHECK(bench.answers[2].empty());
  const keel_handle second = bench.accept();
  CHECK(bench.asked(second) == "/2");
  SUBCASE("and succeeds") {
    bench.host.tcp_send(second, kYes);
    CHECK(bench.answers[2] == "200 yes");
  }
  SUBCASE("but not a second time") {
    bench.host.tcp_close(second);
    CHECK(bench.answers[2].find("without an answer") != std::string::npos);
    CHECK(bench.host.tcp_outgoing().empty());
  }
  CHECK(bench.stats().repeats == 1);
}

TEST_CASE("a repeated request does not go to another connection that may be dead, too") {
  Bench bench({.pool_size = 2});
  bench.send(1);
  bench.send(2);
  const auto both = bench.host.tcp_outgoing();
  for (const keel_handle connection : both) bench.host.tcp_accept(connection);
  for (const keel_handle connection : both) bench.host.tcp_send(connection, kYes);
  for (const keel_handle connection : both) bench.asked(connection);
  bench.send(3);
  const std::size_t used = bench.asked(both[0]).empty() ? 1 : 0;
  bench.host.tcp_close(both[used]);
  CHECK(bench.asked(both[1 - used]).empty());
  bench.host.tcp_send(bench.accept(), kYes);
  CHECK(bench.answers[3] == "200 yes");
}

TEST_CASE("closed before the answer, or in its middle") {
  const struct {
    const char* sent;
    const char* answer;
  } cases[] = {
      {"", "without an answer"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nye", "in the middle"},
      {"HTTP/1.1 200 OK\r\n", "in the middle"},
      {"HTTP/1.1 200 OK\r\n\r\nyes", "200 yes"},
      {"nonsense\r\n\r\n", "no proper HTTP response"},
  };
  for (const auto& test : cases) {
    Bench bench;
    CAPTURE(test.sent);
    bench.send(1);
    const keel_handle connection = bench.accept();
    bench.host.tcp_send(connection, test.sent);
    bench.host.tcp_close(connection);
    CHECK_MESSAGE(bench.answers[1].find(test.answer) != std::string::npos, bench.answers[1]);
    CHECK(bench.stats().connections == 0);
  }
}

TEST_CASE("connections that are not to be used again are closed") {
  for (const char* answer : {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nyes",
                             "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes and more"}) {
    Bench bench;
    bench.send(1);
    const keel_handle connection = bench.accept();
    bench.host.tcp_send(connection, answer);
    CHECK(bench.answers[1] == "200 yes");
    CHECK(bench.host.tcp_peer(connection).closed);
    bench.send(2);
    CHECK(bench.accept() != connection);
  }
  Bench bench;  // what comes without being asked for
  bench.send(1);
  const keel_handle connection = bench.accept();
  bench.host.tcp_send(connection, kYes);
  CHECK(!bench.host.tcp_peer(connection).closed);
  bench.host.tcp_send(connection, kYes);
  CHECK(bench.host.tcp_peer(connection).closed);
}

TEST_CASE("time-outs: of an answer, of a connection, of those who wait") {
  Bench bench({.request_timeout_ms = 1000, .pool_size = 1});
  SUBCASE("the answer") {
    bench.send(1);
    const keel_handle connection = bench.accept();
    bench.host.tcp_send(connection, "HTTP/1.1 200 OK\r\n");
    bench.host.advance(990);
    CHECK(bench.answers[1].empty());
    bench.host.advance(60);
    CHECK(bench.answers[1] == code(KEEL_E_IO) + "http://auth.test:8080: timed out");
    CHECK(bench.host.tcp_peer(connection).closed);
    bench.send(2);  // and the next one has a connection
    bench.host.tcp_send(bench.accept(), kYes);
    CHECK(bench.answers[2] == "200 yes");
  }
  SUBCASE("the connection: when it comes after all it serves the next request") {
    bench.send(1);
    bench.host.advance(1050);
    CHECK(bench.answers[1].find("timed out") != std::string::npos);
    bench.send(2);
    const keel_handle connection = bench.accept();
    CHECK(bench.asked(connection) == "/2");
    bench.host.tcp_send(connection, kYes);
    CHECK(bench.answers[2] == "200 yes");
  }
  SUBCASE("waiting") {
    bench.send(1);
    bench.accept();
    bench.host.advance(500);
    bench.send(2);
    bench.host.advance(200);
    bench.send(3, 100);  // one of its own
    bench.host.advance(150);
    CHECK(bench.answers[3].find("timed out") != std::string::npos);
    CHECK(bench.answers[2].empty());
    bench.host.advance(250);
    CHECK(bench.answers[1].find("timed out") != std::string::npos);
    CHECK(bench.answers[2].empty());
    bench.host.tcp_send(bench.accept(), kYes);
    CHECK(bench.answers[2] == "200 yes");
  }
}

TEST_CASE("idle connections are closed, the one used last is used first") {
  Bench bench({.pool_size = 2, .idle_timeout_ms = 10'000});
  bench.send(1);
  bench.send(2);
  const auto both = bench.host.tcp_outgoing();
  for (const keel_handle connection : both) bench.host.tcp_accept(connection);
  bench.host.tcp_send(both[0], kYes);
  bench.host.advance(100);
  bench.host.tcp_send(both[1], kYes);
  for (int n = 3; n < 8; ++n) {
    bench.host.advance(3'000);
    bench.send(n);
    bench.host.tcp_send(both[1], kYes);
    CHECK(bench.answers[n] == "200 yes");
  }
  CHECK(bench.host.tcp_peer(both[0]).closed);
  CHECK(!bench.host.tcp_peer(both[1]).closed);
  bench.host.advance(10'050);
  CHECK(bench.host.tcp_peer(both[1]).closed);
  CHECK(bench.stats().connections == 0);
  CHECK(bench.host.handles("timer") == 0);  // nothing to wait for
}

TEST_CASE("a request that is none is refused") {
  Bench bench;
  keel_status got = KEEL_OK;
  bench.host.on(1, [&] {
    Holder::current->client->send({.target = "no path"},
                                  [&](const keel::Result<Response>& a) { got = a.code(); });
  });
  bench.host.run();
  CHECK(got == KEEL_E_INVAL);
  CHECK(bench.host.tcp_outgoing().empty());
}

TEST_CASE("close() answers everything, also when called from an answer") {
  Bench bench({.pool_size = 2});
  for (int n = 1; n <= 4; ++n) bench.send(n);
  const keel_handle connection = bench.accept();
  SUBCASE("from outside") {
    bench.host.on(1, [] { Holder::current->client->close(); });
    CHECK(bench.answers[1].starts_with(code(KEEL_E_STATE)));
  }
  SUBCASE("from an answer") {
    bench.then = [](int n) {
      if (n == 1) Holder::current->client.reset();
    };
    bench.host.tcp_send(connection, kYes);
    CHECK(bench.answers[1] == "200 yes");
  }
  bench.host.run();
  for (int n = 2; n <= 4; ++n) CHECK(bench.answers[n].starts_with(code(KEEL_E_STATE)));
  CHECK(bench.host.tcp_peer(connection).closed);
  for (const keel_handle late : bench.host.tcp_outgoing()) {
    bench.host.tcp_accept(late);  // came too late
    CHECK(bench.host.tcp_peer(late).closed);
  }
}

TEST_CASE("an answer may ask again at once") {
  Bench bench({.pool_size = 1});
  bench.then = [&](int n) {
    if (n == 1) bench.send(2);
  };
  bench.send(1);
  const keel_handle connection = bench.accept();
  bench.host.tcp_send(connection, kYes);
  bench.host.tcp_send(connection, kYes);
  CHECK(bench.answers[2] == "200 yes");
}

TEST_CASE("unloading answers everything and leaves nothing") {
  Bench bench({.pool_size = 1});
  bench.send(1);
  bench.send(2);
  bench.accept();
  CHECK(bench.host.unload());
  CHECK(!bench.answers[1].empty());
  CHECK(!bench.answers[2].empty());
  CHECK(bench.host.handles() == 0);
}

TEST_CASE("answers that are too large fail, and the connection goes") {
  Bench bench({.max_header = 1024, .max_response = 100});
  for (const std::string& answer :
       {"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n" + std::string(101, 'x'),
        "HTTP/1.1 200 OK\r\nX: " + std::string(2000, 'x')}) {
    bench.answers.clear();
    bench.send(1);
    const keel_handle connection = bench.accept();
    bench.host.tcp_send(connection, answer);
    CHECK(bench.answers[1].find("no proper HTTP response") != std::string::npos);
    CHECK(bench.host.tcp_peer(connection).closed);
  }
}
