// Bytes on their way to one connection. Frames are appended and sent later in one go; payloads
// above `kSliceFrom` are not copied but referenced (the message stays alive until its bytes are
// sent). An empty buffer owns no memory. Belongs to one connection; [shard].
//
// A buffer holds less than 2 GiB. What would go beyond is refused, and the stream can then not go
// on: the buffer stays empty, and its owner drops the connection when it sees overflow().
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "kernel/base/bytes.hpp"
#include "kernel/codec/message.hpp"

namespace keel::kernel {

class OutBuffer {
 public:
  static constexpr std::size_t kSliceFrom = 4096;
  static constexpr std::size_t kMaxSize = 0x7fffffff;

  OutBuffer();
  OutBuffer(OutBuffer&& other) noexcept;
  OutBuffer& operator=(OutBuffer&& other) noexcept;
  ~OutBuffer();

  // Room for `size` more bytes; write there, then commit what was written (at most `size`).
  char* reserve(std::size_t size) {
    if (end_ + size > capacity_) grow(size);
    return data_ + end_;
  }
  void commit(std::size_t size) {
    if (!overflow_) end_ += static_cast<std::uint32_t>(size);
  }
  void append(Bytes bytes);
  // `bytes` lie inside `message`, which is kept until they are sent. Short ones are copied.
  void append_slice(const MessagePtr& message, Bytes bytes);
  // The same for bytes of something else, whatever their length.
  void append_kept(std::shared_ptr<const void> owner, Bytes bytes);

  bool empty() const { return size() == 0; }
  std::size_t size() const { return end_ - begin_ + sliced_; }
  // Something was refused for its size or for want of memory.
  bool overflow() const { return overflow_; }

  // Fills at most `max` vectors with what is to be sent first; returns how many.
  int gather(iovec* vectors, int max) const;
  // `size` bytes (at most size()) have been sent. Gives the memory back when nothing is left. The
  // cost is in proportion to `size`, however much stays behind.
  void consume(std::size_t size);
  // Back to a new buffer.
  void clear();

 private:
  struct Slice {
    std::uint32_t at = 0;  // position in data_ before which the slice stands
    MessagePtr message;
    std::shared_ptr<const void> owner;  // or this
    Bytes bytes;                        // what is left of it
  };
  struct Slices;

  void add_slice(Slice slice);
  void grow(std::size_t size);
  void move_to(char* block, std::size_t capacity);
  void refuse();
  void drop_content();
  void take(OutBuffer& other);

  char* data_ = nullptr;
  std::uint32_t begin_ = 0, end_ = 0, capacity_ = 0;
  std::uint32_t sliced_ : 31 = 0;  // bytes in slices, at most kMaxSize
  bool overflow_ : 1 = false;
  std::unique_ptr<Slices> slices_;
};
static_assert(sizeof(OutBuffer) <= 32);

}  // namespace keel::kernel
