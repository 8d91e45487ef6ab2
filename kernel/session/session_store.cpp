#include "kernel/session/session_store.hpp"

#include <algorithm>

#include "kernel/base/hash.hpp"

namespace keel::kernel {

namespace {
constexpr std::size_t kSmallestIndex = 16;
}  // namespace

SessionStore::SessionStore(std::uint32_t shard, Reclaimer& reclaimer,
                           std::function<void(Task)> post_home)
    : shard_(shard),
      reclaimer_(reclaimer),
      post_home_(std::move(post_home)),
      index_(kSmallestIndex) {}

SessionStore::~SessionStore() = default;

std::uint32_t SessionStore::hash_of(std::string_view client_id) {
  return static_cast<std::uint32_t>(hash_bytes(client_id, hash_seed()) >> 32);
}

std::size_t SessionStore::probe(std::string_view client_id, std::uint32_t hash) const {
  const std::size_t mask = index_.size() - 1;
  std::size_t i = hash & mask;
  for (;; i = (i + 1) & mask) {
    const Entry& entry = index_[i];
    if (entry.slot == kFree) return i;
    if (entry.slot != kDeleted && entry.hash == hash && slots_[entry.slot]->client_id == client_id)
      return i;
  }
}

Session* SessionStore::find(std::string_view client_id) const {
  const Entry& entry = index_[probe(client_id, hash_of(client_id))];
  return entry.slot == kFree ? nullptr : slots_[entry.slot].get();
}

Session* SessionStore::create(std::string_view client_id) {
  std::uint32_t slot;
  if (!free_slots_.empty()) {
    slot = free_slots_.back();
    free_slots_.pop_back();
  } else {
    if (slots_.size() == kMaxSlots) return nullptr;
    slot = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  }
  if ((used_ + 1) * 4 > index_.size() * 3) resize_index();
  const std::uint32_t hash = hash_of(client_id);
  slots_[slot] = std::make_unique<Session>(client_id, std::uint64_t{shard_} << 48 | next_number_++,
                                           Subscriber::make(shard_, slot));
  index_[probe(client_id, hash)] = {hash, slot};
  ++used_;
  ++count_;
  peak_ = std::max(peak_, count_);
  return slots_[slot].get();
}

void SessionStore::erase(Session& session) {
  index_[probe(session.client_id, hash_of(session.client_id))].slot = kDeleted;
  --count_;
  const std::uint32_t slot = session.self.slot();
  slots_[slot].reset();
  freed_slots_.push_back(slot);
  if (!retiring_) retire_slots();
  if (index_.size() > kSmallestIndex && (count_ == 0 || count_ * 8 < index_.size())) resize_index();
}

void SessionStore::retire_slots() {
  retiring_ = true;
  reclaimer_.after_grace_period([this, slots = std::move(freed_slots_)]() mutable {
    post_home_([this, slots = std::move(slots)] {
      free_slots_.insert(free_slots_.end(), slots.begin(), slots.end());
      retiring_ = false;
      if (!freed_slots_.empty())
        retire_slots();
      else if (count_ < peak_ / 4)
        shrink_slots();
    });
  });
  freed_slots_.clear();
}

std::uint32_t SessionStore::each(std::uint32_t cursor, std::size_t max,
                                 FunctionRef<void(Session&)> fn) const {
  for (; cursor < slots_.size() && max > 0; ++cursor) {
    if (!slots_[cursor]) continue;
    fn(*slots_[cursor]);
    --max;
  }
  return cursor < slots_.size() ? cursor : 0;
}

// To half full, without the deleted ones.
void SessionStore::resize_index() {
  std::size_t capacity = kSmallestIndex;
  while (capacity < (count_ + 1) * 2) capacity *= 2;
  std::vector<Entry> old(capacity);
  old.swap(index_);
  const std::size_t mask = capacity - 1;
  for (const Entry& entry : old) {
    if (entry.slot == kFree || entry.slot == kDeleted) continue;
    std::size_t i = entry.hash & mask;
    while (index_[i].slot != kFree) i = (i + 1) & mask;
    index_[i] = entry;
  }
  used_ = count_;
}

// Most sessions have gone: what stands behind the last one is given back, and the slots at the
// front are used first, so that the next time more is behind it. No slot waits for its grace
// period.
void SessionStore::shrink_slots() {
  const auto last =
      std::find_if(slots_.rbegin(), slots_.rend(),
                   [](const std::unique_ptr<Session>& slot) { return slot != nullptr; });
  slots_.erase(last.base(), slots_.end());
  slots_.shrink_to_fit();
  free_slots_ = {};
  for (std::size_t slot = slots_.size(); slot-- > 0;)
    if (!slots_[slot]) free_slots_.push_back(static_cast<std::uint32_t>(slot));
  freed_slots_ = {};
  peak_ = count_;
}

}  // namespace keel::kernel
