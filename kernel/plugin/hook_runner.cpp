// Who a client is and what it may do: the chains that can wait for an answer.
#include "kernel/plugin/hook_runner.hpp"

#include <algorithm>

#include "kernel/base/log.hpp"
#include "kernel/plugin/client_view.hpp"
#include "kernel/plugin/host_support.hpp"

namespace keel::kernel {
namespace {

// A reason of the plugin's, or the usual one.
Reason deny_reason(std::uint8_t given, bool with_password) {
  return given >= 0x80 ? static_cast<Reason>(given) : usual_denial(with_password);
}

std::uint32_t point_of(HookQuestion::Kind kind) {
  switch (kind) {
    case HookQuestion::Kind::authenticate:
      return KEEL_HOOK_CLIENT_AUTHENTICATE;
    case HookQuestion::Kind::enhanced_auth:
      return KEEL_HOOK_CLIENT_ENHANCED_AUTH;
    case HookQuestion::Kind::authorize:
      return KEEL_HOOK_CLIENT_AUTHORIZE;
  }
  return 0;
}

void report_nonsense(const Slot& slot, const char* point, std::int32_t verdict) {
  KEEL_LOG(error, "plugin={}: {} answered {}, which is no verdict there: taken as a denial",
           slot.name(), point, verdict);
}

}  // namespace

HookRunner::HookRunner(HostThread& thread, const HookPlan& plan, HookQuestions& questions,
                       bool holding)
    : thread_(thread), plan_(plan), questions_(questions), holding_(holding) {
  for (std::uint32_t point = 1; point < kHookPoints; ++point)
    for (ChainedHook& hook : chain(point))
      hook.stats = &hook.slot->stats(thread.index(), static_cast<CallSite>(point));
  if (!chain(KEEL_HOOK_CLIENT_CONNECT).empty()) table_.client_connect = {on_connect, this};
  if (!chain(KEEL_HOOK_CLIENT_CONNACK).empty()) table_.client_connack = {on_connack, this};
  if (!chain(KEEL_HOOK_CLIENT_AUTHENTICATE).empty() || holding)
    table_.authenticate = {on_authenticate, this};
  if (!chain(KEEL_HOOK_CLIENT_ENHANCED_AUTH).empty() || holding)
    table_.enhanced_auth = {on_enhanced_auth, this};
  if (!chain(KEEL_HOOK_CLIENT_AUTHORIZE).empty() || holding)
    table_.authorize = {on_authorize, this};
  if (!chain(KEEL_HOOK_CLIENT_SUBSCRIBE).empty()) table_.subscribe = {on_subscribe, this};
  if (!chain(KEEL_HOOK_CLIENT_UNSUBSCRIBE).empty()) table_.unsubscribe = {on_unsubscribe, this};
  if (!chain(KEEL_HOOK_MESSAGE_PUBLISH).empty()) table_.publish = {on_publish, this};
  for (std::uint32_t i = 0; i < kEvents; ++i)
    if (!chain(KEEL_HOOK_CLIENT_CONNECTED + i).empty())
      table_.event_mask |= event_bit(static_cast<Event>(i));
  if (table_.event_mask != 0) table_.notify = {on_event, this};
  table_.forgotten = {on_forgotten, this};
}

void HookRunner::keep(HookQuestion question, const Slot* owner, std::size_t next) {
  question.owner = owner;
  question.next = next;
  questions_.put(std::move(question));
}

std::size_t HookRunner::place_behind(HookRunner& earlier, HookQuestion::Kind kind, std::size_t n) {
  const auto& before = earlier.chain(point_of(kind));
  const auto& now = chain(point_of(kind));
  const auto asked_end = before.begin() + static_cast<std::ptrdiff_t>(n);
  for (std::size_t place = now.size(); place != 0; --place)
    if (std::any_of(before.begin(), asked_end,
                    [&](const ChainedHook& hook) { return hook.handle == now[place - 1].handle; }))
      return place;
  return 0;
}

AuthAnswer HookRunner::on_authenticate(void* self, const AuthRequest& request) {
  return of(self).run_auth(HookQuestion::Kind::authenticate, request, 0);
}

AuthAnswer HookRunner::on_enhanced_auth(void* self, const AuthRequest& request) {
  return of(self).run_auth(HookQuestion::Kind::enhanced_auth, request, 0);
}

Verdict HookRunner::on_authorize(void* self, const AuthorizeRequest& request) {
  return of(self).run_authorize(request, 0);
}

void HookRunner::on_forgotten(void* self, const AuthTicket& ticket) {
  of(self).questions_.forget(ticket.number);
}

AuthAnswer HookRunner::run_auth(HookQuestion::Kind kind, const AuthRequest& request,
                                std::size_t from) {
  AuthAnswer out;
  if (holding_) {
    keep(HookQuestion(kind, request), nullptr, 0);
    out.verdict = Verdict::pending;
    return out;
  }
  const bool enhanced = kind == HookQuestion::Kind::enhanced_auth;
  const CallSite site = enhanced ? CallSite::client_enhanced_auth : CallSite::client_authenticate;
  const auto& hooks = chain(point_of(kind));
  const ClientView client(request.client);
  keel_auth_request asked{};
  asked.size = sizeof asked;
  asked.client = &client.c;
  asked.password = str(request.password);
  asked.auth_method = str(request.auth_method);
  asked.auth_data = str(request.auth_data);
  HookCalls calls(thread_, site);
  for (std::size_t i = from; i < hooks.size(); ++i) {
    const ChainedHook& hook = hooks[i];
    keel_auth_answer answer{};
    answer.size = sizeof answer;
    out = {};
    answer.mountpoint = sink_into(out.mountpoint);
    answer.data = sink_into(out.data);
    const auto fn = reinterpret_cast<keel_authenticate_fn>(hook.fn);
    const std::int32_t verdict = calls.ask(
        hook, [&] { return fn(hook.ctx, &asked, ticket_handle(request.ticket), &answer); },
        KEEL_DENY);
    if (verdict == KEEL_NEXT) continue;
    out.superuser = answer.superuser != 0;
    out.expiry_s = answer.expiry_s;
    out.reason = deny_reason(answer.reason, request.client.has_password);
    if (verdict == KEEL_STOP) break;
    if (verdict == KEEL_ALLOW) {
      out.verdict = Verdict::allow;
    } else if (verdict == KEEL_PENDING) {
      keep(HookQuestion(kind, request), hook.slot, i + 1);
      out.verdict = Verdict::pending;
    } else if (verdict == KEEL_CONTINUE && enhanced) {
      out.verdict = Verdict::more;
    } else {
      if (verdict != KEEL_DENY) report_nonsense(*hook.slot, site_name(site), verdict);
      out.verdict = Verdict::deny;
    }
    return out;
  }
  return {};
}

Verdict HookRunner::run_authorize(const AuthorizeRequest& request, std::size_t from) {
  if (holding_) {
    keep(HookQuestion(request), nullptr, 0);
    return Verdict::pending;
  }
  const auto& hooks = chain(KEEL_HOOK_CLIENT_AUTHORIZE);
  const ClientView client(request.client);
  keel_authorize_request asked{};
  asked.size = sizeof asked;
  asked.action = request.action == Action::publish ? KEEL_PUBLISH : KEEL_SUBSCRIBE;
  asked.qos = request.qos;
  asked.retain = request.retain ? 1 : 0;
  asked.client = &client.c;
  asked.topic = str(request.topic);
  HookCalls calls(thread_, CallSite::client_authorize);
  for (std::size_t i = from; i < hooks.size(); ++i) {
    const ChainedHook& hook = hooks[i];
    const auto fn = reinterpret_cast<keel_authorize_fn>(hook.fn);
    const std::int32_t verdict = calls.ask(
        hook, [&] { return fn(hook.ctx, &asked, ticket_handle(request.ticket)); }, KEEL_DENY);
    if (verdict == KEEL_NEXT) continue;
    if (verdict == KEEL_STOP) break;
    if (verdict == KEEL_ALLOW) return Verdict::allow;
    if (verdict == KEEL_PENDING) {
      keep(HookQuestion(request), hook.slot, i + 1);
      return Verdict::pending;
    }
    if (verdict != KEEL_DENY) report_nonsense(*hook.slot, "client_authorize", verdict);
    return Verdict::deny;
  }
  return Verdict::next;
}

}  // namespace keel::kernel
