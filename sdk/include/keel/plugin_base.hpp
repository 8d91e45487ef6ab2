// What a plugin's class derives from. Everything here is called on the control thread.
//
// Only start() must be there. The other functions are offered to the kernel when the class
// overrides them (publicly), which is found out at compile time: a plugin without apply() is
// restarted for new settings, one without save() starts from nothing after an upgrade.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "keel/ext/plugin_drain.h"
#include "keel/ext/plugin_health.h"
#include "keel/host.hpp"

namespace keel {

enum class DrainReason : std::uint32_t {
  unload = KEEL_DRAIN_UNLOAD,
  upgrade = KEEL_DRAIN_UPGRADE,
  stop = KEEL_DRAIN_STOP
};

// Says once that draining is done: by a call, from any thread, or by being destroyed.
class DrainDone {
 public:
  DrainDone(void (*done)(void*), void* ctx) : done_(done), ctx_(ctx) {}
  DrainDone(DrainDone&& other) noexcept
      : done_(std::exchange(other.done_, nullptr)), ctx_(other.ctx_) {}
  DrainDone& operator=(DrainDone other) noexcept {
    std::swap(done_, other.done_);
    std::swap(ctx_, other.ctx_);
    return *this;
  }
  ~DrainDone() { (*this)(); }
  void operator()() {
    if (auto* const done = std::exchange(done_, nullptr)) done(ctx_);
  }

 private:
  void (*done_)(void*);
  void* ctx_;
};

struct Health {
  enum State : std::int32_t {
    good = KEEL_HEALTH_GOOD,
    degraded = KEEL_HEALTH_DEGRADED,
    bad = KEEL_HEALTH_BAD
  };
  State state = good;
  std::string text = {};  // one line
};

class Plugin {
 public:
  // Log and config work here, nothing else yet.
  explicit Plugin(Host& host) : host_(host) {}
  Plugin(const Plugin&) = delete;
  Plugin& operator=(const Plugin&) = delete;
  virtual ~Plugin() = default;

  // Acquire everything. It comes to life when this has succeeded.
  virtual Status start() = 0;
  // Nothing of the plugin runs any more: join own threads, drop own resources. start() may follow.
  virtual void stop() {}

  // New settings, while running. `changed`: their keys; none: read files again. A failure keeps the
  // old settings.
  virtual Status apply(std::span<const std::string_view> changed) {
    static_cast<void>(changed);
    return {};
  }
  // End what is under way, then call `done`; after `deadline_ms` the kernel goes on without.
  virtual void drain(DrainReason why, std::uint32_t deadline_ms, DrainDone done) {
    static_cast<void>(why), static_cast<void>(deadline_ms), done();
  }
  // After stop(), for the next version: what it needs, in a format of the plugin's own, whose
  // number is the member `static constexpr std::uint32_t state_schema` (1 without it).
  virtual Status save(std::string& out) {
    static_cast<void>(out);
    return {};
  }
  // Before start(): what another version saved. A failure rolls the upgrade back.
  virtual Status load(std::uint32_t schema, std::string_view blob) {
    static_cast<void>(schema), static_cast<void>(blob);
    return {};
  }
  virtual Health health() { return {}; }

 protected:
  Host& host() const { return host_; }

 private:
  Host& host_;
};

}  // namespace keel
