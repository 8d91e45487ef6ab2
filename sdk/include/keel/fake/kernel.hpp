// The core of FakeHost: one thread that plays all shards and the control thread in turn, a clock
// that only tests move, the objects behind the handles, failures on order. Part of keel/fake.hpp.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "keel/abi.h"
#include "keel/ext/shard.h"
#include "keel/fake/types.hpp"

namespace keel::fake {

class Kernel;

enum class Phase { created, starting, running, unloading, stopped };

// One plugin instance as the kernel knows it; host.impl points here.
struct Instance {
  keel_host host{};
  Kernel* kernel = nullptr;
  const keel_plugin_entry* entry = nullptr;
  keel_plugin plugin{};
  Phase phase = Phase::created;
};

// What a handle names.
struct Object {
  virtual ~Object() = default;
  Instance* owner = nullptr;
  keel_handle handle = 0;
  std::uint32_t shard = KEEL_SHARD_CONTROL;
  bool parked = false;
  // The kernel ends it; a last call into the plugin may belong to that.
  virtual void revoke() {}
  // Whether an upgrade keeps it for the next version.
  virtual bool keeps() const { return false; }
  virtual const char* kind() const = 0;
};

class Kernel {
 public:
  explicit Kernel(std::uint32_t shards) : queues_(shards + 1) {}
  Kernel(const Kernel&) = delete;
  Kernel& operator=(const Kernel&) = delete;
  virtual ~Kernel() = default;

  // ---- for tests ----
  std::uint32_t shard_count() const { return static_cast<std::uint32_t>(queues_.size() - 1); }
  std::int64_t now_ms() const { return now_ms_; }
  std::int64_t wall_ms = 1'700'000'000'000;

  // Runs a function as a shard, or as the control thread (KEEL_SHARD_CONTROL).
  template <class F>
  decltype(auto) on(std::uint32_t thread, F&& fn) {
    const Visit visit(*this, thread);
    return fn();
  }
  // Runs everything that was posted, in order, until nothing is left.
  void run();
  // The next calls of a function ("udp.send", "hooks.add") answer `status`, so many times.
  void fail_next(const std::string& function, keel_status status, int times = 1);
  // What the plugin did wrong: calls on the wrong thread or in the wrong phase, unknown handles.
  const std::vector<std::string>& misuse() const { return misuse_; }
  // Texts of exceptions that were caught at the boundary.
  std::vector<std::string> exceptions;
  // A plugin's own threads may write to it; look at the whole of it when they are at rest.
  const std::vector<FakeLine>& log() const { return log_; }
  bool logged(std::string_view part) const;
  void clear_log();
  // How many calls of a function there were, failed ones included.
  int calls(const std::string& function) const;
  // How many handles are open, by kind ("timer", "udp", ...) or in all.
  std::size_t handles(std::string_view kind = {}) const;

  // ---- for the tables ----
  static Instance& instance(const keel_host* host) { return *static_cast<Instance*>(host->impl); }

  enum class On { any, control, shard };
  // The beginning of every table function: counts, fails on order, checks phase and thread.
  keel_status enter(Instance& caller, const char* function, On where);
  keel_status fail(keel_status status, std::string text);
  keel_status misused(std::string text);
  const std::string& last_error() const { return error_; }

  std::uint32_t current() const { return current_; }
  std::uint32_t pick_shard(std::uint32_t wanted) const;
  bool is_shard(std::uint32_t shard) const { return shard < shard_count(); }
  void queue(std::uint32_t thread, std::function<void()> task);

  template <class T>
  T& add(Instance& owner, std::unique_ptr<T> object) {
    T& out = *object;
    out.owner = &owner;
    out.handle = next_handle_++;
    objects_.emplace(out.handle, std::move(object));
    return out;
  }
  // Null: stale, another plugin's, or of another kind.
  template <class T>
  T* find(const Instance& caller, keel_handle handle) {
    const auto found = objects_.find(handle);
    if (found == objects_.end() || found->second->owner != &caller || found->second->parked) {
      return nullptr;
    }
    return dynamic_cast<T*>(found->second.get());
  }
  template <class T>
  T* find_any(keel_handle handle) {
    const auto found = objects_.find(handle);
    return found == objects_.end() ? nullptr : dynamic_cast<T*>(found->second.get());
  }
  // Ends the life of an object; what points to it is invalid.
  void drop(keel_handle handle) { objects_.erase(handle); }
  template <class T>
  std::vector<T*> all() {
    std::vector<T*> out;
    for (const auto& [handle, object] : objects_) {
      if (auto* const wanted = dynamic_cast<T*>(object.get())) out.push_back(wanted);
    }
    return out;
  }
  // The beginning of functions about an object: as enter(), and on its own shard.
  template <class T>
  keel_status enter(Instance& caller, const char* function, On where, keel_handle handle, T*& out) {
    out = nullptr;
    if (const keel_status status = enter(caller, function, where); status != KEEL_OK) return status;
    out = find<T>(caller, handle);
    if (!out) return fail(KEEL_E_STALE, concat(function, ": there is no such handle any more"));
    if (where == On::shard && out->shard != KEEL_SHARD_CONTROL && out->shard != current_) {
      out = nullptr;
      return misused(concat(function, ": belongs on the handle's own shard"));
    }
    return KEEL_OK;
  }
  // close(), cancel() and the like work while the plugin is being unloaded, too.
  template <class T>
  keel_status enter_end(Instance& caller, const char* function, On where, keel_handle handle,
                        T*& out) {
    if (caller.phase == Phase::unloading || caller.phase == Phase::stopped) {
      ++calls_[function];
      out = find<T>(caller, handle);
      return out ? KEEL_OK : fail(KEEL_E_STALE, concat(function, ": no such handle"));
    }
    return enter(caller, function, where, handle, out);
  }

 protected:
  void move_clock(std::int64_t ms);
  std::map<keel_handle, std::unique_ptr<Object>>& objects() { return objects_; }
  void add_line(std::uint32_t level, std::string text);
  std::vector<FakeLine> log_;
  mutable std::mutex log_mutex_;

 private:
  struct Visit {
    Visit(Kernel& of, std::uint32_t thread) : kernel(of), before(of.current_) {
      kernel.current_ = thread;
    }
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;
    ~Visit() { kernel.current_ = before; }
    Kernel& kernel;
    std::uint32_t before;
  };
  struct Fault {
    keel_status status = KEEL_OK;
    int times = 0;
  };

  std::vector<std::deque<std::function<void()>>> queues_;  // the control thread's, then by shard
  std::map<keel_handle, std::unique_ptr<Object>> objects_;
  std::map<std::string, Fault> faults_;
  std::map<std::string, int> calls_;
  std::vector<std::string> misuse_;
  std::string error_;
  keel_handle next_handle_ = 1;
  std::int64_t now_ms_ = 1'000;
  std::uint32_t current_ = KEEL_SHARD_CONTROL;
};

}  // namespace keel::fake
