// A hashed timer wheel with ticks of 50 ms: keep alive, time-outs, expiry. Timers are embedded in the
// objects they belong to; arming and cancelling is a list operation. No I/O, no clock of its own.
// Belongs to one shard; [shard].
#pragma once

#include <array>
#include <cstdint>

#include "kernel/base/function_ref.hpp"

namespace keel::kernel {

// Embedded timer. Not armed while `next` is null. Cancels itself when destroyed.
class Timer {
 public:
  using Fire = void (*)(void* owner);

  Timer(Fire fire, void* owner) : fire_(fire), owner_(owner) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() { cancel(); }

  bool armed() const { return next_ != nullptr; }
  void cancel();

 private:
  friend class TimerWheel;
  Timer* next_ = nullptr;
  Timer* prev_ = nullptr;
  std::int64_t due_tick_ = 0;
  Fire fire_;
  void* owner_;
};

class TimerWheel {
 public:
  static constexpr std::int64_t kTickMs = 50;

  explicit TimerWheel(std::int64_t now_ms);
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;
  ~TimerWheel();  // disarms what is left

  // Fires once, not before `delay_ms` from `now()` and at most one tick late. Re-arms an armed timer.
  void arm(Timer& timer, std::int64_t delay_ms);
  // Fires everything due. A firing timer may arm or cancel any timer, itself included.
  void advance(std::int64_t now_ms);

  std::int64_t now_ms() const { return now_ms_; }
  bool empty() const { return armed_ == 0; }

 private:
  static constexpr std::size_t kSlots = 1024;
  void link(Timer& timer);

  std::int64_t now_ms_;
  std::int64_t tick_;
  std::size_t armed_ = 0;
  struct Slot;  // list heads
  std::array<Timer*, kSlots> slots_{};
};

}  // namespace keel::kernel
