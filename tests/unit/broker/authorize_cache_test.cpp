// Decisions remembered: for how long, how many, about what exactly.
#include "kernel/broker/authorize_cache.hpp"

#include "hooks_support.hpp"

namespace keel::kernel {
namespace {

TEST_CASE("decisions: by topic and what was asked") {
  AuthorizeCache cache;
  CHECK(cache.find({"t", 1}, 0) == std::nullopt);
  cache.put({"t", 1}, true, 100, 8);
  cache.put({"t", 2}, false, 100, 8);
  CHECK(cache.find({"t", 1}, 0) == true);
  CHECK(cache.find({"t", 2}, 0) == false);
  CHECK(cache.find({"t", 3}, 0) == std::nullopt);
  CHECK(cache.find({"tt", 1}, 0) == std::nullopt);
  CHECK(cache.find({"", 1}, 0) == std::nullopt);
}

TEST_CASE("decisions: their time") {
  AuthorizeCache cache;
  cache.put({"t", 1}, true, 100, 8);
  CHECK(cache.find({"t", 1}, 99) == true);
  CHECK(cache.find({"t", 1}, 100) == std::nullopt);
  cache.put({"t", 1}, false, 200, 8);  // in the same place
  CHECK(cache.find({"t", 1}, 150) == false);
}

TEST_CASE("decisions: the oldest makes room, the same question twice takes one place") {
  AuthorizeCache cache;
  cache.put({"a", 1}, true, 100, 3);
  cache.put({"b", 1}, true, 100, 3);
  for (int i = 0; i < 9; ++i) cache.put({"c", 1}, true, 100, 3);
  CHECK(cache.find({"a", 1}, 0) == true);
  cache.put({"d", 1}, true, 100, 3);
  CHECK(cache.find({"a", 1}, 0) == std::nullopt);
  CHECK(cache.find({"b", 1}, 0) == true);
  cache.put({"e", 1}, true, 100, 3);
  CHECK(cache.find({"b", 1}, 0) == std::nullopt);
  CHECK(cache.find({"d", 1}, 0) == true);
  CHECK(cache.find({"e", 1}, 0) == true);
}

TEST_CASE("decisions: fewer places begin anew") {
  AuthorizeCache cache;
  for (char c = 'a'; c < 'i'; ++c) cache.put({std::string_view(&c, 1), 1}, true, 100, 8);
  cache.put({"z", 1}, true, 100, 2);
  CHECK(cache.find({"z", 1}, 0) == true);
  CHECK(cache.find({"h", 1}, 0) == std::nullopt);
}

TEST_CASE("decisions: other rules") {
  AuthorizeCache cache;
  cache.renew(1);
  cache.put({"t", 1}, true, 100, 8);
  cache.renew(1);
  CHECK(cache.find({"t", 1}, 0) == true);
  cache.renew(2);
  CHECK(cache.find({"t", 1}, 0) == std::nullopt);
}

// How often the hook is asked about publishes to these topics, one after the other.
struct Asker {
  explicit Asker(Settings settings = {}) : cluster(std::move(settings)), client(cluster) {
    hooks.authorize = [this](const AuthorizeRequest&) {
      ++asked;
      return Verdict::allow;
    };
    cluster.set_hooks(hooks.install());
    client.connect({.id = "c"});
  }
  int publish(const Strings& topics) {
    asked = 0;
    for (const std::string& topic : topics) client.publish({.topic = topic});
    return asked;
  }

  Hooks hooks;
  int asked = 0;
  Cluster cluster;
  Client client;
};

TEST_CASE("decisions: remembered as the settings say") {
  Asker asker;
  CHECK(asker.publish({"a", "a", "b", "a", "b"}) == 2);
  asker.cluster.advance(59'000);
  CHECK(asker.publish({"a", "b"}) == 0);
  asker.cluster.advance(1'000);
  CHECK(asker.publish({"a", "b"}) == 2);
}

TEST_CASE("decisions: another time, and fewer of them") {
  Settings settings;
  settings.mqtt.acl_cache_ttl_ms = 5'000;
  settings.mqtt.acl_cache_size = 2;
  Asker asker(settings);
  CHECK(asker.publish({"a", "b", "a", "b"}) == 2);
  CHECK(asker.publish({"c", "b", "a"}) == 2);  // c takes the place of a, a that of b
  asker.cluster.advance(5'000);
  CHECK(asker.publish({"a", "c"}) == 2);
}

TEST_CASE("decisions: off, and on again, by a reload") {
  Asker asker;
  CHECK(asker.publish({"a", "a"}) == 1);
  asker.cluster.change([](Settings& s) { s.mqtt.acl_cache = false; });
  CHECK(asker.publish({"a", "a", "a"}) == 3);
  asker.cluster.change([](Settings& s) { s.mqtt.acl_cache = true; });
  CHECK(asker.publish({"a", "a", "a"}) == 1);
}

TEST_CASE("decisions: QoS, retain flag and action are asked about apart") {
  Asker asker;
  asker.client.publish({.topic = "t", .qos = 1, .id = 1});
  asker.client.publish({.topic = "t", .qos = 1, .id = 2, .retain = true});
  asker.client.publish({.topic = "t", .qos = 2, .id = 3});
  asker.client.publish({.topic = "t"});
  asker.client.publish({.topic = "t", .qos = 1, .id = 4});
  CHECK(asker.asked == 4);
  asker.client.take();
  asker.client.subscribe({.filter = "t"});
  asker.client.subscribe({.filter = "t", .qos = 1});
  asker.client.subscribe({.filter = "t"});
  CHECK(asker.asked == 6);
}

}  // namespace
}  // namespace keel::kernel
