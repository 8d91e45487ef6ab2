// Draining, reloading, upgrading in place and rolling back.
#include "tests/unit/sdk/support.hpp"

using namespace keel;

namespace {

// What the versions below share with the test.
struct Shared {
  bool refuse_load = false, fail_start = false, drain_late = false, refuse_apply = false;
  std::string log;
  int alive = 0;
} shared;

// A gateway with a socket, accepted connections and one session per peer; all are handed over.
template <int kVersion>
class Gateway final : public Plugin {
 public:
  using Plugin::Plugin;
  static constexpr Setting settings[] = {
      address("g.address", "127.0.0.1:5000", "Where").reloadable(),
      integer("g.limit", 5, "A limit").reloadable().between(1, 9)};

  struct Peer final : SessionHandler {
    explicit Peer(Gateway& of) : gateway(of) {}
    void opened(std::uint8_t, bool) override {}
    void deliver(const Delivery& d) override {
      shared.log += concat('v', kVersion, " deliver ", d.message().payload(), ';');
    }
    void session_closed(std::uint8_t, std::string_view) override {}
    Gateway& gateway;
    Session session;
  };
  struct Conn final : TcpHandler {
    std::size_t data(std::string_view bytes) override {
      connection().write(concat('v', kVersion, ':', bytes)).ignore();
      return bytes.size();
    }
    test::Tracked tracked{shared.alive};
  };

  Status start() override {
    KEEL_TRY(
        host().udp().bind(host().config().text("g.address"),
                          [this, t = test::Tracked(shared.alive)](Datagram d) { receive(d); }));
    KEEL_TRY(host().tcp().listen({.address = "127.0.0.1:5001"},
                                 [this](const TcpInfo&) { return std::make_unique<Conn>(); }));
    for (const keel_handle session : adopted_sessions_) {
      auto peer = std::make_unique<Peer>(*this);
      KEEL_TRY(host().sessions().attach(session, *peer).into(peer->session));
      peers_.push_back(std::move(peer));
    }
    for (const keel_handle connection : adopted_connections_) {
      KEEL_TRY(host().tcp().adopt(connection, std::make_unique<Conn>()));
      connections_.push_back(connection);
    }
    if (shared.fail_start && kVersion == 2) return Status::error("v2 cannot start");
    return {};
  }
  void stop() override { shared.log += concat('v', kVersion, " stop;"); }
  void drain(DrainReason why, std::uint32_t deadline_ms, DrainDone done) override {
    shared.log += concat('v', kVersion, " drain ", why, ' ', deadline_ms, ';');
    if (!shared.drain_late) return done();
    auto moved = std::make_shared<DrainDone>(std::move(done));
    host().timers().after(1000, [moved] { (*moved)(); }).keep().ignore();
  }
  Status save(std::string& out) override {
    for (const auto& peer : peers_) out += concat('s', peer->session.id(), ' ');
    for (const keel_handle connection : connections_) out += concat('c', connection, ' ');
    return {};
  }
  Status load(std::uint32_t schema, std::string_view blob) override {
    CHECK(schema == 1);
    if (shared.refuse_load && kVersion == 2) return Status::error("another format");
    peers_.clear();
    connections_.clear();
    adopted_sessions_.clear();
    adopted_connections_.clear();
    while (!blob.empty()) {
      const keel_handle id = std::stoull(std::string(blob.substr(1, blob.find(' '))));
      (blob[0] == 's' ? adopted_sessions_ : adopted_connections_).push_back(id);
      blob.remove_prefix(blob.find(' ') + 1);
    }
    return {};
  }
  Status apply(std::span<const std::string_view> changed) override {
    for (const std::string_view key : changed) shared.log += concat("changed ", key, ';');
    if (shared.refuse_apply) return host().config().fail("g.limit", "is odd");
    shared.log += concat("limit ", host().config().integer("g.limit"), ';');
    return {};
  }

 private:
  void receive(const Datagram& d) {
    shared.log += concat('v', kVersion, ' ', d.text(), ';');
    if (d.text() != "open") return;
    auto peer = std::make_unique<Peer>(*this);
    if (host().sessions().open({.client_id = d.peer().text()}, *peer).into(peer->session)) {
      peers_.push_back(std::move(peer));
    }
  }
  std::vector<std::unique_ptr<Peer>> peers_;
  std::vector<keel_handle> connections_, adopted_sessions_, adopted_connections_;

 public:
  void note(keel_handle connection) { connections_.push_back(connection); }
};

}  // namespace

TEST_CASE("an upgrade hands over sockets and sessions, and what waits in them") {
  shared = {};
  FakeHost fake;
  REQUIRE(fake.load<Gateway<1>>());
  fake.datagram("open", "10.0.0.1:1");
  REQUIRE(fake.session("10.0.0.1:1"));
  CHECK(fake.session("10.0.0.1:1")->open);
  fake.deliver("10.0.0.1:1", {"t", "one"});
  REQUIRE(fake.upgrade<Gateway<2>>());
  fake.datagram("hi", "10.0.0.1:1");
  fake.deliver("10.0.0.1:1", {"t", "two"});
  CHECK(shared.log == "v1 open;v1 deliver one;v1 drain 1 5000;v1 stop;v2 hi;v2 deliver two;");
  CHECK(fake.session("10.0.0.1:1")->open);
  CHECK(fake.handles("udp") == 1);
  const keel_handle connection = fake.tcp_connect();
  fake.tcp_send(connection, "x");
  CHECK(fake.tcp_take(connection) == "v2:x");
  CHECK(fake.unload());
  CHECK(fake.misuse().empty());
  CHECK(shared.alive == 0);
}

TEST_CASE("a failed upgrade goes back, whatever fails") {
  for (const char* failing : {"load", "start", "create"}) {
    CAPTURE(failing);
    shared = {};
    FakeHost fake;
    REQUIRE(fake.load<Gateway<1>>());
    fake.datagram("open", "10.0.0.1:1");
    if (std::string_view(failing) == "load") shared.refuse_load = true;
    if (std::string_view(failing) == "start") shared.fail_start = true;
    if (std::string_view(failing) == "create") {
      static const keel_plugin_entry bad{
          sizeof(keel_plugin_entry),
          KEEL_ENTRY_MAGIC,
          nullptr,
          nullptr,
          0,
          0,
          [](const keel_host*, keel_plugin*) -> keel_status { return KEEL_E_NOMEM; }};
      fake.unset("g.address");
      CHECK(fake.upgrade(bad) == KEEL_E_NOMEM);
    } else {
      CHECK(!fake.upgrade<Gateway<2>>());
    }
    shared.log.clear();
    fake.datagram("hi", "10.0.0.1:1");
    fake.deliver("10.0.0.1:1", {"t", "two"});
    CHECK(shared.log == "v1 hi;v1 deliver two;");
    CHECK(fake.session("10.0.0.1:1")->open);
    CHECK(fake.unload());
    CHECK(shared.alive == 0);
    CHECK(fake.misuse().empty());
  }
}

TEST_CASE("connections are adopted; one that nobody adopts is closed") {
  shared = {};
  FakeHost fake;
  REQUIRE(fake.load<Gateway<1>>());
  const keel_handle connection = fake.tcp_connect();
  CHECK(shared.alive == 2);
  // The plugin saves what it was told of.
  REQUIRE(fake.upgrade<Gateway<2>>());
  CHECK(fake.handles("connection") == 0);
  CHECK(shared.alive == 1);
  fake.tcp_send(connection, "lost");
  CHECK(fake.tcp_take(connection).empty());
}

TEST_CASE("draining may take its time, but not more than it has") {
  shared = {};
  shared.drain_late = true;
  FakeHost fake;
  REQUIRE(fake.load<Gateway<1>>());
  CHECK(fake.unload());
  CHECK(fake.drained);
  CHECK(shared.log == "v1 drain 0 5000;v1 stop;");
}

TEST_CASE("new settings are applied, refused, or need a restart") {
  shared = {};
  FakeHost fake;
  REQUIRE(fake.load<Gateway<1>>());
  CHECK(fake.reload({{"g.limit", "7"}}));
  CHECK(fake.reload({{"g.limit", "10"}}).text() == "g.limit: must be between 1 and 9");
  shared.refuse_apply = true;
  CHECK(!fake.reload({{"g.limit", "8"}}));
  CHECK(fake.config_failures.size() == 1);
  shared.refuse_apply = false;
  CHECK(fake.reload({}));
  CHECK(shared.log == "changed g.limit;limit 7;changed g.limit;limit 7;");
}
