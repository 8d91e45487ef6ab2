// CONNECT: sessions, takeover, moves between shards, what comes in pieces.
#include "support.hpp"

namespace keel::kernel {
namespace {

TEST_CASE("connect: every version gets its CONNACK") {
  for (const Version version : {Version::v31, Version::v311, Version::v5}) {
    Cluster cluster;
    Client client(cluster, version);
    const wire::Received connack = client.connect({.id = "c"});
    CHECK(connack.reason() == Reason::success);
    CHECK(!connack.session_present);
    client.send(wire::pingreq());
    client.expect(PacketType::pingresp);
    CHECK(cluster.total(Gauge::connections) == 1);
    client.disconnect();
    CHECK(client.closed());
    CHECK(cluster.total(Gauge::connections) == 0);
    CHECK(cluster.total(Gauge::sessions) == 0);
  }
}

TEST_CASE("connect: what is not CONNECT ends the connection without an answer") {
  for (const std::string& bytes :
       {wire::pingreq(), wire::publish({.topic = "t"}, Version::v311),
        std::string("GET / HTTP/1.1"), wire::auth(Reason::continue_authentication, "m", "d")}) {
    Cluster cluster;
    Client client(cluster);
    client.send(bytes);
    CHECK(client.closed());
    CHECK(client.silent());
  }
}

TEST_CASE("connect: a second CONNECT is a protocol error and loses the client its connection") {
  Cluster cluster;
  Client client(cluster);
  client.connect({.id = "c"});
  client.send(wire::connect({.id = "c"}, Version::v5));
  CHECK(client.expect(PacketType::disconnect).reason() == Reason::protocol_error);
  CHECK(client.closed());
}

TEST_CASE("connect: an empty client id is assigned one on the shard that is there") {
  Cluster cluster({}, 3);
  for (std::uint32_t shard = 0; shard < 3; ++shard) {
    Client client(cluster, Version::v5, shard);
    const std::string id = client.connect({}).string(Property::assigned_client_id);
    CHECK(id.starts_with("keel-"));
    CHECK(cluster.realm().home(id) == shard);
    CHECK(client.wire().shard == shard);
  }
  Client old(cluster, Version::v311);
  CHECK(old.connect({.clean = false}).reason() == static_cast<Reason>(2));
  CHECK(old.closed());
}

TEST_CASE("connect: no CONNECT within the time allowed") {
  Cluster cluster;
  Client client(cluster);
  cluster.advance(14'000);
  CHECK(!client.closed());
  cluster.advance(2'000);
  CHECK(client.closed());
}

TEST_CASE("connect: the time allowed for CONNECT goes on counting after a byte of it") {
  Cluster cluster;
  Client client(cluster);
  cluster.advance(10'000);
  client.send("\x10");
  cluster.advance(6'000);
  CHECK(client.closed());
}

TEST_CASE("connect: packets in one piece and byte by byte, at home and after a move") {
  for (const std::uint32_t accepted : {0u, 1u}) {
    for (const bool whole : {true, false}) {
      CAPTURE(accepted);
      CAPTURE(whole);
      Cluster cluster({}, 2);
      const std::string id = cluster.id_on(1);
      Client client(cluster, Version::v5, accepted);
      const std::string bytes =
          wire::connect({.id = id}, Version::v5) +
          wire::subscribe({.filter = "t/#", .qos = 1}, Version::v5) +
          wire::publish({.topic = "t/1", .payload = "hello", .qos = 1, .id = 9}, Version::v5) +
          wire::pingreq();
      if (whole)
        client.send(bytes);
      else
        for (const char byte : bytes) client.send(std::string(1, byte));
      CHECK(client.wire().shard == 1);
      CHECK(client.expect(PacketType::connack).reason() == Reason::success);
      CHECK(client.expect(PacketType::suback).reason() == Reason::granted_qos1);
      CHECK(client.expect(PacketType::publish).payload == "hello");
      CHECK(client.expect(PacketType::puback).id == 9);
      client.expect(PacketType::pingresp);
      CHECK(client.silent());
      CHECK(cluster.total(Metric::connect_received) == 1);
    }
  }
}

TEST_CASE("connect: bytes that arrive while the connection is on its way follow it") {
  Cluster cluster({}, 2);
  Client client(cluster, Version::v5, 0);
  client.wire().sent = wire::connect({.id = cluster.id_on(1)}, Version::v5);
  cluster.turn();
  client.send(wire::pingreq());
  client.expect(PacketType::connack);
  client.expect(PacketType::pingresp);
}

TEST_CASE("connect: a client that hangs up while its connection moves leaves nothing behind") {
  Cluster cluster({}, 2);
  Client client(cluster, Version::v5, 0);
  client.wire().sent = wire::connect({.id = cluster.id_on(1)}, Version::v5);
  client.wire().hung_up = true;
  cluster.settle();
  CHECK(client.closed());
  CHECK(cluster.total(Gauge::connections) == 0);
  CHECK(cluster.total(Gauge::sessions) == 0);
}

TEST_CASE("takeover: the session goes to the new connection, wherever both came in") {
  for (const std::uint32_t first : {0u, 1u}) {
    for (const std::uint32_t second : {0u, 1u}) {
      Cluster cluster({}, 2);
      const std::string id = cluster.id_on(1);
      Client old(cluster, Version::v5, first);
      old.connect({.id = id, .clean = false, .expiry_s = 100});
      old.subscribe({.filter = "t"});
      Client fresh(cluster, Version::v5, second);
      CHECK(fresh.connect({.id = id, .clean = false, .expiry_s = 100}).session_present);
      CHECK(old.expect(PacketType::disconnect).reason() == Reason::session_taken_over);
      CHECK(old.closed());
      fresh.publish({.topic = "t", .payload = "x"});
      CHECK(fresh.payloads() == Strings{"x"});
      CHECK(cluster.total(Gauge::connections) == 1);
      CHECK(cluster.total(Gauge::sessions) == 1);
      CHECK(cluster.total(Metric::sessions_taken_over) == 1);
    }
  }
}

TEST_CASE("takeover: what the old connection still sends is not taken") {
  Cluster cluster;
  Client old(cluster), watcher(cluster);
  watcher.connect({.id = "w"});
  watcher.subscribe({.filter = "#"});
  old.connect({.id = "c"});
  Client fresh(cluster);
  fresh.wire().sent = wire::connect({.id = "c"}, Version::v5);
  old.wire().sent = wire::publish({.topic = "before"}, Version::v5);
  cluster.turn();  // the old one is read first, then taken over
  old.send(wire::publish({.topic = "after"}, Version::v5));
  const auto got = watcher.take();
  REQUIRE(got.size() == 1);
  CHECK(got[0].topic == "before");
}

TEST_CASE("takeover: clean start ends the old session") {
  Cluster cluster;
  Client old(cluster, Version::v311), fresh(cluster, Version::v311);
  old.connect({.id = "c", .clean = false});
  old.subscribe({.filter = "t"});
  CHECK(!fresh.connect({.id = "c", .clean = true}).session_present);
  CHECK(old.closed());
  CHECK(old.silent());  // v3 has no DISCONNECT from servers
  fresh.publish({.topic = "t"});
  CHECK(fresh.silent());
  CHECK(cluster.total(Gauge::subscriptions) == 0);
}

TEST_CASE("session: kept over a disconnect, until it expires by the clock") {
  Cluster cluster;
  {
    Client client(cluster);
    client.connect({.id = "c", .clean = false, .expiry_s = 60});
    client.subscribe({.filter = "t", .qos = 1});
    client.disconnect();
  }
  CHECK(cluster.session("c").subscriptions == 1);
  CHECK(cluster.total(Gauge::sessions_persistent) == 1);
  cluster.advance(59'000);
  CHECK(cluster.has_session("c"));
  cluster.advance(1'100);
  CHECK(!cluster.has_session("c"));
  CHECK(cluster.total(Gauge::sessions) == 0);
  CHECK(cluster.total(Gauge::sessions_persistent) == 0);
  CHECK(cluster.total(Gauge::subscriptions) == 0);
  CHECK(cluster.total(Metric::sessions_expired) == 1);
}

TEST_CASE("session: coming back stops the clock") {
  Cluster cluster;
  Client(cluster).connect({.id = "c", .clean = false, .expiry_s = 60});
  Client first(cluster);
  first.connect({.id = "c", .clean = false, .expiry_s = 60});
  first.hang_up();
  cluster.advance(50'000);
  Client second(cluster);
  CHECK(second.connect({.id = "c", .clean = false, .expiry_s = 60}).session_present);
  cluster.advance(100'000);
  CHECK(cluster.has_session("c"));
  second.hang_up();
  cluster.advance(50'000);
  CHECK(cluster.has_session("c"));
  cluster.advance(11'000);
  CHECK(!cluster.has_session("c"));
}

TEST_CASE("session: DISCONNECT may change the expiry, but not give one where there was none") {
  Cluster cluster;
  Client client(cluster);
  client.connect({.id = "c", .clean = false, .expiry_s = 60});
  client.send(wire::disconnect(Version::v5, Reason::success, 10));
  cluster.advance(11'000);
  CHECK(!cluster.has_session("c"));

  Client none(cluster);
  none.connect({.id = "d"});
  none.send(wire::disconnect(Version::v5, Reason::success, 10));
  CHECK(none.expect(PacketType::disconnect).reason() == Reason::protocol_error);
  CHECK(!cluster.has_session("d"));
}

TEST_CASE("session: limits.max_sessions refuses one more, not one that is there") {
  Settings settings;
  settings.limits.max_sessions = 2;
  Cluster cluster(settings);
  Client a(cluster), b(cluster), c(cluster), again(cluster);
  a.connect({.id = "a", .clean = false, .expiry_s = 10});
  b.connect({.id = "b"});
  CHECK(c.connect({.id = "c"}).reason() == Reason::quota_exceeded);
  CHECK(c.closed());
  CHECK(again.connect({.id = "a", .clean = false, .expiry_s = 10}).session_present);
}

TEST_CASE("keep alive: one and a half times the interval, and any packet counts") {
  Cluster cluster;
  Client client(cluster);
  client.connect({.id = "c", .keep_alive = 10});
  cluster.advance(14'000);
  client.send(wire::pingreq());
  client.expect(PacketType::pingresp);
  cluster.advance(14'000);
  CHECK(!client.closed());
  cluster.advance(2'000);
  CHECK(client.closed());
  CHECK(client.expect(PacketType::disconnect).reason() == Reason::keep_alive_timeout);
  CHECK(cluster.total(Metric::keepalive_timeouts) == 1);
}

TEST_CASE("keep alive: zero means never; the server's own replaces a v5 client's") {
  Settings settings;
  settings.mqtt.server_keepalive_s = 20;
  Cluster cluster(settings);
  Client v5(cluster), v3(cluster, Version::v311);
  CHECK(v5.connect({.id = "a"}).number(Property::server_keep_alive) == 20);
  v3.connect({.id = "b"});
  cluster.advance(31'000);
  CHECK(v5.closed());
  cluster.advance(100'000'000);
  CHECK(!v3.closed());
}

TEST_CASE("drain: clients are told, then the broker says it is done, and nobody gets in") {
  Cluster cluster({}, 2);
  Client v5(cluster), v3(cluster, Version::v311), waiting(cluster);
  v5.connect({.id = cluster.id_on(0), .clean = false, .expiry_s = 10});
  v3.connect({.id = cluster.id_on(0, "v3-")});
  int done = 0;
  for (const std::uint32_t shard : {0u, 1u})
    cluster.broker(shard).drain(Reason::server_shutting_down, [&] { ++done; });
  CHECK(done == 0);  // told later, from a turn of its own
  cluster.settle();
  CHECK(done == 2);
  CHECK(v5.expect(PacketType::disconnect).reason() == Reason::server_shutting_down);
  CHECK(v5.closed());
  CHECK(v3.closed());
  CHECK(waiting.connect({.id = "w"}).reason() == Reason::server_unavailable);
  CHECK(cluster.total(Gauge::sessions) == 1);
}

TEST_CASE("drain: what a member of a group holds stays its own, as all of them go") {
  Cluster cluster;
  Client publisher(cluster), first(cluster), second(cluster);
  publisher.connect({.id = "pub"});
  first.connect({.id = "one", .clean = false, .expiry_s = 10});
  second.connect({.id = "two", .clean = false, .expiry_s = 10});
  first.subscribe({"$share/g/t", 1});
  second.subscribe({"$share/g/t", 1});
  for (std::uint16_t id = 1; id <= 4; ++id)
    publisher.send(wire::publish({"t", "x", 1, id}, Version::v5));
  CHECK(first.take().size() == 2);
  CHECK(second.take().size() == 2);
  cluster.broker(0).drain(Reason::server_shutting_down, [] {});
  cluster.settle();
  first.expect(PacketType::disconnect);
  second.expect(PacketType::disconnect);
  CHECK(cluster.session("one").inflight == 2);
  CHECK(cluster.session("two").inflight == 2);
}

TEST_CASE("limits: a packet over the limit ends the connection") {
  Settings settings;
  settings.limits.max_packet_size = 100;
  Cluster cluster(settings);
  Client client(cluster);
  CHECK(client.connect({.id = "c"}).number(Property::maximum_packet_size) == 100);
  client.send(
      wire::publish({.topic = "t", .payload = std::string(100, 'x')}, Version::v5).substr(0, 5));
  CHECK(client.expect(PacketType::disconnect).reason() == Reason::packet_too_large);
}

TEST_CASE("presence: who speaks what") {
  Cluster cluster;
  cluster.change([](Settings& settings) { settings.sys.presence = true; });
  Client watcher(cluster);
  watcher.connect({.id = "watcher"});
  watcher.subscribe({.filter = "$SYS/brokers/+/clients/+/connected", .qos = 0});
  auto gateway = std::make_shared<ListenerInfo>();
  gateway->protocol = "mqtt-sn";
  gateway->watches_clients = true;
  struct Row {
    Version version;
    std::shared_ptr<const ListenerInfo> listener;
    const char* expect;
  };
  for (const Row& row :
       {Row{Version::v31, nullptr, R"("proto_ver":3,"proto_name":"MQIsdp",)"},
        Row{Version::v311, nullptr, R"("proto_ver":4,"proto_name":"MQTT",)"},
        Row{Version::v5, nullptr, R"("proto_ver":5,"proto_name":"MQTT",)"},
        Row{Version::v5, gateway, R"("proto_ver":null,"proto_name":"mqtt-sn",)"}}) {
    Client client(cluster, row.version, 0, row.listener);
    client.connect({.id = "c"});
    const Strings told = watcher.payloads();
    REQUIRE(told.size() == 1);
    CHECK_MESSAGE(told[0].find(row.expect) != std::string::npos, told[0]);
    client.disconnect();
  }
}

}  // namespace
}  // namespace keel::kernel
