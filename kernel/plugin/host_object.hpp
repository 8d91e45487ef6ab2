// Something the kernel holds on behalf of a plugin and that calls back into it: a timer, a socket,
// a hook. Belongs to one thread, a shard or the control thread, and is in that thread's list of its
// slot, so that unloading can end it whatever the plugin did.
#pragma once

#include <cstdint>

#include "kernel/plugin/handle_table.hpp"

namespace keel::kernel {

class Slot;

class HostObject {
 public:
  HostObject(Slot& slot, ObjectKind kind, std::uint32_t thread)
      : slot_(&slot), thread_(thread), kind_(kind) {}
  HostObject(const HostObject&) = delete;
  HostObject& operator=(const HostObject&) = delete;
  virtual ~HostObject() = default;

  // All on the object's thread; objects of kEveryThread on the control thread.
  // The plugin runs (again, after an adoption): come to life.
  virtual void begin() {}
  // The plugin is about to be unloaded: what exists goes on, but nothing new is let in.
  virtual void stop_accepting() {}
  // The end, by unloading: after it nothing calls the plugin. It may itself make a last call that
  // frees the plugin's ctx. The caller destroys the object later.
  virtual void revoke() = 0;
  // An upgrade: calls nothing of the plugin any more, but keeps everything for the next version.
  // False: it cannot, and is revoked.
  virtual bool park() { return false; }

  Slot& slot() const { return *slot_; }
  ObjectKind kind() const { return kind_; }
  std::uint32_t thread() const { return thread_; }
  keel_handle handle() const { return handle_; }

 private:
  friend class Slot;
  friend class ObjectList;
  friend class Parking;

  Slot* slot_;
  keel_handle handle_ = 0;
  HostObject* next_ = nullptr;
  HostObject* prev_ = nullptr;
  std::uint32_t thread_;
  ObjectKind kind_;
  bool parked_ = false;   // waits for adoption, or was adopted and has not begun yet
  bool waiting_ = false;  // is in the parking
};

// A list of them; does not own. One thread at a time.
class ObjectList {
 public:
  bool empty() const { return first_ == nullptr; }
  HostObject* first() const { return first_; }
  static HostObject* next(const HostObject& object) { return object.next_; }
  std::size_t size() const { return size_; }

  void push(HostObject& object) {
    object.prev_ = last_;
    object.next_ = nullptr;
    (last_ ? last_->next_ : first_) = &object;
    last_ = &object;
    ++size_;
  }
  void remove(HostObject& object) {
    (object.prev_ ? object.prev_->next_ : first_) = object.next_;
    (object.next_ ? object.next_->prev_ : last_) = object.prev_;
    object.next_ = object.prev_ = nullptr;
    --size_;
  }

 private:
  HostObject* first_ = nullptr;
  HostObject* last_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace keel::kernel
