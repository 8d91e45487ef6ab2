// The subscriptions of one filter, or the members of one shared group: nothing, one subscription in
// place, or a list on the heap. Walked without a lock while the writer appends and removes.
//
// A subscription is one 64-bit word, so a reader sees its options before or after a change, never a
// mix.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "kernel/router/retire_list.hpp"
#include "kernel/router/subscription_table.hpp"

namespace keel::kernel {

// Subscriber in the high half; subscription id, retain as published, no local and QoS in the low
// one. QoS 3 does not exist: such a word is nobody, or in a set's own word the address of its list.
using SubscriptionWord = std::uint64_t;
inline constexpr SubscriptionWord kNobody = 3;

inline bool is_somebody(SubscriptionWord word) { return (word & 3) != 3; }
inline Subscriber subscriber_of(SubscriptionWord word) {
  return {static_cast<std::uint32_t>(word >> 32)};
}
inline constexpr std::uint32_t kMaxSubscriptionId = 268'435'455;
// Values out of range are cut: they must not reach into another field.
inline SubscriptionWord pack(Subscriber subscriber, const SubscriptionOptions& options) {
  return std::uint64_t{subscriber.value} << 32 |
         std::uint64_t{std::min(options.subscription_id, kMaxSubscriptionId)} << 4 |
         std::uint64_t{options.retain_as_published} << 3 | std::uint64_t{options.no_local} << 2 |
         std::min<std::uint8_t>(options.qos, 2);
}
inline SubscriptionOptions options_of(SubscriptionWord word) {
  return {.qos = static_cast<std::uint8_t>(word & 3),
          .no_local = (word >> 2 & 1) != 0,
          .retain_as_published = (word >> 3 & 1) != 0,
          .subscription_id = static_cast<std::uint32_t>(word) >> 4};
}
inline Match match_of(SubscriptionWord word) { return {subscriber_of(word), options_of(word)}; }

// The heap form: a header and the words behind it. Long lists carry an index from subscriber to
// position for their writer, so that a thousand leaving clients do not each search a list of 100
// 000.
class SubscriberList {
 public:
  static SubscriberList* create(std::uint32_t capacity);
  static void destroy(void* list);

  std::size_t bytes() const;
  std::uint32_t size() const { return size_.load(std::memory_order_acquire); }
  std::atomic<SubscriptionWord>& operator[](std::uint32_t at) {
    return reinterpret_cast<std::atomic<SubscriptionWord>*>(this + 1)[at];
  }
  const std::atomic<SubscriptionWord>& operator[](std::uint32_t at) const {
    return reinterpret_cast<const std::atomic<SubscriptionWord>*>(this + 1)[at];
  }

  // The rest is the writer's.
  static constexpr std::uint32_t kNowhere = ~0u;
  std::uint32_t capacity() const { return capacity_; }
  std::uint32_t live() const { return live_; }
  std::uint32_t position(Subscriber subscriber) const;
  bool full() const { return size() == capacity_; }
  void append(SubscriptionWord word);     // not full()
  void clear(std::uint32_t at);           // leaves a gap: nobody who walks misses another one
  void fill_with_last(std::uint32_t at);  // leaves none: positions stay dense

 private:
  explicit SubscriberList(std::uint32_t capacity) : capacity_(capacity) {}
  void index_insert(Subscriber subscriber, std::uint32_t at);
  void index_erase(std::uint32_t at);
  std::uint32_t index_slot(std::uint32_t at) const;
  std::uint32_t home(std::uint32_t at) const;

  static constexpr std::uint32_t kIndexedFrom = 64;

  std::uint32_t capacity_;
  std::atomic<std::uint32_t> size_{0};
  std::uint32_t live_ = 0;
  std::uint32_t index_mask_ = 0;
  std::uint32_t* index_ = nullptr;  // position + 1; 0: empty
};

class SubscriberSet {
 public:
  // The set as one reader found it; positions are stable while it is looked at.
  class View {
   public:
    explicit View(SubscriptionWord word) : word_(word) {
      if (is_somebody(word)) {
        size_ = 1;
      } else if ((list_ = list_in(word)) != nullptr) {
        size_ = list_->size();
      }
    }
    std::uint32_t size() const { return size_; }
    SubscriptionWord operator[](std::uint32_t at) const {
      return list_ ? (*list_)[at].load(std::memory_order_acquire) : word_;
    }

   private:
    SubscriptionWord word_;
    const SubscriberList* list_ = nullptr;
    std::uint32_t size_ = 0;
  };
  View view() const noexcept { return View(word_.load(std::memory_order_acquire)); }

  SubscriberSet() = default;
  SubscriberSet(const SubscriberSet&) = delete;
  SubscriberSet& operator=(const SubscriberSet&) = delete;
  // Frees at once: for when nobody reads any more.
  ~SubscriberSet();

  // The rest is the writer's.
  bool put(SubscriptionWord word,
           RetireList& retired);  // true: replaced the subscriber's earlier one
  SubscriptionWord find(Subscriber subscriber) const;  // or kNobody
  // How a removed place is left: walkers of a fan-out must miss nobody, a group must stay evenly
  // dealt.
  enum class Removal : std::uint8_t { leave_gap, stay_dense };
  bool remove(Subscriber subscriber, Removal removal, RetireList& retired);
  std::uint32_t count() const;
  bool empty() const { return word_.load(std::memory_order_relaxed) == kNobody; }

 private:
  static SubscriberList* list_in(SubscriptionWord word) {
    return reinterpret_cast<SubscriberList*>(
        static_cast<std::uintptr_t>(word & ~SubscriptionWord{7}));
  }
  SubscriberList* list() const {
    const SubscriptionWord word = word_.load(std::memory_order_relaxed);
    return is_somebody(word) ? nullptr : list_in(word);
  }
  SubscriberList* rebuild(std::uint32_t capacity) const;
  void publish(SubscriberList* list, RetireList& retired);
  void retire(SubscriberList* list, RetireList& retired);
  void settle(SubscriberList& list, Removal removal, RetireList& retired);

  std::atomic<SubscriptionWord> word_{kNobody};
};

}  // namespace keel::kernel
