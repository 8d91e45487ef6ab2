// One call of a plugin's command, from the moment it is asked until it is answered, which may be
// later and on another thread than the command's function (KEEL_EXIT_LATER). An object of the slot
// like any other: unloading and upgrading end it, and then its caller is told. [control] but for
// finish().
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "kernel/plugin/host_object.hpp"
#include "kernel/plugin/ports.hpp"

namespace keel::kernel {

class Runtime;

class CtlCall final : public HostObject {
 public:
  static constexpr std::uint32_t kMost = 64;           // under way per plugin
  static constexpr std::int64_t kPatienceMs = 60'000;  // for an answer that comes later

  // Null: too many are under way, or the plugin goes; the caller is told.
  static CtlCall* begin(Slot& slot, ControlPort::CommandAnswer answer);
  // For ctl.finish(). [any]
  static keel_status finish(Slot& slot, keel_handle reply, std::int32_t exit,
                            std::string_view text);

  CtlCall(Slot& slot, ControlPort::CommandAnswer answer)
      : HostObject(slot, ObjectKind::ctl_call, kControlThread), answer_(std::move(answer)) {}

  // What the command's function writes; only while it runs.
  std::string& printed() { return printed_; }
  // The command's function has returned: unless it said "later" that is the end, also of this.
  void returned(std::int32_t exit);
  void revoke() override;

 private:
  enum class State : std::uint8_t {
    running,   // its function runs
    finished,  // and it runs still
    later,     // it has returned
    over
  };

  bool take_end(std::int32_t exit, std::string_view text);
  bool end(std::int32_t exit, std::string_view text);
  void give_up(std::string_view why);
  static void drop(Runtime& runtime, keel_handle reply);

  std::string printed_;
  std::mutex mutex_;  // for what follows
  ControlPort::CommandAnswer answer_;
  State state_ = State::running;
  std::int32_t exit_ = 0;  // when finished early
  std::string text_;
};

}  // namespace keel::kernel
