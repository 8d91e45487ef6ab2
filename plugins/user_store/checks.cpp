#include "user_store/checks.hpp"

#include <new>

#include "user_store/crypto.hpp"
#include "user_store/scram.hpp"

namespace user_store {
namespace {

// The kernel waits five seconds for an answer; what waited so long in the queue is not worth a hash
// any more.
constexpr std::int64_t kMostWaitMs = 3'500;

}  // namespace

Checks::Check::~Check() { wipe(password); }

Checks::Checks(keel::Host& host, UserStore& store) : host_(host), store_(store) {}

keel::Status Checks::start() {
  const keel::Metrics metrics = host_.metrics();
  constexpr const char* kName = "auth_checks_total";
  constexpr const char* kHelp = "Password checks by result";
  Counters& c = counters_;
  KEEL_TRY(metrics.counter(kName, kHelp, "result=\"allowed\"").into(c.allowed));
  KEEL_TRY(metrics.counter(kName, kHelp, "result=\"wrong\"").into(c.wrong));
  KEEL_TRY(metrics.counter(kName, kHelp, "result=\"unknown\"").into(c.unknown));
  KEEL_TRY(metrics.counter(kName, kHelp, "result=\"busy\"").into(c.busy));
  KEEL_TRY(
      metrics.counter("auth_cache_hits_total", "Logins allowed without a hash").into(c.cached));
  KEEL_TRY(metrics.counter("auth_upgraded_hashes_total", "Old hashes replaced after a login")
               .into(c.upgraded));
  return metrics.gauge_of("auth_pending", "Password checks that wait or run",
                          [this] { return pending(); });
}

void Checks::stop() {
  counters_ = {};
  const std::lock_guard lock(mutex_);
  queue_.clear();
  by_key_.clear();
  running_ = 0;
}

void Checks::set_limits(const Limits& limits) {
  const std::lock_guard lock(mutex_);
  limits_ = limits;
}

Checks::Limits Checks::limits() const {
  const std::lock_guard lock(mutex_);
  return limits_;
}

std::size_t Checks::pending() const {
  const std::lock_guard lock(mutex_);
  return by_key_.size();
}

bool Checks::remembered(std::string_view name, std::string_view value,
                        std::string_view password) const {
  return cache_.contains(cache_.key(name, value, password), host_.clock().mono_ms());
}

keel::AuthVerdict Checks::ask(Against against, std::string_view name,
                              const keel::AuthRequest& request) {
  // An identical question, if one is open, is answered together with this one.
  const std::string key =
      cache_.key(name, against == Against::store ? "+" : "-", request.password());
  const std::int64_t now_ms = host_.clock().mono_ms();
  if (!join(against, name, request, key, now_ms)) {
    counters_.busy.add();
    return keel::Deny{kServerBusy};
  }
  pump();
  return keel::Pending{};
}

bool Checks::join(Against against, std::string_view name, const keel::AuthRequest& request,
                  const std::string& key, std::int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  auto found = by_key_.find(key);
  if (found == by_key_.end()) {
    if (by_key_.size() >= limits_.pending) return false;
    auto check = std::make_shared<Check>();
    check->against = against;
    check->name = name;
    check->password = request.password();
    check->key = key;
    check->since_ms = now_ms;
    queue_.push_back(check);
    found = by_key_.emplace(key, std::move(check)).first;
  }
  found->second->waiters.push_back({request.ticket(), std::string(request.client().client_id())});
  return true;
}

// Gives the pool as much as it may have.
void Checks::pump() {
  for (;;) {
    CheckPtr next;
    {
      const std::lock_guard lock(mutex_);
      if (queue_.empty() || running_ >= limits_.parallel) return;
      next = std::move(queue_.front());
      queue_.pop_front();
      ++running_;
    }
    const keel::Status given = host_.workers().run([this, next] { run(next); }, [] {});
    if (given) continue;
    {
      const std::lock_guard lock(mutex_);
      --running_;
    }
    deny(next, kServerBusy);
  }
}

void Checks::run(const CheckPtr& check) {
  try {
    decide(check);
  } catch (const std::bad_alloc&) {
    deny(check, kServerBusy);
  }
  {
    const std::lock_guard lock(mutex_);
    --running_;
  }
  pump();
}

void Checks::decide(const CheckPtr& check) {
  const std::uint64_t generation = store_.generation();
  if (host_.clock().mono_ms() - check->since_ms > kMostWaitMs) {
    deny(check, kServerBusy);
  } else if (check->against == Against::nothing) {
    make_argon2id(check->password, limits().cost);
    finish(check, false, generation);
  } else {
    const std::optional<std::string> value = store_.find(check->name);
    const bool right = value && verify(UserValue(*value).hash(), check->password);
    if (right) {
      cache_.put(cache_.key(check->name, *value, check->password), host_.clock().mono_ms());
    }
    finish(check, right, generation);
    if (right) upgrade(*check, *value);
  }
}

// From here on nobody joins the check.
std::vector<Checks::Waiter> Checks::close(const CheckPtr& check) {
  const std::lock_guard lock(mutex_);
  by_key_.erase(check->key);
  return std::move(check->waiters);
}

void Checks::finish(const CheckPtr& check, bool right, std::uint64_t generation) {
  // A ticket may have run out, or its client have left: then there is nobody to tell.
  for (const Waiter& waiter : close(check)) {
    (right ? counters_.allowed : counters_.wrong).add();
    if (right) {
      fresh_.put(waiter.client_id, {check->name, generation, host_.clock().mono_ms()});
      waiter.ticket.allow().ignore();
    } else {
      waiter.ticket.deny(kBadPassword).ignore();
    }
  }
}

void Checks::deny(const CheckPtr& check, std::uint8_t reason) {
  for (const Waiter& waiter : close(check)) {
    counters_.busy.add();
    waiter.ticket.deny(reason).ignore();
  }
}

void Checks::connected(std::string_view client_id) {
  const auto login = fresh_.take(std::string(client_id));
  if (login && store_.changed_since(login->generation, login->name)) {
    host_.clients().kick(client_id).ignore();
  }
}

std::string Checks::make_value(std::string_view password) const {
  const Limits now = limits();
  const std::string hash = make_argon2id(password, now.cost);
  if (hash.empty() || now.scram_iterations == 0) return hash;
  const ScramVerifier scram = ScramVerifier::make(password, random_bytes(16), now.scram_iterations);
  return UserValue::join(hash, scram.stored_key.empty() ? std::string() : scram.to_text());
}

// The password is known only now: replaces an old hash, and what SCRAM needs if that is wanted
// otherwise by now.
void Checks::upgrade(const Check& check, const std::string& value) {
  const Limits now = limits();
  const UserValue parts(value);
  const auto scram = ScramVerifier::parse(parts.scram());
  const bool same_scram = (scram ? scram->iterations : 0) == now.scram_iterations;
  if (!outdated(parts.hash(), now.cost) && same_scram) return;
  std::string better = make_value(check.password);
  if (better.empty()) return;
  cache_.put(cache_.key(check.name, better, check.password), host_.clock().mono_ms());
  store_.submit({.kind = UserStore::Change::Kind::upgrade,
                 .name = check.name,
                 .value = std::move(better),
                 .expected = value,
                 .done = [this](UserStore::Outcome outcome, std::string_view) {
                   if (outcome == UserStore::Outcome::done) counters_.upgraded.add();
                 }});
}

}  // namespace user_store
