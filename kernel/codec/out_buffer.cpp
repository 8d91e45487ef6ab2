#include "kernel/codec/out_buffer.hpp"

#include <algorithm>
#include <cstring>
#include <new>

#include "kernel/codec/block_pool.hpp"

namespace keel::kernel {

// The slices in stream order; those before `first` are sent.
struct OutBuffer::Slices {
  std::vector<Slice> items;
  std::size_t first = 0;

  bool empty() const { return first == items.size(); }
  Slice& front() { return items[first]; }
  void pop_front() {
    items[first++] = {};
    if (first < 64 || first * 2 < items.size()) return;
    items.erase(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(first));
    first = 0;
  }
};

OutBuffer::OutBuffer() = default;

OutBuffer::OutBuffer(OutBuffer&& other) noexcept { take(other); }

OutBuffer& OutBuffer::operator=(OutBuffer&& other) noexcept {
  if (this == &other) return *this;
  clear();
  take(other);
  return *this;
}

// From a new or cleared buffer.
void OutBuffer::take(OutBuffer& other) {
  data_ = std::exchange(other.data_, nullptr);
  begin_ = std::exchange(other.begin_, 0);
  end_ = std::exchange(other.end_, 0);
  capacity_ = std::exchange(other.capacity_, 0);
  sliced_ = other.sliced_;
  other.sliced_ = 0;
  overflow_ = other.overflow_;
  other.overflow_ = false;
  slices_ = std::move(other.slices_);
}

OutBuffer::~OutBuffer() { drop_content(); }

void OutBuffer::drop_content() {
  if (data_ != nullptr) block_pool::release(data_, capacity_);
  data_ = nullptr;
  begin_ = end_ = capacity_ = 0;
  sliced_ = 0;
  slices_.reset();
}

void OutBuffer::clear() {
  drop_content();
  overflow_ = false;
}

void OutBuffer::refuse() {
  drop_content();
  overflow_ = true;
}

void OutBuffer::append(Bytes bytes) {
  if (overflow_ || bytes.empty()) return;
  if (bytes.size() > kMaxSize - size()) return refuse();
  std::memcpy(reserve(bytes.size()), bytes.data(), bytes.size());
  commit(bytes.size());
}

void OutBuffer::append_slice(const MessagePtr& message, Bytes bytes) {
  if (!message || bytes.size() < kSliceFrom) return append(bytes);
  add_slice({.message = message, .bytes = bytes});
}

void OutBuffer::append_kept(std::shared_ptr<const void> owner, Bytes bytes) {
  if (!bytes.empty()) add_slice({.owner = std::move(owner), .bytes = bytes});
}

void OutBuffer::add_slice(Slice slice) {
  if (overflow_) return;
  const std::size_t added = slice.bytes.size();
  if (added > kMaxSize - size()) return refuse();
  if (!slices_) slices_ = std::make_unique<Slices>();
  slice.at = end_;
  slices_->items.push_back(std::move(slice));
  sliced_ += static_cast<std::uint32_t>(added);
}

// Moves what is left to the front of its own block when that costs no more than what was sent since
// the last move, else to a larger block. Either way a byte is moved a bounded number of times.
void OutBuffer::grow(std::size_t size) {
  if (!overflow_ && size > kMaxSize - std::min(kMaxSize, this->size())) refuse();
  const std::size_t live = end_ - begin_;
  if (live + size <= capacity_ && begin_ >= live) return move_to(data_, capacity_);
  std::size_t capacity = std::max<std::size_t>(live + size, 2 * std::size_t{capacity_});
  capacity = std::min(block_pool::fitting(capacity), std::max(kMaxSize, live + size));
  char* block = capacity <= UINT32_MAX ? block_pool::take(capacity) : nullptr;
  if (block == nullptr && !overflow_) {  // give up the stream, keep the promise of room
    refuse();
    return grow(size);
  }
  if (block == nullptr) throw std::bad_alloc();
  move_to(block, capacity);
}

void OutBuffer::move_to(char* block, std::size_t capacity) {
  const std::uint32_t live = end_ - begin_;
  if (live != 0) std::memmove(block, data_ + begin_, live);
  if (slices_) {
    for (std::size_t i = slices_->first; i < slices_->items.size(); ++i) {
      slices_->items[i].at -= begin_;
    }
  }
  if (block != data_ && data_ != nullptr) block_pool::release(data_, capacity_);
  data_ = block;
  capacity_ = static_cast<std::uint32_t>(capacity);
  begin_ = 0;
  end_ = live;
}

int OutBuffer::gather(iovec* vectors, int max) const {
  int n = 0;
  std::uint32_t at = begin_;
  const auto add_data = [&](std::uint32_t until) {
    if (until == at || n == max) return;
    vectors[n++] = {data_ + at, until - at};
    at = until;
  };
  if (slices_) {
    for (std::size_t i = slices_->first; i < slices_->items.size() && n < max; ++i) {
      const Slice& slice = slices_->items[i];
      add_data(slice.at);
      if (n == max) return n;
      vectors[n++] = {const_cast<char*>(slice.bytes.data()), slice.bytes.size()};
    }
  }
  add_data(end_);
  return n;
}

void OutBuffer::consume(std::size_t size) {
  while (slices_ && !slices_->empty()) {
    Slice& slice = slices_->front();
    const std::size_t before = std::min<std::size_t>(size, slice.at - begin_);
    begin_ += static_cast<std::uint32_t>(before);
    size -= before;
    if (begin_ != slice.at) return;
    const std::size_t sent = std::min(size, slice.bytes.size());
    slice.bytes.remove_prefix(sent);
    sliced_ -= static_cast<std::uint32_t>(sent);
    size -= sent;
    if (!slice.bytes.empty()) return;
    slices_->pop_front();
  }
  begin_ += static_cast<std::uint32_t>(std::min<std::size_t>(size, end_ - begin_));
  if (begin_ == end_) drop_content();
}

}  // namespace keel::kernel
