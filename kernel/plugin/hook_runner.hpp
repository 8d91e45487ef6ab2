// The chains of one shard, as they are in force: what the broker's hook table points at. Immutable
// but for the counters of samples; replaced as a whole by a task on the shard.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "keel/ext/hooks.h"
#include "kernel/broker/hook_table.hpp"
#include "kernel/plugin/hook_call.hpp"
#include "kernel/plugin/hook_questions.hpp"

namespace keel::kernel {

inline constexpr std::size_t kHookPoints = KEEL_HOOK_MESSAGE_DROPPED + 1;
using HookPlan = std::array<std::vector<ChainedHook>, kHookPoints>;  // by keel_hook_point

class HookRunner {
 public:
  // `questions` is the shard's. While `holding` every question waits.
  HookRunner(HostThread& thread, const HookPlan& plan, HookQuestions& questions, bool holding);
  HookRunner(const HookRunner&) = delete;
  HookRunner& operator=(const HookRunner&) = delete;

  const HookTable& table() const { return table_; }

  // Goes on asking behind the first `from` hooks. `pending`: the question is in the table (again).
  AuthAnswer run_auth(HookQuestion::Kind kind, const AuthRequest& request, std::size_t from);
  Verdict run_authorize(const AuthorizeRequest& request, std::size_t from);
  // Where a question stands here that stood behind the first `n` hooks of `earlier`: behind all of
  // those that are still in the chain, so that nobody who comes after them is left out.
  std::size_t place_behind(HookRunner& earlier, HookQuestion::Kind kind, std::size_t n);

 private:
  // What the hook table's functions are called with.
  static HookRunner& of(void* self) { return *static_cast<HookRunner*>(self); }

  // hook_runner.cpp
  static AuthAnswer on_authenticate(void* self, const AuthRequest& request);
  static AuthAnswer on_enhanced_auth(void* self, const AuthRequest& request);
  static Verdict on_authorize(void* self, const AuthorizeRequest& request);
  static void on_forgotten(void* self, const AuthTicket& ticket);
  void keep(HookQuestion question, const Slot* owner, std::size_t next);
  // hook_runner_edits.cpp
  static ConnectAnswer on_connect(void* self, const ConnectRequest& request);
  static ConnackAnswer on_connack(void* self, const ConnackRequest& request);
  static void on_subscribe(void* self, const FiltersRequest& request);
  static void on_unsubscribe(void* self, const FiltersRequest& request);
  void edit_filters(std::vector<ChainedHook>& chain, CallSite site, const FiltersRequest& request);
  // hook_runner_messages.cpp
  static PublishAnswer on_publish(void* self, const PublishRequest& request);
  static void on_event(void* self, const EventInfo& event);

  std::vector<ChainedHook>& chain(std::uint32_t point) { return plan_[point]; }

  HostThread& thread_;
  HookPlan plan_;
  HookTable table_;
  HookQuestions& questions_;
  const bool holding_;
  std::vector<keel_property> props_;  // scratch
};

}  // namespace keel::kernel
