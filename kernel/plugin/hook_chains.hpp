// The chains of hooks: which plugins are asked at each point, in which order, and the questions
// that wait for an answer. Each shard has its own immutable copy of the chains behind the broker's
// hook table; a new one comes by a task on the shard. [control] unless marked.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kernel/broker/hook_table.hpp"
#include "kernel/plugin/runtime.hpp"

namespace keel::kernel {

class HookObject;

class HookChains {
 public:
  explicit HookChains(Runtime& runtime);
  HookChains(const HookChains&) = delete;
  HookChains& operator=(const HookChains&) = delete;
  ~HookChains();

  // Puts the hooks of these slots, in load order, into force on all shards, and waits. After it no
  // shard is in a hook of any other slot. Not empty: shards that did not get to it.
  std::vector<Runtime::Absent> install(std::span<Slot* const> slots);

  // The same for the slots of the last time: their hooks have changed. What is held stays held.
  std::vector<Runtime::Absent> reinstall();

  // An upgrade: from now on until the next install(), questions that a hook of `slot` would have
  // been asked wait instead (connects, authorizations; publishing waits by its authorization), so
  // that nobody gets past a hook that is being replaced. Waits for the shards, as install().
  std::vector<Runtime::Absent> hold(std::span<Slot* const> slots, const Slot& slot);

  // The questions of a slot that wait for auth.resolve(). Unloading: they are answered, connects
  // with "server unavailable", the rest with a denial. [shard]
  void refuse_questions(HostThread& thread, const Slot& slot);
  // After an upgrade: questions that wait because of hold() are put to the hooks now in force.
  // [shard]
  void ask_again(HostThread& thread);

  // For auth.resolve(): `next` goes on with the hooks behind; `deny` without a reason gets the
  // usual one. Not from within a hook. [shard of the ticket]
  keel_status resolve(HostThread& thread, const Slot& slot, const AuthTicket& ticket,
                      AuthAnswer answer);
  // What resolve() would answer. [shard of the ticket]
  keel_status check_ticket(HostThread& thread, const Slot& slot, const AuthTicket& ticket) const;

  // One chain in order, for `ctl hooks list`.
  struct Entry {
    std::string point, plugin;
    std::int32_t priority = 0;
    std::uint32_t sample = 1;
  };
  std::vector<Entry> list() const;
  std::size_t count(const Slot& slot) const;
  bool takes_part(const Slot& slot, std::uint32_t point) const;

 private:
  friend class HookObject;
  struct Impl;

  void enter(HookObject& hook);
  void leave(HookObject& hook);

  std::unique_ptr<Impl> impl_;
};

}  // namespace keel::kernel
