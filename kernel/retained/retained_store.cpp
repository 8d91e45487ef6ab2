#include "kernel/retained/retained_store.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <utility>

#include "kernel/retained/filter_seek.hpp"
#include "kernel/retained/topic_index.hpp"
#include "kernel/retained/topic_order.hpp"

namespace keel::kernel {
namespace {

constexpr std::size_t kTopicsPerStep = 1'000;  // looked at under one hold of the mutex

bool has_wildcard(std::string_view filter) {
  return filter.find_first_of("+#") != std::string_view::npos;
}

}  // namespace

// Messages that leave the store are let go of by the caller, after the mutex.
struct RetainedStore::Impl {
  explicit Impl(RetainedLimits first) : limits(first) {}

  TopicIndex::Place find(std::string_view topic, bool& found) const {
    const TopicIndex::Place place = index.lower_bound(topic);
    found = !index.at_end(place) && index[place].topic() == topic;
    return place;
  }
  MessagePtr take(TopicIndex::Place& place) {
    MessagePtr gone = index.erase(place);
    account(-1, -static_cast<std::int64_t>(gone->footprint()));
    if (observer) observer(gone->topic(), nullptr);
    return gone;
  }
  void account(int messages, std::int64_t size) {
    count.store(count.load(std::memory_order_relaxed) + static_cast<std::uint64_t>(messages),
                std::memory_order_relaxed);
    bytes.store(bytes.load(std::memory_order_relaxed) + static_cast<std::uint64_t>(size),
                std::memory_order_relaxed);
  }
  bool expired(const Message& message, std::int64_t now_ms) const {
    return message.expired(now_ms) ||
           (limits.expiry_s != 0 &&
            now_ms - message.received_ms() >= std::int64_t{limits.expiry_s} * 1000);
  }
  bool fits(std::uint64_t messages_more, std::int64_t bytes_more) const {
    const std::uint64_t messages = count.load(std::memory_order_relaxed) + messages_more;
    const std::uint64_t size =
        bytes.load(std::memory_order_relaxed) + static_cast<std::uint64_t>(bytes_more);
    if (messages_more != 0 && limits.max_messages != 0 && messages > limits.max_messages)
      return false;
    return bytes_more <= 0 || limits.max_bytes == 0 || size <= limits.max_bytes;
  }

  // Walks what matches from `after` on; `visit(place)` answers the place to go on from and whether
  // to stop there. True: the end was reached.
  template <class Visit>
  bool walk(std::string_view filter, std::string& after, Visit&& visit) const;

  mutable std::mutex mutex;
  RetainedLimits limits;
  TopicIndex index;
  std::string expire_from;
  std::atomic<std::uint64_t> count{0}, bytes{0};
  Observer observer;
};

template <class Visit>
bool RetainedStore::Impl::walk(std::string_view filter, std::string& after, Visit&& visit) const {
  TopicIndex::Place place = index.lower_bound(after);
  std::string key;
  for (std::size_t looked = 0; !index.at_end(place); ++looked) {
    if (looked == kTopicsPerStep) {
      after = index[place].topic();
      return false;
    }
    switch (filter_step(filter, index[place].topic(), key)) {
      case FilterStep::done:
        return true;
      case FilterStep::seek:
        place = index.seek(place, key);
        break;
      case FilterStep::match:
        if (!visit(place)) {
          if (index.at_end(place)) return true;
          after = index[place].topic();
          return false;
        }
    }
  }
  return true;
}

RetainedStore::RetainedStore(RetainedLimits limits) : impl_(std::make_unique<Impl>(limits)) {}

RetainedStore::~RetainedStore() = default;

void RetainedStore::set_limits(RetainedLimits limits) {
  const std::lock_guard hold(impl_->mutex);
  impl_->limits = limits;
}

void RetainedStore::observe(Observer observer) {
  const std::lock_guard hold(impl_->mutex);
  impl_->observer = std::move(observer);
}

bool RetainedStore::restore(const MessagePtr& message) {
  const std::lock_guard hold(impl_->mutex);
  bool found = false;
  const TopicIndex::Place place = impl_->find(message->topic(), found);
  const auto size = static_cast<std::int64_t>(message->footprint());
  if (found || !impl_->fits(1, size)) return false;
  impl_->index.insert(place, message);
  impl_->account(1, size);
  return true;
}

bool RetainedStore::page(std::string& after, std::size_t max, std::vector<MessagePtr>& out) const {
  const std::lock_guard hold(impl_->mutex);
  TopicIndex::Place place = impl_->index.lower_bound(after);
  for (; max != 0 && !impl_->index.at_end(place); --max) {
    const Message& message = impl_->index[place];
    message.ref();
    out.push_back(MessagePtr::adopt(&message));
    place = impl_->index.next(place);
  }
  if (impl_->index.at_end(place)) return true;
  after = impl_->index[place].topic();
  return false;
}

RetainOutcome RetainedStore::set(const MessagePtr& message) {
  if (message->payload().empty())
    return remove(message->topic()) ? RetainOutcome::removed : RetainOutcome::nothing_to_remove;
  MessagePtr former;
  const std::lock_guard hold(impl_->mutex);
  Impl& store = *impl_;
  if (store.limits.max_payload != 0 && message->payload().size() > store.limits.max_payload)
    return RetainOutcome::too_large;
  bool found = false;
  const TopicIndex::Place place = store.find(message->topic(), found);
  const auto size = static_cast<std::int64_t>(message->footprint());
  if (found) {
    const std::int64_t more = size - static_cast<std::int64_t>(store.index[place].footprint());
    if (!store.fits(0, more)) return RetainOutcome::full;
    former = store.index.replace(place, message);
    store.account(0, more);
    if (store.observer) store.observer(message->topic(), message.get());
    return RetainOutcome::replaced;
  }
  if (!store.fits(1, size)) return RetainOutcome::full;
  store.index.insert(place, message);
  store.account(1, size);
  if (store.observer) store.observer(message->topic(), message.get());
  return RetainOutcome::stored;
}

bool RetainedStore::remove(std::string_view topic) {
  MessagePtr gone;
  const std::lock_guard hold(impl_->mutex);
  bool found = false;
  TopicIndex::Place place = impl_->find(topic, found);
  if (found) gone = impl_->take(place);
  return found;
}

bool RetainedStore::match(std::string_view filter, std::string& after, std::size_t max,
                          std::int64_t now_ms, std::vector<MessagePtr>& out) const {
  if (max == 0) return false;
  const std::lock_guard hold(impl_->mutex);
  const TopicIndex& index = impl_->index;
  const auto copy = [&](TopicIndex::Place place) {
    const Message& message = index[place];
    if (impl_->expired(message, now_ms)) return false;
    message.ref();
    out.push_back(MessagePtr::adopt(&message));
    return true;
  };
  if (!has_wildcard(filter)) {
    bool found = false;
    const TopicIndex::Place place = impl_->find(filter, found);
    if (found) copy(place);
    return true;
  }
  return impl_->walk(filter, after, [&](TopicIndex::Place& place) {
    if (copy(place)) --max;
    place = index.next(place);
    return max != 0;
  });
}

std::size_t RetainedStore::expire(std::int64_t now_ms, std::size_t max) {
  std::vector<MessagePtr> gone;
  const std::lock_guard hold(impl_->mutex);
  TopicIndex& index = impl_->index;
  TopicIndex::Place place = index.lower_bound(impl_->expire_from);
  for (; max != 0 && !index.at_end(place); --max) {
    if (impl_->expired(index[place], now_ms)) {
      gone.push_back(impl_->take(place));
    } else {
      place = index.next(place);
    }
  }
  impl_->expire_from = index.at_end(place) ? std::string() : std::string(index[place].topic());
  return gone.size();
}

RetainedStore::Cleaned RetainedStore::clean(std::string_view filter, std::string& after,
                                            std::size_t max) {
  std::vector<MessagePtr> gone;
  const std::lock_guard hold(impl_->mutex);
  if (max == 0) return {0, false};
  if (!has_wildcard(filter)) {
    bool found = false;
    TopicIndex::Place place = impl_->find(filter, found);
    if (found) gone.push_back(impl_->take(place));
    return {gone.size(), true};
  }
  const bool done = impl_->walk(filter, after, [&](TopicIndex::Place& place) {
    gone.push_back(impl_->take(place));
    return gone.size() < max;
  });
  return {gone.size(), done};
}

RetainedStore::Cleaned RetainedStore::clean(std::string_view filter, std::size_t max) {
  Cleaned all{0, false};
  std::string after;
  while (!all.done && all.removed < max) {
    const Cleaned step = clean(filter, after, std::min(max - all.removed, kTopicsPerStep));
    all.removed += step.removed;
    all.done = step.done;
  }
  return all;
}

std::uint64_t RetainedStore::count() const { return impl_->count.load(std::memory_order_relaxed); }

std::uint64_t RetainedStore::bytes() const { return impl_->bytes.load(std::memory_order_relaxed); }

}  // namespace keel::kernel
