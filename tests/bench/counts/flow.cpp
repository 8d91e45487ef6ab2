// Messages from publishers to subscribers that are connected: the scenarios of tools/bench, by the
// same names.
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "scenarios.hpp"
#include "tests/bench/loop/client.hpp"
#include "tests/bench/plugin_host.hpp"

namespace keel::bench {
namespace {

constexpr int kRounds = 8, kWarmUp = 3;
constexpr int kHooks = 5;

enum class Topology {
  pairs,  // as many subscribers as publishers, a topic each
  all,    // every subscriber has a subscription to the one topic
  group,  // they share one
};

struct Flow {
  int publishers = 1, subscribers = 1;
  int burst = 1;  // messages of each publisher in one read
  std::uint8_t qos = 0;
  Version version = Version::v311;
  Topology topology = Topology::all;
  const char* properties = "";  // of each message, in wire form
  std::size_t properties_size = 0;
  std::size_t payload = 64;
  int hooks = 0;         // at message_publish, of plugins that have no opinion
  bool allowed = false;  // by a plugin, and remembered
};

using Clients = std::vector<std::unique_ptr<Client>>;

Clients connect(Loop& loop, const Flow& flow, const char* prefix, int count) {
  Clients clients;
  for (int i = 0; i < count; ++i) {
    clients.push_back(std::make_unique<Client>(loop, flow.version, prefix + std::to_string(i)));
    clients.back()->connect();
  }
  loop.settle();
  return clients;
}

std::string topic(const Flow& flow, int i) {
  return "bench/topic/" + std::to_string(flow.topology == Topology::pairs ? i : 0);
}

std::uint64_t received(const Clients& clients) {
  std::uint64_t sum = 0;
  for (const auto& client : clients) sum += client->messages();
  return sum;
}

std::uint64_t play(const Flow& flow) {
  Loop loop;
  std::unique_ptr<PluginHost> plugins;
  if (flow.allowed || flow.hooks != 0)
    plugins = std::make_unique<PluginHost>(loop.realm(), loop.broker());
  if (flow.allowed) plugins->allow();
  if (flow.hooks != 0) plugins->install(flow.hooks, flow.hooks);
  const Clients subscribers = connect(loop, flow, "subscriber", flow.subscribers);
  const Clients publishers = connect(loop, flow, "publisher", flow.publishers);
  for (int i = 0; i < flow.subscribers; ++i)
    subscribers[static_cast<std::size_t>(i)]->subscribe(
        (flow.topology == Topology::group ? "$share/group/" : "") + topic(flow, i), flow.qos);
  loop.settle();

  std::vector<std::string> topics;
  for (int i = 0; i < flow.publishers; ++i) topics.push_back(topic(flow, i));
  const std::string payload(flow.payload, 'p');
  const std::string_view properties(flow.properties, flow.properties_size);
  const auto round = [&] {
    for (std::size_t i = 0; i < publishers.size(); ++i)
      for (int k = 0; k < flow.burst; ++k)
        publishers[i]->publish(topics[i], payload, flow.qos, false, properties);
    loop.settle();
  };
  for (int i = 0; i < kWarmUp; ++i) round();
  const std::uint64_t before = received(subscribers);
  begin_counting();
  for (int i = 0; i < kRounds; ++i) round();
  const std::uint64_t delivered = received(subscribers) - before;
  const int receivers = flow.topology == Topology::all ? flow.subscribers : 1;
  if (delivered != std::uint64_t{1} * kRounds * flow.publishers * flow.burst * receivers) {
    std::fprintf(stderr, "%llu messages arrived\n", static_cast<unsigned long long>(delivered));
    std::exit(1);
  }
  return delivered;
}

constexpr Flow dense(std::uint8_t qos, Version version = Version::v311) {
  return {.burst = 250, .qos = qos, .version = version};
}

constexpr Flow single(std::uint8_t qos) {
  return {.publishers = 100, .subscribers = 100, .qos = qos, .topology = Topology::pairs};
}

constexpr Flow shared(std::uint8_t qos) {
  return {.publishers = 10,
          .subscribers = 10,
          .burst = 25,
          .qos = qos,
          .version = Version::v5,
          .topology = Topology::group};
}

constexpr Scenario kScenarios[] = {
    {"P0", "1 to 1, QoS 0, dense", [] { return play(dense(0)); }},
    {"P1", "1 to 1, QoS 1, dense", [] { return play(dense(1)); }},
    {"P2", "1 to 1, QoS 2, dense", [] { return play(dense(2)); }},
    {"P0v5", "1 to 1, QoS 0, dense, MQTT 5", [] { return play(dense(0, Version::v5)); }},
    {"P1v5", "1 to 1, QoS 1, dense, MQTT 5", [] { return play(dense(1, Version::v5)); }},
    {"P2v5", "1 to 1, QoS 2, dense, MQTT 5", [] { return play(dense(2, Version::v5)); }},
    {"P1v5p", "the same with an expiry and a user property, QoS 1",
     [] {
       return play({.burst = 250,
                    .qos = 1,
                    .version = Version::v5,
                    .properties = "\x02\0\0\x0e\x10\x26\0\4unit\0\1C",
                    .properties_size = 15});
     }},
    {"P0s", "100 to 100, QoS 0, one at a time", [] { return play(single(0)); }},
    {"P1s", "100 to 100, QoS 1, one at a time", [] { return play(single(1)); }},
    {"P2s", "100 to 100, QoS 2, one at a time", [] { return play(single(2)); }},
    {"F0", "1 to 100, QoS 0", [] { return play({.subscribers = 100, .burst = 10}); }},
    {"F1", "1 to 100, QoS 1", [] { return play({.subscribers = 100, .burst = 10, .qos = 1}); }},
    {"I0", "100 to 1, QoS 0", [] { return play({.publishers = 100, .burst = 10}); }},
    {"I1", "100 to 1, QoS 1", [] { return play({.publishers = 100, .burst = 10, .qos = 1}); }},
    {"SH", "shared by 10, from 10, QoS 0", [] { return play(shared(0)); }},
    {"SH1", "shared by 10, from 10, QoS 1", [] { return play(shared(1)); }},
    {"P0L", "1 to 1, QoS 0, 16 KiB", [] { return play({.burst = 4, .payload = 16'384}); }},
    {"P0h", "1 to 1, QoS 0, dense, five hooks without an opinion",
     [] { return play({.burst = 250, .hooks = kHooks}); }},
    {"P0a", "1 to 1, QoS 0, dense, allowed by a plugin, which is remembered",
     [] { return play({.burst = 250, .allowed = true}); }},
};

}  // namespace

std::span<const Scenario> flow_scenarios() { return kScenarios; }

}  // namespace keel::bench
