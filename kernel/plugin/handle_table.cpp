#include "kernel/plugin/handle_table.hpp"

namespace keel::kernel {

const char* kind_name(ObjectKind kind) {
  static constexpr const char* kNames[] = {
      "none", "timer",   "watch",  "udp",     "listener", "connection", "stream", "session",
      "hook", "command", "metric", "service", "ctl_call", "recheck",    "ticket"};
  static_assert(std::size(kNames) == static_cast<std::size_t>(ObjectKind::count_));
  return kind < ObjectKind::count_ ? kNames[static_cast<std::size_t>(kind)] : "unknown";
}

keel_handle HandleTable::add(HostObject& object, ObjectKind kind, std::uint32_t thread) {
  const std::lock_guard lock(mutex_);
  std::uint32_t index = 0;
  // A place rests a while before it is used again, so that generations last.
  constexpr std::size_t kResting = 1024;
  if (free_.size() > kResting || (!free_.empty() && next_ == kChunks * kChunkSize)) {
    index = free_.front();
    free_.pop_front();
  } else {
    if (next_ == kChunks * kChunkSize) return 0;
    index = next_++;
    if (auto& chunk = chunks_[index / kChunkSize]; chunk.load() == nullptr) {
      owned_.push_back(std::make_unique<Chunk>());
      chunk.store(owned_.back().get(), std::memory_order_release);
    }
  }
  Entry& place = entry(index);
  place.generation = (place.generation + 1) & 0xffffff;
  const keel_handle handle = keel_handle{place.generation} << 40 |
                             keel_handle{static_cast<std::uint8_t>(kind)} << 32 |
                             keel_handle{thread & 0xff} << 24 | index;
  place.object.store(&object, std::memory_order_relaxed);
  place.key.store(handle, std::memory_order_release);
  ++size_;
  return handle;
}

void HandleTable::remove(keel_handle handle) {
  const std::lock_guard lock(mutex_);
  Entry& place = entry(HandleParts::index(handle));
  if (place.key.load(std::memory_order_relaxed) != handle) return;
  place.key.store(0, std::memory_order_relaxed);
  place.object.store(nullptr, std::memory_order_relaxed);
  free_.push_back(HandleParts::index(handle));
  --size_;
}

HostObject* HandleTable::find(keel_handle handle, ObjectKind kind) const {
  const std::uint32_t index = HandleParts::index(handle);
  if (handle == 0 || HandleParts::kind(handle) != kind) return nullptr;
  const Chunk* chunk = chunks_[index / kChunkSize].load(std::memory_order_acquire);
  if (chunk == nullptr) return nullptr;
  const Entry& place = (*chunk)[index % kChunkSize];
  if (place.key.load(std::memory_order_acquire) != handle) return nullptr;
  return place.object.load(std::memory_order_relaxed);
}

std::size_t HandleTable::size() const {
  const std::lock_guard lock(mutex_);
  return size_;
}

}  // namespace keel::kernel
