// Datagrams, connections, streams and sessions.
#include "tests/unit/sdk/support.hpp"

using namespace keel;
using keel::test::Fixture;

TEST_CASE("datagrams come in and are answered") {
  Fixture f;
  UdpSocket socket;
  std::string seen;
  f.load([&](Host& host) -> Status {
    KEEL_TRY(host.udp()
                 .bind("127.0.0.1:0",
                       [&, t = f.tracked()](Datagram d) {
                         seen += concat(d.peer(), ' ', d.local(), ' ', d.text(), ';');
                         if (d.text() == "throw") throw std::runtime_error("odd datagram");
                         CHECK(d.reply(concat("re: ", d.text())));
                         if (d.text() == "close") socket = {};
                       })
                 .into(socket));
    CHECK(socket.local().port() != 0);
    const Address group = *Address::parse("224.0.1.187:0");
    CHECK(socket.join(group));
    CHECK(socket.join(group) == KEEL_E_EXISTS);
    CHECK(socket.join(group, 1));
    CHECK(socket.join(*Address::parse("224.0.1.188:0")));
    CHECK(socket.reload_tls());
    CHECK(host.udp().bind("no address", [](Datagram) {}).code() == KEEL_E_INVAL);
    CHECK(host.udp().bind(socket.local().text(), [](Datagram) {}).code() == KEEL_E_IO);
    return {};
  });
  CHECK(f.fake.datagram("throw", "10.0.0.1:5"));
  CHECK(f.fake.datagram("hi", "10.0.0.1:5"));
  CHECK(seen ==
        concat("10.0.0.1:5 ", socket.local(), " throw;10.0.0.1:5 ", socket.local(), " hi;"));
  REQUIRE(f.fake.datagrams_sent.size() == 1);
  CHECK(f.fake.datagrams_sent[0].peer == "10.0.0.1:5");
  CHECK(f.fake.datagrams_sent[0].bytes == "re: hi");
  CHECK(f.fake.exceptions.size() == 1);
  f.fake.on(0, [&] {
    CHECK(socket.send(*Address::parse("10.0.0.2:6"), {to_c("a"), to_c("b")}));
    f.fake.fail_next("udp.send", KEEL_E_LIMIT);
    CHECK(socket.send(*Address::parse("10.0.0.2:6"), "c") == KEEL_E_LIMIT);
  });
  CHECK(f.fake.datagrams_sent.back().bytes == "ab");
  CHECK(socket.stats()->datagrams_out == 2);
  f.fake.datagram("close");
  CHECK(f.alive == 0);
  CHECK(!f.fake.datagram("nobody"));
  CHECK(socket.local() == Address());
}

TEST_CASE("DTLS: keys are looked up, associations told of") {
  struct Keys final : PskSource {
    bool key(std::string_view identity, std::string& out) override {
      if (identity == "bad") throw std::runtime_error("key store");
      out = "k";
      return identity == "joe";
    }
  } keys;
  Fixture f;
  std::string log;
  f.load([&](Host& host) -> Status {
    const Tls tls{.certfile = "c", .verify = Verify::optional, .psk = &keys};
    return host.udp().bind(
        {.address = "127.0.0.1:1", .tls = &tls},
        [&](Datagram d) { log += concat(d.verified().psk_identity(), ':', d.text(), ' '); },
        [&](const Address& peer, Verified verified, bool opened) {
          log += concat(peer, verified.cn(), opened ? '+' : '-', ' ');
        });
  });
  f.fake.dtls_session("10.0.0.1:1", {.cn = "dev"}, true);
  f.fake.datagram("hi", "10.0.0.1:1", {}, FakeVerified{.psk_identity = "joe"});
  f.fake.dtls_session("10.0.0.1:1", {.cn = "dev"}, false);
  CHECK(log == "10.0.0.1:1dev+ joe:hi 10.0.0.1:1dev- ");

  detail::TlsArguments arguments;
  const keel_tls_options c = arguments.c(f.host().core(), Tls{.psk = &keys});
  std::string key;
  CHECK(c.psk_lookup(c.psk_ctx, to_c("joe"), sink_into(key)) == 1);
  CHECK(key == "k");
  CHECK(c.psk_lookup(c.psk_ctx, to_c("ann"), sink_into(key)) == 0);
  CHECK(c.psk_lookup(c.psk_ctx, to_c("bad"), sink_into(key)) == 0);
  CHECK(f.fake.exceptions == std::vector<std::string>{"key store"});
  const bool unasked = detail::TlsArguments().c(f.host().core(), Tls{}).psk_lookup == nullptr;
  CHECK(unasked);
}

namespace {

// Answers lines; "bye" shuts down, "die" closes, "throw" throws.
class Lines final : public TcpHandler {
 public:
  Lines(std::string& log, test::Tracked tracked) : log_(log), tracked_(tracked) {}
  void opened(const TcpInfo& info) override { log_ += concat("opened ", info.peer(), ' '); }
  std::size_t data(std::string_view bytes) override {
    const std::size_t end = bytes.find('\n');
    if (end == std::string_view::npos) return 0;
    const std::string_view line = bytes.substr(0, end);
    if (line == "throw") throw std::runtime_error("line");
    if (line == "bye") CHECK(connection().shutdown());
    if (line == "die") CHECK(connection().close());
    if (const Status wrote = connection().write({to_c(line), to_c("!")}); !wrote) {
      log_ += concat(wrote, ' ');
    }
    return end + 1;
  }
  void drained() override { log_ += "drained "; }
  void closed(const Closed& why) override {
    CHECK(!connection());
    CHECK(connection().write("x") == KEEL_E_STALE);
    log_ += concat("closed ", why.reason, ' ', why.detail, ' ');
  }

 private:
  std::string& log_;
  test::Tracked tracked_;
};

}  // namespace

TEST_CASE("connections are accepted, read in pieces, written, and end in every way") {
  Fixture f;
  std::string log;
  TcpListener listener;
  f.load([&](Host& host) -> Status {
    return host.tcp()
        .listen({.address = "127.0.0.1:0", .name = "lines:x"},
                [&](const TcpInfo& info) -> std::unique_ptr<TcpHandler> {
                  CHECK(info.listener() == "lines:x");
                  if (info.peer().port() == 666) return nullptr;
                  if (info.peer().port() == 667) throw std::runtime_error("no");
                  return std::make_unique<Lines>(log, f.tracked());
                })
        .into(listener);
  });
  const std::string to = listener.local().text();
  const keel_handle a = f.fake.tcp_connect(to, "10.0.0.1:1");
  f.fake.tcp_send(a, "he");
  CHECK(f.fake.tcp_take(a).empty());
  f.fake.tcp_send(a, "llo\n");
  CHECK(f.fake.tcp_take(a) == "hello!");
  f.fake.tcp_close(a);
  CHECK(log == "opened 10.0.0.1:1 closed 0 closed by the peer ");
  CHECK(f.alive == 0);

  for (const auto& [line, reason] :
       std::vector<std::pair<std::string, int>>{{"bye\n", 1}, {"die\n", 1}, {"throw\n", 1}}) {
    log.clear();
    const keel_handle b = f.fake.tcp_connect(to, "10.0.0.1:1");
    f.fake.tcp_send(b, line);
    CHECK(f.fake.tcp_peer(b).closed);
    CHECK(log.find(concat("closed ", reason)) != std::string::npos);
    CHECK(f.alive == 0);
  }
  CHECK(f.fake.exceptions.size() == 1);

  for (const char* refused : {"10.0.0.1:666", "10.0.0.1:667"}) {
    const keel_handle c = f.fake.tcp_connect(to, refused);
    CHECK(f.fake.tcp_peer(c).closed);
  }
  CHECK(f.fake.handles("connection") == 0);

  const keel_handle d = f.fake.tcp_connect(to, "10.0.0.1:1");
  log.clear();
  f.fake.tcp_peer(d).stalled = true;
  f.fake.tcp_send(d, "slow\n");
  f.fake.tcp_unstall(d);
  CHECK(log == "limit reached drained ");

  log.clear();
  listener.reset();  // the connection stays
  CHECK(f.fake.tcp_connect(to) == 0);
  f.fake.tcp_send(d, "on\n");
  CHECK(f.fake.tcp_take(d) == "on!");
  CHECK(f.fake.unload());
  CHECK(log.find("closed 5") != std::string::npos);
}

TEST_CASE("connections are made, or fail with a reason") {
  Fixture f;
  f.load();
  std::string log;
  const auto dial = [&] {
    CHECK(f.host().tcp().connect({.host = "auth.example", .port = 80},
                                 std::make_unique<Lines>(log, f.tracked())));
    const keel_handle made = f.fake.tcp_outgoing().at(0);
    CHECK(f.fake.tcp_peer(made).host == "auth.example");
    return made;
  };
  f.fake.tcp_refuse(dial());
  CHECK(log == "closed 2 connection refused ");
  CHECK(f.alive == 0);
  log.clear();
  const keel_handle made = dial();
  f.fake.tcp_accept(made);
  f.fake.tcp_send(made, "x\n");
  CHECK(f.fake.tcp_take(made) == "x!");
  f.fake.fail_next("tcp.connect", KEEL_E_LIMIT);
  CHECK(f.host().tcp().connect({.host = "x"}, std::make_unique<Lines>(log, f.tracked())) ==
        KEEL_E_LIMIT);
  CHECK(f.alive == 1);
  dial();  // still under way when the plugin goes
  CHECK(f.fake.unload());
  CHECK(f.alive == 0);
}

TEST_CASE("pausing, info, pending and messages on a connection") {
  class Quiet final : public TcpHandler {
   public:
    std::size_t data(std::string_view bytes) override {
      got += bytes;
      return bytes.size();
    }
    std::string got;
  };
  Fixture f;
  Quiet* quiet = nullptr;
  f.load([&](Host& host) -> Status {
    return host.tcp().listen({.address = "127.0.0.1:9"}, [&](const TcpInfo&) {
      auto made = std::make_unique<Quiet>();
      quiet = made.get();
      return made;
    });
  });
  const keel_handle a = f.fake.tcp_connect();
  const std::uint32_t shard = 0;
  f.fake.on(shard, [&] {
    CHECK(quiet->connection().pause());
    CHECK(quiet->connection().pending() == 0);
    std::string peer;
    CHECK(quiet->connection().info([&](const TcpInfo& info) { peer = info.peer().text(); }));
    CHECK(peer == "127.0.0.1:50001");
    const Result<MessageRef> message = f.host().broker().create({.topic = "t", .payload = "body"});
    REQUIRE(message);
    CHECK(message->view(
        [&](const Message& m) { CHECK(quiet->connection().write(*message, m.payload())); }));
    CHECK(quiet->connection().notify_drained());
  });
  CHECK(f.fake.tcp_take(a) == "body");
  f.fake.tcp_send(a, "later");
  CHECK(quiet->got.empty());
  f.fake.on(shard, [&] { CHECK(quiet->connection().resume()); });
  f.fake.run();
  CHECK(quiet->got == "later");
}

namespace {
struct WebClient final : StreamHandler {
  void output(std::span<const keel_str> pieces) override {
    for (const keel_str& piece : pieces) out += view(piece);
    if (out == "end") stream = {};
  }
  void writable() override { ++writables; }
  void stream_closed(const Closed& why) override { ended = concat(why.reason, ' ', why.detail); }
  Stream stream;
  std::string out, ended;
  int writables = 0;
};
}  // namespace

TEST_CASE("a listener tells the broker about anonymous clients if it has a say") {
  Fixture f(1);
  std::vector<TcpListener> listeners(3);
  f.load([&](Host& host) -> Status {
    const std::optional<bool> says[] = {std::nullopt, true, false};
    for (std::size_t i = 0; i < 3; ++i) {
      const std::string address = concat("127.0.0.1:", i + 1);
      KEEL_TRY(
          host.tcp()
              .listen({.address = address, .proxy_protocol = i == 2, .allow_anonymous = says[i]},
                      [](const TcpInfo&) { return std::unique_ptr<TcpHandler>(); })
              .into(listeners[i]));
    }
    return {};
  });
  CHECK(f.fake.tcp_listener_flags("127.0.0.1:1") == 0);
  CHECK(f.fake.tcp_listener_flags("127.0.0.1:2") == KEEL_TCP_ADMIT_ANONYMOUS);
  CHECK(f.fake.tcp_listener_flags("127.0.0.1:3") ==
        (KEEL_TCP_REFUSE_ANONYMOUS | KEEL_TCP_PROXY_PROTOCOL));
  listeners.clear();
}

TEST_CASE("a stream over a connection has the connection's address, or the one stated") {
  Fixture f(1);
  std::string log;
  f.load([&](Host& host) -> Status {
    return host.tcp().listen({.address = "127.0.0.1:8083", .name = "ws"}, [&](const TcpInfo&) {
      return std::unique_ptr<TcpHandler>(std::make_unique<Lines>(log, f.tracked()));
    });
  });
  const keel_handle carrier = f.fake.tcp_connect();
  WebClient client;
  const auto peer_of = [&](const StreamOptions& options) {
    f.fake.on(0, [&] { REQUIRE(f.host().streams().open(options, client).into(client.stream)); });
    const fake::StreamPeer& far = f.fake.stream_peer(client.stream.id());
    CHECK(far.connection == carrier);
    CHECK(far.listener_name == "ws");
    return far.peer.text();
  };
  CHECK(peer_of({.connection = carrier}) == "127.0.0.1:50001");
  CHECK(peer_of({.connection = carrier, .peer = *Address::parse("203.0.113.9:7")}) ==
        "203.0.113.9:7");
  f.fake.tcp_close(carrier);
  f.fake.on(0, [&] {
    CHECK(f.host().streams().open({.connection = carrier}, client).code() == KEEL_E_STALE);
  });
  client.stream = {};
  f.fake.run();
}

TEST_CASE("a stream is fed, read, ended from either side") {
  Fixture f;
  f.load();
  WebClient client;
  CHECK(f.host().streams().open({}, client).code() == KEEL_E_STATE);  // not a shard
  const auto open = [&] {
    f.fake.on(1, [&] {
      REQUIRE(f.host()
                  .streams()
                  .open({.peer = *Address::parse("10.0.0.1:1"), .listener_name = "ws"}, client)
                  .into(client.stream));
    });
    return client.stream.id();
  };
  keel_handle id = open();
  f.fake.on(1, [&] {
    CHECK(*client.stream.feed("abc") == 0);
    f.fake.stream_peer(id).backlog = 70'000;
    CHECK(*client.stream.feed("def") == 70'000);
    CHECK(client.stream.pause());
    CHECK(client.stream.resume());
  });
  CHECK(f.fake.stream_peer(id).fed == "abcdef");
  f.fake.stream_writable(id);
  CHECK(client.writables == 1);
  f.fake.stream_output(id, "con");
  CHECK(client.out == "con");
  f.fake.stream_end(id, KEEL_CLOSE_SLOW, "slow");
  CHECK(client.ended == "3 slow");
  CHECK(!client.stream);
  CHECK(client.stream.feed("x").code() == KEEL_E_STALE);

  client.out = client.ended = "";
  id = open();
  f.fake.stream_output(id, "end");  // destroys it from within
  CHECK(f.fake.stream_peer(id).closed);
  CHECK(client.ended.empty());

  id = open();
  client.stream = {};  // on another thread
  f.fake.run();
  CHECK(f.fake.stream_peer(id).closed);
  open();
  CHECK(f.fake.unload());
  CHECK(client.ended == "5 the plugin is being unloaded");
  // The first open() was on purpose.
  CHECK(f.fake.misuse().size() == 1);
  const_cast<std::vector<std::string>&>(f.fake.misuse()).clear();
}

namespace {
struct Device final : SessionHandler {
  void opened(std::uint8_t reason, bool present) override {
    log += concat("opened ", reason, ' ', present, ';');
  }
  void deliver(const Delivery& delivery) override {
    log += concat("got ", delivery.message().topic(), ' ', delivery.message().payload(), ';');
    if (delivery.message().payload() == "throw") throw std::runtime_error("delivery");
    if (delivery.id() != 0) CHECK(session.ack(delivery.id()));
    if (delivery.message().payload() == "leave") session = {};
  }
  void suback(std::uint64_t token, std::span<const std::uint8_t> codes) override {
    log += concat("suback ", token, ' ', codes[0], ';');
  }
  void published(std::uint64_t token, std::uint8_t reason) override {
    log += concat("published ", token, ' ', reason, ';');
  }
  void session_closed(std::uint8_t reason, std::string_view word) override {
    log += concat("closed ", reason, ' ', word, ';');
  }
  std::string take() { return std::exchange(log, {}); }
  Session session;
  std::string log;
};
}  // namespace

TEST_CASE("a gateway's session: opened, used, closed") {
  Fixture f;
  f.load();
  Device device;
  const Will will{.topic = "will", .payload = "lost", .qos = 1};
  const auto open = [&](const char* id) {
    f.fake.on(1, [&] {
      REQUIRE(f.host()
                  .sessions()
                  .open({.client_id = id, .username = "u", .will = &will, .protocol = "x"}, device)
                  .into(device.session));
    });
    f.fake.run();
  };
  open("dev1");
  CHECK(device.take() == "opened 0 false;");
  fake::SessionPeer* peer = f.fake.session("dev1");
  REQUIRE(peer);
  CHECK(peer->username == "u");
  CHECK(peer->clean);
  REQUIRE(peer->will);
  CHECK(peer->will->topic == "will");
  f.fake.on(1, [&] {
    CHECK(device.session.publish({.topic = "up", .payload = "1", .qos = 1}, 7));
    CHECK(device.session.publish({.topic = "up", .payload = "0"}));
    CHECK(device.session.publish({.topic = "up/#", .payload = "0"}) == KEEL_E_INVAL);
    CHECK(device.session.subscribe({.filter = "down/#", .qos = 1}, 8));
    CHECK(device.session.unsubscribe("never", 9));
    CHECK(device.session.set_will({.topic = "w2"}, 10));
  });
  f.fake.run();
  CHECK(device.take() == "published 7 0;suback 8 1;suback 9 17;published 10 0;");
  CHECK(peer->published.size() == 2);
  CHECK(peer->subscriptions.at("down/#") == 1);
  CHECK(peer->will->topic == "w2");

  f.fake.deliver("dev1", {"down/a", "x", 1});
  f.fake.deliver("dev1", {"down/a", "throw", 1});
  f.fake.deliver("dev1", {"down/a", "y"});
  CHECK(device.take() == "got down/a x;got down/a throw;got down/a y;");
  CHECK(peer->acked.size() == 1);
  f.fake.on(1, [&] {
    CHECK(device.session.received(5) == KEEL_E_NOENT);
    CHECK(device.session.clear_will(1));
    CHECK(device.session.suspend(10));
  });
  f.fake.run();
  device.take();
  f.fake.deliver("dev1", {"down/a", "asleep"});
  CHECK(device.take().empty());
  f.fake.on(1, [&] { CHECK(device.session.resume()); });
  f.fake.run();
  CHECK(device.take() == "got down/a asleep;");

  f.fake.deliver("dev1", {"down/a", "leave", 1});  // destroys the session from within
  CHECK(device.take() == "got down/a leave;");
  CHECK(peer->closed);

  open("dev2");
  device.take();
  f.fake.session_end("dev2", 0x8e, "taken over");
  CHECK(device.take() == "closed 142 taken over;");
  CHECK(!device.session);

  f.fake.session_open = [](const fake::SessionPeer&) { return std::uint8_t{0x87}; };
  open("dev3");
  CHECK(device.take() == "opened 135 false;");
  CHECK(!device.session);
  f.fake.session_open = [](const fake::SessionPeer&) { return std::uint8_t{0}; };

  open("dev4");
  device.take();
  f.fake.on(1, [&] { CHECK(device.session.close(0x8d)); });
  f.fake.run();
  CHECK(device.take() == "closed 141 closed by the gateway;");
  CHECK(f.fake.session("dev4")->close_reason == 0x8d);

  open("dev5");
  device.session = {};  // from another thread
  f.fake.run();
  CHECK(f.fake.session("dev5")->closed);
  open("dev6");
  device.take();
  CHECK(f.fake.unload());
  CHECK(device.take() == "closed 139 server shutting down;");
}
