// What is not a message passing through: clients that come and go, subscriptions, messages that are
// kept for later.
#include <memory>
#include <string>
#include <vector>

#include "scenarios.hpp"
#include "tests/bench/loop/client.hpp"

namespace keel::bench {
namespace {

constexpr int kClients = 100;  // and as many topics
const std::string kPayload(64, 'p');

std::string topic(int i) { return "site/room" + std::to_string(i) + "/state"; }

// What `work` costs for each of its parts, once it has been done before.
template <class Work>
std::uint64_t repeat(int parts, Work&& work) {
  constexpr int kRounds = 16;
  work();
  begin_counting();
  for (int i = 0; i < kRounds; ++i) work();
  return static_cast<std::uint64_t>(kRounds) * static_cast<std::uint64_t>(parts);
}

std::uint64_t connects(Version version) {
  Loop loop;
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < kClients; ++i)
    clients.push_back(std::make_unique<Client>(loop, version, "device" + std::to_string(i)));
  return repeat(kClients, [&] {
    for (const auto& client : clients) client->connect();
    loop.settle();
    for (const auto& client : clients) client->disconnect();
    loop.settle();
  });
}

// Among others, as tables that are nearly empty do nothing but grow.
std::uint64_t subscriptions() {
  constexpr int kOthers = 4'000;
  Loop loop;
  Client other(loop, Version::v311, "other"), client(loop, Version::v311, "device");
  other.connect();
  client.connect();
  for (int i = 0; i < kOthers; ++i) other.subscribe("plant/line" + std::to_string(i), 1);
  loop.settle();
  return repeat(kClients, [&] {
    for (int i = 0; i < kClients; ++i) client.subscribe(topic(i), 1);
    loop.settle();
    for (int i = 0; i < kClients; ++i) client.unsubscribe(topic(i));
    loop.settle();
  });
}

std::uint64_t pings() {
  Loop loop;
  Client client(loop, Version::v311, "device");
  client.connect();
  return repeat(kClients, [&] {
    for (int i = 0; i < kClients; ++i) client.ping();
    loop.settle();
  });
}

// Each topic is another one, and found in the table and not in the cache of routes.
std::uint64_t matches() {
  Loop loop;
  Client subscriber(loop, Version::v311, "subscriber"), publisher(loop, Version::v311, "publisher");
  subscriber.connect();
  publisher.connect();
  for (int i = 0; i < kClients; ++i)
    subscriber.subscribe("site/room" + std::to_string(i) + (i % 2 ? "/+/value" : "/#"), 0);
  loop.settle();
  int sensor = 0;
  return repeat(kClients, [&] {
    for (int i = 0; i < kClients; ++i)
      publisher.publish(
          "site/room" + std::to_string(i) + "/sensor" + std::to_string(++sensor) + "/value",
          kPayload, 0);
    loop.settle();
  });
}

std::uint64_t retained_set() {
  Loop loop;
  Client publisher(loop, Version::v311, "publisher");
  publisher.connect();
  return repeat(kClients, [&] {
    for (int i = 0; i < kClients; ++i) publisher.publish(topic(i), kPayload, 0, true);
    loop.settle();
  });
}

std::uint64_t retained_get() {
  Loop loop;
  Client publisher(loop, Version::v311, "publisher"), subscriber(loop, Version::v311, "subscriber");
  publisher.connect();
  subscriber.connect();
  for (int i = 0; i < kClients; ++i) publisher.publish(topic(i), kPayload, 0, true);
  loop.settle();
  return repeat(kClients, [&] {
    subscriber.subscribe("site/#", 0);
    loop.settle();
  });
}

// Into the queue of a client that is away, and out of it when it comes back.
std::uint64_t queued() {
  Loop loop;
  Client publisher(loop, Version::v5, "publisher"), subscriber(loop, Version::v5, "subscriber");
  publisher.connect();
  subscriber.connect(false);
  subscriber.subscribe("site/#", 1);
  loop.settle();
  return repeat(kClients, [&] {
    subscriber.disconnect();
    loop.settle();
    for (int i = 0; i < kClients; ++i) publisher.publish(topic(i), kPayload, 1);
    loop.settle();
    subscriber.connect(false);
    loop.settle();
  });
}

constexpr Scenario kScenarios[] = {
    {"C", "a client connects and leaves", [] { return connects(Version::v311); }},
    {"Cv5", "the same, MQTT 5", [] { return connects(Version::v5); }},
    {"S", "a subscription is made and ended", subscriptions},
    {"PING", "PINGREQ", pings},
    {"M", "a message to a new topic, found by a wildcard", matches},
    {"RS", "a retained message is replaced", retained_set},
    {"RG", "a retained message is fetched by a subscription", retained_get},
    {"Q1", "a message waits for a client that is away, QoS 1", queued},
};

}  // namespace

std::span<const Scenario> state_scenarios() { return kScenarios; }

}  // namespace keel::bench
