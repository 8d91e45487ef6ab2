#include "kernel/plugin/ctl_call.hpp"

#include <fmt/format.h>

#include <utility>

#include "keel/ext/ctl.h"
#include "kernel/plugin/host_support.hpp"

namespace keel::kernel {
CtlCall* CtlCall::begin(Slot& slot, ControlPort::CommandAnswer answer) {
  if (slot.handles()[static_cast<std::size_t>(ObjectKind::ctl_call)] >= kMost) {
    answer(KEEL_EXIT_ERROR,
           fmt::format("Plugin {} has {} commands under way and takes no more; try again later.\n",
                       slot.name(), kMost));
    return nullptr;
  }
  auto made = std::make_unique<CtlCall>(slot, std::move(answer));
  CtlCall& call = *made;
  return slot.add(std::move(made), nullptr) == KEEL_OK ? &call : nullptr;
}

keel_status CtlCall::finish(Slot& slot, keel_handle reply, std::int32_t exit,
                            std::string_view text) {
  Runtime& runtime = slot.runtime();
  bool mine = true, taken = false;
  runtime.handles().visit(reply, ObjectKind::ctl_call, [&](HostObject& object) {
    mine = &object.slot() == &slot;
    taken = mine && static_cast<CtlCall&>(object).take_end(exit, text);
  });
  if (!mine) return fail(KEEL_E_DENIED, "ctl.finish: another plugin's command");
  if (taken) return KEEL_OK;
  return fail(KEEL_E_STALE, "ctl.finish: it was finished, or nobody waits for it any more");
}

// The end by finish(). False: it had ended, or nobody waits. [any]
bool CtlCall::take_end(std::int32_t exit, std::string_view text) {
  const std::lock_guard lock(mutex_);
  if (state_ == State::running) {
    state_ = State::finished;
    exit_ = exit;
    text_ = text;
    return true;
  }
  if (state_ != State::later) return false;
  Runtime& runtime = slot().runtime();
  runtime.control().post([&runtime, reply = handle()] { drop(runtime, reply); });
  return end(exit, text);
}

// Under the mutex.
bool CtlCall::end(std::int32_t exit, std::string_view text) {
  state_ = State::over;
  const ControlPort::CommandAnswer answer = std::exchange(answer_, nullptr);
  return answer(exit, printed_.append(text));
}

void CtlCall::returned(std::int32_t exit) {
  std::unique_lock lock(mutex_);
  if (exit == KEEL_EXIT_LATER && state_ == State::running) {
    state_ = State::later;
    lock.unlock();
    Runtime& runtime = slot().runtime();
    return runtime.control().after_ms(kPatienceMs, [&runtime, reply = handle()] {
      auto* const late = runtime.handles().find(reply, ObjectKind::ctl_call);
      if (late) static_cast<CtlCall*>(late)->give_up("did not answer within 60 s");
      drop(runtime, reply);
    });
  }
  if (exit == KEEL_EXIT_LATER)
    end(exit_, text_);
  else if (exit >= KEEL_EXIT_OK && exit <= KEEL_EXIT_PROMPT)
    end(exit, {});
  else
    end(KEEL_EXIT_ERROR,
        fmt::format("The command of plugin {0} failed; see ctl plugins show {0}.\n",
                    slot().name()));
  lock.unlock();
  slot().drop(*this);
}

void CtlCall::revoke() { give_up("was unloaded before it answered"); }

void CtlCall::give_up(std::string_view why) {
  const std::lock_guard lock(mutex_);
  if (state_ != State::over)
    end(KEEL_EXIT_ERROR, fmt::format("plugin {} {}\n", slot().name(), why));
}

// The call behind a handle leaves its slot, if it is still there. [control]
void CtlCall::drop(Runtime& runtime, keel_handle reply) {
  if (HostObject* const call = runtime.handles().find(reply, ObjectKind::ctl_call))
    call->slot().drop(*call);
}

}  // namespace keel::kernel
