#include "kernel/net/connector.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <thread>

#include "kernel/net/connect_socket.hpp"
#include "kernel/net/worker_pool.hpp"
#include "pki.hpp"
#include "server.hpp"

using namespace keel::test;

namespace {

// Says what happens to a connection that we made.
class Caller final : public LinkHandler {
 public:
  Caller(std::shared_ptr<Events> events, Link& link) : events_(std::move(events)), link_(link) {}
  void on_open() override {
    events_->add("open");
    link_.out.append(frame("hello"));
    link_.touch();
  }
  std::size_t on_data(std::string_view data) override {
    events_->add("data " + std::string(data));
    return data.size();
  }
  void on_drained() override {}
  void on_closed(CloseCause cause, std::string_view detail) override {
    events_->add(std::string("closed ") + std::string(close_cause_name(cause)) + ": " +
                 std::string(detail));
  }

 private:
  std::shared_ptr<Events> events_;  // outlives the test's own end
  Link& link_;
};

// Connects from shard 0 of a server and tells what came of it.
struct Client0 {
  explicit Client0(Server& with) : server(with) {}
  ~Client0() {
    CHECK(server.shards.run_on(
        0, [this](Shard&) { connector.reset(); }, std::chrono::seconds(30)));
    workers.stop();
  }

  void connect(Connector::Options options) {
    REQUIRE(server.shards.run_on(
        0,
        [&](Shard& shard) {
          connector = std::make_unique<Connector>(
              shard, workers, std::move(options),
              [this](Link& made) -> std::unique_ptr<LinkHandler> {
                if (refuse) return nullptr;
                return std::make_unique<Caller>(kept, made);
              },
              [this](Connector::Outcome outcome) {
                connector.reset();
                link = outcome.link;
                cause = outcome.cause;
                if (outcome.link) {
                  const auto& peer = outcome.link->peer();
                  verified = peer.verified ? *peer.verified : PeerInfo::Verified();
                  local = outcome.link->local();
                }
                events.add(outcome.link ? "connected" : outcome.error);
              });
        },
        std::chrono::seconds(30)));
  }
  void on_shard(const std::function<void()>& what) {
    REQUIRE(server.shards.run_on(
        0, [&](Shard&) { what(); }, std::chrono::seconds(30)));
  }

  Server& server;
  std::shared_ptr<Events> kept = std::make_shared<Events>();
  Events& events = *kept;
  WorkerPool workers{{.threads = 1, .max_queued = 4}};
  std::unique_ptr<Connector> connector;
  Link* link = nullptr;
  CloseCause cause = CloseCause::local;
  PeerInfo::Verified verified;
  Endpoint local;
  bool refuse = false;
};

// A port that nobody listens on, held for as long as the object lives.
struct ClosedPort {
  ClosedPort() {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof name;
    REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&name), size) == 0);
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size);
    number = ntohs(name.sin_port);
  }
  ~ClosedPort() { ::close(fd); }
  int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  std::uint16_t number = 0;
};

Resolver resolve_to(std::vector<std::string> addresses) {
  return [addresses](const std::string&) -> Result<std::vector<Endpoint>> {
    std::vector<Endpoint> found;
    for (const std::string& address : addresses) found.push_back(*Endpoint::parse(address));
    return found;
  };
}

std::string port_text(std::uint16_t port) { return std::to_string(port); }

struct TlsServer {
  explicit TlsServer(const CertificateOptions& certificate) {
    const Identity own = issue(ca, certificate);
    write_certificate(ca, dir.file("ca.pem"));
    write_certificate(other_ca, dir.file("other.pem"));
    write_certificate(own, dir.file("cert.pem"));
    write_key(own, dir.file("key.pem"));
    const Identity client = issue(ca, {.cn = "gateway-1", .serial = 9});
    write_certificate(client, dir.file("client.pem"));
    write_key(client, dir.file("client-key.pem"));
    TlsSettings& tls = server.settings.tls["t"];
    tls.certfile = dir.file("cert.pem");
    tls.keyfile = dir.file("key.pem");
  }
  std::uint16_t start() {
    server.listener("ssl", "127.0.0.1:0").tls = "t";
    server.start();
    return server.port("ssl");
  }
  std::shared_ptr<TlsContext> context(TlsSettings settings, TlsOptions options = {}) {
    options.role = TlsRole::client;
    auto loaded = TlsContext::load("out", settings, options);
    REQUIRE_MESSAGE(loaded, (loaded ? std::string() : loaded.error()));
    return *loaded;
  }
  TlsSettings trusting() const {
    TlsSettings tls;
    tls.cafile = dir.file("ca.pem");
    return tls;
  }
  TempDir dir;
  Identity ca = make_authority("Test CA"), other_ca = make_authority("Other CA");
  Server server;
};

}  // namespace

TEST_CASE("connecting by address and by name") {
  Server server;
  server.listener("plain", "127.0.0.1:0");
  server.start();
  const std::uint16_t port = server.port("plain");
  for (const std::string host : {"127.0.0.1", "localhost"}) {
    CAPTURE(host);
    Client0 client(server);
    client.connect({.host = host, .port = port});
    CHECK(client.events.next() == "open");
    CHECK(client.events.next() == "connected");
    CHECK(client.events.next() == "data " + frame("hello"));
    CHECK(client.local.host() == "127.0.0.1");
    CHECK(client.local.port != 0);
    REQUIRE(client.link);
    client.on_shard([&] {
      CHECK(client.link->peer().address() == "127.0.0.1:" + port_text(port));
      client.link->close();
    });
    CHECK(client.events.next() == "closed local: closed");
    CHECK(server.events.wait_for("closed peer: closed by the client"));
  }
}

TEST_CASE("a connection that was made is an ordinary link: the server's end is heard of") {
  Server server;
  server.listener("plain", "127.0.0.1:0");
  server.start();
  Client0 client(server);
  client.connect({.host = "127.0.0.1", .port = server.port("plain")});
  REQUIRE(client.events.wait_for("data " + frame("hello")));
  client.on_shard([&] {
    client.link->out.append(frame("#close"));
    client.link->touch();
  });
  CHECK(client.events.next() == "data " + frame("bye"));
  CHECK(client.events.next() == "closed peer: closed by the server");
}

TEST_CASE("connecting fails with the reason") {
  Server server;
  ClosedPort closed;
  const std::string at = ":" + port_text(closed.number) + ": ";
  Client0 client(server);
  SUBCASE("refused") {
    client.connect({.host = "127.0.0.1", .port = closed.number});
    CHECK(client.events.next() == "connect to 127.0.0.1" + at + "Connection refused");
    CHECK(client.cause == CloseCause::error);
  }
  SUBCASE("no such name") {
    client.connect({.host = "nobody.invalid", .port = closed.number});
    const std::string error = client.events.next();
    CHECK(error.find("connect to nobody.invalid" + at + "cannot resolve: ") == 0);
  }
  SUBCASE("the resolver's own words") {
    client.connect({.host = "x",
                    .port = closed.number,
                    .resolver = [](const std::string& host) -> Result<std::vector<Endpoint>> {
                      return Error{"no " + host + " today"};
                    }});
    CHECK(client.events.next() == "connect to x" + at + "no x today");
  }
  SUBCASE("a resolver that throws") {
    client.connect({.host = "x",
                    .port = closed.number,
                    .resolver = [](const std::string&) -> Result<std::vector<Endpoint>> {
                      throw std::runtime_error("out of order");
                    }});
    CHECK(client.events.next().find("cannot resolve: ") != std::string::npos);
    CHECK(server.eventually([&] { return client.workers.load().failed == 1; }));
  }
  SUBCASE("a name without addresses") {
    client.connect({.host = "x", .port = closed.number, .resolver = resolve_to({})});
    CHECK(client.events.next() == "connect to x" + at + "the name has no address");
  }
  SUBCASE("all addresses are tried, each with its reason") {
    client.connect(
        {.host = "x", .port = closed.number, .resolver = resolve_to({"127.0.0.1", "127.0.0.2"})});
    CHECK(client.events.next() == "connect to x" + at + "127.0.0.1" + at +
                                      "Connection refused; 127.0.0.2" + at + "Connection refused");
  }
  SUBCASE("no worker is free") {
    std::promise<void> release;
    const std::shared_future<void> released = release.get_future().share();
    REQUIRE(client.workers.submit([released] { released.wait(); }));
    REQUIRE(server.eventually([&] { return client.workers.load().running == 1; }));
    while (client.workers.submit([released] { released.wait(); })) {
    }
    client.connect({.host = "x", .port = closed.number, .resolver = resolve_to({"127.0.0.1"})});
    CHECK(client.events.next().find("cannot resolve: too much work is waiting") !=
          std::string::npos);
    release.set_value();
  }
  SUBCASE("a resolver that takes too long") {
    std::promise<void> release;
    const std::shared_future<void> released = release.get_future().share();
    client.connect({.host = "x",
                    .port = closed.number,
                    .timeout_ms = 100,
                    .resolver = [released](const std::string&) -> Result<std::vector<Endpoint>> {
                      released.wait();
                      return Error{"too late"};
                    }});
    CHECK(client.events.next() == "connect to x" + at + "cannot resolve: timed out");
    release.set_value();
  }
  SUBCASE("nobody handles it") {
    server.listener("plain", "127.0.0.1:0");
    server.start();
    client.refuse = true;
    client.connect({.host = "127.0.0.1", .port = server.port("plain")});
    CHECK(client.events.next().find("nobody handles the connection") != std::string::npos);
    CHECK(client.cause == CloseCause::local);
    CHECK(server.events.wait_for("closed peer: closed by the client"));
  }
}

TEST_CASE("the next address is tried when one does not answer") {
  Server server;
  server.listener("plain", "127.0.0.2:0");
  server.start();
  Client0 client(server);
  client.connect({.host = "x",
                  .port = server.port("plain"),
                  .resolver = resolve_to({"127.0.0.1", "127.0.0.2"})});
  CHECK(client.events.next() == "open");
  CHECK(client.events.next() == "connected");
}

TEST_CASE("connecting times out") {
  Server server;
  ClosedPort port;
  // With its backlog full a listener does not answer.
  REQUIRE(::listen(port.fd, 0) == 0);
  std::vector<int> waiting;
  for (int i = 0; i < 4; ++i) {
    waiting.push_back(open_connecting_socket(*Endpoint::parse("127.0.0.1", port.number)));
  }
  Client0 client(server);
  client.connect({.host = "127.0.0.1", .port = port.number, .timeout_ms = 200});
  CHECK(client.events.next() == "connect to 127.0.0.1:" + port_text(port.number) + ": timed out");
  for (const int fd : waiting) ::close(fd);
}

TEST_CASE("destroying a connector cancels: nothing is called any more") {
  Server server;
  server.listener("plain", "127.0.0.1:0");
  server.start();
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  Client0 client(server);
  client.connect({.host = "x",
                  .port = server.port("plain"),
                  .resolver = [released](const std::string&) -> Result<std::vector<Endpoint>> {
                    released.wait();
                    return std::vector<Endpoint>{*Endpoint::parse("127.0.0.1")};
                  }});
  client.on_shard([&] { client.connector.reset(); });
  release.set_value();
  CHECK(server.eventually([&] { return client.workers.load().done == 1; }));
  // While it connects.
  client.on_shard([&] {
    client.connector = std::make_unique<Connector>(
        server.shards.shard(0), client.workers,
        Connector::Options{.host = "127.0.0.1", .port = server.port("plain")},
        [&](Link&) -> std::unique_ptr<LinkHandler> {
          client.events.add("handler");
          return nullptr;
        },
        [&](Connector::Outcome) { client.events.add("done"); });
    client.connector.reset();
  });
  CHECK(server.shards.barrier([](Shard&) {}, std::chrono::seconds(30)));
  client.events.add("(end)");
  CHECK(client.events.next() == "(end)");
}

TEST_CASE("TLS to our own listener") {
  TlsServer tls({.cn = "server", .san = "DNS:localhost,IP:127.0.0.1", .serial = 2});
  TlsSettings& section = tls.server.settings.tls["t"];
  section.cafile = tls.dir.file("ca.pem");
  section.verify_peer = true;
  const std::uint16_t port = tls.start();
  Client0 client(tls.server);
  SUBCASE("by name") {
    client.connect({.host = "localhost", .port = port, .tls = tls.context(tls.trusting())});
  }
  SUBCASE("by address") {
    client.connect({.host = "127.0.0.1", .port = port, .tls = tls.context(tls.trusting())});
  }
  SUBCASE("a server name of its own") {
    client.connect({.host = "127.0.0.1",
                    .port = port,
                    .tls = tls.context(tls.trusting()),
                    .server_name = "localhost"});
  }
  SUBCASE("TLS 1.2") {
    TlsSettings settings = tls.trusting();
    settings.max_version = "1.2";
    client.connect({.host = "localhost", .port = port, .tls = tls.context(settings)});
  }
  SUBCASE("a protocol") {
    client.connect({.host = "localhost",
                    .port = port,
                    .tls = tls.context(tls.trusting(), {.alpn = {"h2", "mqtt"}})});
    REQUIRE(client.events.wait_for("connected"));
    CHECK(client.verified.alpn == "mqtt");
    REQUIRE(client.events.wait_for("data " + frame("hello")));
    return;
  }
  SUBCASE("with a certificate") {
    TlsSettings settings = tls.trusting();
    settings.certfile = tls.dir.file("client.pem");
    settings.keyfile = tls.dir.file("client-key.pem");
    client.connect({.host = "localhost", .port = port, .tls = tls.context(settings)});
    REQUIRE(client.events.wait_for("data " + frame("hello")));
    client.on_shard([&] {
      client.link->out.append(frame("#who"));
      client.link->touch();
    });
    CHECK(client.events.next().find("cn=gateway-1") != std::string::npos);
    return;
  }
  CHECK(client.events.next() == "open");
  CHECK(client.events.next() == "connected");
  CHECK(client.verified.san == "localhost");
  CHECK(client.events.next() == "data " + frame("hello"));
  client.on_shard([&] { client.link->close(); });
  CHECK(client.events.next() == "closed local: closed");
}

TEST_CASE("TLS: a server that cannot be trusted") {
  struct Case {
    const char* what;
    CertificateOptions certificate;
    const char* authority;
    const char* host;
    const char* error;
  };
  const Case cases[] = {
      {"expired",
       {.cn = "s", .san = "DNS:localhost", .days = -1},
       "ca.pem",
       "localhost",
       "TLS handshake: certificate verify failed: certificate has expired"},
      {"another name",
       {.cn = "s", .san = "DNS:other.org,DNS:*.other.org"},
       "ca.pem",
       "localhost",
       "TLS handshake: certificate is for other.org, *.other.org"},
      {"another address",
       {.cn = "s", .san = "DNS:localhost"},
       "ca.pem",
       "127.0.0.1",
       "TLS handshake: certificate is for localhost"},
      {"no name but a common one",
       {.cn = "elsewhere"},
       "ca.pem",
       "localhost",
       "TLS handshake: certificate is for elsewhere"},
      {"unknown authority",
       {.cn = "s", .san = "DNS:localhost"},
       "other.pem",
       "localhost",
       "TLS handshake: certificate verify failed: unable to get local issuer certificate"},
      {"the system's trust",
       {.cn = "s", .san = "DNS:localhost"},
       "",
       "localhost",
       "TLS handshake: certificate verify failed: unable to get local issuer certificate"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.what);
    TlsServer tls(c.certificate);
    const std::uint16_t port = tls.start();
    TlsSettings settings;
    if (*c.authority) settings.cafile = tls.dir.file(c.authority);
    Client0 client(tls.server);
    client.connect({.host = c.host, .port = port, .tls = tls.context(settings)});
    CHECK(client.events.next() ==
          std::string("connect to ") + c.host + ":" + port_text(port) + ": " + c.error);
    CHECK(client.cause == CloseCause::handshake);
    // Not asked to look, we do not.
    client.connect(
        {.host = c.host, .port = port, .tls = tls.context(settings, {.check_server = false})});
    CHECK(client.events.next() == "open");
    CHECK(client.events.next() == "connected");
    CHECK(client.verified.cn.empty());
  }
}

TEST_CASE("TLS: a server that does not speak it") {
  TlsServer tls({.cn = "s", .san = "DNS:localhost"});
  tls.server.listener("plain", "127.0.0.1:0");
  tls.start();
  Client0 client(tls.server);
  SUBCASE("answers in plain text") {
    ClosedPort port;
    REQUIRE(::listen(port.fd, 1) == 0);
    std::thread speaker([&] {
      const int fd = ::accept(port.fd, nullptr, nullptr);
      ::send(fd, "220 welcome, stranger\r\n", 23, MSG_NOSIGNAL);
      char c;
      while (::recv(fd, &c, 1, 0) > 0) {
      }
      ::close(fd);
    });
    client.connect({.host = "127.0.0.1", .port = port.number, .tls = tls.context(tls.trusting())});
    CHECK(client.events.next() ==
          "connect to 127.0.0.1:" + port_text(port.number) +
              ": TLS handshake: wrong version number; does the server speak TLS on this port?");
    speaker.join();
  }
  SUBCASE("hangs up") {
    client.connect({.host = "127.0.0.1",
                    .port = tls.server.port("plain"),
                    .tls = tls.context(tls.trusting())});
    CHECK(client.events.next() == "connect to 127.0.0.1:" + port_text(tls.server.port("plain")) +
                                      ": TLS handshake: closed by the server");
  }
  SUBCASE("says nothing") {
    ClosedPort port;
    REQUIRE(::listen(port.fd, 1) == 0);
    client.connect({.host = "127.0.0.1",
                    .port = port.number,
                    .tls = tls.context(tls.trusting()),
                    .timeout_ms = 200});
    CHECK(client.events.next() ==
          "connect to 127.0.0.1:" + port_text(port.number) + ": TLS handshake: timed out");
  }
}

TEST_CASE("TLS with a pre-shared key, for both versions") {
  TlsServer tls({.cn = "s"});
  tls.dir.write("keys", "gw-1:00112233445566778899aabbccddeeff\n");
  tls.dir.write("two", "gw-1:0011\ngw-2:0022\n");
  TlsSettings& section = tls.server.settings.tls["t"];
  section = {};
  section.pskfile = tls.dir.file("keys");
  const std::uint16_t port = tls.start();
  Client0 client(tls.server);
  for (const char* version : {"1.2", "1.3"}) {
    CAPTURE(version);
    TlsSettings settings;
    settings.pskfile = tls.dir.file("keys");
    settings.min_version = settings.max_version = version;
    settings.ciphers = "PSK";
    client.connect({.host = "127.0.0.1", .port = port, .tls = tls.context(settings)});
    CHECK(client.events.next() == "open");
    CHECK(client.events.next() == "connected");
    CHECK(client.events.next() == "data " + frame("hello"));
  }
  TlsSettings several;
  several.pskfile = tls.dir.file("two");
  const auto refused = TlsContext::load("out", several, {.role = TlsRole::client});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().find("holds several keys") != std::string::npos);
}

TEST_CASE("a client's settings that cannot work") {
  TempDir dir;
  const auto error = [&](const TlsSettings& settings, TlsOptions options = {}) {
    options.role = TlsRole::client;
    const auto loaded = TlsContext::load("out", settings, options);
    return loaded ? std::string() : loaded.error();
  };
  dir.write("empty.pem", "");
  TlsSettings settings;
  CHECK(error(settings) == "");
  settings.cafile = dir.file("nothing.pem");
  CHECK(error(settings).find("tls.out.cafile: cannot read") == 0);
  CHECK(error(settings, {.check_server = false}) == "");
  settings.cafile = dir.file("empty.pem");
  CHECK(error(settings).find("holds no usable PEM certificate") != std::string::npos);
  settings = {};
  settings.keyfile = dir.file("empty.pem");
  CHECK(error(settings).find("tls.out.certfile: is missing") == 0);
  CHECK(error({}, {.alpn = {""}}).find("tls.out.alpn") == 0);
  CHECK(error({}, {.alpn = {std::string(256, 'x')}}).find("tls.out.alpn") == 0);
}
