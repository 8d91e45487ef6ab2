// hooks/1 and auth/1.
#include "kernel/broker/broker.hpp"
#include "kernel/plugin/hook_object.hpp"
#include "kernel/plugin/hook_questions.hpp"
#include "kernel/plugin/host_recheck.hpp"
#include "kernel/plugin/host_support.hpp"
#include "kernel/plugin/tables.hpp"

namespace keel::kernel {
namespace {

// Of a plugin that runs: what changed takes effect now. One that is being started waits for the
// registry.
keel_status install_now(Slot& slot, const char* function) {
  Runtime& runtime = slot.runtime();
  if (!slot.active(runtime.control_thread())) return KEEL_OK;
  if (const auto absent = runtime.hooks().reinstall(); !absent.empty())
    return fail(KEEL_E_STATE, fmt::format("{}: shard {} does not answer: it is in {}", function,
                                          absent.front().shard, absent.front().where));
  return KEEL_OK;
}

keel_status hooks_add(const keel_host* host, std::uint32_t point, std::int32_t priority,
                      std::uint32_t sample, keel_hook_fn fn, void* ctx, keel_handle* out) {
  Slot& slot = Slot::of(host);
  if (const keel_status bad = check_control(slot, "hooks.add")) return bad;
  if (point < KEEL_HOOK_CLIENT_CONNECT || point > KEEL_HOOK_MESSAGE_DROPPED)
    return fail(KEEL_E_INVAL, fmt::format("hooks.add: there is no hook point {}", point));
  if (!fn || !out) return fail(KEEL_E_INVAL, "hooks.add: a function and a result are needed");
  const keel_status added = slot.add(
      std::make_unique<HookObject>(slot, slot.runtime().hooks(), point, priority, sample, fn, ctx),
      out);
  return added != KEEL_OK ? added : install_now(slot, "hooks.add");
}

keel_status hooks_remove(const keel_host* host, keel_handle handle) {
  Slot& slot = Slot::of(host);
  keel_status status = KEEL_OK;
  auto* hook = slot.find<HookObject>(handle, ObjectKind::hook, status, "hooks.remove");
  if (!hook) return status;
  hook->removed = true;
  status = install_now(slot, "hooks.remove");
  slot.drop(*hook);
  return status;
}

// A verdict of the plugin's as the broker takes it.
keel_status to_answer(std::int32_t verdict, const keel_auth_attrs* given, AuthAnswer& out) {
  keel_auth_attrs attrs{};
  if (given && !read_struct(given, offsetof(keel_auth_attrs, data) + sizeof attrs.data, attrs))
    return fail(KEEL_E_INVAL, "auth.resolve: the attributes need their size");
  switch (verdict) {
    case KEEL_NEXT:
    case KEEL_STOP:
      out.verdict = Verdict::next;
      break;
    case KEEL_ALLOW:
      out.verdict = Verdict::allow;
      break;
    case KEEL_CONTINUE:
      out.verdict = Verdict::more;
      break;
    case KEEL_DENY:
      out.verdict = Verdict::deny;
      break;
    default:
      return fail(KEEL_E_INVAL, fmt::format("auth.resolve: {} is no verdict", verdict));
  }
  out.reason = attrs.reason >= 0x80 ? static_cast<Reason>(attrs.reason) : Reason::success;
  out.superuser = attrs.superuser != 0;
  out.expiry_s = attrs.expiry_s;
  out.mountpoint = view(attrs.mountpoint);
  out.data = view(attrs.data);
  return KEEL_OK;
}

keel_status auth_resolve(const keel_host* host, keel_handle handle, std::int32_t verdict,
                         const keel_auth_attrs* attrs) {
  Slot& slot = Slot::of(host);
  if (!slot.accepting()) return refuse_unloading("auth.resolve");
  const AuthTicket ticket = ticket_of(handle);
  if (HandleParts::kind(handle) != ObjectKind::ticket ||
      ticket.shard >= slot.runtime().shard_count())
    return fail(KEEL_E_STALE, "auth.resolve: that is no ticket");
  AuthAnswer answer;
  if (const keel_status bad = to_answer(verdict, attrs, answer)) return bad;
  HostThread& thread = slot.runtime().thread(ticket.shard);
  if (HostThread::current() == &thread)
    if (const keel_status bad = slot.runtime().hooks().check_ticket(thread, slot, ticket))
      return bad;
  // Never at once: the call may come from within the very hook.
  thread.post([&slot, &thread, ticket, answer = std::move(answer)]() mutable {
    slot.runtime().hooks().resolve(thread, slot, ticket, std::move(answer));
  });
  return KEEL_OK;
}

keel_status auth_forget_decisions(const keel_host* host) {
  Slot& slot = Slot::of(host);
  if (!slot.accepting()) return refuse_unloading("auth.forget_decisions");
  forget_decisions(slot.runtime());
  return KEEL_OK;
}

}  // namespace

const keel_ext_hooks tables::hooks = {
    .size = sizeof(keel_ext_hooks), .reserved = 0, .add = hooks_add, .remove = hooks_remove};

const keel_ext_auth tables::auth = {.size = sizeof(keel_ext_auth),
                                    .reserved = 0,
                                    .resolve = auth_resolve,
                                    .forget_decisions = auth_forget_decisions,
                                    .recheck = auth_recheck};

}  // namespace keel::kernel
