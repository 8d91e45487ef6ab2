#include "emqx_auth_jwt/gate.hpp"

#include <algorithm>
#include <utility>

namespace jwt {

namespace {

using keel::Allow;
using keel::AuthVerdict;
using keel::concat;
using keel::Deny;
using keel::Next;
using keel::Pending;
using keel::Status;
using keel::Verdict;

// Tokens before passwords, which cost more; rules of tokens before those for everybody.
constexpr std::int32_t kPriority = 10;
// What a shard checks itself: tokens up to this size, with so many keys. Some 30 us at most.
constexpr std::size_t kMaxSizeHere = 2 * 1024, kMaxKeysHere = 4;

constexpr const char* kTooMany = "too many tokens are being checked";

}  // namespace

Gate::Finding Gate::examine(const Token& token, const std::vector<const Key*>& candidates,
                            const ClaimRules& rules, const Asker& asker, std::int64_t now_ms) {
  Finding out;
  out.genuine = std::any_of(candidates.begin(), candidates.end(), [&](const Key* key) {
    return key->verify(token.algorithm, token.signed_text, token.signature);
  });
  if (out.genuine) {
    out.accepted = check_claims(token.payload, rules, asker, now_ms, out.why);
  } else {
    out.why = {Cause::signature, "its signature is wrong"};
  }
  return out;
}

Gate::Gate(keel::Host& host, PolicyPtr policy, std::function<void(bool)> want_keys)
    : host_(host), want_keys_(std::move(want_keys)) {
  for (std::uint32_t i = 0; i < host_.shards().count(); ++i) {
    shards_.push_back(std::make_unique<Shard>());
    shards_.back()->policy = policy;
  }
}

Status Gate::start() {
  const auto metrics = host_.metrics();
  KEEL_TRY(metrics.counter("auth_jwt_accepted_total", "Tokens accepted").into(accepted_));
  for (std::size_t i = 0; i < refused_.size(); ++i) {
    const std::string label = concat("cause=\"", kCauseNames[i], '"');
    KEEL_TRY(metrics.counter("auth_jwt_refused_total", "Tokens refused", label.c_str())
                 .into(refused_[i]));
  }
  KEEL_TRY(metrics.gauge_of("auth_jwt_pending", "Clients whose token is being checked",
                            [this] { return pending_.load(); }));
  const auto hooks = host_.hooks();
  KEEL_TRY(hooks.on_authenticate(
      kPriority, [this](const keel::AuthRequest& request) { return authenticate(request); }));
  KEEL_TRY(hooks.on_authorize(
      kPriority, [this](const keel::AuthorizeRequest& request) { return authorize(request); }));
  for (const auto point :
       {KEEL_HOOK_SESSION_RESUMED, KEEL_HOOK_CLIENT_CONNECTED, KEEL_HOOK_SESSION_TERMINATED}) {
    KEEL_TRY(hooks.on_event(point, [this](const keel::Event& event) { on_event(event); }));
  }
  return {};
}

void Gate::restore(const std::vector<Handover::Grant>& grants) {
  const std::int64_t now = host_.clock().mono_ms();
  for (const Handover::Grant& grant : grants) {
    shards_[host_.shards().home(grant.client_id)]->grants.restore(
        grant.client_id, grant.peer, std::make_shared<Acl>(grant.rules), now);
  }
}

void Gate::save(std::vector<Handover::Grant>& out) const {
  for (const auto& shard : shards_) {
    shard->grants.each(
        [&](const std::string& client_id, const keel::Address& peer, const Acl& acl) {
          out.push_back({client_id, peer, acl.rules()});
        });
  }
}

void Gate::replace(PolicyPtr policy) {
  for (std::uint32_t i = 0; i < shards_.size(); ++i) {
    const auto take = [this, policy] {
      here().policy = policy;
      here().next_request_ms = 0;
    };
    host_.shards().post(i, take).ignore();
  }
}

void Gate::settle(std::int64_t next_request_ms) {
  for (std::uint32_t i = 0; i < shards_.size(); ++i) {
    host_.shards().post(i, [this, next_request_ms] { settle_here(next_request_ms); }).ignore();
  }
}

Gate::Shard& Gate::here() { return *shards_[host_.shards().current()]; }

AuthVerdict Gate::authenticate(const keel::AuthRequest& request) {
  Shard& shard = here();
  const Options& options = shard.policy->options;
  const keel::Client client = request.client();
  const std::string_view text = options.from_username ? client.username() : request.password();
  if (!looks_like_token(text)) return Next{};
  Question question{{request.ticket(), {std::string(client.client_id())}, client.peer()}};
  if (!options.from_username) {
    question.asker.username = client.username();
    question.asker.has_username = client.has_username();
  }
  Refusal why;
  auto token = read_token(text, options.max_token, why);
  if (!token) return refuse(question.asker, why);
  if (!options.algorithms.has(token->algorithm)) {
    return refuse(question.asker, {Cause::algorithm, concat(algorithm_name(token->algorithm),
                                                            " is not among auth.jwt.algorithms")});
  }
  question.token = std::move(*token);
  return judge(shard, std::move(question));
}

AuthVerdict Gate::judge(Shard& shard, Question question) {
  const PolicyPtr policy = shard.policy;
  const Token& token = question.token;
  auto candidates = policy->keys.candidates(token.algorithm, token.kid);
  if (candidates.empty()) {
    return no_key(shard, std::move(question), *policy,
                  {Cause::key, concat("there is no key for ", algorithm_name(token.algorithm),
                                      token.kid.empty() ? "" : " and its kid")});
  }
  const bool here = is_hmac(token.algorithm) && token.signed_text.size() <= kMaxSizeHere &&
                    candidates.size() <= kMaxKeysHere && question.may_wait;
  if (!here) return examine_by_worker(shard, std::move(question), std::move(candidates));
  Finding finding =
      examine(token, candidates, policy->options.claims, question.asker, host_.clock().wall_ms());
  return conclude(shard, std::move(question), *policy, std::move(finding));
}

AuthVerdict Gate::no_key(Shard& shard, Question question, const Policy& policy, Refusal why) {
  const std::string& kid = question.token.kid;
  const bool rotated = !policy.options.key_set.empty() && !kid.empty() && !policy.keys.has_kid(kid);
  const bool never = is_hmac(question.token.algorithm) && policy.options.key_set_is_url();
  if (never || (!policy.key_set_due && !rotated)) return refuse(question.asker, why);
  const bool wait = question.may_wait && host_.clock().mono_ms() >= shard.next_request_ms;
  if (!wait) {
    if (policy.key_set_due) why = {Cause::unavailable, "the key set could not be read yet"};
    return refuse(question.asker, why);
  }
  if (pending_.fetch_add(1) >= policy.options.max_pending) {
    --pending_;
    return refuse(question.asker, {Cause::unavailable, kTooMany});
  }
  question.may_wait = false;
  shard.waiting.push_back(std::move(question));
  want_keys_(policy.key_set_due);
  return Pending{};
}

AuthVerdict Gate::examine_by_worker(Shard& shard, Question question,
                                    std::vector<const Key*> candidates) {
  const auto asked = std::make_shared<Question>(std::move(question));
  const PolicyPtr policy = shard.policy;  // the candidates are its
  Status queued = KEEL_E_LIMIT;
  if (pending_.fetch_add(1) < policy->options.max_pending) {
    queued = host_.workers().run(
        [asked, policy, candidates = std::move(candidates), now_ms = host_.clock().wall_ms()] {
          return examine(asked->token, candidates, policy->options.claims, asked->asker, now_ms);
        },
        [this, asked, policy](keel::Result<Finding> finding) {
          --pending_;
          if (finding.code() == KEEL_E_STATE) return;  // the plugin is being unloaded
          if (!finding) finding = Finding{.why = {Cause::unavailable, std::string(finding.text())}};
          Shard& home = here();
          const Caller caller = *asked;
          answer(home, caller, conclude(home, std::move(*asked), *policy, std::move(*finding)));
        });
  }
  if (queued) return Pending{};
  --pending_;
  return refuse(asked->asker, {Cause::unavailable, kTooMany});
}

AuthVerdict Gate::conclude(Shard& shard, Question question, const Policy& policy, Finding finding) {
  if (!finding.genuine && finding.why.cause == Cause::signature) {
    return no_key(shard, std::move(question), policy, std::move(finding.why));
  }
  if (!finding.accepted) return refuse(question.asker, finding.why);
  Accepted& accepted = *finding.accepted;
  if (accepted.acl) {
    shard.grants.stage(question.asker.client_id, question.peer,
                       std::make_shared<Acl>(std::move(*accepted.acl)), host_.clock().mono_ms());
  }
  Allow allow{.superuser = accepted.superuser};
  if (accepted.expires_ms && policy.options.disconnect_at_expiry) {
    const std::int64_t left_s = (*accepted.expires_ms - host_.clock().wall_ms() + 999) / 1000;
    allow.expiry_s = static_cast<std::uint32_t>(std::clamp<std::int64_t>(left_s, 1, UINT32_MAX));
  }
  accepted_.add();
  return allow;
}

void Gate::settle_here(std::int64_t next_request_ms) {
  Shard& shard = here();
  shard.next_request_ms = next_request_ms;
  std::deque<Question> waiting;
  waiting.swap(shard.waiting);
  for (Question& question : waiting) {
    --pending_;
    const Caller caller = question;
    answer(shard, caller, judge(shard, std::move(question)));
  }
}

void Gate::answer(Shard& shard, const Caller& caller, const AuthVerdict& verdict) {
  if (verdict.code() == KEEL_PENDING || caller.ticket.answer(verdict)) return;
  shard.grants.unstage(caller.asker.client_id, caller.peer);  // nobody waits any more
}

AuthVerdict Gate::refuse(const Asker& asker, const Refusal& why) {
  refused_[static_cast<std::size_t>(why.cause)].add();
  host_.log().debug("client=", asker.client_id, ": token refused: ", why.text);
  return Deny{reason_code(why.cause)};
}

Verdict Gate::authorize(const keel::AuthorizeRequest& request) {
  const keel::Client client = request.client();
  const Acl* const acl = here().grants.find(client.client_id(), client.peer());
  if (!acl) return Next{};
  const Action action = request.publishing() ? Action::publish : Action::subscribe;
  if (acl->allows(action, request.topic())) return Allow{};
  return Deny{};
}

void Gate::on_event(const keel::Event& event) {
  const auto client = event.client();
  if (!client) return;
  Shard& shard = here();
  if (event.point() == KEEL_HOOK_SESSION_RESUMED) {
    shard.resumed = client->client_id();
  } else if (event.point() == KEEL_HOOK_SESSION_TERMINATED) {
    shard.grants.ended(client->client_id());
  } else if (event.reason_code() == 0) {
    connected(*client);
  } else {
    shard.grants.unstage(client->client_id(), client->peer());
  }
}

// What an earlier token let a session subscribe to, another may not.
void Gate::connected(const keel::Client& client) {
  Shard& shard = here();
  const bool resumed = std::exchange(shard.resumed, {}) == client.client_id();
  const bool changed = shard.grants.connected(client.client_id(), client.peer());
  if (!changed || !resumed) return;
  const Status asked =
      host_.hooks().recheck(client.client_id(), [](std::uint64_t, std::uint64_t) {});
  if (!asked) {
    host_.log().warning("client=", client.client_id(),
                        ": its subscriptions were not checked against its new token: ", asked);
  }
}

}  // namespace jwt
