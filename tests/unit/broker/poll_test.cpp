// Clients that sleep and ask for what waits: the broker's side of a gateway's poll.
#include "support.hpp"

namespace keel::kernel {
namespace {

// A client that sleeps, and somebody who writes to it.
struct Sleeper {
  Cluster cluster;
  Client client, publisher;

  explicit Sleeper(Settings settings = {}, const wire::ConnectSpec& spec = {.id = "c"})
      : cluster(std::move(settings)), client(cluster), publisher(cluster) {
    client.connect(spec);
    client.subscribe({.filter = "t", .qos = 2});
    publisher.connect({.id = "p"});
    suspend();
  }
  void publish(const std::string& payload, std::uint8_t qos) {
    publisher.publish({.topic = "t", .payload = payload, .qos = qos, .id = 1});
    if (qos == 2) publisher.ack(PacketType::pubrel, 1);
    publisher.take();
  }
  void publish_all(const std::vector<std::pair<std::string, std::uint8_t>>& all) {
    for (const auto& [payload, qos] : all) publish(payload, qos);
  }
  void suspend(std::uint32_t limit = 0) { CHECK(cluster.broker().suspend("c", limit)); }
  void resume() {
    CHECK(cluster.broker().resume("c"));
    cluster.settle();
  }
  void poll() {
    CHECK(cluster.broker().poll("c"));
    cluster.settle();
  }
  // What has come: payloads, "rel" for PUBREL, "end" for the end of a poll.
  Strings got() { return show(client.take()); }
  Strings show(const std::vector<wire::Received>& all) {
    Strings out;
    for (const wire::Received& one : all) {
      if (one.type == PacketType::publish) {
        out.push_back(one.payload);
        if (one.qos != 0) open.push_back({one.id, one.qos});
      } else {
        out.push_back(one.type == PacketType::pingresp ? "end" : "rel");
      }
    }
    return out;
  }
  // Acknowledges the oldest delivery, and answers what that brought.
  Strings ack() {
    REQUIRE_FALSE(open.empty());
    const auto [id, qos] = open.front();
    open.erase(open.begin());
    if (qos == 1) {
      client.ack(PacketType::puback, id);
      return got();
    }
    client.ack(PacketType::pubrec, id);
    Strings out = got();
    client.ack(PacketType::pubcomp, id);
    for (const std::string& more : got()) out.push_back(more);
    return out;
  }
  std::size_t queued() { return cluster.session("c").queued; }

  std::vector<std::pair<std::uint16_t, int>> open;
};

wire::ConnectSpec window(std::uint16_t size) { return {.id = "c", .receive_maximum = size}; }

TEST_CASE("poll: what waits comes, in order, and the client sleeps on") {
  Sleeper s;
  s.publish_all({{"1", 0}, {"2", 1}, {"3", 0}, {"4", 2}, {"5", 0}});
  s.poll();
  CHECK(s.got() == Strings{"1", "2", "3", "4", "5", "end"});
  s.publish_all({{"6", 0}, {"7", 1}});
  CHECK(s.client.silent());
  CHECK(s.queued() == 2);
  s.poll();
  CHECK(s.got() == Strings{"6", "7", "end"});
  s.poll();
  CHECK(s.got() == Strings{"end"});  // nothing waited
  s.publish("8", 1);
  s.resume();
  CHECK(s.got() == Strings{"8"});
  CHECK_FALSE(s.cluster.broker().poll("c"));  // awake
  CHECK_FALSE(s.cluster.broker().poll("nobody"));
  CHECK(s.cluster.total(Gauge::queued_messages) == 0);
}

TEST_CASE("poll: one in flight at a time, and what comes meanwhile waits") {
  Sleeper s({}, window(1));
  SUBCASE("QoS 1") {
    s.publish_all({{"1", 1}, {"2", 1}, {"3", 1}});
    s.poll();
    CHECK(s.got() == Strings{"1"});
    s.publish("late", 1);
    s.publish("late too", 0);
    CHECK(s.ack() == Strings{"2"});
    CHECK(s.ack() == Strings{"3", "end"});  // handed over, not acknowledged
    CHECK(s.ack().empty());
    CHECK(s.queued() == 2);
  }
  SUBCASE("QoS 2 holds its place until PUBCOMP") {
    s.publish_all({{"1", 2}, {"2", 2}});
    s.poll();
    CHECK(s.got() == Strings{"1"});
    s.publish("late", 1);
    CHECK(s.ack() == Strings{"rel", "2", "end"});
    CHECK(s.ack() == Strings{"rel"});
    CHECK(s.queued() == 1);
  }
  SUBCASE("QoS 0 keeps its place between the others") {
    s.publish_all({{"1", 0}, {"2", 1}, {"3", 0}, {"4", 1}, {"5", 0}});
    s.poll();
    CHECK(s.got() == Strings{"1", "2", "3"});
    CHECK(s.ack() == Strings{"4", "5", "end"});
  }
}

TEST_CASE("poll: a larger window") {
  Sleeper s({}, window(3));
  s.publish_all({{"1", 1}, {"2", 2}, {"3", 1}, {"4", 1}, {"5", 2}});
  s.poll();
  CHECK(s.got() == Strings{"1", "2", "3"});
  CHECK(s.ack() == Strings{"4"});
  s.publish("late", 0);
  CHECK(s.ack() == Strings{"rel", "5", "end"});
  CHECK(s.queued() == 1);
}

TEST_CASE("poll: what was delivered before and is not acknowledged holds the window") {
  Sleeper s({}, window(1));
  s.resume();
  s.publish("1", 1);
  CHECK(s.got() == Strings{"1"});
  s.suspend();
  s.publish("2", 1);
  s.poll();
  CHECK(s.client.silent());
  CHECK(s.ack() == Strings{"2", "end"});
  CHECK(s.cluster.session("c").inflight == 1);
}

TEST_CASE("poll: what an earlier connection left unacknowledged comes first, again") {
  for (const std::uint16_t size : {1, 10}) {
    Sleeper s({}, {.id = "c", .clean = false, .expiry_s = 100});
    s.resume();
    s.publish_all({{"1", 1}, {"2", 2}, {"3", 2}});
    CHECK(s.got() == Strings{"1", "2", "3"});
    s.client.ack(PacketType::pubrec, s.open[1].first);
    s.client.take();
    s.client.hang_up();
    s.publish("4", 1);
    Client again(s.cluster);
    again.send(wire::connect({.id = "c", .clean = false, .expiry_s = 100, .receive_maximum = size},
                             Version::v5));
    again.expect(PacketType::connack);
    s.suspend();
    if (size == 1) {
      const wire::Received first = again.expect(PacketType::publish);
      CHECK(first.payload == "1");
      s.poll();
      CHECK(again.silent());
      CHECK(s.cluster.session("c").unsent == 2);
      again.ack(PacketType::puback, first.id);
      again.expect(PacketType::pubrel);
      again.ack(PacketType::pubcomp, s.open[1].first);
      CHECK(again.expect(PacketType::publish).payload == "3");
      again.ack(PacketType::pubrec, s.open[2].first);
      again.expect(PacketType::pubrel);
      s.publish("late", 1);
      again.ack(PacketType::pubcomp, s.open[2].first);
      CHECK(s.show(again.take()) == Strings{"4", "end"});
    } else {
      CHECK(s.show(again.take()) == Strings{"1", "rel", "3", "4"});
      s.publish("5", 1);
      s.poll();
      CHECK(s.show(again.take()) == Strings{"5", "end"});
    }
  }
}

TEST_CASE("poll: retained messages owed to new subscriptions") {
  Sleeper s({}, window(1));
  for (const char* topic : {"r/a", "r/b", "s/a"})
    s.publisher.publish({.topic = topic, .payload = topic, .qos = 1, .id = 9, .retain = true});
  s.publisher.take();
  s.client.subscribe({.filter = "r/#", .qos = 1});
  s.publish("1", 1);
  s.poll();
  CHECK(s.got() == Strings{"1"});
  CHECK(s.ack() == Strings{"r/a"});
  s.client.subscribe({.filter = "s/#", .qos = 1});  // owed later: waits
  CHECK(s.ack() == Strings{"r/b", "end"});
  CHECK(s.ack().empty());
  s.poll();
  CHECK(s.got() == Strings{"s/a", "end"});
  s.ack();
  SUBCASE("a subscription that goes meanwhile takes its own along") {
    s.client.subscribe({.filter = "r/#", .qos = 1});
    s.poll();
    CHECK(s.got() == Strings{"r/a"});
    s.client.send(wire::unsubscribe("r/#", 3, Version::v5));
    s.client.expect(PacketType::unsuback);
    CHECK(s.ack() == Strings{"end"});
  }
}

TEST_CASE("poll: messages that go meanwhile do not hold it up") {
  SUBCASE("expired") {
    Sleeper s({}, window(1));
    s.publish("1", 1);
    s.publisher.publish({.topic = "t", .payload = "2", .qos = 1, .id = 1, .expiry_s = 5});
    s.publisher.take();
    s.poll();
    CHECK(s.got() == Strings{"1"});
    s.publish("late", 1);
    s.cluster.advance(10'000);
    CHECK(s.ack() == Strings{"end"});
    CHECK(s.queued() == 1);
  }
  SUBCASE("dropped as the queue is full: from the front") {
    Sleeper s({}, window(1));
    s.suspend(3);
    s.publish_all({{"1", 1}, {"2", 1}, {"3", 1}});
    s.poll();
    CHECK(s.got() == Strings{"1"});
    s.publish_all({{"4", 1}, {"5", 1}});  // 2 goes
    CHECK(s.ack() == Strings{"3", "end"});
    CHECK(s.queued() == 2);
  }
  SUBCASE("all of them dropped") {
    Sleeper s({}, window(1));
    s.suspend(2);
    s.publish_all({{"1", 1}, {"2", 1}});
    s.poll();
    CHECK(s.got() == Strings{"1"});
    s.publish_all({{"3", 1}, {"4", 1}, {"5", 1}});
    CHECK(s.ack() == Strings{"end"});
    CHECK(s.queued() == 2);
  }
  SUBCASE("dropped from the middle: QoS 0 first, be it of the poll or not") {
    Sleeper s({}, window(1));
    s.suspend(4);
    s.publish_all({{"1", 1}, {"2", 1}, {"0", 0}, {"3", 1}});
    s.poll();
    CHECK(s.got() == Strings{"1"});
    s.publish_all({{"late 0", 0}, {"late 1", 1}});  // 0 goes
    s.publish("late 2", 1);                         // late 0 goes
    CHECK(s.ack() == Strings{"2"});
    CHECK(s.ack() == Strings{"3", "end"});
    CHECK(s.queued() == 2);
  }
  SUBCASE("larger than the client takes") {
    Sleeper s({}, {.id = "c", .max_packet = 60});
    s.publish_all({{std::string(100, 'x'), 1}, {"2", 1}, {std::string(100, 'y'), 0}});
    s.poll();
    CHECK(s.got() == Strings{"2", "end"});
  }
}

TEST_CASE("poll: another order ends it") {
  Sleeper s({}, window(1));
  s.publish_all({{"1", 1}, {"2", 1}, {"3", 1}});
  s.poll();
  CHECK(s.got() == Strings{"1"});
  SUBCASE("resume: everything comes") {
    s.resume();
    CHECK(s.got() == Strings{"end"});
    CHECK(s.ack() == Strings{"2"});
    CHECK(s.ack() == Strings{"3"});
    s.ack();
    s.publish("4", 0);
    CHECK(s.got() == Strings{"4"});
  }
  SUBCASE("suspend: nothing more") {
    s.suspend();
    s.cluster.settle();
    CHECK(s.got() == Strings{"end"});
    CHECK(s.ack().empty());
    CHECK(s.queued() == 2);
  }
  SUBCASE("another poll: what waits by then") {
    s.publish("4", 1);
    s.poll();
    CHECK(s.got() == Strings{"end"});
    s.publish("late", 1);
    CHECK(s.ack() == Strings{"2"});
    CHECK(s.ack() == Strings{"3"});
    CHECK(s.ack() == Strings{"4", "end"});
  }
  SUBCASE("taken over: the next connection is awake") {
    Client next(s.cluster);
    next.connect({.id = "c"});
    CHECK(s.client.closed());
    CHECK(s.show(s.client.take()).size() == 1);  // DISCONNECT, no end of the poll
    CHECK_FALSE(s.cluster.broker().poll("c"));
  }
  SUBCASE("lost, and kicked") {
    CHECK(s.cluster.broker().kick("c"));
    s.cluster.settle();
    CHECK(s.client.closed());
    CHECK_FALSE(s.cluster.broker().poll("c"));
  }
}

TEST_CASE("poll: a slow socket holds it up, no more") {
  Settings settings;
  settings.limits.max_output_bytes = 4'000;
  Sleeper s(settings);
  s.client.wire().room = 0;
  for (int i = 0; i < 20; ++i) s.publish(std::string(1'000, 'x'), 0);
  CHECK(s.cluster.broker().poll("c"));
  s.cluster.settle();
  CHECK(s.queued() > 10);
  s.publish("late", 0);
  s.client.wire().room = fake::Wire::kUnlimited;
  s.cluster.settle();
  const Strings got = s.got();
  CHECK(got.size() == 21);
  CHECK(got.back() == "end");
  CHECK(s.queued() == 1);
}

TEST_CASE("poll: keep alive stays unwatched, shared messages pass over") {
  Cluster cluster;
  Client asleep(cluster), awake(cluster), publisher(cluster);
  asleep.connect({.id = "a", .keep_alive = 10, .receive_maximum = 1});
  awake.connect({.id = "b"});
  publisher.connect({.id = "p"});
  asleep.subscribe({.filter = "own", .qos = 1});
  for (Client* each : {&asleep, &awake}) each->subscribe({.filter = "$share/g/t"});
  cluster.broker().suspend("a", 0);
  for (int i = 0; i < 2; ++i)
    publisher.publish({.topic = "own", .payload = "x", .qos = 1, .id = 1});
  CHECK(cluster.broker().poll("a"));
  cluster.settle();
  CHECK(asleep.payloads().size() == 1);  // the poll is under way
  for (int i = 0; i < 8; ++i) publisher.publish({.topic = "t", .payload = "y"});
  CHECK(awake.take().size() == 8);
  cluster.advance(100'000);
  CHECK_FALSE(asleep.closed());
}

TEST_CASE("poll: a client at home on another shard") {
  Cluster cluster({}, 2);
  const std::string id = cluster.id_on(1);
  Client client(cluster), publisher(cluster);
  client.connect({.id = id, .receive_maximum = 1});
  client.subscribe({.filter = "t", .qos = 1});
  publisher.connect({.id = cluster.id_on(0)});
  cluster.home(id).suspend(id, 0);
  for (const char* payload : {"1", "2"})
    publisher.publish({.topic = "t", .payload = payload, .qos = 1, .id = 1});
  CHECK(cluster.home(id).poll(id));
  cluster.settle();
  const wire::Received first = client.expect(PacketType::publish);
  publisher.publish({.topic = "t", .payload = "late", .qos = 1, .id = 1});
  client.ack(PacketType::puback, first.id);
  CHECK(client.expect(PacketType::publish).payload == "2");
  client.expect(PacketType::pingresp);
  CHECK(client.silent());
}

}  // namespace
}  // namespace keel::kernel
