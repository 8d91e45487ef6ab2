// What a plugin that is being upgraded leaves for its next version: objects that nobody calls back
// and that wait for being adopted. Lives for the length of one upgrade; [control]. The objects'
// shards do not touch the lists meanwhile.
#pragma once

#include <functional>
#include <vector>

#include "kernel/plugin/host_object.hpp"

namespace keel::kernel {

class Runtime;

class Parking {
 public:
  explicit Parking(Runtime& runtime);
  Parking(const Parking&) = delete;
  Parking& operator=(const Parking&) = delete;
  ~Parking();  // nothing is left, see revoke_rest()

  ObjectList& list(std::uint32_t thread) {
    return lists_[thread == kControlThread ? 0 : thread + 1];
  }

  // A parked object by its handle; null: none. Take it out, then Slot::adopt().
  HostObject* find(keel_handle handle, ObjectKind kind);
  // The first of a kind that fits, for sockets by address.
  HostObject* find_if(ObjectKind kind, const std::function<bool(HostObject&)>& fits);
  void take(HostObject& object);
  // Everything that nobody adopted ends, on its thread. Waits for the shards.
  void revoke_rest();
  std::size_t size() const;

 private:
  Runtime& runtime_;
  std::vector<ObjectList> lists_;  // the control thread's, then by shard
};

}  // namespace keel::kernel
