// The sessions of one shard: found by client id, by slot (what the subscription table refers to),
// and walked in slices. Kept in memory; a durable store takes its place behind the same functions.
// [shard]
#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "kernel/base/function_ref.hpp"
#include "kernel/base/reclaimer.hpp"
#include "kernel/session/session.hpp"

namespace keel::kernel {

class SessionStore {
 public:
  // `post_home` runs a task on this shard.
  SessionStore(std::uint32_t shard, Reclaimer& reclaimer, std::function<void(Task)> post_home);
  SessionStore(const SessionStore&) = delete;
  SessionStore& operator=(const SessionStore&) = delete;
  ~SessionStore();

  std::size_t size() const { return count_; }
  Session* find(std::string_view client_id) const;
  // Null: empty slot.
  Session* at(std::uint32_t slot) const {
    return slot < slots_.size() ? slots_[slot].get() : nullptr;
  }
  // `client_id` must not be there yet. Null: no slot left (16 777 216 sessions).
  Session* create(std::string_view client_id);
  // The session's subscriptions must have been removed from the table. Its slot is used again only
  // after a grace period, so messages already on their way to it reach nobody.
  void erase(Session& session);

  // Visits sessions from slot `cursor` on, at most `max`; answers the next cursor, 0 when done.
  std::uint32_t each(std::uint32_t cursor, std::size_t max, FunctionRef<void(Session&)> fn) const;

 private:
  // `hash` is what the index keeps of a client id: enough to put it into a larger or smaller one.
  static std::uint32_t hash_of(std::string_view client_id);
  std::size_t probe(std::string_view client_id, std::uint32_t hash) const;
  void resize_index();
  void retire_slots();
  void shrink_slots();

  struct Entry {
    std::uint32_t hash = 0;
    std::uint32_t slot = kFree;
  };
  static constexpr std::uint32_t kFree = 0xFFFFFFFF;
  static constexpr std::uint32_t kDeleted = 0xFFFFFFFE;

  const std::uint32_t shard_;
  Reclaimer& reclaimer_;
  std::function<void(Task)> post_home_;
  std::vector<std::unique_ptr<Session>> slots_;
  std::vector<std::uint32_t> free_slots_;
  std::vector<std::uint32_t> freed_slots_;  // wait for the next grace period
  bool retiring_ = false;
  std::vector<Entry> index_;
  std::size_t count_ = 0, used_ = 0;  // used_ counts deleted entries too
  std::size_t peak_ = 0;              // the most sessions since slots_ was last cut
  std::uint64_t next_number_ = 1;
};

}  // namespace keel::kernel
