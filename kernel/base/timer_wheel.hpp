// A hashed timer wheel with ticks of 50 ms: keep alive, time-outs, expiry. Timers are embedded in
// the objects they belong to; arming and cancelling is a list operation. No I/O, no clock of its
// own. Belongs to one shard; [shard].
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace keel::kernel {

// A link of a circular list. A timer is armed while it is linked.
struct TimerNode {
  TimerNode* next = nullptr;
  TimerNode* prev = nullptr;
};

// Embedded timer. Cancels itself when destroyed.
class Timer : private TimerNode {
 public:
  using Fire = void (*)(void* owner);

  Timer(Fire fire, void* owner) : fire_(fire), owner_(owner) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() { cancel(); }

  bool armed() const { return next != nullptr; }
  void cancel();

 private:
  friend class TimerWheel;
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

  // Fires once, not before `delay_ms` from `now_ms()` and at most one tick late. Re-arms an armed
  // timer.
  void arm(Timer& timer, std::int64_t delay_ms);
  // Fires everything due. A firing timer may arm or cancel any timer, itself included.
  void advance(std::int64_t now_ms);

  std::int64_t now_ms() const { return now_ms_; }
  bool empty() const { return next_ms() < 0; }
  // When `advance` should be called next: never later than the next timer is due, at times earlier
  // (timers more than one turn of the wheel away share its slots). -1: no timer is armed.
  std::int64_t next_ms() const;

 private:
  static constexpr std::size_t kSlots = 1024;
  static std::size_t slot_of(std::int64_t tick) { return static_cast<std::size_t>(tick) % kSlots; }
  void link(Timer& timer);
  void run_slot(std::size_t slot);

  std::int64_t now_ms_;
  std::int64_t tick_;
  std::array<TimerNode, kSlots> slots_;
  // One bit per slot that may hold timers. Cancelling leaves the bit; looking for the next slot
  // clears it.
  mutable std::array<std::uint64_t, kSlots / 64> occupied_{};
};

}  // namespace keel::kernel
