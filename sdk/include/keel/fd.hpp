// Readiness of a descriptor of the plugin's own. Level-triggered.
#pragma once

#include "keel/handle.hpp"
#include "keel/shard.hpp"

namespace keel {

namespace detail {
class WatchContextBase : public Context {
 public:
  using Context::Context;
  void shut() noexcept override { shut_on_shard(*this); }
  keel_status shut_here() noexcept override {
    return core.fd.call(&keel_ext_fd::release, core.host, handle);
  }
};
template <class F>
class WatchContext final : public WatchContextBase {
 public:
  WatchContext(Core& of, std::uint32_t on, F f) : WatchContextBase(of, on), fn(std::move(f)) {}
  static void ready(void* ctx, std::int32_t, std::uint32_t events) {
    const Ref<WatchContext> self(static_cast<WatchContext*>(ctx));
    if (self->open()) guarded(self->core, [&] { self->fn(events); });
  }
  F fn;
};
}  // namespace detail

// The descriptor must stay open until the Watch has been destroyed on its shard (or stop()).
class Watch : public Handle {
 public:
  Watch() = default;
  explicit Watch(detail::Ref<detail::Context> context) : Handle(std::move(context)) {}

  // KEEL_FD_READ | KEEL_FD_WRITE. [its shard]
  Status modify(std::uint32_t events) {
    return with([&](detail::Core& core, keel_handle watch) {
      return core.fd.call(&keel_ext_fd::modify, core.host, watch, events);
    });
  }
};

class Descriptors {
 public:
  explicit Descriptors(detail::Core& core) : core_(core) {}

  // fn(std::uint32_t events) on the shard. [any]
  template <class F>
  Result<Watch> watch(int fd, std::uint32_t events, F fn, std::uint32_t shard = kHere) const {
    if (shard == kHere) {
      shard = core_.current_shard();
      if (shard == kControl) shard = 0;
    }
    auto context = detail::make_context<detail::WatchContext<F>>(core_, shard, std::move(fn));
    core_.hold(*context);
    keel_handle handle = 0;
    const keel_status status =
        core_.fd.call(&keel_ext_fd::watch, core_.host, shard, static_cast<std::int32_t>(fd), events,
                      keel_fd_fn(&detail::WatchContext<F>::ready), context.get(), &handle);
    if (status != KEEL_OK) {
      core_.release(*context);
      return core_.status(status);
    }
    context->handle = handle;
    return Watch(std::move(context));
  }

 private:
  detail::Core& core_;
};

}  // namespace keel
