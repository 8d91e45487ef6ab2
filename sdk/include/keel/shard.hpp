// The data path's threads, and how to get onto one; and work that may block. Any thread.
//
//   host().shards().post(shard, [this] { ... });
//   host().workers().run([pw] { return slow_hash(pw); }, [ticket](keel::Result<bool> ok) { ... });
//
// A function that takes a bool is told whether it was cancelled (the plugin is being unloaded);
// others are not called then. All are destroyed in any case.
#pragma once

#include <optional>
#include <type_traits>
#include <utility>

#include "keel/detail/context.hpp"

namespace keel {

constexpr std::uint32_t kControl = KEEL_SHARD_CONTROL;
constexpr std::uint32_t kHere = KEEL_SHARD_CURRENT;  // this shard, or 0 elsewhere

class Shards {
 public:
  explicit Shards(detail::Core& core) : core_(core) {}

  std::uint32_t count() const {
    return core_.shard.call_or(std::uint32_t{1}, &keel_ext_shard::count, core_.host);
  }
  // kControl on every thread that is no shard.
  std::uint32_t current() const { return core_.current_shard(); }
  std::uint32_t home(std::string_view client_id) const {
    return core_.shard.call_or(std::uint32_t{0}, &keel_ext_shard::home, core_.host,
                               to_c(client_id));
  }

  // Runs `fn` once on a shard, or on the control thread (kControl).
  template <class F>
  Status post(std::uint32_t shard, F fn) const {
    return core_.plain(detail::post(core_, shard, [fn = std::move(fn)](bool cancelled) mutable {
      if constexpr (std::is_invocable_v<F&, bool>) {
        fn(cancelled);
      } else if (!cancelled) {
        fn();
      }
    }));
  }

 private:
  detail::Core& core_;
};

class Workers {
 public:
  explicit Workers(detail::Core& core) : core_(core) {}

  // Runs `work` on a thread that may block, then `done` with what it answered on `shard`. `done`
  // takes the value, or a Result of it: then it also hears of exceptions and of being cancelled.
  template <class W, class D>
  Status run(W work, D done, std::uint32_t shard = kHere) const {
    using R = std::invoke_result_t<W&>;
    using V = std::conditional_t<std::is_void_v<R>, Nothing, R>;
    struct Job {
      detail::Core& core;
      W work;
      D done;
      std::optional<V> value;
      bool threw = false;
    };
    auto* const job = new Job{core_, std::move(work), std::move(done), {}, false};
    if (shard == kHere) {
      shard = core_.current_shard();
      if (shard == kControl) shard = 0;
    }
    const keel_status status =
        core_.worker.call(&keel_ext_worker::run, core_.host, keel_work_fn([](void* ctx) {
          auto* const self = static_cast<Job*>(ctx);
          self->threw = true;
          detail::guarded(self->core, [&] {
            if constexpr (std::is_void_v<R>) {
              self->work();
              self->value.emplace();
            } else {
              self->value.emplace(self->work());
            }
            self->threw = false;
          });
        }),
                          keel_task_fn([](void* ctx, std::int32_t cancelled) {
                            auto* const self = static_cast<Job*>(ctx);
                            detail::guarded(self->core, [&] { finish<V>(*self, cancelled != 0); });
                            delete self;
                          }),
                          job, shard);
    if (status != KEEL_OK) delete job;
    return core_.plain(status);
  }

 private:
  struct Nothing {};

  template <class V, class Job>
  static void finish(Job& job, bool cancelled) {
    using D = decltype(job.done);
    // A Result is made from a value or a Status, so a `done` that takes a Result takes a Status.
    if constexpr (std::is_invocable_v<D&, Status> && std::is_invocable_v<D&, Result<V>>) {
      job.done(answer<V>(job, cancelled));
    } else if constexpr (std::is_invocable_v<D&, Status>) {
      job.done(answer<V>(job, cancelled).status());
    } else if (!cancelled && job.value) {
      if constexpr (std::is_invocable_v<D&>) {
        job.done();
      } else {
        job.done(std::move(*job.value));
      }
    }
  }
  template <class V, class Job>
  static Result<V> answer(Job& job, bool cancelled) {
    if (cancelled) return Status(KEEL_E_STATE, "cancelled: the plugin is being unloaded");
    if (!job.value) return Status(KEEL_E_EXCEPTION, "the work threw an exception");
    return std::move(*job.value);
  }

  detail::Core& core_;
};

}  // namespace keel
