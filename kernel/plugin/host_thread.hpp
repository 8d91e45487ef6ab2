// A thread that runs plugins' code, as the plugin host sees it: a shard or the control thread.
// Knows which plugin it is inside of right now, so that one that does not come back can be named.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "kernel/base/result.hpp"
#include "kernel/base/task.hpp"
#include "kernel/plugin/call_stats.hpp"
#include "kernel/plugin/host_object.hpp"
#include "kernel/plugin/kv_writer.hpp"
#include "kernel/plugin/passing.hpp"
#include "kernel/plugin/publish_queue.hpp"

namespace keel::kernel {

class Runtime;
class Shard;
class Broker;
class StreamEnd;
class StreamUser;
struct PeerInfo;

class HostThread {
 public:
  HostThread(Runtime& runtime, std::uint32_t index) : runtime_(runtime), index_(index) {}
  HostThread(const HostThread&) = delete;
  HostThread& operator=(const HostThread&) = delete;
  ~HostThread() = default;

  // The one this thread is; null on any other thread. [any]
  static HostThread* current();
  void enter();  // makes the calling thread this one

  Runtime& runtime() const { return runtime_; }
  std::uint32_t index() const { return index_; }  // of the shard, or kControlThread
  bool control() const { return index_ == kControlThread; }
  Shard& shard() const;    // not of the control thread
  Broker& broker() const;  // not of the control thread
  void post(Task task);    // [any]

  // A stream into the broker that a plugin carries: no listener counts it. [this thread, a shard]
  Result<std::unique_ptr<StreamEnd>> open_stream(PeerInfo peer, StreamUser& user);

  // Destroys an object when nothing of it is on the stack any more. [this thread]
  void bury(std::unique_ptr<HostObject> object);

  // The plugin this thread is inside of. Written by this thread, read by the control thread.
  struct Inside {
    std::atomic<const Slot*> slot{nullptr};
    std::atomic<CallSite> site{CallSite::none};
    std::atomic<std::uint64_t> calls{0};  // grows with each call from outside
  };
  Inside inside;

  // What a plugin is being shown by this thread right now; null: nothing.
  ShownInput* shown_input = nullptr;
  ShownOutput* shown_output = nullptr;

  PublishQueue publishes{*this};  // of a shard
  KvWriter kv{*this};

 private:
  Runtime& runtime_;
  const std::uint32_t index_;
  std::vector<std::unique_ptr<HostObject>> graves_;
};

}  // namespace keel::kernel
