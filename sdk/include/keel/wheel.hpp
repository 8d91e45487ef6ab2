// The timers of many things of one shard, such as a gateway's devices: a wheel of 100 ms slots,
// each item in the slot of when it is to be woken; one Timer turns it. What lies beyond the wheel
// hangs in its last slot and is looked at early. Most orders move an item's time further away (keep
// alive): those cost one store. [its shard]
//
//   class Device : public keel::WheelItem { void on_time(); };
//   keel::Wheel<Device> wheel(host.clock().mono_ms());
//   host.timers().every(100, [&] { wheel.turn(host.clock().mono_ms()); });
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace keel {

// What hangs there derives from this. Takes itself off when it dies.
class WheelItem {
 public:
  WheelItem() = default;
  WheelItem(const WheelItem&) = delete;
  WheelItem& operator=(const WheelItem&) = delete;
  ~WheelItem() { take_off(); }

  void take_off() {
    previous_->next_ = next_;
    next_->previous_ = previous_;
    previous_ = next_ = this;
    when_ = hangs_ = 0;
  }

 private:
  template <class T>
  friend class Wheel;
  WheelItem* previous_ = this;
  WheelItem* next_ = this;
  std::int64_t when_ = 0;   // ms; 0: never
  std::int64_t hangs_ = 0;  // the tick at which it is looked at; 0: it does not hang
};

// T derives from WheelItem and has `void on_time()`, which may end it.
template <class T>
class Wheel {
 public:
  static constexpr std::int64_t kTick = 100;  // ms

  explicit Wheel(std::int64_t now_ms) : tick_(now_ms / kTick) {}

  // The item's earlier order is void; `when_ms` 0: never.
  void wake_at(T& of, std::int64_t when_ms) {
    WheelItem& item = of;
    if (when_ms == 0) return item.take_off();
    item.when_ = when_ms;
    const std::int64_t due = due_tick(when_ms);
    if (item.hangs_ != 0 && item.hangs_ <= due) return;  // looked at in time
    hang(item, due);
  }
  // Wakes those whose time has come.
  void turn(std::int64_t now_ms) {
    while (tick_ < now_ms / kTick) {
      ++tick_;
      turn_slot(slots_[static_cast<std::size_t>(tick_) % kSlots], now_ms);
    }
  }

 private:
  static constexpr std::int64_t kSlots = 512;

  std::int64_t due_tick(std::int64_t when_ms) const {
    const std::int64_t due = (when_ms + kTick - 1) / kTick;
    return due <= tick_ ? tick_ + 1 : due;
  }
  void hang(WheelItem& item, std::int64_t due) {
    const std::int64_t when = item.when_;
    item.take_off();
    item.when_ = when;
    item.hangs_ = due < tick_ + kSlots ? due : tick_ + kSlots - 1;
    append(slots_[static_cast<std::size_t>(item.hangs_ % kSlots)], item);
  }
  void turn_slot(WheelItem& slot, std::int64_t now_ms) {
    WheelItem due;
    if (slot.next_ != &slot) {
      append(slot, due);
      slot.take_off();
    }
    while (due.next_ != &due) {
      WheelItem& first = *due.next_;
      if (first.when_ > now_ms) {
        hang(first, due_tick(first.when_));
      } else {
        first.take_off();
        static_cast<T&>(first).on_time();
      }
    }
  }
  static void append(WheelItem& slot, WheelItem& item) {
    item.previous_ = slot.previous_;
    item.next_ = &slot;
    slot.previous_->next_ = &item;
    slot.previous_ = &item;
  }

  std::array<WheelItem, static_cast<std::size_t>(kSlots)> slots_;
  std::int64_t tick_;
};

}  // namespace keel
