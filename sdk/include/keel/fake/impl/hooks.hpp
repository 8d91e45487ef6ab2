// What keel/fake/hooks.hpp declares: the tables hooks and auth, and the questions to hooks. See
// keel/fake/impl/fn.hpp.
#pragma once

#include <algorithm>

#include "keel/fake/hooks.hpp"
#include "keel/fake/impl/fn.hpp"

namespace keel::fake {

KEEL_FAKE_FN FakeAnswer HookPoints::authenticate(const FakeClient& client,
                                                 const std::string& method,
                                                 const std::string& data) {
  Question question;
  question.point = method.empty() ? KEEL_HOOK_CLIENT_AUTHENTICATE : KEEL_HOOK_CLIENT_ENHANCED_AUTH;
  question.client = client;
  question.method = method;
  question.data = data;
  return ask(std::move(question));
}

KEEL_FAKE_FN FakeAnswer HookPoints::authorize(const FakeClient& client, int action,
                                              const std::string& topic, std::uint8_t qos,
                                              bool retain) {
  Question question;
  question.point = KEEL_HOOK_CLIENT_AUTHORIZE;
  question.client = client;
  question.action = static_cast<std::uint8_t>(action);
  question.topic = topic;
  question.qos = qos;
  question.retain = retain;
  return ask(std::move(question));
}

KEEL_FAKE_FN FakeAnswer HookPoints::answer(keel_handle ticket) {
  run();
  const auto found = questions_.find(ticket);
  if (found == questions_.end()) return {.verdict = KEEL_DENY};
  expire(found->second);
  return found->second.answer;
}

KEEL_FAKE_FN bool HookPoints::finish_recheck(std::uint64_t asked, std::uint64_t removed) {
  if (waiting_rechecks_.empty()) return false;
  on(KEEL_SHARD_CONTROL, [&] { end_recheck(asked, removed, false); });
  run();
  return true;
}

KEEL_FAKE_FN FakeConnectAnswer HookPoints::connect(const FakeClient& client,
                                                   std::string_view will_topic) {
  FakeConnectAnswer out;
  const keel_client c = client.c();
  keel_connect_answer answer{};
  answer.size = sizeof answer;
  answer.client_id = sink_into(out.client_id);
  answer.username = sink_into(out.username);
  out.verdict = chain(KEEL_HOOK_CLIENT_CONNECT, [&](const Hook& hook) {
    return hook.as<keel_connect_fn>()(hook.ctx, &c, to_c(will_topic), &answer);
  });
  out.edits = answer;
  out.edits.client_id = out.edits.username = {};
  return out;
}

KEEL_FAKE_FN FakeConnackAnswer HookPoints::connack(const FakeClient& client, std::uint8_t reason,
                                                   bool session_present) {
  FakeConnackAnswer out;
  const keel_client c = client.c();
  keel_connack_answer answer{};
  answer.size = sizeof answer;
  answer.response_information = sink_into(out.response_information);
  answer.reason_string = sink_into(out.reason_string);
  answer.ctx = &out;
  answer.add_user_property = [](void* ctx, keel_str name, keel_str value) {
    static_cast<FakeConnackAnswer*>(ctx)->user_properties.emplace_back(view(name), view(value));
  };
  out.verdict = chain(KEEL_HOOK_CLIENT_CONNACK, [&](const Hook& hook) {
    return hook.as<keel_connack_fn>()(hook.ctx, &c, reason, session_present ? 1 : 0, &answer);
  });
  out.reason = answer.reason;
  return out;
}

KEEL_FAKE_FN FakeFilterAnswer HookPoints::subscribe(const FakeClient& client,
                                                    const std::string& filter, std::uint8_t qos) {
  return ask_filter(KEEL_HOOK_CLIENT_SUBSCRIBE, client, filter, qos);
}

KEEL_FAKE_FN FakeFilterAnswer HookPoints::unsubscribe(const FakeClient& client,
                                                      const std::string& filter) {
  return ask_filter(KEEL_HOOK_CLIENT_UNSUBSCRIBE, client, filter, 0);
}

KEEL_FAKE_FN FakePublishAnswer HookPoints::publish(const FakeMessage& message) {
  FakePublishAnswer out;
  StoredMessage* now = &store(message);
  out.verdict = chain(KEEL_HOOK_MESSAGE_PUBLISH, [&](const Hook& hook) {
    const FakeMessageView shown(now->message, now->c());
    keel_publish_answer answer{};
    answer.size = sizeof answer;
    const std::int32_t verdict = hook.as<keel_publish_fn>()(hook.ctx, &shown.c, &answer);
    out.reason = answer.reason;
    if (verdict == KEEL_REPLACE && answer.replacement) {
      unref(*now);
      now = &StoredMessage::of(answer.replacement);
    }
    return verdict;
  });
  out.message = now->message;
  unref(*now);
  return out;
}

KEEL_FAKE_FN void HookPoints::notify(keel_hook_point point, const FakeClient* client,
                                     std::string_view topic, std::string_view reason,
                                     std::uint8_t reason_code, const FakeMessage* message,
                                     std::uint8_t qos) {
  keel_event event{};
  event.size = sizeof event;
  event.point = point;
  keel_client c{};
  if (client) {
    c = client->c();
    event.client = &c;
  }
  event.topic = to_c(topic);
  event.reason = to_c(reason);
  event.reason_code = reason_code;
  event.qos = qos;
  const FakeMessage none;
  const FakeMessageView shown(message ? *message : none);
  if (message) event.message = &shown.c;
  for (Hook* hook : hooks_at(point)) {
    if (hook->sample > 1 && hook->seen++ % hook->sample != 0) continue;
    on(hook_shard, [&] { hook->as<keel_event_fn>()(hook->ctx, &event); });
  }
  run();
}

KEEL_FAKE_FN const void* HookPoints::hook_table_for(std::string_view id) {
  if (id == KEEL_EXT_HOOKS) return &hooks_table();
  if (id == KEEL_EXT_AUTH) return &auth_table();
  return nullptr;
}

KEEL_FAKE_FN void HookPoints::end_questions() {
  for (auto& [ticket, question] : questions_) {
    if (!question.settled) settle(question, {.verdict = KEEL_DENY});
  }
  while (!waiting_rechecks_.empty()) end_recheck(0, 0, true);
}

KEEL_FAKE_FN std::vector<Hook*> HookPoints::hooks_at(std::uint32_t point) {
  std::vector<Hook*> out;
  for (Hook* hook : all<Hook>()) {
    if (hook->point == point && hook->owner->phase == Phase::running) out.push_back(hook);
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const Hook* a, const Hook* b) { return a->priority > b->priority; });
  return out;
}

KEEL_FAKE_FN FakeFilterAnswer HookPoints::ask_filter(std::uint32_t point, const FakeClient& client,
                                                     const std::string& filter, std::uint8_t qos) {
  FakeFilterAnswer out;
  const keel_client c = client.c();
  keel_filter_answer answer{};
  answer.size = sizeof answer;
  answer.qos = qos;
  answer.filter = sink_into(out.filter);
  out.verdict = chain(point, [&](const Hook& hook) {
    return hook.as<keel_filter_fn>()(hook.ctx, &c, to_c(filter), &answer);
  });
  if (out.filter.empty()) out.filter = filter;
  out.reason = answer.reason;
  out.qos = answer.qos;
  return out;
}

KEEL_FAKE_FN FakeAnswer HookPoints::ask(Question question) {
  const keel_handle ticket = next_ticket_++;
  question.asked_ms = now_ms();
  Question& kept = questions_[ticket] = std::move(question);
  go_on(ticket, kept);
  run();
  return kept.answer;
}

KEEL_FAKE_FN void HookPoints::go_on(keel_handle ticket, Question& question) {
  const std::vector<Hook*> hooks = hooks_at(question.point);
  while (question.position < hooks.size()) {
    const Hook& hook = *hooks[question.position++];
    FakeAnswer answer = on(hook_shard, [&] { return ask_hook(hook, ticket, question); });
    if (question.settled) return;  // resolved before the hook returned
    if (answer.verdict == KEEL_NEXT) continue;
    if (answer.verdict == KEEL_PENDING) {
      answer.ticket = ticket;
      question.answer = std::move(answer);
      return;
    }
    const bool known = answer.verdict == KEEL_ALLOW || answer.verdict == KEEL_STOP ||
                       (answer.verdict == KEEL_CONTINUE && !question.method.empty());
    if (!known) answer.verdict = KEEL_DENY;
    return settle(question, std::move(answer));
  }
  settle(question, {});
}

KEEL_FAKE_FN FakeAnswer HookPoints::ask_hook(const Hook& hook, keel_handle ticket,
                                             const Question& question) {
  FakeAnswer out;
  const keel_client c = question.client.c();
  if (question.point == KEEL_HOOK_CLIENT_AUTHORIZE) {
    keel_authorize_request request{};
    request.size = sizeof request;
    request.action = question.action;
    request.qos = question.qos;
    request.retain = question.retain ? 1 : 0;
    request.client = &c;
    request.topic = to_c(question.topic);
    out.verdict = hook.as<keel_authorize_fn>()(hook.ctx, &request, ticket);
    return out;
  }
  keel_auth_request request{};
  request.size = sizeof request;
  request.client = &c;
  request.password = to_c(question.client.password);
  request.auth_method = to_c(question.method);
  request.auth_data = to_c(question.data);
  keel_auth_answer answer{};
  answer.size = sizeof answer;
  answer.mountpoint = sink_into(out.mountpoint);
  answer.data = sink_into(out.data);
  out.verdict = hook.as<keel_authenticate_fn>()(hook.ctx, &request, ticket, &answer);
  out.reason = answer.reason;
  out.superuser = answer.superuser != 0;
  out.expiry_s = answer.expiry_s;
  return out;
}

KEEL_FAKE_FN void HookPoints::settle(Question& question, FakeAnswer answer) {
  question.settled = true;
  question.answer = std::move(answer);
}

KEEL_FAKE_FN void HookPoints::expire(Question& question) {
  if (!question.settled && now_ms() - question.asked_ms >= 5000) {
    settle(question, {.verdict = KEEL_DENY});
  }
}

KEEL_FAKE_FN keel_status HookPoints::resolve(keel_handle ticket, std::int32_t verdict,
                                             const keel_auth_attrs* attrs) {
  const auto found = questions_.find(ticket);
  if (found != questions_.end()) expire(found->second);
  if (found == questions_.end() || found->second.settled) {
    return fail(KEEL_E_STALE, "auth.resolve: answered already, or too late");
  }
  if (verdict == KEEL_NEXT) {
    queue(hook_shard, [this, ticket] { go_on(ticket, questions_[ticket]); });
    return KEEL_OK;
  }
  FakeAnswer answer;
  answer.verdict = verdict;
  if (attrs) {
    answer.reason = attrs->reason;
    answer.superuser = attrs->superuser != 0;
    answer.expiry_s = attrs->expiry_s;
    answer.mountpoint = view(attrs->mountpoint);
    answer.data = view(attrs->data);
  }
  settle(found->second, std::move(answer));
  return KEEL_OK;
}

KEEL_FAKE_FN keel_status HookPoints::recheck(std::string_view client_id, keel_recheck_fn done,
                                             void* ctx) {
  ++decisions_forgotten;
  waiting_rechecks_.push_back({rechecks.size(), done, ctx});
  rechecks.push_back({std::string(client_id)});
  if (!hold_rechecks) {
    queue(KEEL_SHARD_CONTROL, [this] {
      if (!waiting_rechecks_.empty()) end_recheck(recheck_asked, recheck_removed, false);
    });
  }
  return KEEL_OK;
}

KEEL_FAKE_FN void HookPoints::end_recheck(std::uint64_t asked, std::uint64_t removed,
                                          bool cancelled) {
  const WaitingRecheck ended = waiting_rechecks_.front();
  waiting_rechecks_.pop_front();
  rechecks[ended.index].done = true;
  if (ended.done) ended.done(ended.ctx, asked, removed, cancelled ? 1 : 0);
}

KEEL_FAKE_FN const keel_ext_hooks& HookPoints::hooks_table() {
  static const keel_ext_hooks table{
      sizeof table, 0,
      [](const keel_host* host, std::uint32_t point, std::int32_t priority, std::uint32_t sample,
         keel_hook_fn fn, void* ctx, keel_handle* out) -> keel_status {
        HookPoints& self = of(host);
        if (const auto status = self.enter(instance(host), "hooks.add", On::control)) {
          return status;
        }
        if (!fn || point < KEEL_HOOK_CLIENT_CONNECT || point > KEEL_HOOK_MESSAGE_DROPPED) {
          return self.fail(KEEL_E_INVAL, "hooks.add: no such hook point");
        }
        auto hook = std::make_unique<Hook>();
        hook->point = point;
        hook->priority = priority;
        hook->sample = sample;
        hook->fn = fn;
        hook->ctx = ctx;
        *out = self.add(instance(host), std::move(hook)).handle;
        return KEEL_OK;
      },
      [](const keel_host* host, keel_handle handle) -> keel_status {
        Hook* hook;
        const auto status =
            of(host).enter_end(instance(host), "hooks.remove", On::control, handle, hook);
        if (status == KEEL_OK) of(host).drop(handle);
        return status;
      }};
  return table;
}

KEEL_FAKE_FN const keel_ext_auth& HookPoints::auth_table() {
  static const keel_ext_auth table{
      sizeof table, 0,
      [](const keel_host* host, keel_handle ticket, std::int32_t verdict,
         const keel_auth_attrs* attrs) -> keel_status {
        if (const auto status = of(host).enter(instance(host), "auth.resolve", On::any)) {
          return status;
        }
        return of(host).resolve(ticket, verdict, attrs);
      },
      [](const keel_host* host) -> keel_status {
        const auto status = of(host).enter(instance(host), "auth.forget_decisions", On::any);
        if (status == KEEL_OK) ++of(host).decisions_forgotten;
        return status;
      },
      [](const keel_host* host, keel_str client_id, keel_recheck_fn done,
         void* ctx) -> keel_status {
        if (const auto status = of(host).enter(instance(host), "auth.recheck", On::any)) {
          return status;
        }
        return of(host).recheck(view(client_id), done, ctx);
      }};
  return table;
}

}  // namespace keel::fake
