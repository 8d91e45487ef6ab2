#include "net_host.hpp"

#include <doctest/doctest.h>

#include <chrono>

namespace keel::test {
namespace {

constexpr std::chrono::seconds kLongWait{20};

}  // namespace

void TestControl::post(Task task) {
  const std::lock_guard lock(mutex_);
  tasks_.push_back(std::move(task));
}

void TestControl::turn() {
  std::vector<Task> due;
  {
    const std::lock_guard lock(mutex_);
    due.swap(tasks_);
  }
  for (Task& task : due) task();
}

NetHost::NetHost(std::uint32_t shard_count, Settings with, std::chrono::milliseconds kv_timeout)
    : settings(std::make_shared<Settings>(std::move(with))),
      shards({.shards = shard_count, .pin = false}),
      realm(settings, shards),
      listeners(shards, [](Link&) { return std::unique_ptr<LinkHandler>(); }),
      workers({.threads = 1, .max_queued = 100}) {
  runtime.emplace(Runtime::Options{.shards = shards,
                                   .realm = realm,
                                   .listeners = listeners,
                                   .workers = workers,
                                   .control = control,
                                   .data_dir = "/tmp",
                                   .base_dir = "/tmp",
                                   .stop_timeout = std::chrono::seconds(10),
                                   .kv_timeout = kv_timeout});
  shards.start();
  runtime->start();
}

NetHost::~NetHost() {
  turns();
  listeners.stop_all();
  workers.stop();
  shards.stop();
  control.turn();
}

std::unique_ptr<Slot> NetHost::plugin(const std::string& name) {
  Manifest manifest;
  manifest.name = name;
  manifest.version = "1.0.0";
  auto slot = std::make_unique<Slot>(*runtime, std::move(manifest), 1);
  slot->set_accepting(true);
  return slot;
}

void NetHost::run(Slot& slot) {
  runtime->barrier([&slot](HostThread& thread) { slot.activate(thread); });
  slot.activate(runtime->control_thread());
}

void NetHost::unload(Slot& slot) {
  slot.set_accepting(false);
  CHECK(runtime->barrier([&slot](HostThread& thread) { slot.revoke(thread); }).empty());
  slot.revoke(runtime->control_thread());
  turns();
}

void NetHost::park(Slot& slot, Parking& parking) {
  runtime->barrier([&](HostThread& thread) { slot.park(thread, parking.list(thread.index())); });
  slot.park(runtime->control_thread(), parking.list(kControlThread));
  turns(1);
  slot.set_accepting(false);
  runtime->barrier([&](HostThread& thread) { slot.seal(thread, parking.list(thread.index())); });
  slot.seal(runtime->control_thread(), parking.list(kControlThread));
}

void NetHost::unadopt(Slot& slot, Parking& parking) {
  slot.set_accepting(false);
  runtime->barrier([&](HostThread& thread) { slot.unadopt(thread, parking.list(thread.index())); });
  slot.unadopt(runtime->control_thread(), parking.list(kControlThread));
  turns(1);
}

void NetHost::on_shard(std::uint32_t index, const std::function<void()>& fn) {
  REQUIRE(shards.run_on(
      index, [&](Shard&) { fn(); }, kLongWait));
}

bool NetHost::eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + kLongWait;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    turns(1);
  }
  return true;
}

bool NetHost::eventually_on(std::uint32_t index, const std::function<bool()>& condition) {
  return eventually([&] {
    bool holds = false;
    on_shard(index, [&] { holds = condition(); });
    return holds;
  });
}

void NetHost::turns(int n) {
  for (int i = 0; i < n; ++i) {
    static_cast<void>(shards.barrier([](Shard&) {}, kLongWait));
    control.turn();
  }
}

}  // namespace keel::test
