// Owning handles: move-only, and their destruction ends what they name, from any thread, also from
// within its own callback. No call of the callback begins after that; one that is under way on
// another thread runs to its end.
//
// After the plugin was stopped they name nothing (the kernel has revoked everything) and are merely
// memory; id() still tells the number, for save().
#pragma once

#include <utility>

#include "keel/detail/context.hpp"

namespace keel {

class Handle {
 public:
  Handle() = default;
  explicit Handle(detail::Ref<detail::Context> context) : context_(std::move(context)) {}
  Handle(Handle&&) noexcept = default;
  Handle& operator=(Handle&& other) noexcept {
    if (this != &other) {
      reset();
      context_ = std::move(other.context_);
    }
    return *this;
  }
  ~Handle() { reset(); }

  // Whether it names something, as far as this side knows.
  explicit operator bool() const { return context_ && context_->valid(); }
  // The kernel's number; stays the same across an upgrade.
  keel_handle id() const { return context_ ? context_->handle.load() : 0; }

  // Ends the object now.
  void reset() noexcept {
    if (!context_) return;
    const detail::Ref<detail::Context> context = std::move(context_);
    if (context->closed.exchange(true, std::memory_order_acq_rel)) return;
    if (context->valid()) context->shut();
  }

  // Leaves the object to the kernel until the plugin stops.
  void keep() noexcept { context_ = {}; }

 protected:
  detail::Context* context() const { return context_.get(); }
  // Calls `fn(core, handle)` unless there is nothing to call it for.
  template <class F>
  Status with(F&& fn) const {
    if (!*this) return KEEL_E_STALE;
    return context_->core.plain(fn(context_->core, context_->handle.load()));
  }

 private:
  detail::Ref<detail::Context> context_;
};

}  // namespace keel
