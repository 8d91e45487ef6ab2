#include "kernel/router/subscription_table.hpp"

#include <utility>

#include "kernel/router/table_storage.hpp"

namespace keel::kernel {
namespace {

// Carries a batch through its grace period. Frees it even when the Reclaimer drops the task at
// shutdown.
class PendingFree {
 public:
  PendingFree(std::shared_ptr<TableStorage> storage, RetiredBatch batch)
      : storage_(std::move(storage)), batch_(std::move(batch)) {}
  PendingFree(PendingFree&&) noexcept = default;
  PendingFree& operator=(PendingFree&&) = delete;
  ~PendingFree() { (*this)(); }
  void operator()() {
    if (storage_) storage_->free(batch_);
    storage_.reset();
  }

 private:
  std::shared_ptr<TableStorage> storage_;
  RetiredBatch batch_;
};

std::string share_prefix(std::string_view group) {
  if (group.empty()) return {};
  if (group == "$queue") return "$queue/";
  return std::string("$share/").append(group).append("/");
}

}  // namespace

class SubscriptionTable::Impl {
 public:
  Impl(Reclaimer& reclaimer, SharedStrategy strategy)
      : reclaimer_(reclaimer), storage_(std::make_shared<TableStorage>(strategy)) {}

  TableStorage& storage() const { return *storage_; }

  // Runs `change(storage)` under the writer's lock and hands over what it made due, after
  // unlocking: the Reclaimer may run a batch at once.
  template <class Change>
  auto write(Change&& change) {
    std::unique_lock hold(storage_->writer);
    auto answer = change(*storage_);
    hand_over(hold, storage_->retired.due());
    return answer;
  }
  void flush() {
    std::unique_lock hold(storage_->writer);
    hand_over(hold, !storage_->retired.empty());
  }

 private:
  void hand_over(std::unique_lock<std::mutex>& hold, bool wanted) {
    if (!wanted) return;
    RetiredBatch batch = storage_->retired.take();
    hold.unlock();
    reclaimer_.after_grace_period(PendingFree(storage_, std::move(batch)));
  }

  Reclaimer& reclaimer_;
  std::shared_ptr<TableStorage> storage_;
};

SubscriptionTable::SubscriptionTable(Reclaimer& reclaimer, SharedStrategy strategy)
    : impl_(std::make_unique<Impl>(reclaimer, strategy)) {}

SubscriptionTable::~SubscriptionTable() = default;

// The generation moves under the lock: another writer may hand over what this one retired, and that
// must not happen before cached results are stale.
SubscriptionTable::Added SubscriptionTable::add(const ParsedFilter& filter, Subscriber subscriber,
                                                const SubscriptionOptions& options) {
  const std::string prefix = share_prefix(filter.group);
  const SubscriptionWord word = pack(subscriber, options);
  return impl_->write([&](TableStorage& table) {
    Added added{.filter = table.find(prefix, filter.filter, filter.wildcard), .existed = false};
    if (added.filter != 0) {
      added.existed = table.entry(added.filter).put(word, table.retired);
    } else {
      added.filter = table.create(prefix, filter.filter, filter.wildcard, word);
    }
    if (!added.existed) {
      ++table.subscriptions;
      if (filter.shared()) ++table.shared_subscriptions;
    }
    generation_.fetch_add(1, std::memory_order_release);
    return added;
  });
}

namespace {

bool remove_from(TableStorage& table, std::uint32_t id, Subscriber subscriber) {
  FilterEntry* entry = table.in_use(id);
  if (entry == nullptr || !entry->remove(subscriber, table.retired)) return false;
  --table.subscriptions;
  if (entry->shared()) --table.shared_subscriptions;
  if (entry->empty()) table.unlink(id);
  return true;
}

}  // namespace

bool SubscriptionTable::remove(const ParsedFilter& filter, Subscriber subscriber) {
  const std::string prefix = share_prefix(filter.group);
  return impl_->write([&](TableStorage& table) {
    const std::uint32_t id = table.find(prefix, filter.filter, filter.wildcard);
    const bool removed = remove_from(table, id, subscriber);
    if (removed) generation_.fetch_add(1, std::memory_order_release);
    return removed;
  });
}

bool SubscriptionTable::remove(FilterId filter, Subscriber subscriber) {
  return impl_->write([&](TableStorage& table) {
    const bool removed = remove_from(table, filter, subscriber);
    if (removed) generation_.fetch_add(1, std::memory_order_release);
    return removed;
  });
}

std::string SubscriptionTable::text(FilterId filter) const {
  TableStorage& table = impl_->storage();
  const std::lock_guard hold(table.writer);
  const FilterEntry* entry = table.in_use(filter);
  return entry ? std::string(entry->text()) : std::string();
}

std::optional<FilterId> SubscriptionTable::id(const ParsedFilter& filter) const {
  TableStorage& table = impl_->storage();
  const std::string prefix = share_prefix(filter.group);
  const std::lock_guard hold(table.writer);
  const FilterId found = table.find(prefix, filter.filter, filter.wildcard);
  return found != 0 ? std::optional<FilterId>(found) : std::nullopt;
}

std::optional<SubscriptionOptions> SubscriptionTable::find(FilterId filter,
                                                           Subscriber subscriber) const {
  TableStorage& table = impl_->storage();
  const std::lock_guard hold(table.writer);
  const FilterEntry* entry = table.in_use(filter);
  const SubscriptionWord word = entry ? entry->find(subscriber) : kNobody;
  if (!is_somebody(word)) return std::nullopt;
  return options_of(word);
}

void SubscriptionTable::match(std::string_view topic, MatchResult& out) const noexcept {
  const TableStorage& table = impl_->storage();
  const auto take = [&](std::uint32_t id) {
    while (id != 0) {
      const FilterEntry& entry = table.entry(id);
      id = entry.next.load(std::memory_order_acquire);
      if (entry.shared()) {
        out.groups.push_back(entry.group());
        continue;
      }
      const SubscriberSet::View subscribers = entry.subscribers().view();
      for (std::uint32_t i = 0; i < subscribers.size(); ++i)
        if (const SubscriptionWord word = subscribers[i]; is_somebody(word))
          out.subscribers.push_back(match_of(word));
    }
  };
  const std::uint32_t tag = table.begin_exact(topic);
  table.trie.match(topic, out.scratch, take);
  take(table.find_exact(topic, tag));
}

void SubscriptionTable::set_online(FilterId filter, Subscriber subscriber, bool online) {
  impl_->write([&](TableStorage& table) {
    FilterEntry* entry = table.in_use(filter);
    const bool shared = entry != nullptr && entry->shared();
    if (shared) entry->group()->set_online(subscriber, online, table.retired);
    return shared;
  });
}

void SubscriptionTable::set_strategy(SharedStrategy strategy) {
  impl_->storage().strategy.store(strategy, std::memory_order_relaxed);
}

void SubscriptionTable::flush_retired() { impl_->flush(); }

SubscriptionTable::Counts SubscriptionTable::counts() const {
  TableStorage& table = impl_->storage();
  const std::lock_guard hold(table.writer);
  return {table.filters, table.subscriptions, table.shared_subscriptions, table.bytes()};
}

std::uint64_t SubscriptionTable::each_filter(
    std::uint64_t cursor, std::size_t max,
    FunctionRef<void(std::string_view filter, std::size_t subscribers)> fn) const {
  TableStorage& table = impl_->storage();
  std::vector<std::pair<std::string, std::size_t>> found;
  std::unique_lock hold(table.writer);
  std::uint32_t id = table.slot_from(static_cast<std::uint32_t>(cursor));
  for (std::size_t looked = 0; id != 0 && found.size() < max && looked < max * 4 + 256; ++looked) {
    if (table.in_use(id) != nullptr && table.first_of_chain(id)) {
      std::size_t subscribers = 0;
      for (std::uint32_t one = id; one != 0;
           one = table.entry(one).next.load(std::memory_order_relaxed))
        subscribers += table.entry(one).count();
      found.emplace_back(table.entry(id).filter(), subscribers);
    }
    id = table.slot_from(id + 1);
  }
  hold.unlock();
  for (const auto& [filter, subscribers] : found) fn(filter, subscribers);
  return id;
}

}  // namespace keel::kernel
