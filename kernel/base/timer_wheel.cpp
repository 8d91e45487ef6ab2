#include "kernel/base/timer_wheel.hpp"

#include <algorithm>
#include <bit>

namespace keel::kernel {
namespace {

void unlink(TimerNode& node) {
  node.prev->next = node.next;
  node.next->prev = node.prev;
  node.next = node.prev = nullptr;
}

void push_back(TimerNode& head, TimerNode& node) {
  node.prev = head.prev;
  node.next = &head;
  head.prev->next = &node;
  head.prev = &node;
}

}  // namespace

void Timer::cancel() {
  if (armed()) unlink(*this);
}

TimerWheel::TimerWheel(std::int64_t now_ms) : now_ms_(now_ms), tick_(now_ms / kTickMs) {
  for (TimerNode& head : slots_) head.next = head.prev = &head;
}

TimerWheel::~TimerWheel() {
  for (TimerNode& head : slots_) {
    while (head.next != &head) unlink(*head.next);
  }
}

void TimerWheel::link(Timer& timer) {
  const std::size_t slot = slot_of(timer.due_tick_);
  push_back(slots_[slot], timer);
  occupied_[slot / 64] |= std::uint64_t{1} << (slot % 64);
}

void TimerWheel::arm(Timer& timer, std::int64_t delay_ms) {
  timer.cancel();
  const std::int64_t due_ms = now_ms_ + std::max<std::int64_t>(delay_ms, 0);
  timer.due_tick_ = std::max((due_ms + kTickMs - 1) / kTickMs, tick_ + 1);
  link(timer);
}

void TimerWheel::advance(std::int64_t now_ms) {
  if (now_ms <= now_ms_) return;
  now_ms_ = now_ms;
  const std::int64_t target = now_ms / kTickMs;
  if (target == tick_) return;
  // After a long pause every slot is visited once: a timer in it is due or stays.
  std::int64_t tick = std::max(tick_, target - static_cast<std::int64_t>(kSlots));
  tick_ = target;
  while (++tick <= target) run_slot(slot_of(tick));
}

void TimerWheel::run_slot(std::size_t slot) {
  TimerNode& head = slots_[slot];
  if (head.next == &head) return;
  // The timers move to a list of their own, so that what is armed meanwhile is not looked at again.
  TimerNode due{head.next, head.prev};
  due.next->prev = due.prev->next = &due;
  head.next = head.prev = &head;
  while (due.next != &due) {
    auto& timer = static_cast<Timer&>(*due.next);
    unlink(timer);
    if (timer.due_tick_ <= tick_) {
      timer.fire_(timer.owner_);
    } else {
      link(timer);
    }
  }
}

std::int64_t TimerWheel::next_ms() const {
  std::int64_t tick = tick_ + 1;
  const std::int64_t end = tick + static_cast<std::int64_t>(kSlots);
  while (tick < end) {
    const std::size_t slot = slot_of(tick);
    std::uint64_t& word = occupied_[slot / 64];
    const std::uint64_t ahead = word >> (slot % 64);
    if (ahead == 0) {
      tick += static_cast<std::int64_t>(64 - slot % 64);
      continue;
    }
    tick += std::countr_zero(ahead);
    if (tick >= end) break;
    const std::size_t found = slot_of(tick);
    if (slots_[found].next != &slots_[found]) return tick * kTickMs;
    word &= ~(std::uint64_t{1} << (found % 64));
  }
  return -1;
}

}  // namespace keel::kernel
