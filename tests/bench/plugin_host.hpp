// Plugins with hooks that have no opinion, in front of a broker: what a message pays for the way
// into plugins and back, accounting included.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "keel/ext/hooks.h"
#include "kernel/broker/broker.hpp"
#include "kernel/net/listener_set.hpp"
#include "kernel/plugin/hook_chains.hpp"
#include "kernel/plugin/runtime.hpp"
#include "kernel/plugin/slot.hpp"
#include "kernel/plugin/tables.hpp"

namespace keel::bench {

class NoControl final : public kernel::ControlPort {
 public:
  void post(kernel::Task task) override { task(); }
  void after_ms(std::int64_t, std::function<void()>) override {}
  bool add_command(const std::string&, std::vector<Usage>, CommandFn) override { return true; }
  void remove_command(const std::string&) override {}
};

// A plugin host without running threads: this one is the control thread first, then the only shard.
class PluginHost {
 public:
  // `broker` is the only one of `realm`. Both outlive the host.
  PluginHost(kernel::Realm& realm, kernel::Broker& broker) : broker_(broker) {
    runtime_ = std::make_unique<kernel::Runtime>(kernel::Runtime::Options{.shards = shards_,
                                                                          .realm = realm,
                                                                          .listeners = listeners_,
                                                                          .workers = workers_,
                                                                          .control = control_,
                                                                          .version = {},
                                                                          .data_dir = {},
                                                                          .base_dir = {}});
    runtime_->control_thread().enter();
  }
  ~PluginHost() {
    runtime_->control_thread().enter();
    for (auto& slot : slots_) slot->revoke(runtime_->control_thread());
    broker_.set_hooks(nullptr);
  }

  // So many hooks at message_publish, dealt out to so many plugins. Once.
  void install(int hooks, int plugins) {
    const keel_publish_fn fn = [](void*, const keel_message_view*, keel_publish_answer*) {
      return std::int32_t{KEEL_NEXT};
    };
    install(KEEL_HOOK_MESSAGE_PUBLISH, reinterpret_cast<keel_hook_fn>(fn), hooks, plugins);
  }
  // A plugin that allows everything. Once.
  void allow() {
    const keel_authorize_fn fn = [](void*, const keel_authorize_request*, keel_handle) {
      return std::int32_t{KEEL_ALLOW};
    };
    install(KEEL_HOOK_CLIENT_AUTHORIZE, reinterpret_cast<keel_hook_fn>(fn), 1, 1);
  }

 private:
  void install(std::uint32_t point, keel_hook_fn fn, int hooks, int plugins) {
    std::vector<kernel::Slot*> all;
    for (int i = 0; i < plugins; ++i) {
      kernel::Manifest manifest;
      manifest.name = "bench" + std::to_string(i);
      slots_.push_back(std::make_unique<kernel::Slot>(*runtime_, std::move(manifest), 1));
      slots_.back()->set_accepting(true);
      all.push_back(slots_.back().get());
    }
    for (int i = 0; i < hooks; ++i) {
      keel_handle handle = 0;
      kernel::tables::hooks.add(all[static_cast<std::size_t>(i % plugins)]->host(), point, 0, 0, fn,
                                nullptr, &handle);
    }
    runtime_->hooks().install(all);
    runtime_->thread(0).enter();
  }

  kernel::Broker& broker_;
  kernel::ShardSet shards_{{.shards = 1, .pin = false}};
  kernel::ListenerSet listeners_{
      shards_, [](kernel::Link&) { return std::unique_ptr<kernel::LinkHandler>(); }};
  kernel::WorkerPool workers_{{.threads = 1, .max_queued = 1}};
  NoControl control_;
  std::unique_ptr<kernel::Runtime> runtime_;
  std::vector<std::unique_ptr<kernel::Slot>> slots_;
};

}  // namespace keel::bench
