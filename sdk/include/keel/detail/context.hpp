// What `ctx` is in the kernel's eyes: a heap object with the plugin's function in it. It is
// counted: one reference is the kernel's (in the Core's list), one the handle's that the plugin
// holds, and one a call's that is under way where it could be freed meanwhile.
//
// When a handle is destroyed no new call begins (`closed`), the kernel is told on the thread that
// may tell it, and the kernel's reference goes once no thread can be inside any more: at once where
// the ABI promises that, else after a task has been through every shard concerned. Where the kernel
// takes no tasks any more (unloading), it goes with the sweep after stop().
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

#include "keel/detail/core.hpp"

namespace keel::detail {

constexpr std::uint32_t kAnyShard = KEEL_SHARD_CURRENT;  // a shard that is not known here

class Context {
 public:
  explicit Context(Core& of, std::uint32_t on = kAnyShard)
      : core(of), shard(on), epoch(of.epoch()) {}
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  virtual ~Context() = default;

  // The handle is gone: end the kernel's object. Called once, on any thread.
  virtual void shut() noexcept = 0;
  // The same on the shard that may. Answers a status: see gone().
  virtual keel_status shut_here() noexcept { return KEEL_OK; }
  // The kernel forgot the object without a last call.
  virtual void abandoned() noexcept {}

  void ref() { refs_.fetch_add(1, std::memory_order_relaxed); }
  void unref() noexcept {
    if (refs_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }
  bool valid() const { return handle != 0 && epoch == core.epoch(); }
  // Within a callback: the shard is known by now.
  void note_shard() {
    if (shard == kAnyShard) shard = core.current_shard();
  }
  bool open() const { return !closed.load(std::memory_order_acquire); }

  Core& core;
  std::atomic<keel_handle> handle{0};  // 0 until the kernel told it, and when the object is gone
  std::atomic<std::uint32_t> shard;    // where its callbacks run
  const std::uint32_t epoch;
  std::atomic<bool> closed{false};

 private:
  friend class Core;
  bool listed_ = false;
  std::atomic<std::uint32_t> refs_{1};
  Context* next_ = nullptr;
  Context* previous_ = nullptr;
};

inline void Core::hold(Context& context) {
  context.ref();
  const std::lock_guard lock(mutex_);
  context.listed_ = true;
  context.next_ = first_;
  if (first_) first_->previous_ = &context;
  first_ = &context;
}

inline void Core::unlink(Context& context) {
  (context.previous_ ? context.previous_->next_ : first_) = context.next_;
  if (context.next_) context.next_->previous_ = context.previous_;
  context.next_ = context.previous_ = nullptr;
  context.listed_ = false;
}

inline void Core::release(Context& context) noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (!context.listed_) return;
    unlink(context);
  }
  context.unref();
}

inline void Core::sweep() noexcept {
  for (;;) {
    Context* context = nullptr;
    {
      const std::lock_guard lock(mutex_);
      if (!first_) return;
      context = first_;
      unlink(*context);
    }
    context->abandoned();
    context->unref();
  }
}

// A counted pointer.
template <class T>
class Ref {
 public:
  Ref() = default;
  explicit Ref(T* context) : context_(context) {
    if (context_) context_->ref();
  }
  static Ref take(T* context) {  // a reference that exists
    Ref out;
    out.context_ = context;
    return out;
  }
  Ref(const Ref& other) : Ref(other.context_) {}
  Ref(Ref&& other) noexcept : context_(std::exchange(other.context_, nullptr)) {}
  template <class U>
  Ref(Ref<U>&& other) noexcept : context_(other.leave()) {}  // NOLINT: to a base
  Ref& operator=(Ref other) noexcept {
    std::swap(context_, other.context_);
    return *this;
  }
  ~Ref() {
    if (context_) context_->unref();
  }
  T* get() const { return context_; }
  T* operator->() const { return context_; }
  T& operator*() const { return *context_; }
  explicit operator bool() const { return context_ != nullptr; }
  T* leave() { return std::exchange(context_, nullptr); }

 private:
  T* context_ = nullptr;
};

template <class T, class... A>
Ref<T> make_context(A&&... arguments) {
  return Ref<T>::take(new T(std::forward<A>(arguments)...));
}

// A one-shot call. `fn` is called with whether it was cancelled; it is destroyed in any case.
template <class F>
keel_status post(Core& core, std::uint32_t shard, F fn) {
  struct Task {
    Core& core;
    F fn;
  };
  auto* const task = new Task{core, std::move(fn)};
  const keel_status status = core.shard.call(
      &keel_ext_shard::post, core.host, shard, keel_task_fn([](void* ctx, std::int32_t cancelled) {
        auto* const self = static_cast<Task*>(ctx);
        guarded(self->core, [&] { self->fn(cancelled != 0); });
        delete self;
      }),
      task);
  if (status != KEEL_OK) delete task;
  return status;
}

// Whether the kernel has let go of an object, by what it said to ending it. Otherwise (it is being
// unloaded, ...) it may call once more, and the context waits for the sweep.
inline bool gone(keel_status status) { return status == KEEL_OK || status == KEEL_E_STALE; }

// Sends a task through the shards `first` .. `last`, each of which does shut_here(); then the
// kernel's reference goes, if that ended the object anywhere.
inline void visit(Context& context, std::uint32_t first, std::uint32_t last,
                  bool ended = false) noexcept {
  guarded(context.core, [&] {
    post(context.core, first, [ref = Ref<Context>(&context), first, last, ended](bool cancelled) {
      if (cancelled) return;
      const bool done = gone(ref->shut_here()) || ended;
      if (first != last) return visit(*ref, first + 1, last, done);
      if (done) ref->core.release(*ref);
    });
  });
}

// ... through the context's own shard, or all when that is not known.
inline void visit_shards(Context& context) noexcept {
  if (context.shard != kAnyShard) return visit(context, context.shard, context.shard);
  const Core& core = context.core;
  const std::uint32_t n = core.shard.call_or(std::uint32_t{0}, &keel_ext_shard::count, core.host);
  if (n != 0) visit(context, 0, n - 1);
}

// For objects that only their shard may end: here, or by a task.
inline void shut_on_shard(Context& context) noexcept {
  if (context.shard != kAnyShard && context.core.current_shard() == context.shard) {
    if (gone(context.shut_here())) context.core.release(context);
  } else {
    visit_shards(context);
  }
}

// For objects whose last callback comes after they were told to close, and releases them.
inline void close_on_shard(Context& context) noexcept {
  if (context.shard != kAnyShard && context.core.current_shard() == context.shard) {
    static_cast<void>(context.shut_here());
    return;
  }
  Core& core = context.core;
  const std::uint32_t n = core.shard.call_or(std::uint32_t{0}, &keel_ext_shard::count, core.host);
  for (std::uint32_t shard = 0; shard < n; ++shard) {
    if (context.shard != kAnyShard && context.shard != shard) continue;
    guarded(core, [&] {
      post(core, shard, [ref = Ref<Context>(&context)](bool cancelled) {
        if (!cancelled) static_cast<void>(ref->shut_here());
      });
    });
  }
}

// For objects that only the control thread may end.
inline void shut_on_control(Context& context, keel_status (*end)(Context&)) noexcept {
  if (context.core.current_shard() == KEEL_SHARD_CONTROL && gone(end(context))) {
    return context.core.release(context);
  }
  guarded(context.core, [&] {
    post(context.core, KEEL_SHARD_CONTROL, [ref = Ref<Context>(&context), end](bool cancelled) {
      if (!cancelled && gone(end(*ref))) ref->core.release(*ref);
    });
  });
}

}  // namespace keel::detail
