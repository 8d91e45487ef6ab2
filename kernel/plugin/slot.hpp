// Everything the kernel holds on behalf of one loaded plugin: its instance and every object it
// asked for. Made and destroyed by the registry on the control thread.
//
// What belongs to a thread is in that thread's part and touched there only.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "keel/abi.h"
#include "keel/ext/session.h"
#include "keel/ext/stream.h"
#include "keel/ext/tcp.h"
#include "kernel/base/log.hpp"
#include "kernel/config/plugin_settings.hpp"
#include "kernel/plugin/call_stats.hpp"
#include "kernel/plugin/callback_tables.hpp"
#include "kernel/plugin/client_tls.hpp"
#include "kernel/plugin/host_thread.hpp"
#include "kernel/plugin/library.hpp"
#include "kernel/plugin/manifest.hpp"
#include "kernel/plugin/own_threads.hpp"
#include "kernel/plugin/plugin_store_port.hpp"
#include "kernel/plugin/watched_set.hpp"

namespace keel::kernel {

class Slot {
 public:
  Slot(Runtime& runtime, Manifest manifest, std::uint32_t generation);
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;
  ~Slot();

  static Slot& of(const keel_host* host) { return *static_cast<Slot*>(host->impl); }

  Runtime& runtime() const { return runtime_; }
  const std::string& name() const { return manifest_.name; }
  const std::string& identity() const { return identity_; }  // as a publisher: "$plugin/NAME"
  const Manifest& manifest() const { return manifest_; }
  std::uint32_t generation() const { return generation_; }
  const keel_host* host() const { return &host_; }

  // ---- host objects

  // Takes an object over: gives it a handle, puts it into its thread's list, and lets it begin if
  // the plugin runs. KEEL_E_STATE while the plugin is being unloaded. [any]
  keel_status add(std::unique_ptr<HostObject> object, keel_handle* out);
  // Ends an object that the plugin gives back: its handle is stale from now on. [its thread]
  void drop(HostObject& object);
  // The object behind a handle of this slot, if this is its thread; else null, with the status and
  // text to answer with. [any]
  template <class T>
  T* find(keel_handle handle, ObjectKind kind, keel_status& status, const char* function) const {
    return static_cast<T*>(find_object(handle, kind, status, function));
  }

  // Whether host calls are answered: not before create() and not from quiescing on. [any]
  bool accepting() const { return accepting_.load(std::memory_order_acquire); }
  void set_accepting(bool yes) { accepting_.store(yes, std::memory_order_release); }

  // ---- the steps of its life, on each thread, for the registry

  void activate(HostThread& thread);  // objects begin, posts held back run
  void stop_accepting();              // listeners let nobody in any more [control]
  void revoke(HostThread& thread);    // objects end, for good
  // For an upgrade: objects that can be parked are moved to `parked`, the others end. Posts still
  // run, so that what was under way between threads comes to its end, until seal().
  void park(HostThread& thread, ObjectList& parked);
  // Nothing runs any more here; what came since park() goes the same way.
  void seal(HostThread& thread, ObjectList& parked);
  // An upgrade whose new version failed: what it adopted goes back, what it made ends.
  void unadopt(HostThread& thread, ObjectList& parked);
  // A parked object that nobody adopted ends. [its thread]
  void end_parked(HostObject& object);
  // The plugin is to be started again. [control, while nothing of it runs]
  void reopen();
  // Moves a parked object to this slot. [control, in start()]
  void adopt(HostObject& object);
  bool active(const HostThread& thread) const { return part(thread.index()).active; }
  bool revoked(const HostThread& thread) const { return part(thread.index()).revoked; }

  // ---- posts

  // A one-shot callback for a thread; see shard/1. [any]
  keel_status post(std::uint32_t thread, CallSite site, keel_task_fn fn, void* ctx);
  static constexpr std::uint32_t kMaxPosts = 100'000;
  // The same for later: counts as waiting from now on, and `later` sends it off. [any]
  keel_status prepare_post(std::uint32_t thread, CallSite site, keel_task_fn fn, void* ctx,
                           Task& later);
  // For `done` of worker/1: goes out whatever the plugin's state. [any]
  void post_done(std::uint32_t thread, keel_task_fn fn, void* ctx);
  static constexpr std::uint32_t kMaxJobs = 10'000;
  std::uint32_t posts_waiting() const { return posts_.load(std::memory_order_relaxed); }

  // ---- accounting

  CallStats& stats(std::uint32_t thread, CallSite site) {
    return part(thread).stats[static_cast<std::size_t>(site)];
  }
  CallSum calls(CallSite site) const;  // over all threads [any]
  void note_time(HostThread& thread, CallSite site, std::uint64_t ns);
  // From within a catch: counts and logs what was thrown. [any]
  void note_exception(CallSite site);
  void note_exception(CallSite site, std::string_view text);
  std::uint64_t exceptions() const { return exceptions_.load(std::memory_order_relaxed); }
  std::array<std::uint32_t, static_cast<std::size_t>(ObjectKind::count_)> handles()
      const;                                                    // by kind
  void note_error(std::string text);                            // the last error, for `show` [any]
  std::string last_error() const;                               // [any]
  std::atomic<std::uint32_t> jobs_running{0}, jobs_waiting{0};  // on the worker pool
  // Messages that wait for their turn. False: too many, or too large together; not counted. [any]
  static constexpr std::uint32_t kMaxPublishes = 100'000;
  static constexpr std::uint64_t kMaxPublishBytes = 64 * 1024 * 1024;
  bool count_publish(std::size_t bytes);
  void uncount_publish(std::size_t bytes);
  // Ways through clients or retained messages. KEEL_E_LIMIT: too many are under way. [any]
  static constexpr std::uint32_t kMaxWalks = 10'000;
  keel_status begin_walk(const char* function);
  void end_walk() { walks_.fetch_sub(1, std::memory_order_release); }
  // Whether nothing that was begun for the plugin is still on its way between threads. [any]
  bool quiet() const {
    return jobs_running.load() == 0 && jobs_waiting.load() == 0 && posts_.load() == 0 &&
           publishes_.load() == 0 && walks_.load() == 0;
  }
  std::atomic<std::uint64_t> bytes_in{0}, bytes_out{0};  // of its sockets and streams

  log::detail::OwnedSite log_site;  // of its own lines
  WatchedSet watched;               // descriptors, see host_fd.cpp
  ClientTls client_tls;             // for the connections it makes
  CallbackTables<keel_session_callbacks> session_callbacks;
  CallbackTables<keel_tcp_callbacks> tcp_callbacks;
  CallbackTables<keel_stream_callbacks> stream_callbacks;

  // ---- for the registry and the control-thread tables; [control]

  Library library;
  const keel_plugin_entry* entry = nullptr;
  keel_plugin plugin{};
  PluginValues settings;
  std::vector<std::shared_ptr<void>> kept;  // what the plugin may refer to until destroy()
  OwnThreads threads;
  bool started = false;
  std::unique_ptr<PluginStorePort> store;  // the plugin can be the store; made before start()
  // A table of the plugin's own, or null.
  const void* extension(const char* id) const;

 private:
  struct Post;
  // What belongs to one thread.
  struct Part {
    ObjectList objects;
    std::array<CallStats, kCallSites> stats;
    std::deque<std::unique_ptr<Post>> held;  // posts made before the plugin ran
    bool active = false;                     // the plugin runs
    bool parked = false;                     // an upgrade: only posts run
    bool revoked = false;                    // nothing runs
  };

  Part& part(std::uint32_t thread) { return *parts_[thread == kControlThread ? 0 : thread + 1]; }
  const Part& part(std::uint32_t thread) const {
    return *parts_[thread == kControlThread ? 0 : thread + 1];
  }
  // kEveryThread objects are kept by the control thread.
  static std::uint32_t keeper(const HostObject& object) {
    return object.thread() == kEveryThread ? kControlThread : object.thread();
  }
  HostObject* find_object(keel_handle handle, ObjectKind kind, keel_status& status,
                          const char* function) const;
  void arrive(std::unique_ptr<HostObject> object);
  keel_status make_post(std::uint32_t thread, CallSite site, keel_task_fn fn, void* ctx,
                        std::unique_ptr<Post>& out);
  void send(std::unique_ptr<Post> post);
  void run_post(std::unique_ptr<Post> post);
  template <class F>
  void each(Part& part, F fn);
  void end(HostThread& thread, HostObject& object);
  void forget(const HostObject& object);
  void bury(HostObject& object);

  Runtime& runtime_;
  const Manifest manifest_;
  const std::string identity_;
  const std::uint32_t generation_;
  keel_host host_{};
  std::atomic<bool> accepting_{false};
  std::vector<std::unique_ptr<Part>> parts_;        // the control thread's, then by shard
  std::vector<std::unique_ptr<HostObject>> ended_;  // what any thread may still use; [control]
  std::atomic<std::uint32_t> posts_{0}, publishes_{0}, walks_{0};
  std::atomic<std::uint64_t> publish_bytes_{0};
  std::atomic<std::uint64_t> exceptions_{0};
  std::atomic<std::int64_t> exception_second_{-1};
  std::array<std::atomic<std::uint32_t>, static_cast<std::size_t>(ObjectKind::count_)> handles_{};
  mutable std::mutex error_mutex_;
  std::string error_;
};

}  // namespace keel::kernel
