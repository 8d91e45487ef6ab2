// One filter with its subscribers: `f`, or `$share/g/f` with its group. The entries of the same `f`
// are chained; the exact index, or a trie node, holds the first one.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "kernel/router/group_members.hpp"
#include "kernel/router/stored_text.hpp"

namespace keel::kernel {

class FilterEntry {
 public:
  static std::size_t allocation(std::size_t text_size) {
    return stored_text::object_size(kHeader, text_size);
  }
  // `group` is null for a plain filter. `text` is prefix + filter.
  FilterEntry(std::string_view prefix, std::string_view filter, GroupMembers* group,
              std::uint32_t node);
  ~FilterEntry();
  FilterEntry(const FilterEntry&) = delete;
  FilterEntry& operator=(const FilterEntry&) = delete;

  std::string_view text() const { return stored_text::read(place(), kHeader, text_size_); }
  std::string_view filter() const { return text().substr(filter_offset_); }
  std::string_view prefix() const { return text().substr(0, filter_offset_); }
  // Beside the slab object and what a subscriber list holds.
  std::size_t heap_bytes() const {
    return stored_text::heap_size(kHeader, text_size_) + (shared() ? sizeof(GroupMembers) : 0);
  }
  bool shared() const { return filter_offset_ != 0; }
  GroupMembers* group() const { return group_; }                     // shared() only
  const SubscriberSet& subscribers() const { return subscribers_; }  // not shared() only
  std::uint32_t node() const { return node_; }  // of the trie; 0: an exact filter

  std::atomic<std::uint32_t> next{0};

  // The rest is the writer's.
  bool put(SubscriptionWord word, RetireList& retired);
  bool remove(Subscriber subscriber, RetireList& retired);
  SubscriptionWord find(Subscriber subscriber) const;
  std::uint32_t count() const { return shared() ? group_->count() : subscribers_.count(); }
  bool empty() const { return shared() ? group_->empty() : subscribers_.empty(); }
  // Both false as well for slab memory that holds no entry.
  bool constructed() const { return state_ != State::none; }
  bool linked() const { return state_ == State::linked; }
  void unlinked() { state_ = State::unlinked; }

 private:
  enum class State : std::uint8_t { none, linked, unlinked };

  static constexpr std::size_t kHeader = 24;
  char* place() { return reinterpret_cast<char*>(this) + kHeader; }
  const char* place() const { return reinterpret_cast<const char*>(this) + kHeader; }

  std::uint32_t node_;
  union {
    SubscriberSet subscribers_;
    GroupMembers* group_;
  };
  std::uint16_t text_size_, filter_offset_;
  State state_ = State::linked;
};

}  // namespace keel::kernel
