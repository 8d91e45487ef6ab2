// A wheel of one-second slots on which every connection of a shard hangs: in the slot of when it is
// next to be looked at. Looking at a few connections each second replaces a timer for each, and
// walking all slots is the list of them. One per shard.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace ws {

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
  }

 private:
  template <class T>
  friend class Wheel;
  WheelItem* previous_ = this;
  WheelItem* next_ = this;
};

// T derives from WheelItem and has `std::uint32_t look()`: seconds until the next time.
template <class T>
class Wheel {
 public:
  std::uint32_t now() const { return now_; }

  // Within at least `seconds`, at most as many as there are slots: then it is looked at early.
  void hang(T& item, std::uint32_t seconds) {
    item.take_off();
    const std::uint32_t delay = seconds < 1 ? 1 : seconds > kSlots - 1 ? kSlots - 1 : seconds;
    append(slots_[(now_ + delay) % kSlots], item);
  }

  // One second has passed.
  void turn() {
    ++now_;
    drain(slots_[now_ % kSlots], [this](T& item) { hang(item, item.look()); });
  }

  // fn(T&) may end the item.
  template <class F>
  void each(F&& fn) {
    for (WheelItem& slot : slots_) {
      drain(slot, [&](T& item) {
        append(slot, item);
        fn(item);
      });
    }
  }

 private:
  static constexpr std::uint32_t kSlots = 64;

  static void append(WheelItem& slot, WheelItem& item) {
    item.previous_ = slot.previous_;
    item.next_ = &slot;
    slot.previous_->next_ = &item;
    slot.previous_ = &item;
  }
  // Those that hang there now; fn hangs each somewhere again.
  template <class F>
  static void drain(WheelItem& slot, F&& fn) {
    WheelItem due;
    if (slot.next_ != &slot) {
      append(slot, due);
      slot.take_off();
    }
    while (due.next_ != &due) {
      WheelItem& first = *due.next_;
      first.take_off();
      fn(static_cast<T&>(first));
    }
  }

  std::array<WheelItem, kSlots> slots_;
  std::uint32_t now_ = 0;
};

}  // namespace ws
