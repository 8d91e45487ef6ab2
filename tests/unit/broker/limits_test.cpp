// Topic aliases and rates: what client and broker agree on for one connection.
#include "support.hpp"

namespace keel::kernel {
namespace {

TEST_CASE("alias in: learned, used, learned anew, and refused where unknown") {
  Cluster cluster({}, 2);
  Client client(cluster), sub(cluster);
  sub.connect({.id = "sub"});
  sub.subscribe({.filter = "#"});
  CHECK(client.connect({.id = "c"}).number(Property::topic_alias_maximum) == 16);
  client.publish({.topic = "one", .alias = 1});
  client.publish({.topic = "two", .alias = 16});
  client.publish({.topic = "", .alias = 1});
  client.publish({.topic = "three", .alias = 1});
  client.publish({.topic = "", .alias = 1});
  client.publish({.topic = "", .alias = 16});
  Strings topics;
  for (const wire::Received& got : sub.take()) topics.push_back(got.topic);
  CHECK(topics == Strings{"one", "two", "one", "three", "three", "two"});
  const std::pair<wire::PublishSpec, Reason> bad[] = {
      {{.topic = "", .alias = 2}, Reason::protocol_error},
      {{.topic = "t", .alias = 17}, Reason::topic_alias_invalid}};
  for (const auto& [publish, reason] : bad) {
    Client other(cluster);
    other.connect({.id = "o"});
    other.publish(publish);
    CHECK(other.expect(PacketType::disconnect).reason() == reason);
  }
  client.hang_up();
  Client again(cluster);
  again.connect({.id = "c"});
  again.publish({.topic = "", .alias = 1});  // aliases end with the connection
  CHECK(again.expect(PacketType::disconnect).reason() == Reason::protocol_error);
}

TEST_CASE("alias out: as many as both allow, the topic only once") {
  Cluster cluster;
  Client sub(cluster), pub(cluster);
  pub.connect({.id = "pub"});
  sub.connect({.id = "sub", .alias_max = 2});
  sub.subscribe({.filter = "#", .qos = 1});
  for (int round = 0; round < 2; ++round)
    for (const char* topic : {"a", "b", "c"}) pub.publish({.topic = topic});
  const auto got = sub.take();
  REQUIRE(got.size() == 6);
  const char* const topics[] = {"a", "b", "c", "", "", "c"};
  for (std::size_t i = 0; i < 6; ++i) {
    CAPTURE(i);
    CHECK(got[i].topic == topics[i]);
    const auto alias = got[i].number(Property::topic_alias);
    if (i % 3 == 2)
      CHECK(!alias);
    else
      CHECK(alias == i % 3 + 1);
  }
}

TEST_CASE("alias out: a message that is not sent does not teach an alias") {
  Cluster cluster;
  Client sub(cluster), pub(cluster);
  pub.connect({.id = "pub"});
  sub.connect({.id = "sub", .max_packet = 60, .alias_max = 2});
  sub.subscribe({.filter = "#"});
  pub.publish({.topic = "a", .payload = std::string(100, 'x')});
  CHECK(sub.silent());
  pub.publish({.topic = "a"});
  CHECK(sub.expect(PacketType::publish).topic == "a");
}

TEST_CASE("rate: over the limit reading pauses, nothing is lost, and it goes on by the clock") {
  Settings settings;
  settings.limits.publish_rate = 10;
  Cluster cluster(settings);
  Client client(cluster), sub(cluster);
  client.connect({.id = "c"});
  sub.connect({.id = "sub"});
  sub.subscribe({.filter = "t"});
  std::string bytes;
  for (int i = 0; i < 50; ++i)
    bytes += wire::publish({.topic = "t", .payload = std::to_string(i)}, Version::v5);
  client.send(bytes);
  CHECK(client.wire().paused);
  std::size_t got = sub.take().size();
  CHECK(got >= 10);
  CHECK(got <= 11);
  cluster.advance(2'000);
  got += sub.take().size();
  CHECK(got >= 20);
  CHECK(got <= 33);
  for (int i = 0; i < 30; ++i) cluster.advance(200);
  got += sub.take().size();
  CHECK(got == 50);
  CHECK(!client.wire().paused);
}

TEST_CASE("rate: bytes, with the listener's own number, and other packets are not counted") {
  Cluster cluster;
  auto listener = std::make_shared<ListenerInfo>();
  listener->settings.publish_bytes_rate = 1'000;
  Client client(cluster, Version::v311, 0, listener);
  client.connect({.id = "c"});
  for (int i = 0; i < 1'000; ++i) client.wire().sent += wire::pingreq();
  cluster.settle();
  CHECK(client.take().size() == 1'000);
  CHECK(!client.wire().paused);
  client.publish({.topic = "t", .payload = std::string(5'000, 'x')});
  CHECK(client.wire().paused);
  cluster.advance(3'900);
  CHECK(client.wire().paused);
  cluster.advance(300);
  CHECK(!client.wire().paused);
}

TEST_CASE("rate: a paused client's silence is not its own, and its end is an end") {
  Settings settings;
  settings.limits.publish_rate = 1;
  Cluster cluster(settings);
  Client client(cluster);
  client.connect({.id = "c", .keep_alive = 2});
  std::string bytes;
  for (int i = 0; i < 30; ++i) bytes += wire::publish({.topic = "t"}, Version::v5);
  client.send(bytes);
  for (int i = 0; i < 20; ++i) cluster.advance(1'000);
  CHECK(!client.closed());
  client.hang_up();
  for (int i = 0; i < 40; ++i) cluster.advance(1'000);
  CHECK(client.closed());
}

TEST_CASE("settings: a reload holds for what comes after it") {
  Cluster cluster({}, 2);
  Client client(cluster);
  client.connect({.id = cluster.id_on(1)});
  client.publish({.topic = "a/b", .qos = 1, .id = 1});
  client.expect(PacketType::puback);
  cluster.change([](Settings& settings) { settings.limits.max_topic_levels = 1; });
  client.publish({.topic = "a/b", .qos = 1, .id = 1});
  CHECK(client.expect(PacketType::disconnect).reason() == Reason::topic_name_invalid);
}

TEST_CASE("publishing: what is not allowed in a topic name ends the connection") {
  for (const char* topic : {"a/+", "#", ""}) {
    Cluster cluster;
    Client client(cluster);
    client.connect({.id = "c"});
    client.publish({.topic = topic});
    CHECK(client.take().back().type == PacketType::disconnect);
    CHECK(client.closed());
  }
}

}  // namespace
}  // namespace keel::kernel
