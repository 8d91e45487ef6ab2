// Hooks come and go while messages flow on all shards: nobody is called behind remove() or an
// unload, and nothing is lost meanwhile. For the thread sanitizer.
#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <thread>

#include "broker_host.hpp"

namespace keel::test {
namespace {

// Publishes at QoS 1, as fast as it is acknowledged, until told to stop.
void pour(BrokerHost& host, const std::string& id, const std::atomic<bool>& stop,
          std::atomic<int>& acknowledged) {
  MqttClient client(host);
  CHECK(client.connect({.id = id}).reason() == Reason::success);
  while (!stop) {
    CHECK(!is_error(client.publish("t/" + id)));
    ++acknowledged;
  }
}

TEST_CASE("hooks are added, removed and unloaded under load") {
  BrokerHost host;
  std::atomic<bool> stop{false};
  std::atomic<int> acknowledged{0}, called{0}, late{0};
  std::thread first([&] { pour(host, host.id_on(0), stop, acknowledged); });
  std::thread second([&] { pour(host, host.id_on(1), stop, acknowledged); });
  REQUIRE(host.eventually([&] { return acknowledged > 10; }));
  constexpr int kRounds = 60;
  for (int round = 0; round < kRounds; ++round) {
    // What the hook uses is freed as soon as it is gone, as a plugin's memory is.
    auto alive = std::make_unique<std::atomic<int>>(1);
    const auto fn = [&called, &late, raw = alive.get()](const keel_message_view* message,
                                                        keel_publish_answer*) {
      if (raw->load() != 1 || message->topic.size == 0) ++late;
      ++called;
      return KEEL_NEXT;
    };
    Slot& slot = host.plugin("chaos");
    host.hook(slot, KEEL_HOOK_MESSAGE_PUBLISH, round % 3, OnPublish(fn));
    host.run(slot);
    const keel_handle extra = host.hook(slot, KEEL_HOOK_MESSAGE_PUBLISH, 1, OnPublish(fn));
    const int before = called;
    REQUIRE(host.eventually([&] { return called > before; }));
    if (round % 2 == 0) CHECK(tables::hooks.remove(slot.host(), extra) == KEEL_OK);
    host.unload(slot);
    alive->store(0);
    const int after = called;
    const int then = acknowledged;
    REQUIRE(host.eventually([&] { return acknowledged > then; }));
    CHECK(called == after);
    alive.reset();
  }
  stop = true;
  first.join();
  second.join();
  CHECK(late == 0);
  CHECK(acknowledged > kRounds);
}

TEST_CASE("answers race with disconnects and unloads") {
  BrokerHost host;
  std::atomic<bool> stop{false};
  std::atomic<int> answered{0};
  std::atomic<keel_handle> ticket{0};
  std::mutex mutex;  // held by the thread while it is inside the plugin
  const keel_host* plugin = nullptr;
  // Answers whatever it sees, often too late or twice.
  std::thread resolver([&] {
    for (; !stop; std::this_thread::yield()) {
      const std::lock_guard inside(mutex);
      if (const keel_host* const mine = std::exchange(plugin, nullptr)) {
        tables::auth.resolve(mine, ticket, KEEL_ALLOW, nullptr);
        tables::auth.resolve(mine, ticket, KEEL_DENY, nullptr);
        ++answered;
      }
    }
  });
  for (int round = 0; round < 40; ++round) {
    Slot& slot = host.plugin("later");
    host.hook(slot, KEEL_HOOK_CLIENT_AUTHENTICATE, 0,
              OnAuth([&](const keel_auth_request*, keel_handle asked, keel_auth_answer*) {
                const std::lock_guard outside(mutex);
                ticket = asked;
                plugin = slot.host();
                return KEEL_PENDING;
              }));
    host.run(slot);
    const int before = answered;
    MqttClient stays(host), leaves(host);
    leaves.begin_connect({.id = "leaves"});
    if (round % 2 == 0) leaves.hang_up();
    stays.begin_connect({.id = "stays"});
    REQUIRE(host.eventually([&] { return answered > before; }));
    if (round % 3 == 0) host.turns(2);
    host.unload(slot, [&] {
      const std::lock_guard ended(mutex);
      plugin = nullptr;
    });
    stays.expect(PacketType::connack);
  }
  stop = true;
  resolver.join();
}

}  // namespace
}  // namespace keel::test
