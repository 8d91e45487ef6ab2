// SUBSCRIBE and what follows from it: retained messages, shared subscriptions, options,
// mountpoints.
#include <set>

#include "support.hpp"

namespace keel::kernel {
namespace {

TEST_CASE("subscribe: a reason code for each filter") {
  Settings settings;
  settings.mqtt.max_qos = 1;
  settings.limits.max_subscriptions = 3;
  settings.limits.max_topic_levels = 4;
  Cluster cluster(settings);
  Client client(cluster);
  client.connect({.id = "c"});
  std::string body = wire::u16(7) + wire::varint(0);
  for (const char* filter : {"a", "b", "a/b/c/d/e", "x/#/y", "c", "d", "a"})
    body += wire::text(filter) + wire::u8(2);
  client.send(wire::packet(0x82, body));
  const wire::Received suback = client.expect(PacketType::suback);
  CHECK(suback.id == 7);
  CHECK(suback.reasons == std::vector<Reason>{Reason::granted_qos1, Reason::granted_qos1,
                                              Reason::topic_filter_invalid,
                                              Reason::topic_filter_invalid, Reason::granted_qos1,
                                              Reason::quota_exceeded, Reason::granted_qos1});
  client.send(wire::unsubscribe("b", 8, Version::v5));
  CHECK(client.expect(PacketType::unsuback).reason() == Reason::success);
  client.send(wire::unsubscribe("b", 9, Version::v5));
  CHECK(client.expect(PacketType::unsuback).reason() == Reason::no_subscription_existed);
  client.subscribe({.filter = "d"});
  CHECK(cluster.total(Gauge::subscriptions) == 3);
}

TEST_CASE("subscribe: features that are turned off are refused") {
  Settings settings;
  settings.mqtt.wildcard_subscription = false;
  settings.mqtt.shared_subscription = false;
  Cluster cluster(settings);
  Client client(cluster);
  client.connect({.id = "c"});
  client.send(wire::subscribe({.filter = "a/+"}, Version::v5));
  CHECK(client.expect(PacketType::suback).reason() == Reason::wildcard_subscriptions_not_supported);
  client.send(wire::subscribe({.filter = "$share/g/a"}, Version::v5));
  CHECK(client.expect(PacketType::suback).reason() == Reason::shared_subscriptions_not_supported);
}

TEST_CASE("subscribe: overlapping filters give one copy with all ids and the highest QoS") {
  for (const std::uint32_t shard : {0u, 1u}) {
    Cluster cluster({}, 2);
    Client sub(cluster), pub(cluster);
    sub.connect({.id = cluster.id_on(1)});
    pub.connect({.id = cluster.id_on(shard, "pub")});
    sub.subscribe({.filter = "a/b", .qos = 0, .subscription_id = 1});
    sub.subscribe({.filter = "a/+", .qos = 2, .subscription_id = 200'000});
    sub.subscribe({.filter = "#", .qos = 1});
    for (int i = 0; i < 3; ++i) {  // routes are remembered from the second time on
      pub.publish({.topic = "a/b", .qos = 2, .id = static_cast<std::uint16_t>(i + 1)});
      const wire::Received got = sub.expect(PacketType::publish);
      CHECK(got.qos == 2);
      std::multiset<std::uint32_t> ids;
      for (const auto& value : got.properties)
        if (value.id == Property::subscription_id) ids.insert(value.number);
      CHECK(ids == std::multiset<std::uint32_t>{1, 200'000});
      CHECK(sub.silent());
    }
  }
}

TEST_CASE("subscribe: no local and retain as published") {
  Cluster cluster;
  Client client(cluster), other(cluster);
  client.connect({.id = "c"});
  other.connect({.id = "o"});
  client.subscribe({.filter = "n", .no_local = true});
  client.subscribe({.filter = "r", .retain_as_published = true});
  client.subscribe({.filter = "p"});
  client.publish({.topic = "n"});
  CHECK(client.silent());
  other.publish({.topic = "n"});
  client.expect(PacketType::publish);
  other.publish({.topic = "r", .payload = "x", .retain = true});
  CHECK(client.expect(PacketType::publish).retain);
  other.publish({.topic = "p", .payload = "x", .retain = true});
  CHECK(!client.expect(PacketType::publish).retain);
}

TEST_CASE("subscribe: routes follow changes at once") {
  Cluster cluster({}, 2);
  Client pub(cluster), a(cluster), b(cluster);
  pub.connect({.id = cluster.id_on(0)});
  a.connect({.id = cluster.id_on(0, "a")});
  b.connect({.id = cluster.id_on(1, "b")});
  for (int round = 0; round < 3; ++round) {
    a.subscribe({.filter = "t"});
    pub.publish({.topic = "t", .payload = "1"});
    b.subscribe({.filter = "t"});
    pub.publish({.topic = "t", .payload = "2"});
    a.send(wire::unsubscribe("t", 1, Version::v5));
    pub.publish({.topic = "t", .payload = "3"});
    b.send(wire::unsubscribe("t", 1, Version::v5));
    pub.publish({.topic = "t", .payload = "4"});
    Strings got_a, got_b;
    for (auto& got : a.take())
      if (got.type == PacketType::publish) got_a.push_back(got.payload);
    for (auto& got : b.take())
      if (got.type == PacketType::publish) got_b.push_back(got.payload);
    CHECK(got_a == Strings{"1", "2"});
    CHECK(got_b == Strings{"2", "3"});
  }
}

TEST_CASE("retained: set, replaced, cleared, and sent as retain handling says") {
  Cluster cluster({}, 2);
  Client pub(cluster), sub(cluster);
  pub.connect({.id = cluster.id_on(0)});
  sub.connect({.id = cluster.id_on(1)});
  pub.publish({.topic = "r", .payload = "1", .retain = true});
  pub.publish({.topic = "r", .payload = "2", .retain = true});
  sub.subscribe({.filter = "r", .retain_handling = 2});
  CHECK(sub.silent());
  sub.subscribe({.filter = "r", .retain_handling = 1});
  CHECK(sub.silent());
  sub.subscribe({.filter = "r", .retain_handling = 0, .subscription_id = 5});
  const wire::Received got = sub.expect(PacketType::publish);
  CHECK(got.payload == "2");
  CHECK(got.retain);
  CHECK(got.number(Property::subscription_id) == 5);
  sub.subscribe({.filter = "+", .retain_handling = 1});
  CHECK(sub.expect(PacketType::publish).payload == "2");
  pub.publish({.topic = "r", .retain = true});
  sub.take();
  sub.subscribe({.filter = "r"});
  CHECK(sub.silent());
}

TEST_CASE("retained: a thousand through a window of one, complete and once each") {
  Cluster cluster({}, 2);
  Client pub(cluster);
  pub.connect({.id = cluster.id_on(0)});
  for (int i = 0; i < 1'000; ++i)
    pub.publish({.topic = "r/" + std::to_string(i),
                 .payload = std::to_string(i),
                 .qos = 1,
                 .id = 1,
                 .retain = true});
  Client sub(cluster);
  const std::string id = cluster.id_on(1);
  sub.connect({.id = id, .receive_maximum = 1});
  sub.subscribe({.filter = "r/+", .qos = 1});
  std::multiset<std::string> seen;
  for (;;) {
    const auto got = sub.take();
    if (got.empty()) break;
    REQUIRE(got.size() == 1);
    seen.insert(got[0].payload);
    sub.ack(PacketType::puback, got[0].id);
  }
  CHECK(seen.size() == 1'000);
  CHECK(std::set<std::string>(seen.begin(), seen.end()).size() == 1'000);
  CHECK(cluster.session(id).queued == 0);  // never more than what may be sent is fetched
}

TEST_CASE("retained: paced by a slow socket, and going on after a reconnect") {
  Settings settings;
  settings.limits.max_output_bytes = 2'000;
  Cluster cluster(settings);
  Client pub(cluster);
  pub.connect({.id = "pub"});
  for (int i = 0; i < 200; ++i)
    pub.publish({.topic = "r/" + std::to_string(i),
                 .payload = std::string(500, 'x'),
                 .qos = 1,
                 .id = 1,
                 .retain = true});
  auto sub = std::make_unique<Client>(cluster);
  const wire::ConnectSpec spec{.id = "sub", .clean = false, .expiry_s = 100, .receive_maximum = 10};
  sub->connect(spec);
  sub->subscribe({.filter = "r/#", .qos = 1});
  std::set<std::string> seen;
  for (const wire::Received& got : sub->take()) {
    seen.insert(got.topic);
    sub->ack(PacketType::puback, got.id);
  }
  sub->take();
  sub->hang_up();
  sub = std::make_unique<Client>(cluster);
  sub->connect(spec);
  for (bool more = true; more;) {
    more = false;
    for (const wire::Received& got : sub->take()) {
      more = true;
      seen.insert(got.topic);
      sub->ack(PacketType::puback, got.id);
    }
  }
  CHECK(seen.size() == 200);
}

TEST_CASE("retained: what is owed stays bounded, however often a client subscribes") {
  Cluster cluster;
  Client pub(cluster), sub(cluster);
  pub.connect({.id = "pub"});
  for (int i = 0; i < 3; ++i)
    pub.publish(
        {.topic = "r/" + std::to_string(i), .payload = "x", .qos = 1, .id = 1, .retain = true});
  sub.connect({.id = "sub", .receive_maximum = 1});
  for (int i = 0; i < 50; ++i) sub.subscribe({.filter = "r/#", .qos = 1}), sub.take();
  std::size_t more = 0;
  sub.ack(PacketType::puback, 1);
  for (std::vector<wire::Received> got; !(got = sub.take()).empty(); ++more)
    sub.ack(PacketType::puback, got.back().id);
  CHECK(more >= 3);
  CHECK(more <= 6);
}

TEST_CASE("retained: leaving a shared subscription leaves what is owed to the plain one") {
  Cluster cluster;
  Client pub(cluster), sub(cluster);
  pub.connect({.id = "pub"});
  for (int i = 0; i < 3; ++i)
    pub.publish(
        {.topic = "r/" + std::to_string(i), .payload = "x", .qos = 1, .id = 1, .retain = true});
  sub.connect({.id = "sub", .receive_maximum = 1});
  sub.subscribe({.filter = "$share/g/r/#", .qos = 1});
  CHECK(sub.silent());  // none for shared subscriptions
  sub.send(wire::subscribe({.filter = "r/#", .qos = 1}, Version::v5));
  sub.expect(PacketType::suback);
  std::uint16_t id = sub.expect(PacketType::publish).id;
  sub.send(wire::unsubscribe("$share/g/r/#", 3, Version::v5));
  sub.expect(PacketType::unsuback);
  for (int i = 0; i < 2; ++i) {
    sub.ack(PacketType::puback, id);
    id = sub.expect(PacketType::publish).id;
  }
}

struct Group {
  explicit Group(std::uint8_t qos = 1, std::uint16_t window = 100) : cluster({}, 3), pub(cluster) {
    pub.connect({.id = cluster.id_on(0, "pub")});
    for (std::uint32_t i = 0; i < 3; ++i) {
      ids.push_back(cluster.id_on(i, "m"));
      members.push_back(std::make_unique<Client>(cluster));
      members[i]->connect(
          {.id = ids[i], .clean = false, .expiry_s = 100, .receive_maximum = window});
      members[i]->subscribe({.filter = "$share/g/t", .qos = qos});
    }
  }
  void publish(int n, std::uint8_t qos = 1) {
    for (int i = 0; i < n; ++i)
      pub.publish({.topic = "t",
                   .payload = std::to_string(i),
                   .qos = qos,
                   .id = static_cast<std::uint16_t>(i + 1)});
  }
  Cluster cluster;
  Client pub;
  Strings ids;
  std::vector<std::unique_ptr<Client>> members;
};

TEST_CASE("shared: each message to one member, evenly, on all shards") {
  Group g;
  g.publish(30);
  std::set<std::string> all;
  for (auto& member : g.members) {
    const Strings got = member->payloads();
    CHECK(got.size() == 10);
    all.insert(got.begin(), got.end());
  }
  CHECK(all.size() == 30);
}

TEST_CASE("shared: members that are away are passed over while another is there") {
  Group g;
  g.members[0]->hang_up();
  g.members[2]->hang_up();
  g.publish(5);
  CHECK(g.members[1]->take().size() == 5);
  g.members[1]->hang_up();
  g.publish(5);
  std::size_t queued = 0;
  for (const std::string& id : g.ids) queued += g.cluster.session(id).queued;
  CHECK(queued == 5);
}

TEST_CASE("shared: what a member has not acknowledged goes to the others when it leaves") {
  for (const bool unsubscribes : {false}) {
    CAPTURE(unsubscribes);
    Group g(1, 2);  // a window of two: the rest waits in the queue
    g.publish(30);
    std::multiset<std::string> seen;
    const auto first = g.members[0]->take();
    REQUIRE(first.size() == 2);
    g.members[0]->ack(PacketType::puback, first[0].id);
    seen.insert(first[0].payload);
    g.members[0]->take();
    g.members[0]->hang_up();
    CHECK(g.cluster.session(g.ids[0]).queued == 0);
    CHECK(g.cluster.session(g.ids[0]).inflight == 0);
    for (bool more = true; more;) {
      more = false;
      for (const std::size_t i : {std::size_t{1}, std::size_t{2}})
        for (const wire::Received& got : g.members[i]->take()) {
          more = true;
          seen.insert(got.payload);
          g.members[i]->ack(PacketType::puback, got.id);
        }
    }
    CHECK(seen.size() == 30);
    CHECK(std::set<std::string>(seen.begin(), seen.end()).size() == 30);
    CHECK(g.cluster.total(Gauge::queued_messages) == 0);
    CHECK(g.cluster.total(Gauge::queued_bytes) == 0);
  }
}

TEST_CASE("shared: a QoS 2 message that a member may have seen stays its own") {
  Group g(2);
  g.publish(3, 2);
  CHECK(g.members[0]->take().size() + g.members[1]->take().size() + g.members[2]->take().size() ==
        3);
  const std::size_t before = g.cluster.session(g.ids[0]).inflight;
  g.members[0]->hang_up();
  CHECK(g.cluster.session(g.ids[0]).inflight == before);
  CHECK(g.members[1]->silent());
  CHECK(g.members[2]->silent());
}

TEST_CASE("shared: with nobody there the messages wait for the member they were picked for") {
  Cluster cluster;
  auto member = std::make_unique<Client>(cluster);
  Client pub(cluster);
  pub.connect({.id = "pub"});
  const wire::ConnectSpec spec{.id = "m", .clean = false, .expiry_s = 100};
  member->connect(spec);
  member->subscribe({.filter = "$queue/t", .qos = 1});
  pub.publish({.topic = "t", .payload = "1", .qos = 1, .id = 1});
  member->hang_up();
  pub.publish({.topic = "t", .payload = "2", .qos = 1, .id = 1});
  member = std::make_unique<Client>(cluster);
  member->connect(spec);
  CHECK(member->payloads() == Strings{"1", "2"});
}

std::shared_ptr<const ListenerInfo> mounted(const std::string& where) {
  auto listener = std::make_shared<ListenerInfo>();
  listener->settings.mountpoint = where;
  return listener;
}

TEST_CASE(
    "mountpoint: topics, filters, shared filters, wills and retained messages stand below it") {
  Cluster cluster({}, 2);
  Client inside(cluster, Version::v5, 0, mounted("m/%u/%c/"));
  Client outside(cluster);
  HookTable hooks;
  hooks.authenticate = {
      [](void*, const AuthRequest&) { return AuthAnswer{.verdict = Verdict::allow}; }, nullptr};
  cluster.set_hooks(hooks);
  outside.connect({.id = "out"});
  outside.subscribe({.filter = "#", .qos = 1});
  const std::string id = cluster.id_on(1);
  inside.connect({.id = id, .user = "u", .will = wire::WillSpec{.topic = "will"}});
  const std::string base = "m/u/" + id + "/";
  inside.subscribe({.filter = "#", .qos = 1});
  inside.publish({.topic = "a/b", .payload = "1", .qos = 1, .id = 1, .retain = true});
  CHECK(inside.expect(PacketType::publish).topic == "a/b");
  CHECK(outside.expect(PacketType::publish).topic == base + "a/b");
  inside.take();
  inside.subscribe({.filter = "a/+"});
  CHECK(inside.expect(PacketType::publish).topic == "a/b");
  inside.subscribe({.filter = "$share/g/s", .qos = 1});
  inside.send(wire::unsubscribe("#", 4, Version::v5));
  CHECK(inside.expect(PacketType::unsuback).reason() == Reason::success);
  outside.publish({.topic = base + "s", .payload = "2"});
  CHECK(inside.expect(PacketType::publish).topic == "s");
  outside.take();
  outside.publish({.topic = "s", .payload = "3"});
  CHECK(inside.silent());
  outside.take();
  inside.hang_up();
  CHECK(outside.expect(PacketType::publish).topic == base + "will");
}

TEST_CASE("mountpoint: a session is not seen through another one") {
  Cluster cluster;
  const wire::ConnectSpec spec{.id = "c", .clean = false, .expiry_s = 100};
  Client first(cluster, Version::v5, 0, mounted("one/"));
  first.connect(spec);
  first.subscribe({.filter = "t", .qos = 1});
  Client same(cluster, Version::v5, 0, mounted("one/"));
  CHECK(same.connect(spec).session_present);
  same.hang_up();
  Client pub(cluster);
  pub.connect({.id = "pub"});
  pub.publish({.topic = "one/t", .payload = "secret", .qos = 1, .id = 1});
  Client other(cluster, Version::v5, 0, mounted("two/"));
  CHECK(!other.connect(spec).session_present);
  CHECK(other.silent());
  CHECK(cluster.total(Gauge::queued_messages) == 0);
  CHECK(cluster.total(Gauge::subscriptions) == 0);
}

TEST_CASE("mountpoint: a name that would change the topic's structure is refused") {
  Cluster cluster;
  for (const char* id : {"a/b", "+", "#", ""}) {
    Client client(cluster, Version::v5, 0, mounted("m/%c/%u/"));
    CHECK(client.connect({.id = id}).reason() == Reason::not_authorized);
    CHECK(client.closed());
  }
  CHECK(cluster.total(Gauge::sessions) == 0);
}

TEST_CASE("mountpoint: a topic that grows too long with it is refused") {
  Settings settings;
  settings.limits.max_topic_length = 0;
  settings.limits.max_topic_levels = 0;
  Cluster cluster(settings);
  Client client(cluster, Version::v5, 0, mounted("some/where/")), watcher(cluster);
  watcher.connect({.id = "w", .clean = false, .expiry_s = 10});
  watcher.subscribe({.filter = "#", .qos = 1});
  watcher.hang_up();
  client.connect({.id = "c"});
  client.publish(
      {.topic = std::string(65'530, 't'), .payload = "x", .qos = 1, .id = 1, .retain = true});
  CHECK(client.expect(PacketType::disconnect).reason() == Reason::topic_name_invalid);
}

}  // namespace
}  // namespace keel::kernel
