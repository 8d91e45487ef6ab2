// Wills: when they are published, and when not.
#include "support.hpp"

namespace keel::kernel {
namespace {

const wire::WillSpec kWill{.topic = "will", .payload = "gone"};

struct Scene {
  Scene() : cluster({}, 2), watcher(cluster) {
    watcher.connect({.id = "watcher"});
    watcher.subscribe({.filter = "will", .qos = 2});
    id = cluster.id_on(1);
  }
  std::unique_ptr<Client> client(wire::ConnectSpec spec) {
    auto one = std::make_unique<Client>(cluster);
    spec.id = id;
    one->connect(spec);
    return one;
  }
  bool fired() { return watcher.payloads() == Strings{"gone"}; }

  Cluster cluster;
  Client watcher;
  std::string id;
};

TEST_CASE(
    "will: on loss, protocol errors, keep alive, DISCONNECT 0x04; not on a plain DISCONNECT") {
  const std::pair<const char*, bool> cases[] = {
      {"loss", true},      {"error", true}, {"keep alive", true},  {"disconnect", false},
      {"with will", true}, {"kick", true},  {"other reason", true}};
  for (const auto& each : cases) {
    const auto& [how, fires] = each;
    CAPTURE(each.first);
    Scene s;
    auto client = s.client({.keep_alive = 10, .will = kWill});
    const std::string_view way = how;
    if (way == "loss") client->hang_up();
    if (way == "error") client->send(wire::publish({.topic = "a/#"}, Version::v5));
    if (way == "keep alive") s.cluster.advance(16'000);
    if (way == "disconnect") client->disconnect();
    if (way == "with will")
      client->send(wire::disconnect(Version::v5, Reason::disconnect_with_will));
    if (way == "kick") s.cluster.broker(1).kick(s.id);
    if (way == "other reason")
      client->send(wire::disconnect(Version::v5, Reason::unspecified_error));
    s.cluster.settle();
    CHECK(s.fired() == fires);
    s.cluster.advance(1'000'000);
    CHECK(s.watcher.silent());
    CHECK(s.cluster.total(Metric::wills_published) == (fires ? 1 : 0));
  }
}

TEST_CASE("will: its QoS and retain flag") {
  Scene s;
  s.client({.will = wire::WillSpec{.topic = "will", .payload = "gone", .qos = 2, .retain = true}})
      ->hang_up();
  CHECK(s.watcher.expect(PacketType::publish).qos == 2);
  Client late(s.cluster);
  late.connect({.id = "late"});
  late.subscribe({.filter = "will"});
  CHECK(late.expect(PacketType::publish).retain);
}

TEST_CASE("will: the delay is waited for, and ends with the session") {
  wire::WillSpec will = kWill;
  will.delay_s = 10;
  SUBCASE("the delay is over first") {
    Scene s;
    s.client({.clean = false, .expiry_s = 100, .will = will})->hang_up();
    s.cluster.advance(9'900);
    CHECK(!s.fired());
    s.cluster.advance(200);
    CHECK(s.fired());
    CHECK(s.cluster.has_session(s.id));
    s.cluster.advance(90'000);
    CHECK(!s.cluster.has_session(s.id));
    CHECK(s.watcher.silent());
  }
  SUBCASE("the session is over first") {
    Scene s;
    s.client({.clean = false, .expiry_s = 5, .will = will})->hang_up();
    CHECK(!s.fired());
    s.cluster.advance(5'100);
    CHECK(s.fired());
  }
  SUBCASE("the session is over at once") {
    Scene s;
    s.client({.will = will})->hang_up();
    CHECK(s.fired());
  }
  SUBCASE("the client comes back in time") {
    Scene s;
    s.client({.clean = false, .expiry_s = 100, .will = will})->hang_up();
    s.cluster.advance(9'000);
    auto back = s.client({.clean = false, .expiry_s = 100});
    s.cluster.advance(50'000);
    CHECK(!s.fired());
  }
  SUBCASE("the client comes back with a clean start") {
    Scene s;
    s.client({.clean = false, .expiry_s = 100, .will = will})->hang_up();
    auto back = s.client({.clean = true});
    CHECK(s.fired());
  }
}

TEST_CASE("will: takeover") {
  for (const std::uint32_t delay : {0u, 10u})
    for (const bool clean : {false, true})
      for (const std::uint32_t expiry : {0u, 100u}) {
        CAPTURE(delay);
        CAPTURE(clean);
        CAPTURE(expiry);
        Scene s;
        wire::WillSpec will = kWill;
        will.delay_s = delay;
        auto first = s.client({.clean = false, .expiry_s = expiry, .will = will});
        auto second = s.client({.clean = clean, .expiry_s = expiry});
        // The session goes on only without clean start and if it outlives its connection.
        const bool session_ended = clean || expiry == 0;
        CHECK(s.fired() == (delay == 0 || session_ended));
        s.cluster.advance(50'000);
        CHECK(s.watcher.silent());
        CHECK(!second->closed());
      }
}

TEST_CASE("will: counted against the budget of what waits, as long as it is there") {
  Settings settings;
  settings.limits.max_total_queued_bytes = 2'000;
  Cluster cluster(settings);
  const wire::WillSpec large{.topic = "will", .payload = std::string(1'500, 'x')};
  Client first(cluster), second(cluster), third(cluster);
  CHECK(first.connect({.id = "a", .will = large}).reason() == Reason::success);
  CHECK(cluster.realm().queued_bytes >= 1'500);
  CHECK(second.connect({.id = "b", .will = large}).reason() == Reason::quota_exceeded);
  first.disconnect();
  CHECK(cluster.realm().queued_bytes == 0);
  CHECK(third.connect({.id = "b", .will = large}).reason() == Reason::success);
  third.hang_up();
  CHECK(cluster.realm().queued_bytes == 0);
}

TEST_CASE("will: the last connection's will counts") {
  Scene s;
  s.client({.clean = false, .expiry_s = 100, .will = kWill})->disconnect();
  s.client({.clean = false, .expiry_s = 100})->hang_up();
  CHECK(!s.fired());
}

TEST_CASE("will: longer with its mountpoint than a topic can be is refused") {
  Settings settings;
  settings.limits.max_topic_length = 0;
  settings.limits.max_topic_levels = 0;
  Cluster cluster(settings);
  auto listener = std::make_shared<ListenerInfo>();
  listener->settings.mountpoint = "some/where/";
  Client client(cluster, Version::v5, 0, listener);
  const std::string topic(65'530, 't');
  CHECK(client.connect({.id = "c", .will = wire::WillSpec{.topic = topic}}).reason() ==
        Reason::topic_name_invalid);
}

TEST_CASE("will: set, replaced and cleared while the client is connected") {
  Cluster cluster;
  Client watcher(cluster);
  watcher.connect({.id = "watcher"});
  watcher.subscribe({.filter = "#", .qos = 2});
  auto listener = std::make_shared<ListenerInfo>();
  listener->settings.mountpoint = "m/";
  WillView will;
  will.topic = "new";
  will.payload = "here";
  will.qos = 1;
  const auto after = [&](const std::function<void()>& change) {
    Client client(cluster, Version::v5, 0, listener);
    client.connect({.id = "c", .will = kWill});
    change();
    client.hang_up();
    Strings got;
    for (const wire::Received& one : watcher.take()) got.push_back(one.topic + "=" + one.payload);
    CHECK(cluster.realm().queued_bytes == 0);
    return got;
  };
  Broker& broker = cluster.broker();
  CHECK(after([&] { CHECK_FALSE(broker.set_will("c", will)); }) == Strings{"m/new=here"});
  CHECK(after([&] { CHECK(broker.clear_will("c")); }).empty());
  CHECK(after([&] {
          broker.clear_will("c");
          CHECK_FALSE(broker.clear_will("c"));
          broker.set_will("c", will);
        }) == Strings{"m/new=here"});
  CHECK(broker.set_will("c", will));  // not connected
  CHECK_FALSE(broker.clear_will("c"));
}

TEST_CASE("will: one set at run time keeps to the rules of CONNECT") {
  Settings settings;
  settings.mqtt.max_qos = 1;
  settings.mqtt.retain_available = false;
  settings.limits.max_topic_levels = 3;
  settings.limits.max_total_queued_bytes = 1000;
  Cluster cluster(settings);
  Client watcher(cluster), client(cluster);
  watcher.connect({.id = "watcher"});
  watcher.subscribe({.filter = "will"});
  client.connect({.id = "c", .will = kWill});
  const std::string large(990, 'x'), huge(70'000, 'x');
  struct Case {
    Bytes topic, payload;
    std::uint8_t qos;
    bool retain;
    Reason reason;
  };
  const Case cases[] = {{"", "x", 0, false, Reason::topic_name_invalid},
                        {"a/+", "x", 0, false, Reason::topic_name_invalid},
                        {"\xff", "x", 0, false, Reason::topic_name_invalid},
                        {"a/b/c/d", "x", 0, false, Reason::topic_name_invalid},
                        {"$SYS/x", "x", 0, false, Reason::not_authorized},
                        {"t", "x", 2, false, Reason::qos_not_supported},
                        {"t", "x", 0, true, Reason::retain_not_supported},
                        {"t", huge, 0, false, Reason::packet_too_large},
                        {"longer than ten", large, 0, false, Reason::quota_exceeded}};
  for (const Case& one : cases) {
    CAPTURE(one.reason);
    WillView will;
    will.topic = one.topic;
    will.payload = one.payload;
    will.qos = one.qos;
    will.retain = one.retain;
    CHECK(cluster.broker().set_will("c", will).reason == one.reason);
  }
  // What is replaced makes room for what replaces it.
  WillView fits;
  fits.topic = "will";
  fits.payload = large;
  CHECK_FALSE(cluster.broker().set_will("c", fits));
  CHECK_FALSE(cluster.broker().set_will("c", fits));
  client.hang_up();
  CHECK(watcher.payloads() == Strings{large});
}

}  // namespace
}  // namespace keel::kernel
