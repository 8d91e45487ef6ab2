#include "emqx_auth_http/asker.hpp"

#include <algorithm>
#include <utility>

namespace auth_http {
namespace {

Facts facts_of(const keel::Client& client) {
  Facts out;
  out.username = client.username();
  out.client_id = client.client_id();
  out.protocol = client.protocol();
  out.address = client.peer().host();
  out.cn = client.verified().cn();
  out.dn = client.verified().dn();
  return out;
}

}  // namespace

Asker::Asker(keel::Host& host, const Setup& setup, Report& report, std::uint32_t shard)
    : host_(host),
      setup_(setup),
      report_(report),
      shard_(shard),
      cache_(setup.cache_ttl_ms, setup.cache_size) {
  const std::optional<RequestForm>* const forms[] = {&setup.auth, &setup.super, &setup.acl};
  for (std::size_t i = 0; i < kKinds; ++i) {
    if (!*forms[i]) continue;
    const keel::http::Url& url = (*forms[i])->url;
    for (std::size_t other = 0; other < i; ++other) {
      if (*forms[other] && (*forms[other])->url.same_server(url)) backends_[i] = backends_[other];
    }
    if (backends_[i]) continue;
    keel::http::ClientOptions options = setup.client;
    options.server = url;
    backends_[i] = std::make_shared<Backend>(
        host, std::move(options), shard, Breaker(setup.breaker_failures, setup.breaker_open_ms));
  }
}

// The clients answer what is under way when they go: nobody is there to hear it.
Asker::~Asker() {
  report_.pending.fetch_sub(static_cast<std::uint32_t>(questions_.size()));
  questions_.clear();
}

keel::AuthVerdict Asker::authenticate(const keel::AuthRequest& request) {
  const keel::Client client = request.client();
  Facts facts = facts_of(client);
  const Params& params = setup_.auth->params;
  const bool certified =
      (!facts.cn.empty() || !facts.dn.empty()) && (params.uses('C') || params.uses('d'));
  if (!client.has_username() && !client.has_password() && !certified && !setup_.ask_anonymous) {
    return keel::Next{};
  }
  facts.password = request.password();
  Question question;
  auto filled = setup_.auth->fill(facts);
  if (!filled) {
    report_.unasked(Unasked::unfit);
    return keel::Deny{kBadUserNameOrPassword};
  }
  question.request = std::move(*filled);
  if (cache_.on()) {
    question.digest = cache_.digest(question.request);
    if (const auto superuser = cache_.find(*question.digest, now_ms())) {
      report_.unasked(Unasked::cached);
      return keel::Allow{.superuser = *superuser};
    }
  }
  if (setup_.super) {
    if (auto super = setup_.super->fill(facts)) question.super = std::move(*super);
  }
  if (hopeless(Kind::auth)) {
    if (setup_.ignore_failures) return keel::Next{};
    return keel::Deny{kServerUnavailable};
  }
  question.ticket = request.ticket();
  question.kind = Kind::auth;
  open(std::move(question));
  return keel::Pending{};
}

keel::Verdict Asker::authorize(const keel::AuthorizeRequest& request) {
  Facts facts = facts_of(request.client());
  facts.topic = request.topic();
  facts.publishing = request.publishing();
  auto filled = setup_.acl->fill(facts);
  if (!filled) {
    report_.unasked(Unasked::unfit);
    return keel::Deny{};
  }
  if (hopeless(Kind::acl)) {
    if (setup_.ignore_failures) return keel::Next{};
    return keel::Deny{};
  }
  Question question;
  question.ticket = request.ticket();
  question.kind = Kind::acl;
  question.request = std::move(*filled);
  open(std::move(question));
  return keel::Pending{};
}

void Asker::hold(const std::shared_ptr<keel::DrainDone>& drained) {
  for (auto& [id, question] : questions_) question.drained = drained;
}

bool Asker::hopeless(Kind kind) {
  if (report_.pending.fetch_add(1) >= setup_.max_pending) {
    report_.pending.fetch_sub(1);
    report_.unasked(Unasked::overload);
    report_.failed(kind, "auth.http.max_pending questions are under way, another one has failed",
                   now_ms());
    return true;
  }
  if (of(kind).breaker.admits(now_ms())) return false;
  report_.pending.fetch_sub(1);
  report_.unasked(Unasked::breaker);
  return true;
}

// It counts as pending, and its breaker has admitted the first request.
void Asker::open(Question question) {
  const Id id = next_id_++;
  question.deadline_ms = now_ms() + kBudgetMs;
  questions_.emplace(id, std::move(question));
  send(id);
}

void Asker::send(Id id) {
  Question& question = questions_.at(id);
  question.sent_ms = now_ms();
  ++question.attempts;
  keel::http::Request request = question.request;
  const std::int64_t left = std::max(question.deadline_ms - question.sent_ms, Retry::kLeastMs);
  request.timeout_ms =
      static_cast<std::uint32_t>(std::min<std::int64_t>(left, setup_.client.request_timeout_ms));
  of(question.kind)
      .client.send(
          std::move(request),
          [this, id](const keel::Result<keel::http::Response>& result) { on_result(id, result); });
}

void Asker::on_result(Id id, const keel::Result<keel::http::Response>& result) {
  const auto found = questions_.find(id);
  if (found == questions_.end()) return;
  Question& question = found->second;
  const Judgement judged = understand(question.kind, result, now_ms() - question.sent_ms);
  if (judged.answer == Answer::failure) {
    if (!retry(id, question)) failed(id, question);
    return;
  }
  if (judged.answer == Answer::allow && question.kind == Kind::auth) return allowed(id, question);
  if (question.kind == Kind::super) {
    const bool superuser = judged.answer == Answer::allow;
    if (question.digest) cache_.put(*question.digest, superuser, now_ms());
    return settle(
        id, [&](const keel::Ticket& ticket) { return ticket.allow({.superuser = superuser}); });
  }
  const std::uint8_t reason = question.kind == Kind::auth ? judged.reason : 0;
  settle(id, [&](const keel::Ticket& ticket) {
    if (judged.answer == Answer::ignore) return ticket.next();
    return judged.answer == Answer::allow ? ticket.allow() : ticket.deny(reason);
  });
}

// What the answer means, told to the breaker, the metrics and the log.
Judgement Asker::understand(Kind kind, const keel::Result<keel::http::Response>& result,
                            std::int64_t took_ms) {
  if (!result && result.code() != KEEL_E_IO) {  // nothing was sent: it is being unloaded, or full
    of(kind).breaker.inconclusive();
    if (result.code() != KEEL_E_STATE) report_.failed(kind, result.text(), now_ms());
    return {};
  }
  const Judgement judged = result ? judge(*result) : Judgement{};
  report_.answered(kind, judged.answer, took_ms);
  note(kind, judged.answer != Answer::failure);
  if (judged.answer == Answer::failure) {
    const std::string answered = result
                                     ? keel::concat(of(kind).server, ": answers ", result->status,
                                                    "; a yes is 200, a no is 4xx")
                                     : std::string(result.text());
    report_.failed(kind, answered, now_ms());
  }
  return judged;
}

void Asker::note(Kind kind, bool works) {
  Backend& backend = of(kind);
  works ? backend.breaker.success() : backend.breaker.failure(now_ms());
  const bool alone = backend.breaker.state() != Breaker::State::closed;
  if (backend.left_alone.exchange(alone) == alone) return;
  if (alone) {
    report_.breaker_opened(backend.server, setup_.breaker_open_ms);
  } else {
    report_.breaker_closed(backend.server);
  }
}

bool Asker::retry(Id id, Question& question) {
  const auto wait = setup_.retry.wait_ms(question.attempts, now_ms(), question.deadline_ms);
  if (!wait || of(question.kind).breaker.state() != Breaker::State::closed) return false;
  auto timer = host_.timers().after(
      static_cast<std::uint32_t>(*wait),
      [this, id] {
        const auto found = questions_.find(id);
        if (found == questions_.end()) return;
        Question& again = found->second;
        if (!of(again.kind).breaker.admits(now_ms())) return failed(id, again);
        report_.retried();
        send(id);
      },
      shard_);
  if (!timer) return false;
  question.retry = std::move(*timer);
  return true;
}

// No server could tell. Of a superuser that means: none.
void Asker::failed(Id id, Question& question) {
  const Kind kind = question.kind;
  settle(id, [&](const keel::Ticket& ticket) {
    if (kind == Kind::super) return ticket.allow();
    if (setup_.ignore_failures) return ticket.next();
    return ticket.deny(kind == Kind::auth ? kServerUnavailable : 0);
  });
}

void Asker::allowed(Id id, Question& question) {
  const bool ask = question.super && of(Kind::super).breaker.admits(now_ms());
  if (ask) {
    question.kind = Kind::super;
    question.request = std::move(*question.super);
    question.attempts = 0;
    return send(id);
  }
  if (!setup_.super && question.digest) cache_.put(*question.digest, false, now_ms());
  settle(id, [](const keel::Ticket& ticket) { return ticket.allow(); });
}

// Whoever asked may have left, or waited too long: then nobody hears the answer.
template <class F>
void Asker::settle(Id id, F&& answer) {
  const auto found = questions_.find(id);
  const keel::Ticket ticket = found->second.ticket;
  questions_.erase(found);
  report_.pending.fetch_sub(1);
  answer(ticket).ignore();
}

}  // namespace auth_http
