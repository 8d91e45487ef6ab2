// What plugins publish on a shard, on its way into the shard's next turns: first in, first out, a
// slice a turn, and none while another shard does not keep up. One per shard; [that shard].
//
// A message that a hook publishes meets the hooks as well, those of the same plugin included. So
// that two hooks cannot answer one another for ever, each message is one step deeper than the one
// whose hooks it comes from, and at kMaxDepth the plugin is refused.
#pragma once

#include <cstdint>
#include <deque>

#include "kernel/base/timer_wheel.hpp"
#include "kernel/codec/message.hpp"

namespace keel::kernel {

class HostThread;
class Slot;

class PublishQueue {
 public:
  static constexpr std::uint32_t kMaxDepth = 16;

  explicit PublishQueue(HostThread& thread);
  PublishQueue(const PublishQueue&) = delete;
  PublishQueue& operator=(const PublishQueue&) = delete;

  // The caller has counted it in the slot.
  void push(Slot& slot, MessagePtr message);
  // Whether a message from here would be too deep.
  bool too_deep() const { return depth() > kMaxDepth; }

 private:
  struct Pending {
    Slot* slot;
    MessagePtr message;
    std::uint32_t depth;
  };
  std::uint32_t depth() const;  // of a message published now
  void schedule();
  void run();
  void publish(const Pending& pending);

  HostThread& thread_;
  std::deque<Pending> waiting_;
  Timer retry_;
  bool scheduled_ = false;
  std::uint32_t running_depth_ = 0;  // of the message that is being published
};

}  // namespace keel::kernel
