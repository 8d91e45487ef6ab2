#include "kernel/session/session_store.hpp"

#include "kernel/base/hash.hpp"

namespace keel::kernel {

SessionStore::SessionStore(std::uint32_t shard, Reclaimer& reclaimer,
                           std::function<void(Task)> post_home)
    : shard_(shard), reclaimer_(reclaimer), post_home_(std::move(post_home)), index_(16) {}

SessionStore::~SessionStore() = default;

std::size_t SessionStore::probe(std::string_view client_id, std::uint64_t hash) const {
  const std::size_t mask = index_.size() - 1;
  std::size_t i = hash & mask;
  for (;; i = (i + 1) & mask) {
    const Entry& entry = index_[i];
    if (entry.slot == kFree) return i;
    if (entry.slot != kDeleted && entry.hash == static_cast<std::uint32_t>(hash >> 32) &&
        slots_[entry.slot]->client_id == client_id)
      return i;
  }
}

Session* SessionStore::find(std::string_view client_id) const {
  const Entry& entry = index_[probe(client_id, hash_bytes(client_id, hash_seed()))];
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
  if ((used_ + 1) * 4 > index_.size() * 3) grow_index();
  const std::uint64_t hash = hash_bytes(client_id, hash_seed());
  slots_[slot] = std::make_unique<Session>(std::string(client_id),
                                           std::uint64_t{shard_} << 48 | next_number_++,
                                           Subscriber::make(shard_, slot));
  index_[probe(client_id, hash)] = {static_cast<std::uint32_t>(hash >> 32), slot};
  ++used_;
  ++count_;
  return slots_[slot].get();
}

void SessionStore::erase(Session& session) {
  const std::uint64_t hash = hash_bytes(session.client_id, hash_seed());
  index_[probe(session.client_id, hash)].slot = kDeleted;
  --count_;
  const std::uint32_t slot = session.self.slot();
  slots_[slot].reset();
  freed_slots_.push_back(slot);
  if (!retiring_) retire_slots();
  if (count_ == 0) {
    index_.assign(16, Entry{});
    used_ = 0;
  }
}

void SessionStore::retire_slots() {
  retiring_ = true;
  reclaimer_.after_grace_period([this, slots = std::move(freed_slots_)]() mutable {
    post_home_([this, slots = std::move(slots)] {
      free_slots_.insert(free_slots_.end(), slots.begin(), slots.end());
      retiring_ = false;
      if (!freed_slots_.empty()) retire_slots();
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

void SessionStore::grow_index() {
  std::size_t capacity = index_.size();
  while (capacity < (count_ + 1) * 2) capacity *= 2;
  std::vector<Entry> old(capacity);
  old.swap(index_);
  for (const Entry& entry : old) {
    if (entry.slot == kFree || entry.slot == kDeleted) continue;
    index_[probe(slots_[entry.slot]->client_id,
                 hash_bytes(slots_[entry.slot]->client_id, hash_seed()))] = entry;
  }
  used_ = count_;
}

}  // namespace keel::kernel
