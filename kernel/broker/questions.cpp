// Questions to hooks whose answer may come later: who a client is and what it may do. While one is
// open the packet it is about stays unconsumed and nothing is read; the packet is shown again with
// the answer.
#include <utility>

#include "kernel/base/log.hpp"
#include "kernel/base/utf8.hpp"
#include "kernel/broker/answer_timeout.hpp"
#include "kernel/broker/broker.hpp"
#include "kernel/broker/connection.hpp"

namespace keel::kernel {

namespace {

// What a decision is remembered under: all that the hook was asked about, but who.
DecisionKey decision_key(Action action, std::uint8_t qos, bool retain, Bytes topic) {
  const int options = qos + (retain ? 3 : 0);
  return {topic, static_cast<std::uint8_t>(options + (action == Action::publish ? 0 : 8))};
}

// The same as one text, for what outlives the packet.
std::string kept_key(const DecisionKey& key) {
  std::string text(1, static_cast<char>('0' + key.what));
  return text += key.topic;
}

DecisionKey read_key(std::string_view kept) {
  return {kept.substr(1), static_cast<std::uint8_t>(kept[0] - '0')};
}

// Verdicts that make no sense here deny: only an exchange of AUTH packets can go on, and an answer
// cannot be another delay.
void settle(AuthAnswer& answer, bool enhanced) {
  if (answer.verdict == Verdict::pending || (answer.verdict == Verdict::more && !enhanced))
    answer.verdict = Verdict::deny;
}

}  // namespace

// Who the client is: the answer that came meanwhile, or the hook's. False: it comes later.
bool Connection::ask(AuthRequest request, bool enhanced, AuthAnswer& answer) {
  if (extras_ && extras_->answered) {
    answer = std::move(extras_->answer);
    extras_->answered = false;
    settle(answer, enhanced);
    return true;
  }
  const HookTable& hooks = broker_->hooks();
  const auto& hook = enhanced ? hooks.enhanced_auth : hooks.authenticate;
  if (!hook) return true;
  request.ticket = broker_->new_ticket();
  answer = broker_->call(hook, request);
  if (answer.verdict == Verdict::pending) {
    wait_for_answer(request.ticket.number, {});
    return false;
  }
  settle(answer, enhanced);
  return true;
}

// `connect`: the client is still connecting with this packet. Everything that needs room is in
// ask_authorize(): without hooks this is all that a message pays.
Connection::Allowed Connection::authorize(Action action, std::uint8_t qos, bool retain, Bytes topic,
                                          const ConnectView* connect) {
  if (action == Action::publish && topic.starts_with('$') && reserved_topic(topic))
    return Allowed::no;
  if (superuser_) return Allowed::yes;
  const DecisionKey key = decision_key(action, qos, retain, topic);
  // An answer that came counts, whatever became of the hook.
  if (extras_ && !extras_->answers.empty()) [[unlikely]]
    if (const auto known = extras_->answers.find(kept_key(key)); known != extras_->answers.end())
      return known->second ? Allowed::yes : Allowed::no;
  if (!broker_->hooks().authorize)
    return broker_->settings().mqtt.acl_nomatch_allow ? Allowed::yes : Allowed::no;
  if (const auto known = remembered(key)) return *known ? Allowed::yes : Allowed::no;
  return ask_authorize({action, qos, retain, topic, {}, {}}, connect);
}

Connection::Allowed Connection::ask_authorize(AuthorizeRequest request,
                                              const ConnectView* connect) {
  const DecisionKey key = decision_key(request.action, request.qos, request.retain, request.topic);
  request.client = connect ? hook_client(*connect) : hook_client();
  request.ticket = broker_->new_ticket();
  const Verdict verdict = broker_->call(broker_->hooks().authorize, request);
  if (verdict == Verdict::pending) {
    wait_for_answer(request.ticket.number, kept_key(key));
    return Allowed::later;
  }
  const bool allowed = verdict == Verdict::next ? broker_->settings().mqtt.acl_nomatch_allow
                                                : verdict == Verdict::allow;
  remember(key, allowed);
  return allowed ? Allowed::yes : Allowed::no;
}

std::optional<bool> Connection::remembered(const DecisionKey& key) {
  if (!extras_ || !broker_->settings().mqtt.acl_cache) return std::nullopt;
  extras_->decisions.renew(broker_->rules());
  return extras_->decisions.find(key, link_.shard().now_ms());
}

void Connection::remember(const DecisionKey& key, bool allowed) {
  const MqttSettings& mqtt = broker_->settings().mqtt;
  AuthorizeCache& decisions = extras().decisions;
  if (!mqtt.acl_cache) return decisions.clear();
  decisions.renew(broker_->rules());
  decisions.put(key, allowed, link_.shard().now_ms() + mqtt.acl_cache_ttl_ms, mqtt.acl_cache_size);
}

void Connection::wait_for_answer(std::uint64_t ticket, std::string key) {
  Extras& more = extras();
  more.ticket = ticket;
  more.asked = std::move(key);
  more.asked_rules = broker_->rules();
  broker_->await_answer(ticket, *this);
  pause(kAnswer);
  link_.shard().timers().arm(more.wait, kAnswerTimeoutMs);
}

// The pause is over: a rate debt is paid, or a question got no answer in time, which denies.
void Connection::wait_over() {
  if (const std::uint64_t ticket = extras_->ticket; ticket != 0) {
    std::string name;
    KEEL_LOG(error, "client={} peer={}: a plugin did not answer within {} ms: denied",
             printable(client_name(), name), link_.peer().address(), kAnswerTimeoutMs);
    broker_->abandon_question(ticket);
    resolved(ticket, {.verdict = Verdict::deny, .reason = Reason::server_unavailable});
    return;
  }
  unpause(kRate);
}

// Nobody waits for the answer any more.
void Connection::drop_question() {
  if (!extras_ || extras_->ticket == 0) return;
  extras_->wait.cancel();
  broker_->abandon_question(std::exchange(extras_->ticket, 0));
}

void Connection::resolved(std::uint64_t ticket, AuthAnswer answer) {
  if (!waits_for(ticket) || state_ == State::closing) return;
  Extras& more = *extras_;
  more.ticket = 0;
  more.wait.cancel();
  if (more.asked.empty()) {
    more.answered = true;
    more.answer = std::move(answer);
  } else {
    const bool allowed =
        answer.verdict == Verdict::allow ||
        (answer.verdict == Verdict::next && broker_->settings().mqtt.acl_nomatch_allow);
    // What other rules decided serves this packet, but not the next one.
    if (more.asked_rules == broker_->rules()) remember(read_key(more.asked), allowed);
    more.answers[std::exchange(more.asked, {})] = allowed;
  }
  unpause(kAnswer);
}

// The credential the client came with is good for so long; 0: for ever.
void Connection::limit_life(std::uint32_t expiry_s) {
  if (expiry_s == 0) {
    if (extras_) extras_->life.reset();
    return;
  }
  auto& life = extras().life;
  if (!life)
    life = std::make_unique<Timer>(
        [](void* self) {
          static_cast<Connection*>(self)->disconnect(Reason::maximum_connect_time,
                                                     "credential_expired", true);
        },
        this);
  link_.shard().timers().arm(*life, std::int64_t{expiry_s} * 1000);
}

}  // namespace keel::kernel
