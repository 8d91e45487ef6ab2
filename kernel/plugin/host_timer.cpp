// timer/1.
#include <limits>

#include "kernel/plugin/host_support.hpp"
#include "kernel/plugin/tables.hpp"

namespace keel::kernel {
namespace {

class PluginTimer final : public HostObject {
 public:
  PluginTimer(Slot& slot, std::uint32_t shard, std::uint32_t first_ms, std::uint32_t period_ms,
              keel_timer_fn fn, void* ctx)
      : HostObject(slot, ObjectKind::timer, shard),
        timer_([](void* self) { static_cast<PluginTimer*>(self)->fire(); }, this),
        first_ms_(first_ms),
        period_ms_(period_ms),
        fn_(fn),
        ctx_(ctx) {}

  void begin() override { arm(first_ms_); }
  void revoke() override { timer_.cancel(); }
  void arm(std::uint32_t ms) { slot().runtime().thread(thread()).shard().timers().arm(timer_, ms); }

 private:
  void fire() {
    if (period_ms_ != 0) arm(period_ms_);
    // The callback may cancel the timer: then this object is in its grave, still readable.
    Slot& mine = slot();
    call_plugin(mine, CallSite::timer, [this] { fn_(ctx_); });
    if (period_ms_ == 0 && !timer_.armed() && mine.runtime().handles().find(handle(), kind()))
      mine.drop(*this);
  }

  Timer timer_;
  const std::uint32_t first_ms_, period_ms_;
  const keel_timer_fn fn_;
  void* const ctx_;
};

keel_status timer_start(const keel_host* host, std::uint32_t shard, std::uint32_t first_ms,
                        std::uint32_t period_ms, keel_timer_fn fn, void* ctx, keel_handle* out) {
  Slot& slot = Slot::of(host);
  if (!fn || !out) return fail(KEEL_E_INVAL, "timer.start: function and result are needed");
  std::uint32_t thread = 0;
  if (const keel_status bad = pick_thread(slot, shard, ControlAllowed::no, "timer.start", thread))
    return bad;
  return slot.add(std::make_unique<PluginTimer>(slot, thread, first_ms, period_ms, fn, ctx), out);
}

keel_status timer_rearm(const keel_host* host, keel_handle handle, std::uint32_t ms) {
  Slot& slot = Slot::of(host);
  if (!slot.accepting()) return refuse_unloading("timer.rearm");
  keel_status status = KEEL_OK;
  if (auto* timer = slot.find<PluginTimer>(handle, ObjectKind::timer, status, "timer.rearm"))
    timer->arm(ms);
  return status;
}

void cancel_here(Slot& slot, keel_handle handle) {
  HostObject* const found = slot.runtime().handles().find(handle, ObjectKind::timer);
  if (!found || &found->slot() != &slot) return;
  static_cast<PluginTimer*>(found)->revoke();
  slot.drop(*found);
}

keel_status timer_cancel(const keel_host* host, keel_handle handle) {
  Slot& slot = Slot::of(host);
  if (HandleParts::kind(handle) != ObjectKind::timer ||
      !slot.runtime().handles().find(handle, ObjectKind::timer))
    return fail(KEEL_E_STALE, "timer.cancel: there is no such timer (any more)");
  const std::uint32_t home = HandleParts::thread(handle);
  HostThread& thread = slot.runtime().thread(home);
  if (HostThread::current() == &thread)
    cancel_here(slot, handle);
  else
    thread.post([&slot, handle] { cancel_here(slot, handle); });
  return KEEL_OK;
}

}  // namespace

const keel_ext_timer tables::timer = {.size = sizeof(keel_ext_timer),
                                      .reserved = 0,
                                      .start = timer_start,
                                      .rearm = timer_rearm,
                                      .cancel = timer_cancel};

}  // namespace keel::kernel
