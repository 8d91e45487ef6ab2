// A plugin's own part of the broker's store: keys and values that survive a restart. There while a
// store plugin is loaded; without one everything answers KEEL_E_NOENT.
//
//   host().kv().put(id, state);
//   host().kv().sync([this] { acknowledge(); });
//   host().kv().each("client/", [&](std::string_view key, std::string_view value) { ... });
#pragma once

#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "keel/detail/context.hpp"
#include "keel/ext/kv.h"

namespace keel {

struct KvPage {
  std::vector<std::pair<std::string, std::string>> rows;
  bool more = false;  // there may be rows behind the last one: list them `after` it
};

class Kv {
 public:
  explicit Kv(detail::Core& core) : core_(core) {}

  // Written behind the caller's back, in the order of this thread's calls. Keys have 1 ... 1 024
  // octets, values at most 16 MiB. KEEL_E_LIMIT: the store does not keep up, or is full. [any]
  Status put(std::string_view key, std::string_view value) const {
    return core_.plain(core_.kv.call(&keel_ext_kv::put, core_.host, to_c(key), to_c(value)));
  }
  Status erase(std::string_view key) const {
    return core_.plain(core_.kv.call(&keel_ext_kv::erase, core_.host, to_c(key)));
  }

  // Runs `fn` once everything this thread wrote before is on disk, on `shard` (KEEL_SHARD_CURRENT:
  // on this thread). A function that takes a bool is told whether it was cancelled (the plugin is
  // being unloaded); others are not called then. [control, shard]
  template <class F>
  Status sync(F fn, std::uint32_t shard = KEEL_SHARD_CURRENT) const {
    struct Task {
      detail::Core& core;
      F fn;
    };
    auto* const task = new Task{core_, std::move(fn)};
    if (shard == KEEL_SHARD_CURRENT) shard = core_.current_shard();
    const keel_status status = core_.kv.call(&keel_ext_kv::sync, core_.host,
                                             keel_task_fn([](void* ctx, std::int32_t cancelled) {
                                               auto* const self = static_cast<Task*>(ctx);
                                               detail::guarded(self->core, [&] {
                                                 if constexpr (std::is_invocable_v<F&, bool>) {
                                                   self->fn(cancelled != 0);
                                                 } else if (cancelled == 0) {
                                                   self->fn();
                                                 }
                                               });
                                               delete self;
                                             }),
                                             task, shard);
    if (status != KEEL_OK) delete task;
    return core_.plain(status);
  }

  // The rows whose keys begin with `prefix` and come behind `after` (empty: from the first),
  // ascending, at most `max`; what this thread wrote before is among them. Waits for the disk: for
  // start() and commands. [control]
  Result<KvPage> list(std::string_view prefix, std::string_view after = {},
                      std::uint32_t max = 256) const {
    Taking taking{core_, {}, false};
    const keel_status status = core_.kv.call(&keel_ext_kv::list, core_.host, to_c(prefix),
                                             to_c(after), max, &Kv::take, &taking);
    if (status != KEEL_OK) return core_.status(status);
    if (taking.lost) return Status(KEEL_E_NOMEM);
    taking.page.more = taking.page.rows.size() >= max;
    return std::move(taking.page);
  }
  // Calls `fn(key, value)` for each key that begins with `prefix`, page by page. `fn` may write.
  // [control]
  template <class F>
  Status each(std::string_view prefix, F&& fn) const {
    std::string after;
    for (bool more = true; more;) {
      Result<KvPage> page = list(prefix, after);
      if (!page) return page.status();
      for (const auto& [key, value] : page->rows)
        fn(std::string_view(key), std::string_view(value));
      more = page->more;
      if (more) after = std::move(page->rows.back().first);
    }
    return {};
  }

 private:
  struct Taking {
    detail::Core& core;
    KvPage page;
    bool lost;
  };
  static void take(void* ctx, keel_str key, keel_str value) {
    Taking& to = *static_cast<Taking*>(ctx);
    to.lost = !detail::guarded(to.core, false, [&] {
      to.page.rows.emplace_back(view(key), view(value));
      return !to.lost;
    });
  }

  detail::Core& core_;
};

}  // namespace keel
