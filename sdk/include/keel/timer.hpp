// Timers on a shard. Granularity 50 ms.
//
//   KEEL_TRY(host().timers().every(60'000, [this] { advertise(); }).into(advertise_));
#pragma once

#include "keel/handle.hpp"
#include "keel/shard.hpp"

namespace keel {

namespace detail {
class TimerContextBase : public Context {
 public:
  TimerContextBase(Core& of, std::uint32_t on, bool single) : Context(of, on), once(single) {}
  void shut() noexcept override {
    if (core.current_shard() == shard) {
      if (gone(shut_here())) core.release(*this);
    } else if (gone(shut_here())) {  // it may run once more there: after that, again
      visit_shards(*this);
    }
  }
  keel_status shut_here() noexcept override {
    return core.timer.call(&keel_ext_timer::cancel, core.host, handle);
  }
  const bool once;
  bool rearmed = false;  // by the function itself
};

template <class F>
class TimerContext final : public TimerContextBase {
 public:
  TimerContext(Core& of, std::uint32_t on, bool single, F f)
      : TimerContextBase(of, on, single), fn(std::move(f)) {}
  static void fired(void* ctx) {
    const Ref<TimerContext> self(static_cast<TimerContext*>(ctx));
    self->rearmed = false;
    if (self->open()) guarded(self->core, [&] { self->fn(); });
    if (self->once && !self->rearmed) self->core.release(*self);
  }
  F fn;
};
}  // namespace detail

class Timer : public Handle {
 public:
  Timer() = default;
  explicit Timer(detail::Ref<detail::Context> context) : Handle(std::move(context)) {}

  // Fires next after `ms`, then with its period. [its shard] A timer that fires once can be rearmed
  // until its function has returned.
  Status rearm(std::uint32_t ms) {
    return with([&](detail::Core& core, keel_handle timer) {
      const keel_status status = core.timer.call(&keel_ext_timer::rearm, core.host, timer, ms);
      if (status == KEEL_OK) static_cast<detail::TimerContextBase*>(context())->rearmed = true;
      return status;
    });
  }
  void cancel() { reset(); }
};

class Timers {
 public:
  explicit Timers(detail::Core& core) : core_(core) {}

  // Runs `fn` on a shard every `period_ms`, first after `first_ms`. [any]
  template <class F>
  Result<Timer> every(std::uint32_t period_ms, F fn, std::uint32_t shard = kHere) const {
    return start(shard, period_ms, period_ms, std::move(fn));
  }
  // Runs `fn` once. [any]
  template <class F>
  Result<Timer> after(std::uint32_t ms, F fn, std::uint32_t shard = kHere) const {
    return start(shard, ms, 0, std::move(fn));
  }
  template <class F>
  Result<Timer> start(std::uint32_t shard, std::uint32_t first_ms, std::uint32_t period_ms,
                      F fn) const {
    if (shard == kHere) {
      shard = core_.current_shard();
      if (shard == kControl) shard = 0;
    }
    auto context =
        detail::make_context<detail::TimerContext<F>>(core_, shard, period_ms == 0, std::move(fn));
    core_.hold(*context);
    keel_handle handle = 0;
    const keel_status status =
        core_.timer.call(&keel_ext_timer::start, core_.host, shard, first_ms, period_ms,
                         keel_timer_fn(&detail::TimerContext<F>::fired), context.get(), &handle);
    if (status != KEEL_OK) {
      core_.release(*context);
      return core_.status(status);
    }
    context->handle = handle;
    return Timer(std::move(context));
  }

 private:
  detail::Core& core_;
};

}  // namespace keel
