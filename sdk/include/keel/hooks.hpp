// Taking part in what the broker does: one function per hook point. Higher priorities come first,
// the usual one is 0. The functions run on every shard, several at a time, and must not block.
//
//   return host().hooks().on_publish(0, [](const keel::Message& m) -> keel::Verdict { ... });
#pragma once

#include <memory>
#include <type_traits>

#include "keel/auth.hpp"
#include "keel/handle.hpp"
#include "keel/hook_types.hpp"

namespace keel {

namespace detail {
class HookContextBase : public Context {
 public:
  using Context::Context;
  void shut() noexcept override {
    shut_on_control(*this, [](Context& hook) {
      return hook.core.hooks.call(&keel_ext_hooks::remove, hook.core.host, hook.handle.load());
    });
  }
};

// Calls of hooks take no reference: remove() answers only when no shard is in the hook.
template <class F>
class HookContext final : public HookContextBase {
 public:
  HookContext(Core& of, F f) : HookContextBase(of), fn(std::move(f)) {}

  static std::int32_t connect(void* ctx, const keel_client* client, keel_str will_topic,
                              keel_connect_answer* answer) {
    return self(ctx).ask(KEEL_NEXT, answer->reason, ConnectRequest(*client, will_topic, *answer));
  }
  static std::int32_t connack(void* ctx, const keel_client* client, std::uint8_t reason,
                              std::int32_t present, keel_connack_answer* answer) {
    return self(ctx).ask(KEEL_NEXT, answer->reason,
                         ConnackRequest(*client, reason, present != 0, *answer));
  }
  static std::int32_t authenticate(void* ctx, const keel_auth_request* request, keel_handle ticket,
                                   keel_auth_answer* answer) {
    HookContext& hook = self(ctx);
    if (!hook.open()) return KEEL_NEXT;
    return guarded(hook.core, std::int32_t{KEEL_DENY}, [&] {
      const AuthVerdict verdict =
          hook.verdict<AuthVerdict>(AuthRequest(hook.core, *request, ticket));
      answer->reason = verdict.reason();
      const Allow& allow = verdict.attributes();
      answer->superuser = allow.superuser ? 1 : 0;
      answer->expiry_s = allow.expiry_s;
      if (!allow.mountpoint.empty()) put(answer->mountpoint, allow.mountpoint);
      if (!allow.data.empty()) put(answer->data, allow.data);
      return verdict.code();
    });
  }
  static std::int32_t authorize(void* ctx, const keel_authorize_request* request,
                                keel_handle ticket) {
    HookContext& hook = self(ctx);
    std::uint8_t ignored = 0;
    return hook.ask(KEEL_DENY, ignored, AuthorizeRequest(hook.core, *request, ticket));
  }
  static std::int32_t filter(void* ctx, const keel_client* client, keel_str filter,
                             keel_filter_answer* answer) {
    return self(ctx).ask(KEEL_NEXT, answer->reason, FilterRequest(*client, filter, *answer));
  }
  static std::int32_t publish(void* ctx, const keel_message_view* message,
                              keel_publish_answer* answer) {
    HookContext& hook = self(ctx);
    if (!hook.open()) return KEEL_NEXT;
    return guarded(hook.core, std::int32_t{KEEL_NEXT}, [&] {
      Verdict verdict = hook.verdict<Verdict>(Message(hook.core, *message));
      answer->reason = verdict.reason();
      if (verdict.code() == KEEL_REPLACE) {
        if (!verdict.message()) return std::int32_t{KEEL_NEXT};
        answer->replacement = verdict.message().release();
      }
      return verdict.code();
    });
  }
  static void event(void* ctx, const keel_event* event) {
    HookContext& hook = self(ctx);
    if (hook.open()) guarded(hook.core, [&] { hook.fn(Event(hook.core, *event)); });
  }

 private:
  static HookContext& self(void* ctx) { return *static_cast<HookContext*>(ctx); }

  // A function that answers nothing has no opinion.
  template <class V, class A>
  V verdict(A&& argument) {
    if constexpr (std::is_void_v<std::invoke_result_t<F&, A>>) {
      fn(std::forward<A>(argument));
      return Next{};
    } else {
      return fn(std::forward<A>(argument));
    }
  }
  template <class A>
  std::int32_t ask(std::int32_t otherwise, std::uint8_t& reason, A argument) {
    if (!open()) return KEEL_NEXT;
    return guarded(core, otherwise, [&] {
      const Verdict answer = hook_verdict(argument);
      reason = answer.reason();
      return answer.code();
    });
  }
  template <class A>
  Verdict hook_verdict(A& argument) {
    if constexpr (std::is_void_v<std::invoke_result_t<F&, A&>>) {
      fn(argument);
      return Next{};
    } else {
      return fn(argument);
    }
  }

  F fn;
};
}  // namespace detail

class Hook : public Handle {
 public:
  Hook() = default;
  explicit Hook(detail::Ref<detail::Context> context) : Handle(std::move(context)) {}
};

// All [control].
class Hooks {
 public:
  explicit Hooks(detail::Core& core) : core_(core) {}

  // Verdict or void fn(keel::ConnectRequest&): Next, Deny, Stop.
  template <class F>
  Result<Hook> on_connect(std::int32_t priority, F fn) const {
    return add<F>(KEEL_HOOK_CLIENT_CONNECT, priority, 0, &detail::HookContext<F>::connect, fn);
  }
  // Verdict or void fn(keel::ConnackRequest&): Next, Deny, Stop.
  template <class F>
  Result<Hook> on_connack(std::int32_t priority, F fn) const {
    return add<F>(KEEL_HOOK_CLIENT_CONNACK, priority, 0, &detail::HookContext<F>::connack, fn);
  }
  // AuthVerdict fn(const keel::AuthRequest&): Next, Allow, Deny, Pending. An exception denies.
  template <class F>
  Result<Hook> on_authenticate(std::int32_t priority, F fn) const {
    return add<F>(KEEL_HOOK_CLIENT_AUTHENTICATE, priority, 0, &detail::HookContext<F>::authenticate,
                  fn);
  }
  // The same, and Continue.
  template <class F>
  Result<Hook> on_enhanced_auth(std::int32_t priority, F fn) const {
    return add<F>(KEEL_HOOK_CLIENT_ENHANCED_AUTH, priority, 0,
                  &detail::HookContext<F>::authenticate, fn);
  }
  // Verdict fn(const keel::AuthorizeRequest&): Next, Allow, Deny, Pending. An exception denies.
  template <class F>
  Result<Hook> on_authorize(std::int32_t priority, F fn) const {
    return add<F>(KEEL_HOOK_CLIENT_AUTHORIZE, priority, 0, &detail::HookContext<F>::authorize, fn);
  }
  // Verdict or void fn(keel::FilterRequest&): Next, Deny, Stop.
  template <class F>
  Result<Hook> on_subscribe(std::int32_t priority, F fn) const {
    return add<F>(KEEL_HOOK_CLIENT_SUBSCRIBE, priority, 0, &detail::HookContext<F>::filter, fn);
  }
  template <class F>
  Result<Hook> on_unsubscribe(std::int32_t priority, F fn) const {
    return add<F>(KEEL_HOOK_CLIENT_UNSUBSCRIBE, priority, 0, &detail::HookContext<F>::filter, fn);
  }
  // Verdict or void fn(const keel::Message&): Next, Replace (see replace()), Deny, Stop.
  template <class F>
  Result<Hook> on_publish(std::int32_t priority, F fn) const {
    return add<F>(KEEL_HOOK_MESSAGE_PUBLISH, priority, 0, &detail::HookContext<F>::publish, fn);
  }
  // void fn(const keel::Event&), for KEEL_HOOK_CLIENT_CONNECTED and those behind it. `sample`: one
  // event in so many, for message_delivered, message_acked and message_dropped.
  template <class F>
  Result<Hook> on_event(keel_hook_point point, F fn, std::int32_t priority = 0,
                        std::uint32_t sample = 1) const {
    if (point < KEEL_HOOK_CLIENT_CONNECTED) {
      return Status::error("on_event() is for notifications; this point asks for an answer");
    }
    return add<F>(point, priority, sample, &detail::HookContext<F>::event, fn);
  }

  // Forgets every remembered authorization decision: rules have changed. [any]
  Status forget_decisions() const {
    return core_.status(core_.auth.call(&keel_ext_auth::forget_decisions, core_.host));
  }
  // The same, and asks about every subscription anew, or those of one client; those no longer
  // allowed are removed. void done(std::uint64_t asked, std::uint64_t removed) on the control
  // thread, unless the plugin is unloaded meanwhile. [any]
  template <class F>
  Status recheck(std::string_view client_id, F done) const {
    struct Query {
      detail::Core& core;
      F done;
    };
    auto query = std::make_unique<Query>(Query{core_, std::move(done)});
    const keel_status status =
        core_.auth.call(&keel_ext_auth::recheck, core_.host, to_c(client_id),
                        keel_recheck_fn([](void* ctx, std::uint64_t asked, std::uint64_t removed,
                                           std::int32_t cancelled) {
                          const std::unique_ptr<Query> self(static_cast<Query*>(ctx));
                          if (cancelled == 0) {
                            detail::guarded(self->core, [&] { self->done(asked, removed); });
                          }
                        }),
                        query.get());
    if (status == KEEL_OK) query.release();
    return core_.status(status);
  }

 private:
  template <class F, class T>
  Result<Hook> add(std::uint32_t point, std::int32_t priority, std::uint32_t sample, T* trampoline,
                   F& fn) const {
    auto context = detail::make_context<detail::HookContext<F>>(core_, std::move(fn));
    core_.hold(*context);
    keel_handle handle = 0;
    const keel_status status =
        core_.hooks.call(&keel_ext_hooks::add, core_.host, point, priority, sample,
                         reinterpret_cast<keel_hook_fn>(trampoline), context.get(), &handle);
    if (status != KEEL_OK) {
      core_.release(*context);
      return core_.status(status);
    }
    context->handle = handle;
    return Hook(std::move(context));
  }

  detail::Core& core_;
};

}  // namespace keel
