// QoS 1 and 2: windows, queues, what is sent again and in which order.
#include "support.hpp"

namespace keel::kernel {
namespace {

// Publishes messages "0" to "n-1" to `topic`.
void publish_many(Client& from, const std::string& topic, int n, std::uint8_t qos) {
  for (int i = 0; i < n; ++i) {
    const auto id = static_cast<std::uint16_t>(i + 1);
    from.publish({.topic = topic, .payload = std::to_string(i), .qos = qos, .id = id});
    if (qos == 2) from.ack(PacketType::pubrel, id);
  }
  from.take();
}

Strings numbers(int from, int to) {
  Strings all;
  for (int i = from; i < to; ++i) all.push_back(std::to_string(i));
  return all;
}

struct Pair {
  explicit Pair(Settings settings = {}, std::uint32_t shards = 2)
      : cluster(std::move(settings), shards),
        sub_id(cluster.id_on(0, "sub")),
        sub(std::make_unique<Client>(cluster)),
        pub(cluster) {
    pub.connect({.id = cluster.id_on(shards - 1, "pub")});
  }
  // The subscriber's connection goes and comes back.
  wire::Received reconnect(wire::ConnectSpec spec = {}) {
    sub->hang_up();
    sub = std::make_unique<Client>(cluster);
    spec.id = sub_id;
    spec.clean = false;
    spec.expiry_s = 1'000;
    return sub->connect(spec);
  }
  void subscribe(std::uint8_t qos, wire::ConnectSpec spec = {}) {
    spec.id = sub_id;
    spec.clean = false;
    spec.expiry_s = 1'000;
    sub->connect(spec);
    sub->subscribe({.filter = "t", .qos = qos});
  }

  Cluster cluster;
  std::string sub_id;
  std::unique_ptr<Client> sub;
  Client pub;
};

TEST_CASE("qos: delivered at the lower of published and subscribed") {
  for (std::uint8_t published = 0; published <= 2; ++published)
    for (std::uint8_t subscribed = 0; subscribed <= 2; ++subscribed) {
      Pair p;
      p.subscribe(subscribed);
      p.pub.publish({.topic = "t", .qos = published, .id = 1});
      CHECK(p.sub->expect(PacketType::publish).qos == std::min(published, subscribed));
    }
}

TEST_CASE("qos: the acknowledgement says when nobody listens") {
  Pair p;
  p.pub.publish({.topic = "nobody", .qos = 1, .id = 1});
  CHECK(p.pub.expect(PacketType::puback).reason() == Reason::no_matching_subscribers);
  p.pub.publish({.topic = "nobody", .qos = 2, .id = 2});
  CHECK(p.pub.expect(PacketType::pubrec).reason() == Reason::no_matching_subscribers);
}

TEST_CASE("qos 1: no more than the window is sent; each acknowledgement brings the next") {
  Pair p;
  p.subscribe(1, {.receive_maximum = 3});
  publish_many(p.pub, "t", 10, 1);
  auto got = p.sub->take();
  REQUIRE(got.size() == 3);
  CHECK(p.cluster.session(p.sub_id).queued == 7);
  CHECK(p.cluster.total(Gauge::queued_messages) == 7);
  Strings all;
  while (!got.empty()) {
    const wire::Received first = got.front();
    got.erase(got.begin());
    all.push_back(first.payload);
    CHECK(!first.dup);
    p.sub->ack(PacketType::puback, first.id);
    for (auto& more : p.sub->take()) got.push_back(more);
    CHECK(got.size() <= 3);
  }
  CHECK(all == numbers(0, 10));
  CHECK(p.cluster.total(Gauge::queued_messages) == 0);
  CHECK(p.cluster.total(Gauge::queued_bytes) == 0);
  CHECK(p.cluster.realm().queued_bytes == 0);
  CHECK(p.cluster.session(p.sub_id).inflight == 0);
}

TEST_CASE("qos 2: the window counts until PUBCOMP") {
  Pair p;
  p.subscribe(2, {.receive_maximum = 1});
  publish_many(p.pub, "t", 2, 2);
  const wire::Received first = p.sub->expect(PacketType::publish);
  CHECK(p.sub->silent());
  p.sub->ack(PacketType::pubrec, first.id);
  CHECK(p.sub->expect(PacketType::pubrel).id == first.id);
  CHECK(p.sub->silent());
  p.sub->ack(PacketType::pubrec, first.id);  // again
  CHECK(p.sub->expect(PacketType::pubrel).id == first.id);
  p.sub->ack(PacketType::pubcomp, first.id);
  CHECK(p.sub->expect(PacketType::publish).payload == "1");
}

TEST_CASE("qos 2: a PUBREC that refuses the message ends its exchange") {
  Pair p;
  p.subscribe(2, {.receive_maximum = 1});
  publish_many(p.pub, "t", 2, 2);
  const wire::Received first = p.sub->expect(PacketType::publish);
  p.sub->send(wire::ack(PacketType::pubrec, first.id, Reason::quota_exceeded));
  CHECK(p.sub->expect(PacketType::publish).payload == "1");
}

TEST_CASE("acks: unknown ones do no harm and are counted") {
  Pair p;
  p.subscribe(2);
  p.sub->ack(PacketType::puback, 7);
  p.sub->ack(PacketType::pubcomp, 7);
  CHECK(p.sub->silent());
  p.sub->ack(PacketType::pubrec, 7);
  CHECK(p.sub->expect(PacketType::pubrel).reason() == Reason::packet_identifier_not_found);
  p.sub->ack(PacketType::pubrel, 7);
  CHECK(p.sub->expect(PacketType::pubcomp).reason() == Reason::packet_identifier_not_found);
  CHECK(p.cluster.total(Metric::puback_missed) == 1);
  CHECK(p.cluster.total(Metric::pubrec_missed) == 1);
  CHECK(p.cluster.total(Metric::pubrel_missed) == 1);
  CHECK(p.cluster.total(Metric::pubcomp_missed) == 1);
  // One of the wrong kind does not end an exchange.
  publish_many(p.pub, "t", 1, 2);
  const wire::Received got = p.sub->expect(PacketType::publish);
  p.sub->ack(PacketType::puback, got.id);
  p.sub->ack(PacketType::pubcomp, got.id);
  CHECK(p.cluster.session(p.sub_id).inflight == 1);
}

TEST_CASE("qos 2 in: taken once, however often it is sent, also over a reconnect") {
  Pair p;
  p.subscribe(2);
  const std::string bytes =
      wire::publish({.topic = "t", .payload = "x", .qos = 2, .id = 5}, Version::v5);
  const std::string pub_id = p.cluster.id_on(0, "twice");
  {
    Client pub(p.cluster);
    pub.connect({.id = pub_id, .clean = false, .expiry_s = 100});
    pub.send(bytes);
    pub.send(bytes);
    CHECK(pub.take().size() == 2);  // a PUBREC each
    pub.hang_up();
  }
  Client pub(p.cluster);
  CHECK(pub.connect({.id = pub_id, .clean = false, .expiry_s = 100}).session_present);
  pub.publish({.topic = "t", .payload = "x", .qos = 2, .id = 5, .dup = true});
  CHECK(pub.expect(PacketType::pubrec).id == 5);
  CHECK(p.sub->take().size() == 1);
  pub.ack(PacketType::pubrel, 5);
  CHECK(pub.expect(PacketType::pubcomp).reason() == Reason::success);
  pub.send(bytes);  // the id is free again: a new message
  CHECK(p.sub->take().size() == 1);
}

TEST_CASE("qos 2 in: more than limits.max_awaiting_rel ends the connection") {
  Settings settings;
  settings.limits.max_awaiting_rel = 2;
  Pair p(settings);
  for (std::uint16_t id = 1; id <= 2; ++id) p.pub.publish({.topic = "t", .qos = 2, .id = id});
  CHECK(p.pub.take().size() == 2);
  p.pub.publish({.topic = "t", .qos = 2, .id = 3});
  CHECK(p.pub.expect(PacketType::disconnect).reason() == Reason::receive_maximum_exceeded);
}

TEST_CASE("resend: in the order first sent, with DUP, PUBREL where the message was received") {
  for (const Version version : {Version::v311, Version::v5}) {
    Cluster cluster;
    Client pub(cluster);
    pub.connect({.id = "pub"});
    auto sub = std::make_unique<Client>(cluster, version);
    const wire::ConnectSpec spec{
        .id = "sub",
        .clean = false,
        .expiry_s = version == Version::v5 ? std::optional(100u) : std::nullopt};
    sub->connect(spec);
    sub->subscribe({.filter = "t", .qos = 2});
    for (int i = 0; i < 6; ++i)
      pub.publish({.topic = "t",
                   .payload = std::to_string(i),
                   .qos = static_cast<std::uint8_t>(1 + i % 2),
                   .id = static_cast<std::uint16_t>(i + 1)});
    auto got = sub->take();
    REQUIRE(got.size() == 6);
    sub->ack(PacketType::puback, got[2].id);  // "2" is done
    sub->ack(PacketType::pubrec, got[3].id);  // "3" is received
    sub->ack(PacketType::pubrec, got[1].id);  // "1" too
    CHECK(sub->take().size() == 2);           // PUBRELs
    sub->hang_up();
    pub.publish({.topic = "t", .payload = "6", .qos = 1, .id = 9});
    sub = std::make_unique<Client>(cluster, version);
    CHECK(sub->connect(spec).session_present);
    const auto again = sub->take();
    REQUIRE(again.size() == 6);
    const char* const expected[] = {"0", "", "", "4", "5", "6"};
    const int ids[] = {0, 1, 3, 4, 5};
    for (std::size_t i = 0; i < 6; ++i) {
      CAPTURE(i);
      const bool release = i == 1 || i == 2;
      CHECK(again[i].type == (release ? PacketType::pubrel : PacketType::publish));
      CHECK(again[i].payload == expected[i]);
      if (i < 5) CHECK(again[i].id == got[static_cast<std::size_t>(ids[i])].id);
      if (!release) CHECK(again[i].dup == (i < 5));
    }
  }
}

TEST_CASE("resend: a smaller receive maximum on reconnect is obeyed") {
  Pair p;
  p.subscribe(1, {.receive_maximum = 10});
  publish_many(p.pub, "t", 8, 1);
  CHECK(p.sub->take().size() == 8);
  p.reconnect({.receive_maximum = 2});
  publish_many(p.pub, "t", 1, 1);  // one more, behind them
  Strings all;
  std::size_t open = 0;
  std::vector<wire::Received> got = p.sub->take();
  for (open = got.size(); !got.empty();) {
    CHECK(open <= 2);
    all.push_back(got.front().payload);
    CHECK(got.front().dup == (all.size() <= 8));
    p.sub->ack(PacketType::puback, got.front().id);
    got.erase(got.begin());
    for (auto& more : p.sub->take()) got.push_back(more);
    open = got.size();
  }
  Strings expected = numbers(0, 8);
  expected.push_back("0");
  CHECK(all == expected);
}

TEST_CASE("resend: acknowledgements for what has not been sent again yet open the window too") {
  Pair p;
  p.subscribe(1, {.receive_maximum = 10});
  publish_many(p.pub, "t", 6, 1);
  const auto before = p.sub->take();
  REQUIRE(before.size() == 6);
  p.reconnect({.receive_maximum = 1});
  CHECK(p.sub->payloads() == Strings{"0"});
  // The client got them all before it lost its connection, and says so.
  for (const std::size_t i : {5u, 4u, 3u, 2u}) p.sub->ack(PacketType::puback, before[i].id);
  CHECK(p.sub->silent());  // the one place is taken by "0"
  p.sub->ack(PacketType::puback, before[0].id);
  CHECK(p.sub->payloads() == Strings{"1"});
  p.sub->ack(PacketType::puback, before[1].id);
  publish_many(p.pub, "t", 1, 1);
  CHECK(p.sub->payloads() == Strings{"0"});
  CHECK(p.cluster.session(p.sub_id).inflight == 1);
}

TEST_CASE("queue: an absent client gets what came meanwhile, QoS 0 only if the settings say so") {
  for (const bool keep : {false, true}) {
    Settings settings;
    settings.mqtt.queue_qos0 = keep;
    Pair p(settings);
    p.subscribe(2);
    p.sub->hang_up();
    for (std::uint8_t qos = 0; qos <= 2; ++qos)
      p.pub.publish({.topic = "t", .payload = std::to_string(qos), .qos = qos, .id = 1});
    p.reconnect();
    CHECK(p.sub->payloads() == (keep ? Strings{"0", "1", "2"} : Strings{"1", "2"}));
    CHECK(p.cluster.total(Gauge::queued_bytes) == 0);
  }
}

TEST_CASE("queue: over its bounds the oldest QoS 0 message goes, else the oldest") {
  Settings settings;
  settings.limits.max_queued = 3;
  settings.mqtt.queue_qos0 = true;
  Pair p(settings);
  p.subscribe(1);
  p.sub->hang_up();
  const std::uint8_t qos[] = {1, 0, 1, 1, 1};
  for (int i = 0; i < 5; ++i)
    p.pub.publish({.topic = "t", .payload = std::to_string(i), .qos = qos[i], .id = 1});
  CHECK(p.cluster.session(p.sub_id).dropped == 2);
  CHECK(p.cluster.total(Metric::messages_dropped_queue_full) == 2);
  p.reconnect();
  CHECK(p.sub->payloads() == Strings{"2", "3", "4"});
}

TEST_CASE("queue: bounds in bytes, per session and over all") {
  const std::string big(1'000, 'x');
  SUBCASE("a session's own bound drops its oldest") {
    Settings settings;
    settings.limits.max_queued_bytes = 3'500;
    Pair p(settings);
    p.subscribe(1);
    p.sub->hang_up();
    for (int i = 0; i < 5; ++i)
      p.pub.publish({.topic = "t", .payload = std::to_string(i) + big, .qos = 1, .id = 1});
    CHECK(p.cluster.session(p.sub_id).queued == 3);
    p.reconnect();
    CHECK(p.sub->payloads()[0][0] == '2');
  }
  SUBCASE("the bound over all refuses the newest") {
    Settings settings;
    settings.limits.max_total_queued_bytes = 3'500;
    Pair p(settings);
    p.subscribe(1);
    p.sub->hang_up();
    for (int i = 0; i < 5; ++i)
      p.pub.publish({.topic = "t", .payload = std::to_string(i) + big, .qos = 1, .id = 1});
    CHECK(p.cluster.realm().queued_bytes <= 3'500);
    p.reconnect();
    const Strings got = p.sub->payloads();
    REQUIRE(got.size() == 3);
    CHECK(got[2][0] == '2');
  }
  SUBCASE("a message that can never fit does not cost those that are there their place") {
    Settings settings;
    settings.limits.max_queued_bytes = 3'500;
    Pair p(settings);
    p.subscribe(1);
    p.sub->hang_up();
    p.pub.publish({.topic = "t", .payload = "small", .qos = 1, .id = 1});
    p.pub.publish({.topic = "t", .payload = big + big + big + big, .qos = 1, .id = 1});
    p.reconnect();
    CHECK(p.sub->payloads() == Strings{"small"});
  }
}

TEST_CASE("expiry: counted down, and nothing expired is delivered") {
  Pair p;
  p.subscribe(1);
  p.sub->hang_up();
  for (const std::uint32_t seconds : {5u, 20u})
    p.pub.publish(
        {.topic = "t", .payload = std::to_string(seconds), .qos = 1, .id = 1, .expiry_s = seconds});
  p.pub.publish({.topic = "t", .payload = "never", .qos = 1, .id = 1});
  p.cluster.advance(8'000);
  p.reconnect();
  const auto got = p.sub->take();
  REQUIRE(got.size() == 2);
  CHECK(got[0].payload == "20");
  CHECK(got[0].number(Property::message_expiry) == 12);
  CHECK(got[1].payload == "never");
  CHECK(!got[1].number(Property::message_expiry));
  CHECK(p.cluster.total(Metric::messages_expired) == 1);
  CHECK(p.cluster.total(Gauge::queued_messages) == 0);
}

TEST_CASE("expiry: the settings' cap holds for messages without one, too") {
  Settings settings;
  settings.mqtt.max_message_expiry_s = 10;
  Pair p(settings);
  p.subscribe(0);
  p.pub.publish({.topic = "t"});
  p.pub.publish({.topic = "t", .expiry_s = 5});
  p.pub.publish({.topic = "t", .expiry_s = 100});
  const auto got = p.sub->take();
  REQUIRE(got.size() == 3);
  CHECK(got[0].number(Property::message_expiry) == 10);
  CHECK(got[1].number(Property::message_expiry) == 5);
  CHECK(got[2].number(Property::message_expiry) == 10);
}

TEST_CASE("maximum packet size: a message over it is dropped for that client only") {
  Pair p;
  p.subscribe(1, {.max_packet = 64});
  Client other(p.cluster);
  other.connect({.id = "other"});
  other.subscribe({.filter = "t", .qos = 1});
  p.pub.publish({.topic = "t", .payload = std::string(100, 'x'), .qos = 1, .id = 1});
  p.pub.publish({.topic = "t", .payload = "fits", .qos = 1, .id = 2});
  CHECK(p.sub->payloads() == Strings{"fits"});
  CHECK(other.take().size() == 2);
  CHECK(p.cluster.session(p.sub_id).inflight == 1);
  CHECK(p.cluster.total(Metric::messages_dropped_too_large) == 1);
}

TEST_CASE("slow consumer: QoS 0 is dropped and counted, QoS 1 waits, all goes on when it reads") {
  Settings settings;
  settings.limits.max_output_bytes = 1'000;
  settings.limits.max_inflight = 0;
  Pair p(settings);
  p.subscribe(1);
  p.sub->wire().room = 0;
  const std::string payload(300, 'x');
  for (int i = 0; i < 20; ++i) {
    p.pub.publish({.topic = "t", .payload = "0" + payload});
    p.pub.publish({.topic = "t", .payload = "1" + payload, .qos = 1, .id = 1});
  }
  CHECK(p.sub->wire().unsent <= 1'400);
  const std::uint64_t dropped = p.cluster.total(Metric::messages_dropped_slow);
  CHECK(dropped >= 17);
  CHECK(p.cluster.session(p.sub_id).queued >= 17);
  CHECK(p.cluster.session(p.sub_id).dropped == dropped);
  CHECK(p.pub.take().size() == 20);  // the publisher does not wait
  p.sub->wire().room = 700;          // a little: not drained yet
  p.cluster.settle();
  CHECK(p.cluster.session(p.sub_id).queued >= 15);
  p.sub->wire().room = fake::Wire::kUnlimited;
  p.cluster.settle();
  std::size_t first = 0, zeroth = 0;
  for (const std::string& got : p.sub->payloads()) ++(got[0] == '1' ? first : zeroth);
  CHECK(first == 20);
  CHECK(zeroth == 20 - dropped);
  CHECK(p.cluster.total(Gauge::queued_messages) == 0);
}

TEST_CASE("a client that sends requests and reads nothing does not make the output grow") {
  Settings settings;
  settings.limits.max_output_bytes = 1'000;
  Cluster cluster(settings);
  Client client(cluster);
  client.connect({.id = "c"});
  client.wire().room = 0;
  std::string pings;
  for (int i = 0; i < 1'000; ++i) pings += wire::pingreq();
  for (int i = 0; i < 20; ++i) client.send(pings);
  CHECK(client.wire().unsent < 10'000);
  client.wire().room = fake::Wire::kUnlimited;
  cluster.settle();
  CHECK(client.take().size() == 20'000);
}

TEST_CASE(
    "many messages through a small window to several shards: nothing lost, doubled, reordered") {
  for (const std::uint8_t qos : {std::uint8_t{1}, std::uint8_t{2}}) {
    Cluster cluster({}, 3);
    std::vector<std::unique_ptr<Client>> subs;
    for (std::uint32_t shard = 0; shard < 3; ++shard) {
      subs.push_back(std::make_unique<Client>(cluster));
      subs.back()->connect({.id = cluster.id_on(shard, "s"),
                            .receive_maximum = static_cast<std::uint16_t>(1 + shard * 4)});
      subs.back()->subscribe({.filter = "t", .qos = qos});
    }
    Client pub(cluster);
    pub.connect({.id = "pub"});
    publish_many(pub, "t", 200, qos);
    for (auto& sub : subs) {
      Strings all;
      for (bool more = true; more;) {
        more = false;
        for (const wire::Received& got : sub->take()) {
          more = true;
          if (got.type == PacketType::publish) {
            all.push_back(got.payload);
            sub->ack(qos == 1 ? PacketType::puback : PacketType::pubrec, got.id);
          } else {
            sub->ack(PacketType::pubcomp, got.id);
          }
        }
      }
      CHECK(all == numbers(0, 200));
    }
  }
}

}  // namespace
}  // namespace keel::kernel
