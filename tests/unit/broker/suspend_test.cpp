// Clients that sleep: connected, but everything for them waits.
#include "support.hpp"

namespace keel::kernel {
namespace {

struct SuspendSleeper {
  Cluster cluster;
  Client client, publisher;

  explicit SuspendSleeper(Settings settings = {}, const wire::ConnectSpec& spec = {.id = "c"})
      : cluster(std::move(settings)), client(cluster), publisher(cluster) {
    client.connect(spec);
    client.subscribe({.filter = "t", .qos = 2});
    publisher.connect({.id = "p"});
  }
  void publish(const std::string& payload, std::uint8_t qos) {
    publisher.publish({.topic = "t", .payload = payload, .qos = qos, .id = 1});
    if (qos == 2) publisher.ack(PacketType::pubrel, 1);
    publisher.take();
  }
  bool suspend(std::uint32_t limit = 0) { return cluster.broker().suspend("c", limit); }
  bool resume() {
    const bool there = cluster.broker().resume("c");
    cluster.settle();
    return there;
  }
  bool suspended() {
    bool asleep = false;
    cluster.broker().show_connection("c", [&](const ConnectionInfo& i) { asleep = i.suspended; });
    return asleep;
  }
};

TEST_CASE("suspend: everything waits, in order, and comes with resume") {
  SuspendSleeper s;
  CHECK_FALSE(s.suspended());
  CHECK(s.suspend());
  CHECK(s.suspended());
  CHECK(s.suspend());  // again changes nothing
  for (const auto& [payload, qos] : {std::pair{"1", 0}, {"2", 1}, {"3", 0}, {"4", 2}, {"5", 0}})
    s.publish(payload, static_cast<std::uint8_t>(qos));
  CHECK(s.client.silent());
  CHECK(s.cluster.session("c").queued == 5);
  CHECK(s.cluster.session("c").connected);
  CHECK(s.resume());
  CHECK_FALSE(s.suspended());
  CHECK(s.client.payloads() == Strings{"1", "2", "3", "4", "5"});
  s.publish("6", 0);
  CHECK(s.client.payloads() == Strings{"6"});
  CHECK(s.resume());  // awake already
  CHECK_FALSE(s.cluster.broker().suspend("nobody", 0));
  CHECK_FALSE(s.cluster.broker().resume("nobody"));
  CHECK(s.cluster.total(Gauge::queued_messages) == 0);
}

TEST_CASE("suspend: the queue's bounds") {
  Settings settings;
  settings.limits.max_queued = 4;
  SuspendSleeper s(settings);
  const auto wait = [&](std::uint32_t limit) {
    s.suspend(limit);
    for (int i = 1; i <= 6; ++i) s.publish(std::to_string(i), 1);
    s.resume();
    Strings got;
    for (const wire::Received& one : s.client.take()) {
      got.push_back(one.payload);
      s.client.ack(PacketType::puback, one.id);
    }
    return got;
  };
  CHECK(wait(2) == Strings{"5", "6"});
  CHECK(wait(0) == Strings{"3", "4", "5", "6"});
  CHECK(wait(100) == Strings{"3", "4", "5", "6"});  // not beyond the session's own
  CHECK(s.cluster.total(Metric::messages_dropped_queue_full) == 4 + 2 + 2);

  // A lower limit while messages wait: the oldest go when the next one comes.
  s.suspend(4);
  for (int i = 1; i <= 4; ++i) s.publish(std::to_string(i), 1);
  s.suspend(2);
  s.publish("5", 1);
  s.resume();
  CHECK(s.client.payloads() == Strings{"4", "5"});
}

TEST_CASE("suspend: QoS 0 does not overtake what still waits after resume") {
  SuspendSleeper s({}, {.id = "c", .receive_maximum = 1});
  s.suspend();
  s.publish("1", 1);
  s.publish("2", 1);
  s.publish("3", 0);
  s.resume();
  const wire::Received first = s.client.expect(PacketType::publish);
  s.publish("4", 0);
  CHECK(s.client.silent());  // 2 waits for the window, 3 and 4 behind it
  s.client.ack(PacketType::puback, first.id);
  CHECK(s.client.payloads() == Strings{"2", "3", "4"});
  s.publish("5", 0);
  CHECK(s.client.payloads() == Strings{"5"});
}

TEST_CASE("suspend: keep alive stops, and starts anew") {
  SuspendSleeper s({}, {.id = "c", .keep_alive = 10});
  s.suspend();
  s.cluster.advance(100'000);
  CHECK_FALSE(s.client.closed());
  s.resume();
  s.cluster.advance(14'000);
  CHECK_FALSE(s.client.closed());
  s.cluster.advance(2'000);
  CHECK(s.client.closed());
  CHECK_FALSE(s.resume());
}

TEST_CASE("suspend: acknowledgements and retained messages meanwhile") {
  SuspendSleeper s;
  s.publisher.publish({.topic = "r", .payload = "kept", .retain = true});
  s.publish("1", 1);
  const wire::Received first = s.client.expect(PacketType::publish);
  s.suspend();
  s.publish("2", 1);
  s.client.ack(PacketType::puback, first.id);
  CHECK(s.client.silent());
  s.client.subscribe({.filter = "r"});
  CHECK(s.client.silent());
  s.resume();
  CHECK(s.client.payloads() == Strings{"2", "kept"});
}

TEST_CASE("suspend: takeover, kick and loss as with any other client") {
  SuspendSleeper s({}, {.id = "c", .clean = false, .expiry_s = 100});
  s.suspend(1);
  s.publish("1", 0);
  s.publish("2", 1);
  SUBCASE("taken over: the new connection is awake") {
    Client next(s.cluster);
    next.connect({.id = "c", .clean = false, .expiry_s = 100});
    CHECK(s.client.closed());
    CHECK(next.payloads() == Strings{"2"});
    CHECK_FALSE(s.suspended());
  }
  SUBCASE("kicked") {
    CHECK(s.cluster.broker().kick("c"));
    s.cluster.settle();
    CHECK(s.client.closed());
    CHECK(s.cluster.session("c").queued == 1);
  }
  SUBCASE("lost") {
    s.client.wire().broken = true;
    s.cluster.settle();
    s.publish("3", 1);
    CHECK(s.cluster.session("c").queued == 2);  // the session's own limit holds again
  }
}

TEST_CASE("suspend: members of a shared subscription that are awake go first") {
  Cluster cluster;
  Client asleep(cluster), awake(cluster), publisher(cluster);
  asleep.connect({.id = "a"});
  awake.connect({.id = "b"});
  publisher.connect({.id = "p"});
  asleep.subscribe({.filter = "$share/g/t"});
  awake.subscribe({.filter = "$share/g/t"});
  cluster.broker().suspend("a", 0);
  asleep.subscribe({.filter = "$share/h/u"});  // the only member
  for (int i = 0; i < 8; ++i) publisher.publish({.topic = "t", .payload = "x"});
  publisher.publish({.topic = "u", .payload = "own"});
  CHECK(awake.take().size() == 8);
  CHECK(asleep.silent());
  cluster.broker().resume("a");
  cluster.settle();
  CHECK(asleep.payloads() == Strings{"own"});
  for (int i = 0; i < 64; ++i) publisher.publish({.topic = "t", .payload = "x"});
  CHECK_FALSE(asleep.silent());
}

}  // namespace
}  // namespace keel::kernel
