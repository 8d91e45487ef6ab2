#include "kernel/plugin/hook_chains.hpp"

#include <algorithm>

#include "kernel/broker/broker.hpp"
#include "kernel/plugin/hook_object.hpp"
#include "kernel/plugin/hook_runner.hpp"
#include "kernel/plugin/host_support.hpp"

namespace keel::kernel {

HookObject::HookObject(Slot& slot, HookChains& chains, std::uint32_t hook_point,
                       std::int32_t hook_priority, std::uint32_t hook_sample, keel_hook_fn hook_fn,
                       void* hook_ctx)
    : HostObject(slot, ObjectKind::hook, kControlThread),
      point(hook_point),
      priority(hook_priority),
      sample(std::max(hook_sample, 1u)),
      fn(hook_fn),
      ctx(hook_ctx),
      chains_(chains) {
  chains_.enter(*this);
}

HookObject::~HookObject() { chains_.leave(*this); }

struct HookChains::Impl {
  struct OfShard {
    HookQuestions questions;
    std::shared_ptr<HookRunner> runner;  // in force
  };

  explicit Impl(Runtime& owner) : runtime(owner) {
    for (std::uint32_t i = 0; i < owner.shard_count(); ++i)
      shards.push_back(std::make_unique<OfShard>());
  }

  // The chains of these slots, in order.
  HookPlan plan(std::span<Slot* const> wanted) const {
    HookPlan plan;
    for (Slot* slot : wanted)
      for (const HookObject* hook : hooks)
        if (&hook->slot() == slot && !hook->removed)
          plan[hook->point].push_back(
              {hook->handle(), slot, hook->fn, hook->ctx, hook->priority, hook->sample});
    for (auto& chain : plan)
      std::ranges::stable_sort(chain, std::ranges::greater(), &ChainedHook::priority);
    return plan;
  }

  // The hooks of `slots`. Questions of `orphan` wait for other hooks from now on.
  std::vector<Runtime::Absent> put_into_force(const Slot* orphan) {
    in_force = plan(slots);
    // A copy: a shard may be at it when nobody waits any more.
    return runtime.barrier([this, wanted = in_force, held = holding, orphan](HostThread& thread) {
      OfShard& mine = *shards[thread.index()];
      if (orphan)
        for (const std::uint64_t number : mine.questions.of(orphan)) {
          HookQuestion& question = *mine.questions.find(number);
          question.owner = nullptr;
          question.next = 0;
        }
      auto runner = std::make_shared<HookRunner>(thread, wanted, mine.questions, held);
      if (mine.runner)
        mine.questions.each([&](HookQuestion& question) {
          question.next = runner->place_behind(*mine.runner, question.kind, question.next);
        });
      thread.broker().set_hooks(&runner->table());
      mine.runner = std::move(runner);
    });
  }

  // Asks on; answers the broker unless the question is pending again.
  void ask(HostThread& thread, HookQuestion question) {
    OfShard& mine = *shards[thread.index()];
    const AuthTicket ticket = question.ticket;
    AuthAnswer answer;
    if (question.kind == HookQuestion::Kind::authorize)
      answer.verdict = mine.runner->run_authorize(question.authorize(), question.next);
    else
      answer = mine.runner->run_auth(question.kind, question.auth(), question.next);
    if (answer.verdict != Verdict::pending) thread.broker().resolve(ticket, std::move(answer));
  }

  Runtime& runtime;
  std::vector<HookObject*> hooks;  // in the order they were added
  std::vector<Slot*> slots;        // whose hooks are in force
  bool holding = false;            // see hold()
  HookPlan in_force;
  std::vector<std::unique_ptr<OfShard>> shards;
};

HookChains::HookChains(Runtime& runtime) : impl_(std::make_unique<Impl>(runtime)) {}

HookChains::~HookChains() = default;

void HookChains::enter(HookObject& hook) { impl_->hooks.push_back(&hook); }
void HookChains::leave(HookObject& hook) { std::erase(impl_->hooks, &hook); }

std::vector<Runtime::Absent> HookChains::install(std::span<Slot* const> slots) {
  impl_->slots.assign(slots.begin(), slots.end());
  impl_->holding = false;
  return impl_->put_into_force(nullptr);
}

std::vector<Runtime::Absent> HookChains::reinstall() { return impl_->put_into_force(nullptr); }

std::vector<Runtime::Absent> HookChains::hold(std::span<Slot* const> slots, const Slot& slot) {
  impl_->slots.assign(slots.begin(), slots.end());
  std::erase(impl_->slots, &slot);
  // Notifications can be missed; what decides or changes something cannot.
  impl_->holding = std::ranges::any_of(impl_->hooks, [&slot](const HookObject* hook) {
    return &hook->slot() == &slot && !hook->removed && hook->point <= KEEL_HOOK_MESSAGE_PUBLISH;
  });
  return impl_->put_into_force(&slot);
}

void HookChains::refuse_questions(HostThread& thread, const Slot& slot) {
  HookQuestions& questions = impl_->shards[thread.index()]->questions;
  for (const std::uint64_t number : questions.of(&slot)) {
    const HookQuestion question = questions.take(number);
    AuthAnswer answer;
    answer.verdict = Verdict::deny;
    answer.reason = question.kind == HookQuestion::Kind::authorize ? Reason::not_authorized
                                                                   : Reason::server_unavailable;
    thread.broker().resolve(question.ticket, std::move(answer));
  }
}

void HookChains::ask_again(HostThread& thread) {
  HookQuestions& questions = impl_->shards[thread.index()]->questions;
  for (const std::uint64_t number : questions.of(nullptr))
    impl_->ask(thread, questions.take(number));
}

keel_status HookChains::check_ticket(HostThread& thread, const Slot& slot,
                                     const AuthTicket& ticket) const {
  const HookQuestion* const found = impl_->shards[thread.index()]->questions.find(ticket.number);
  if (!found || !found->owner)
    return fail(KEEL_E_STALE, "auth.resolve: answered already, too late, or the client is gone");
  if (found->owner != &slot) return fail(KEEL_E_DENIED, "auth.resolve: another plugin's ticket");
  return KEEL_OK;
}

keel_status HookChains::resolve(HostThread& thread, const Slot& slot, const AuthTicket& ticket,
                                AuthAnswer answer) {
  HookQuestions& questions = impl_->shards[thread.index()]->questions;
  if (const keel_status bad = check_ticket(thread, slot, ticket)) return bad;
  HookQuestion question = questions.take(ticket.number);
  if (answer.verdict == Verdict::more && question.kind != HookQuestion::Kind::enhanced_auth)
    answer.verdict = Verdict::deny;  // there is nothing to go on with
  if (answer.verdict == Verdict::deny && !is_error(answer.reason))
    answer.reason = question.usual_denial();
  if (answer.verdict == Verdict::next)
    impl_->ask(thread, std::move(question));
  else
    thread.broker().resolve(ticket, std::move(answer));
  return KEEL_OK;
}

std::vector<HookChains::Entry> HookChains::list() const {
  std::vector<Entry> all;
  for (std::size_t point = 1; point < kHookPoints; ++point)
    for (const ChainedHook& hook : impl_->in_force[point])
      all.push_back(
          {site_name(static_cast<CallSite>(point)), hook.slot->name(), hook.priority, hook.sample});
  return all;
}

bool HookChains::takes_part(const Slot& slot, std::uint32_t point) const {
  return std::ranges::any_of(impl_->in_force[point],
                             [&slot](const ChainedHook& hook) { return hook.slot == &slot; });
}

std::size_t HookChains::count(const Slot& slot) const {
  return static_cast<std::size_t>(std::ranges::count_if(
      impl_->hooks,
      [&slot](const HookObject* hook) { return &hook->slot() == &slot && !hook->removed; }));
}

}  // namespace keel::kernel
