#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "pki.hpp"
#include "server.hpp"

using namespace keel::test;

TEST_CASE("max_connections of the listener and of all") {
  Server server;
  server.settings.limits.max_connections = 3;
  server.listener("a", "127.0.0.1:0").max_connections = 2;
  server.listener("b", "127.0.0.1:0");
  server.start();
  Client a1 = Client::tcp(server.port("a")), a2 = Client::tcp(server.port("a"));
  CHECK(a1.ask("x") == "x");
  CHECK(a2.ask("x") == "x");
  Client a3 = Client::tcp(server.port("a"));
  CHECK(a3.at_end());
  Client b1 = Client::tcp(server.port("b"));
  CHECK(b1.ask("x") == "x");
  Client b2 = Client::tcp(server.port("b"));
  CHECK(b2.at_end());
  CHECK(server.status("a").refused == 1);
  CHECK(server.status("b").refused == 1);
  CHECK(server.metric(Metric::connections_refused) == 2);
  a1.close();
  CHECK(server.eventually([&] { return server.status("a").current == 1; }));
  Client again = Client::tcp(server.port("b"));
  CHECK(again.ask("x") == "x");
}

TEST_CASE("banned addresses are closed at once, behind a proxy by the address it states") {
  Server server;
  server.listener("a", "127.0.0.1:0");
  server.listener("b", "127.0.0.1:0").proxy_protocol = true;
  server.start();
  const auto ban = [&](const std::string& block) {
    BanTable bans;
    bans.put(std::make_shared<const Ban>(address_ban(*Cidr::parse(block))));
    const auto table = bans.snapshot();
    REQUIRE(server.shards.barrier([&](Shard& shard) { shard.set_bans(table); },
                                  std::chrono::seconds(10)));
  };
  ban("127.0.0.0/8");
  Client refused = Client::tcp(server.port("a"));
  CHECK(refused.at_end());
  CHECK(server.status("a").refused == 1);
  CHECK(server.status("a").current == 0);
  CHECK(server.metric(Metric::banned_refused) == 1);
  Client proxied = Client::tcp(server.port("b"));
  CHECK(proxied.send("PROXY TCP4 192.0.2.7 198.51.100.1 4242 1883\r\n"));
  CHECK(proxied.ask("x") == "x");

  ban("192.0.2.0/24");
  Client admitted = Client::tcp(server.port("a"));
  CHECK(admitted.ask("x") == "x");
  Client guilty = Client::tcp(server.port("b"));
  CHECK(guilty.send("PROXY TCP4 192.0.2.7 198.51.100.1 4242 1883\r\n"));
  CHECK(guilty.at_end());
  CHECK(server.metric(Metric::banned_refused) == 2);
  CHECK(proxied.ask("x") == "x");  // the broker looks after those who are connected
}

TEST_CASE("connect_rate") {
  RateLimiter limiter;
  int admitted = 0;
  for (int i = 0; i < 100; ++i) admitted += limiter.admit(1000, 10);
  CHECK(admitted == 10);
  CHECK_FALSE(limiter.admit(1099, 10));
  CHECK(limiter.admit(1100, 10));
  CHECK_FALSE(limiter.admit(1100, 10));
  admitted = 0;
  for (int i = 0; i < 100; ++i) admitted += limiter.admit(100'000, 10);
  CHECK(admitted == 10);
  CHECK(limiter.admit(1, 0));

  Server server;
  server.listener("a", "127.0.0.1:0").connect_rate = 1;
  server.start();
  int refused = 0;
  std::vector<Client> clients;
  for (int i = 0; i < 10; ++i) {
    clients.push_back(Client::tcp(server.port("a")));
    refused += clients.back().ask("x") != "x";
  }
  CHECK(refused >= 5);
}

TEST_CASE("a Unix socket file left behind is replaced, one in use is not") {
  TempDir dir;
  const std::string path = dir.file("k.sock");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const int stale = ::socket(AF_UNIX, SOCK_STREAM, 0);
  REQUIRE(::bind(stale, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  ::close(stale);

  Server first;
  first.listener("a", "unix:" + path);
  first.start();
  CHECK(Client::unix_socket(path).ask("x") == "x");

  Server second;
  second.listener("a", "unix:" + path);
  const auto refused = second.apply();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().find("another process answers there") != std::string::npos);
  CHECK(Client::unix_socket(path).ask("x") == "x");

  Server third;
  dir.write("file", "not a socket");
  third.listener("a", "unix:" + dir.file("file"));
  CHECK_FALSE(third.apply());
}

TEST_CASE("an address in use is reported, the other listeners start") {
  Server first;
  first.listener("a", "127.0.0.1:0");
  first.start();
  Server second;
  second.listener("a", "127.0.0.1:" + std::to_string(first.port("a")));
  second.listener("b", "127.0.0.1:0");
  const auto applied = second.apply();
  REQUIRE_FALSE(applied);
  CHECK(applied.error().find("listener.a.bind: cannot listen on 127.0.0.1:") == 0);
  CHECK(applied.error().find("choose another address") != std::string::npos);
  CHECK_FALSE(second.status("a").running);
  CHECK(second.status("b").running);
}

TEST_CASE("settings that cannot work change nothing") {
  Server server;
  server.listener("a", "127.0.0.1:0");
  server.start();
  const std::uint16_t port = server.port("a");
  struct Case {
    void (*spoil)(ListenerSettings&);
    const char* error;
  };
  for (const Case& c :
       {Case{[](ListenerSettings& l) { l.bind = "nowhere:1"; }, "listener.b.bind"},
        Case{[](ListenerSettings& l) { l.tls = "gone"; }, "no section [tls.gone]"},
        Case{[](ListenerSettings& l) { l.proxy_from = {"x"}; }, "listener.b.proxy_from"}}) {
    server.settings.listeners.resize(1);
    server.settings.listeners[0].bind = "127.0.0.2:0";
    c.spoil(server.listener("b", "127.0.0.1:0"));
    const auto applied = server.apply();
    REQUIRE_FALSE(applied);
    CHECK(applied.error().find(c.error) != std::string::npos);
    CHECK(server.port("a") == port);
    CHECK(server.listeners.list().size() == 1);
  }
}

TEST_CASE("reload: unchanged stays, changed moves, removed closes, clients stay connected") {
  Server server;
  server.listener("same", "127.0.0.1:0");
  server.listener("moves", "127.0.0.1:0");
  server.listener("goes", "127.0.0.1:0");
  server.start();
  const std::uint16_t same = server.port("same"), gone = server.port("goes");
  const std::uint16_t old_port = server.port("moves");
  Client on_same = Client::tcp(same), on_moved = Client::tcp(old_port), on_gone = Client::tcp(gone);
  for (Client* client : {&on_same, &on_moved, &on_gone}) CHECK(client->ask("x") == "x");

  server.settings.listeners.pop_back();
  server.settings.listeners[0].max_connections = 1;
  server.settings.listeners[1].bind = "127.0.0.2:0";
  server.listener("new", "127.0.0.1:0");
  server.start();
  for (Client* client : {&on_same, &on_moved, &on_gone}) CHECK(client->ask("y") == "y");
  CHECK(server.port("same") == same);
  CHECK(Client::tcp(same).at_end());  // the new limit holds
  CHECK_FALSE(Client::tcp(old_port).connected());
  CHECK_FALSE(Client::tcp(gone).connected());
  CHECK(Client::tcp(server.port("new")).ask("x") == "x");
  CHECK(server.status("moves").bound.starts_with("127.0.0.2:"));
  CHECK(server.status("moves").accepted == 1);
  std::string names;
  for (const auto& status : server.listeners.list()) names += status.name + " ";
  CHECK(names == "same moves new ");
}

TEST_CASE("stop, start and restart by name") {
  Server server;
  server.listener("a", "127.0.0.1:0");
  server.listener("off", "127.0.0.1:0").enabled = false;
  server.start();
  CHECK_FALSE(server.status("off").running);
  Client before = Client::tcp(server.port("a"));
  CHECK(before.ask("x") == "x");
  const std::uint16_t port = server.port("a");
  REQUIRE(server.listeners.stop("a"));
  CHECK_FALSE(Client::tcp(port).connected());
  CHECK_FALSE(server.listeners.bound("a"));
  CHECK(before.ask("x") == "x");
  server.start();  // a reload leaves it stopped
  CHECK_FALSE(server.status("a").running);
  REQUIRE(server.listeners.start("a"));
  CHECK(Client::tcp(server.port("a")).ask("x") == "x");
  REQUIRE(server.listeners.restart("a"));
  CHECK(Client::tcp(server.port("a")).ask("x") == "x");
  REQUIRE(server.listeners.start("off"));
  CHECK(server.status("off").running);
  const auto unknown = server.listeners.stop("nobody");
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error() == "no listener 'nobody'; there are: a off");
}

TEST_CASE("reuse_port: one socket per shard") {
  Server server(2);
  server.listener("a", "127.0.0.1:0").reuse_port = true;
  server.start();
  for (int i = 0; i < 20; ++i) CHECK(Client::tcp(server.port("a")).ask("x") == "x");
  const std::uint16_t port = server.port("a");
  REQUIRE(server.listeners.stop("a"));
  CHECK_FALSE(Client::tcp(port).connected());
}

TEST_CASE("without file descriptors the listener waits and goes on") {
  Server server;
  server.listener("a", "127.0.0.1:0");
  server.start();
  Client waiting = Client::tcp(server.port("a"));
  CHECK(waiting.ask("x") == "x");
  rlimit limit{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  const int next = ::dup(0);
  const rlimit tight{.rlim_cur = static_cast<rlim_t>(next) + 1, .rlim_max = limit.rlim_max};
  ::close(next);
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &tight) == 0);
  Client late = Client::tcp(server.port("a"));  // takes the last one
  REQUIRE(late.connected());
  CHECK(waiting.ask("still here") == "still here");
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
  CHECK(late.ask("x") == "x");
}

TEST_CASE("PROXY headers: the client behind the proxy, and nobody else") {
  Server server;
  auto& proxied = server.listener("p", "127.0.0.1:0");
  proxied.proxy_protocol = true;
  proxied.proxy_from = {"127.0.0.0/8"};
  auto& closed = server.listener("q", "127.0.0.1:0");
  closed.proxy_protocol = true;
  closed.proxy_from = {"10.0.0.0/8"};
  server.settings.limits.handshake_timeout_ms = 300;
  server.start();

  Client v1 = Client::tcp(server.port("p"));
  REQUIRE(v1.send("PROXY TCP4 192.0.2.7 198.51.100.1 5555 1883\r\n" + frame("#who")));
  CHECK(v1.receive(5 + 16).substr(5) == "192.0.2.7:5555 p");

  Client slow = Client::tcp(server.port("p"));
  for (const char c : std::string("PROXY TCP6 2001:db8::9 ::1 77 1883\r\n")) {
    REQUIRE(slow.send(std::string(1, c)));
    CHECK(server.eventually([] { return true; }));
  }
  CHECK(slow.ask("#who") == "[2001:db8::9]:77 p");

  Client local = Client::tcp(server.port("p"));
  REQUIRE(local.send(std::string("\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00", 16)));
  CHECK(local.ask("#who").starts_with("127.0.0.1:"));

  Client malformed = Client::tcp(server.port("p"));
  REQUIRE(malformed.send("GET / HTTP/1.1\r\n\r\n"));
  CHECK(malformed.at_end());
  CHECK(server.events.wait_for("closed handshake: PROXY header: malformed"));
  Client silent = Client::tcp(server.port("p"));
  CHECK(silent.at_end());
  CHECK(server.events.wait_for("closed handshake: PROXY header: timed out"));
  Client stranger = Client::tcp(server.port("q"));
  CHECK(stranger.at_end());
  CHECK(
      server.events.wait_for("closed handshake: PROXY header: not from an address in proxy_from"));
}
