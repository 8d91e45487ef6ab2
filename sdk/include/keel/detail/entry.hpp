// The C side of a plugin's class: the functions that the kernel calls, and its own tables for what
// the class overrides. [control]
#pragma once

#include <cstring>
#include <memory>
#include <type_traits>
#include <vector>

#include "keel/ext/plugin_drain.h"
#include "keel/ext/plugin_health.h"
#include "keel/ext/plugin_settings.h"
#include "keel/ext/plugin_state.h"
#include "keel/ext/plugin_store.h"
#include "keel/plugin_base.hpp"
#include "keel/settings.hpp"
#include "keel/store.hpp"

namespace keel::detail {

// &T::f has the type of a member of Plugin unless T (or a base between) has one of its own. One
// that is not public cannot be named, so it is T's own.
#define KEEL_DETAIL_OVERRIDES(function)                                            \
  template <class T>                                                               \
  constexpr bool overrides_##function() {                                          \
    if constexpr (requires { &T::function; }) {                                    \
      return !std::is_same_v<decltype(&T::function), decltype(&Plugin::function)>; \
    } else {                                                                       \
      return true;                                                                 \
    }                                                                              \
  }
KEEL_DETAIL_OVERRIDES(apply)
KEEL_DETAIL_OVERRIDES(drain)
KEEL_DETAIL_OVERRIDES(save)
KEEL_DETAIL_OVERRIDES(load)
KEEL_DETAIL_OVERRIDES(health)
#undef KEEL_DETAIL_OVERRIDES

template <class T>
constexpr std::uint32_t state_schema() {
  if constexpr (requires { T::state_schema; }) {
    return T::state_schema;
  } else {
    return 1;
  }
}

template <class T>
class Instance {
 public:
  static constexpr bool kIsStore = std::is_convertible_v<T*, StoreProvider*>;
  static constexpr std::uint32_t kInfoFlags = kIsStore ? KEEL_INFO_STORE : 0;

  static keel_status create(const keel_host* host, keel_plugin* out) {
    if (!host || !out || out->size < sizeof(keel_plugin)) return KEEL_E_INVAL;
    std::unique_ptr<Instance> made;
    try {
      made.reset(new Instance(host));
      made->plugin_ = std::make_unique<T>(made->host_);
    } catch (const std::exception& error) {
      return report(host, error.what());
    } catch (...) {
      return report(host, "an exception that is no std::exception");
    }
    out->self = made.release();
    out->start = &Instance::start;
    out->stop = &Instance::stop;
    out->destroy = &Instance::destroy;
    out->get_extension = &Instance::get_extension;
    return KEEL_OK;
  }

 private:
  explicit Instance(const keel_host* host) : core_(host), host_(core_) {
    settings_.size = sizeof settings_;
    settings_.apply = &Instance::apply;
    drain_.size = sizeof drain_;
    drain_.drain = &Instance::drain;
    state_.size = sizeof state_;
    state_.schema = state_schema<T>();
    state_.save = &Instance::save;
    state_.load = &Instance::load;
    health_.size = sizeof health_;
    health_.report = &Instance::health;
    if constexpr (kIsStore) {
      store_.size = sizeof store_;
      store_.info = &Instance::info;
      store_.submit = &Instance::submit;
      store_.read = &Instance::read;
    }
  }

  static Instance& self(void* at) { return *static_cast<Instance*>(at); }
  static keel_status report(const keel_host* host, const char* text) {
    Core(host).caught(text);
    return KEEL_E_EXCEPTION;
  }
  // The status of a function of the plugin's; its text goes to the log.
  template <class F>
  keel_status run(const char* what, F&& fn) {
    return guarded(core_, keel_status{KEEL_E_EXCEPTION}, [&] {
      const Status status = fn();
      if (!status) host_.log().error(what, ": ", status);
      return status.code();
    });
  }
  // Contexts of before the last stop(): nothing uses them any more.
  void clean_up() {
    if (!stopped_) return;
    core_.sweep();
    stopped_ = false;
  }

  static keel_status start(void* at) {
    self(at).clean_up();
    return self(at).run("start", [&] { return self(at).plugin_->start(); });
  }
  static void stop(void* at) {
    self(at).core_.next_epoch();
    self(at).stopped_ = true;
    guarded(self(at).core_, [&] { self(at).plugin_->stop(); });
  }
  static void destroy(void* at) {
    const std::unique_ptr<Instance> dying(&self(at));
    dying->core_.next_epoch();
    dying->core_.sweep();
    guarded(dying->core_, [&] { dying->plugin_.reset(); });
  }

  static const void* get_extension(void* at, const char* id) {
    const Instance& plugin = self(at);
    const auto is = [id](const char* wanted) { return std::strcmp(id, wanted) == 0; };
    if (overrides_apply<T>() && is(KEEL_EXT_PLUGIN_SETTINGS)) return &plugin.settings_;
    if (overrides_drain<T>() && is(KEEL_EXT_PLUGIN_DRAIN)) return &plugin.drain_;
    if (overrides_save<T>() && is(KEEL_EXT_PLUGIN_STATE)) return &plugin.state_;
    if (overrides_health<T>() && is(KEEL_EXT_PLUGIN_HEALTH)) return &plugin.health_;
    if (kIsStore && is(KEEL_EXT_PLUGIN_STORE)) return &plugin.store_;
    return nullptr;
  }

  static keel_status apply(void* at, const keel_str* changed, std::uint32_t n) {
    return self(at).run("apply", [&] {
      std::vector<std::string_view> keys;
      for (std::uint32_t i = 0; i < n; ++i) keys.push_back(view(changed[i]));
      return base(at).apply(keys);
    });
  }
  static void drain(void* at, std::uint32_t why, std::uint32_t deadline_ms, void (*done)(void*),
                    void* done_ctx) {
    guarded(self(at).core_, [&] {
      base(at).drain(static_cast<DrainReason>(why), deadline_ms, DrainDone(done, done_ctx));
    });
  }
  static keel_status save(void* at, keel_sink out) {
    return self(at).run("save", [&] {
      std::string blob;
      Status status = base(at).save(blob);
      if (status) put(out, blob);
      return status;
    });
  }
  static keel_status load(void* at, std::uint32_t schema, keel_str blob) {
    self(at).clean_up();
    return self(at).run("load", [&] { return base(at).load(schema, view(blob)); });
  }
  static std::int32_t health(void* at, keel_sink out) {
    return guarded(self(at).core_, std::int32_t{KEEL_HEALTH_BAD}, [&] {
      const Health health = base(at).health();
      put(out, health.text);
      return std::int32_t{health.state};
    });
  }
  static Plugin& base(void* at) { return *self(at).plugin_; }

  static keel_status info(void* at, keel_store_info* out) {
    return self(at).run("info", [&]() -> Status {
      const Result<StoreInfo> info = provider(at).info();
      if (!info) return info.status();
      out->last_ticket = info->last_ticket;
      if (KEEL_HAS(out, flags)) out->flags = info->incomplete ? KEEL_STORE_INCOMPLETE : 0;
      return {};
    });
  }
  static keel_status submit(void* at, const keel_store_batch* batch) {
    return guarded(self(at).core_, keel_status{KEEL_E_EXCEPTION}, [&] {
      provider(at).submit({batch->ticket, batch->bytes, {batch->ops, batch->op_count}});
      return keel_status{KEEL_OK};
    });
  }
  static keel_status read(void* at, std::uint64_t request, const keel_store_query* query) {
    return self(at).run("read", [&] { return provider(at).read(request, StoreQuery(*query)); });
  }
  static StoreProvider& provider(void* at) { return *self(at).plugin_; }

  Core core_;
  Host host_;
  std::unique_ptr<T> plugin_;
  bool stopped_ = false;
  keel_ext_plugin_settings settings_{};
  keel_ext_plugin_drain drain_{};
  keel_ext_plugin_state state_{};
  keel_ext_plugin_health health_{};
  keel_ext_plugin_store store_{};
};

}  // namespace keel::detail
