#include "kernel/plugin/publish_queue.hpp"

#include <utility>

#include "kernel/base/log.hpp"
#include "kernel/base/utf8.hpp"
#include "kernel/broker/broker.hpp"
#include "kernel/plugin/host_thread.hpp"
#include "kernel/plugin/slot.hpp"

namespace keel::kernel {
namespace {

constexpr std::size_t kPublishSlice = 256;
constexpr std::int64_t kRetryMs = 50;

}  // namespace

PublishQueue::PublishQueue(HostThread& thread)
    : thread_(thread), retry_([](void* self) { static_cast<PublishQueue*>(self)->run(); }, this) {}

std::uint32_t PublishQueue::depth() const {
  return thread_.broker().in_hook() ? running_depth_ + 1 : 0;
}

void PublishQueue::push(Slot& slot, MessagePtr message) {
  waiting_.push_back({&slot, std::move(message), depth()});
  schedule();
}

void PublishQueue::schedule() {
  if (waiting_.empty() || std::exchange(scheduled_, true)) return;
  thread_.post([this] { run(); });
}

void PublishQueue::run() {
  scheduled_ = false;
  for (std::size_t n = 0; n < kPublishSlice && !waiting_.empty(); ++n) {
    if (thread_.broker().overloaded()) {
      scheduled_ = true;
      return thread_.broker().shard().timers().arm(retry_, kRetryMs);
    }
    const Pending next = std::move(waiting_.front());
    waiting_.pop_front();
    running_depth_ = next.depth;
    publish(next);
    running_depth_ = 0;
    next.slot->uncount_publish(next.message->footprint());
  }
  schedule();
}

void PublishQueue::publish(const Pending& pending) {
  Reason refused = Reason::success;
  const MessageView message = pending.message->view();
  thread_.broker().publish_as(message, pending.slot->identity(), refused);
  if (!is_error(refused)) return;
  std::string shown;
  KEEL_LOG(notice, "plugin={}: publish to '{}' refused: {}", pending.slot->name(),
           printable(message.topic, shown), reason_name(refused));
}

}  // namespace keel::kernel
