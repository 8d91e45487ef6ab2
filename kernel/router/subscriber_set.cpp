#include "kernel/router/subscriber_set.hpp"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <new>

namespace keel::kernel {
namespace {

std::uint32_t scatter(Subscriber subscriber) {
  std::uint32_t h = subscriber.value * 0x9e3779b1u;
  return h ^ h >> 15;
}

std::uint32_t grown(std::uint32_t capacity) {
  return capacity < 64 ? capacity * 2 : capacity + capacity / 2;
}

}  // namespace

SubscriberList* SubscriberList::create(std::uint32_t capacity) {
  void* memory =
      std::malloc(sizeof(SubscriberList) + sizeof(SubscriptionWord) * std::size_t{capacity});
  if (memory == nullptr) throw std::bad_alloc();
  auto* list = new (memory) SubscriberList(capacity);
  for (std::uint32_t i = 0; i < capacity; ++i)
    new (&(*list)[i]) std::atomic<SubscriptionWord>(kNobody);
  if (capacity >= kIndexedFrom) {
    const std::uint32_t slots = std::bit_ceil(capacity + capacity / 4);
    list->index_ = static_cast<std::uint32_t*>(std::calloc(slots, sizeof(std::uint32_t)));
    if (list->index_ == nullptr) throw std::bad_alloc();
    list->index_mask_ = slots - 1;
  }
  return list;
}

void SubscriberList::destroy(void* list) {
  std::free(static_cast<SubscriberList*>(list)->index_);
  std::free(list);
}

std::size_t SubscriberList::bytes() const {
  constexpr std::size_t kHeapHeader = 8;
  const std::size_t index =
      index_ ? (std::size_t{index_mask_} + 1) * sizeof *index_ + kHeapHeader : 0;
  return sizeof *this + capacity_ * sizeof(SubscriptionWord) + kHeapHeader + index;
}

std::uint32_t SubscriberList::position(Subscriber subscriber) const {
  if (index_ != nullptr) {
    for (std::uint32_t i = scatter(subscriber) & index_mask_; index_[i] != 0;
         i = (i + 1) & index_mask_) {
      const std::uint32_t at = index_[i] - 1;
      if (subscriber_of((*this)[at].load(std::memory_order_relaxed)) == subscriber) return at;
    }
    return kNowhere;
  }
  const std::uint32_t n = size_.load(std::memory_order_relaxed);
  for (std::uint32_t at = 0; at < n; ++at) {
    const SubscriptionWord word = (*this)[at].load(std::memory_order_relaxed);
    if (is_somebody(word) && subscriber_of(word) == subscriber) return at;
  }
  return kNowhere;
}

void SubscriberList::append(SubscriptionWord word) {
  const std::uint32_t at = size_.load(std::memory_order_relaxed);
  (*this)[at].store(word, std::memory_order_release);
  if (index_ != nullptr) index_insert(subscriber_of(word), at);
  ++live_;
  size_.store(at + 1, std::memory_order_release);
}

void SubscriberList::clear(std::uint32_t at) {
  if (index_ != nullptr) index_erase(at);
  (*this)[at].store(kNobody, std::memory_order_release);
  --live_;
}

// A reader with the old size finds the moved member in its old place as well: still a member.
void SubscriberList::fill_with_last(std::uint32_t at) {
  const std::uint32_t last = size_.load(std::memory_order_relaxed) - 1;
  const SubscriptionWord word = (*this)[last].load(std::memory_order_relaxed);
  if (index_ != nullptr) {
    index_erase(at);
    if (at != last) index_[index_slot(last)] = at + 1;
  }
  (*this)[at].store(word, std::memory_order_release);
  size_.store(last, std::memory_order_release);
  --live_;
}

void SubscriberList::index_insert(Subscriber subscriber, std::uint32_t at) {
  std::uint32_t i = scatter(subscriber) & index_mask_;
  while (index_[i] != 0) i = (i + 1) & index_mask_;
  index_[i] = at + 1;
}

std::uint32_t SubscriberList::home(std::uint32_t at) const {
  return scatter(subscriber_of((*this)[at].load(std::memory_order_relaxed))) & index_mask_;
}

std::uint32_t SubscriberList::index_slot(std::uint32_t at) const {
  std::uint32_t i = home(at);
  while (index_[i] != at + 1) i = (i + 1) & index_mask_;
  return i;
}

// Takes `at` out and moves what was pushed behind it back: the index never holds gaps.
void SubscriberList::index_erase(std::uint32_t at) {
  std::uint32_t hole = index_slot(at);
  index_[hole] = 0;
  for (std::uint32_t i = (hole + 1) & index_mask_; index_[i] != 0; i = (i + 1) & index_mask_) {
    const std::uint32_t wanted = home(index_[i] - 1);
    if (((i - wanted) & index_mask_) < ((i - hole) & index_mask_)) continue;
    index_[hole] = index_[i];
    index_[i] = 0;
    hole = i;
  }
}

SubscriberSet::~SubscriberSet() {
  if (SubscriberList* held = list()) SubscriberList::destroy(held);
}

SubscriptionWord SubscriberSet::find(Subscriber subscriber) const {
  const SubscriptionWord word = word_.load(std::memory_order_relaxed);
  if (is_somebody(word)) return subscriber_of(word) == subscriber ? word : kNobody;
  const SubscriberList* held = list_in(word);
  const std::uint32_t at = held ? held->position(subscriber) : SubscriberList::kNowhere;
  return at == SubscriberList::kNowhere ? kNobody : (*held)[at].load(std::memory_order_relaxed);
}

std::uint32_t SubscriberSet::count() const {
  const SubscriberList* held = list();
  return held ? held->live() : empty() ? 0 : 1;
}

bool SubscriberSet::put(SubscriptionWord word, RetireList& retired) {
  const SubscriptionWord now = word_.load(std::memory_order_relaxed);
  if (now == kNobody || (is_somebody(now) && subscriber_of(now) == subscriber_of(word))) {
    word_.store(word, std::memory_order_release);
    return now != kNobody;
  }
  SubscriberList* held = list();
  if (held == nullptr) {
    held = SubscriberList::create(2);
    held->append(now);
    held->append(word);
    publish(held, retired);
    return false;
  }
  const std::uint32_t at = held->position(subscriber_of(word));
  if (at != SubscriberList::kNowhere) {
    (*held)[at].store(word, std::memory_order_release);
    return true;
  }
  if (held->full()) {
    const bool gaps = held->live() <= held->capacity() / 4 * 3;
    SubscriberList* next = rebuild(gaps ? held->capacity() : grown(held->capacity()));
    next->append(word);
    publish(next, retired);
    return false;
  }
  held->append(word);
  return false;
}

bool SubscriberSet::remove(Subscriber subscriber, Removal removal, RetireList& retired) {
  SubscriberList* held = list();
  if (held == nullptr) {
    if (find(subscriber) == kNobody) return false;
    word_.store(kNobody, std::memory_order_release);
    return true;
  }
  const std::uint32_t at = held->position(subscriber);
  if (at == SubscriberList::kNowhere) return false;
  if (removal == Removal::leave_gap) {
    held->clear(at);
  } else {
    held->fill_with_last(at);
  }
  settle(*held, removal, retired);
  return true;
}

// After a removal: back to a smaller list, to one word, or to nothing, when that is due.
void SubscriberSet::settle(SubscriberList& held, Removal removal, RetireList& retired) {
  const std::uint32_t live = held.live();
  if (live <= 1) {
    SubscriptionWord left = kNobody;
    for (std::uint32_t i = 0; i < held.size() && left == kNobody; ++i) {
      const SubscriptionWord word = held[i].load(std::memory_order_relaxed);
      if (is_somebody(word)) left = word;
    }
    word_.store(left, std::memory_order_release);
    retire(&held, retired);
    return;
  }
  constexpr std::uint32_t kSmall = 8;
  const bool sparse =
      removal == Removal::leave_gap ? live * 2 < held.size() : live * 4 < held.capacity();
  if (sparse && held.capacity() > kSmall)
    publish(rebuild(std::max(kSmall, live + live / 2)), retired);
}

// A copy without gaps, not yet published.
SubscriberList* SubscriberSet::rebuild(std::uint32_t capacity) const {
  SubscriberList& from = *list();
  SubscriberList* next = SubscriberList::create(capacity);
  const std::uint32_t n = from.size();
  for (std::uint32_t i = 0; i < n; ++i) {
    const SubscriptionWord word = from[i].load(std::memory_order_relaxed);
    if (is_somebody(word)) next->append(word);
  }
  return next;
}

void SubscriberSet::publish(SubscriberList* next, RetireList& retired) {
  SubscriberList* old = list();
  retired.heap_bytes += next->bytes();
  word_.store(reinterpret_cast<std::uintptr_t>(next) | kNobody, std::memory_order_release);
  if (old != nullptr) retire(old, retired);
}

void SubscriberSet::retire(SubscriberList* old, RetireList& retired) {
  retired.block(old, SubscriberList::destroy, old->bytes());
}

}  // namespace keel::kernel
