// Handles: the numbers by which plugins name what the kernel holds for them. A number is never used
// for something else within 16 million reuses of its place, so a stale one is noticed.
//
// Adding and removing lock; finding does not. What find() answers may be used by the thread that
// the object belongs to, and of objects that belong to all of them (kEveryThread) by any shard, as
// they are freed only after a grace period. [any]
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>

#include "keel/abi.h"

namespace keel::kernel {

class HostObject;

enum class ObjectKind : std::uint8_t {
  none,
  timer,
  watch,
  udp,
  listener,
  connection,
  stream,
  session,
  hook,
  command,
  metric,
  service,
  ctl_call,  // of a command, until it is answered
  recheck,
  ticket,  // a question to be answered: not in the table, see auth/1
  count_
};
const char* kind_name(ObjectKind kind);

inline constexpr std::uint32_t kControlThread = 0xff;  // in place of a shard's index
inline constexpr std::uint32_t kEveryThread = 0xfe;

// The parts of a handle: generation 24, kind 8, thread 8, index 24 bits.
struct HandleParts {
  static ObjectKind kind(keel_handle handle) {
    return static_cast<ObjectKind>(handle >> 32 & 0xff);
  }
  static std::uint32_t thread(keel_handle handle) { return handle >> 24 & 0xff; }
  static std::uint32_t index(keel_handle handle) { return handle & 0xffffff; }
};

class HandleTable {
 public:
  HandleTable() = default;
  HandleTable(const HandleTable&) = delete;
  HandleTable& operator=(const HandleTable&) = delete;

  // 0: there are 16 million already.
  keel_handle add(HostObject& object, ObjectKind kind, std::uint32_t thread);
  void remove(keel_handle handle);
  // Null: stale, or of another kind.
  HostObject* find(keel_handle handle, ObjectKind kind) const;
  std::size_t size() const;
  // Shows `fn` the object behind a handle, which nobody can remove meanwhile; for what any thread
  // may read of it. False: as find(). [any]
  template <class F>
  bool visit(keel_handle handle, ObjectKind kind, F&& fn) const {
    const std::lock_guard lock(mutex_);
    HostObject* const object = find(handle, kind);
    if (object) fn(*object);
    return object != nullptr;
  }

 private:
  static constexpr std::size_t kChunkSize = 4096, kChunks = 4096;
  struct Entry {
    std::atomic<keel_handle> key{0};
    std::atomic<HostObject*> object{nullptr};
    std::uint32_t generation = 0;
  };
  using Chunk = std::array<Entry, kChunkSize>;
  Entry& entry(std::uint32_t index) const {
    return (*chunks_[index / kChunkSize].load(std::memory_order_acquire))[index % kChunkSize];
  }

  mutable std::mutex mutex_;
  std::array<std::atomic<Chunk*>, kChunks> chunks_{};
  std::deque<std::unique_ptr<Chunk>> owned_;
  std::deque<std::uint32_t> free_;  // oldest first
  std::uint32_t next_ = 1;
  std::size_t size_ = 0;
};

}  // namespace keel::kernel
