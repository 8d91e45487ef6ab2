// What a message pays for the hooks at message_publish: none, one, five, of one plugin and of five,
// with the whole way into a plugin and back (accounting included).
#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "bench_support.hpp"
#include "keel/ext/hooks.h"
#include "kernel/broker/broker.hpp"
#include "kernel/net/listener_set.hpp"
#include "kernel/plugin/hook_chains.hpp"
#include "kernel/plugin/runtime.hpp"
#include "kernel/plugin/slot.hpp"
#include "kernel/plugin/tables.hpp"

namespace {

using namespace keel;
using namespace keel::kernel;
using namespace keel::bench;

constexpr std::uint64_t kRounds = 20'000'000;

class NoControl final : public ControlPort {
 public:
  void post(Task task) override { task(); }
  void after_ms(std::int64_t, std::function<void()>) override {}
  bool add_command(const std::string&, std::vector<Usage>, CommandFn) override { return true; }
  void remove_command(const std::string&) override {}
};

// A host without running threads: this one is the control thread first, then the only shard.
struct Host {
  Host() {
    brokers.push_back(std::make_unique<Broker>(realm, shards.shard(0)));
    realm.brokers.push_back(brokers.back().get());
    runtime = std::make_unique<Runtime>(Runtime::Options{.shards = shards,
                                                         .realm = realm,
                                                         .listeners = listeners,
                                                         .workers = workers,
                                                         .control = control,
                                                         .version = {},
                                                         .data_dir = {},
                                                         .base_dir = {}});
    runtime->control_thread().enter();
  }
  ~Host() {
    runtime->control_thread().enter();
    for (auto& slot : slots) slot->revoke(runtime->control_thread());
    brokers[0]->set_hooks(nullptr);
  }

  // So many hooks that have no opinion, dealt out to so many plugins.
  void install(int hooks, int plugins) {
    std::vector<Slot*> all;
    for (int i = 0; i < plugins; ++i) {
      Manifest manifest;
      manifest.name = "bench" + std::to_string(i);
      slots.push_back(std::make_unique<Slot>(*runtime, std::move(manifest), 1));
      slots.back()->set_accepting(true);
      all.push_back(slots.back().get());
    }
    const keel_publish_fn fn = [](void*, const keel_message_view*, keel_publish_answer*) {
      return std::int32_t{KEEL_NEXT};
    };
    for (int i = 0; i < hooks; ++i) {
      keel_handle handle = 0;
      tables::hooks.add(all[static_cast<std::size_t>(i % plugins)]->host(),
                        KEEL_HOOK_MESSAGE_PUBLISH, 0, 0, reinterpret_cast<keel_hook_fn>(fn),
                        nullptr, &handle);
    }
    runtime->hooks().install(all);
    runtime->thread(0).enter();
  }

  std::shared_ptr<Settings> settings = std::make_shared<Settings>();
  ShardSet shards{{.shards = 1, .pin = false}};
  Realm realm{settings, shards};
  ListenerSet listeners{shards, [](Link&) { return std::unique_ptr<LinkHandler>(); }};
  WorkerPool workers{{.threads = 1, .max_queued = 1}};
  NoControl control;
  std::vector<std::unique_ptr<Broker>> brokers;
  std::unique_ptr<Runtime> runtime;
  std::vector<std::unique_ptr<Slot>> slots;
};

// Nanoseconds that the chain takes of a message; as the broker calls it.
double measure(int hooks, int plugins, const MessageView& message) {
  Host host;
  if (hooks != 0) host.install(hooks, plugins);
  Broker& broker = *host.brokers[0];
  const PublishRequest request{message, "client", "user"};
  const auto round = [&](std::uint64_t) {
    if (const auto& hook = broker.hooks().publish) {
      const PublishAnswer answer = broker.call(hook, request);
      if (answer.verdict == Verdict::deny) fmt::print("denied\n");
    }
    __asm__ volatile("" ::: "memory");
  };
  per_round(kRounds / 10, round);
  return per_round(kRounds, round);
}

}  // namespace

int main() {
  const std::string properties("\x26\0\1k\0\1v", 7);
  MessageView plain;
  plain.topic = "sensors/kitchen/temperature";
  plain.payload = "21.5";
  MessageView with_property = plain;
  with_property.properties = properties;
  report("no hook", measure(0, 0, plain), "ns");
  report("one hook", measure(1, 1, plain), "ns");
  report("five hooks of one plugin", measure(5, 1, plain), "ns");
  report("five hooks of five plugins", measure(5, 5, plain), "ns");
  report("one hook, message with a user property", measure(1, 1, with_property), "ns");
  return 0;
}
