// Rules have changed: subscriptions that exist are put before the authorize hook again. Walks go
// through the sessions some hundred subscriptions at a turn, so that nobody waits for them; one
// through all is under way at a time, and those asked for meanwhile share the next one. The few
// clients named one by one, and those that come back after rules changed, go first.
#include <algorithm>
#include <deque>
#include <utility>

#include "kernel/base/log.hpp"
#include "kernel/base/utf8.hpp"
#include "kernel/broker/broker.hpp"
#include "kernel/broker/connection.hpp"

namespace keel::kernel {

namespace {

constexpr std::size_t kSlice = 256;       // subscriptions, or sessions without any, of one turn
constexpr std::size_t kMostPending = 64;  // answers waited for at a time

}  // namespace

struct Broker::RecheckWalk {
  struct Request {
    std::shared_ptr<RecheckProgress> progress;
    std::function<void()> done;
  };

  // The session it is in; null: none, or that one is gone.
  Session* current(const SessionStore& sessions) const {
    Session* const session = sessions.at(slot);
    return session && session->number == number ? session : nullptr;
  }
  bool cancelled() const {
    return !requests.empty() && std::ranges::all_of(requests, [](const Request& request) {
      return request.progress->cancelled.load(std::memory_order_relaxed);
    });
  }
  void count(std::uint64_t asked, std::uint64_t removed) const {
    for (const Request& request : requests) {
      request.progress->asked.fetch_add(asked, std::memory_order_relaxed);
      request.progress->removed.fetch_add(removed, std::memory_order_relaxed);
    }
  }
  void end_if_over() {
    if (!walked || pending != 0) return;
    for (const Request& request : std::exchange(requests, {})) request.done();
  }

  std::vector<Request> requests;  // empty: of a client that came back
  std::string client_id;          // empty: of all
  std::uint32_t next_slot = 0;    // the session to go on with
  bool more = true;               // there may be one
  std::uint32_t slot = 0;         // the session it is in,
  std::uint64_t number = 0;       // with its number,
  std::size_t left = 0;           // and how many of its subscriptions, from the first on, are left
  std::size_t pending = 0;        // answers it waits for
  bool walked = false;
};

struct Broker::Rechecks {
  std::deque<std::shared_ptr<RecheckWalk>> clients;
  std::shared_ptr<RecheckWalk> all, all_next;
  std::size_t pending = 0;
  bool posted = false;

  std::shared_ptr<RecheckWalk> first() const { return clients.empty() ? all : clients.front(); }
  void drop(const std::shared_ptr<RecheckWalk>& walk) {
    if (walk == all)
      all = std::move(all_next);
    else
      clients.pop_front();
  }
};

void Broker::recheck(std::string_view client_id, std::shared_ptr<RecheckProgress> progress,
                     std::function<void()> done) {
  forget_decisions();
  if (!rechecks_) rechecks_ = std::make_shared<Rechecks>();
  RecheckWalk::Request request{std::move(progress), std::move(done)};
  if (client_id.empty()) {
    ++recheck_count_;
    auto& walk = rechecks_->all ? rechecks_->all_next : rechecks_->all;
    if (!walk) walk = std::make_shared<RecheckWalk>();
    walk->requests.push_back(std::move(request));
    return recheck_later();
  }
  if (Session* const session = sessions_.find(client_id)) session->rechecked = recheck_count_ - 1;
  recheck_client(client_id);
  rechecks_->clients.back()->requests.push_back(std::move(request));
}

// A client is back. What was decided about its subscriptions meanwhile was without its address.
void Broker::recheck_resumed(const Session& session) {
  if (session.rechecked != recheck_count_) recheck_client(session.client_id);
}

void Broker::recheck_client(std::string_view client_id) {
  auto walk = std::make_shared<RecheckWalk>();
  walk->client_id = client_id;
  rechecks_->clients.push_back(std::move(walk));
  recheck_later();
}

void Broker::recheck_later() {
  Rechecks& state = *rechecks_;
  if (state.posted || !state.first() || state.pending >= kMostPending) return;
  state.posted = true;
  shard_.post([this] { recheck_some(); });
}

void Broker::recheck_some() {
  Rechecks& state = *rechecks_;
  state.posted = false;
  std::size_t budget = kSlice;
  while (const auto walk = state.first()) {
    walk->walked = walk->cancelled();
    for (; !walk->walked && budget != 0 && state.pending < kMostPending; --budget) {
      Session* const session = walk->current(sessions_);
      if (session) walk->left = std::min(walk->left, session->subscriptions.size());
      if (!session || walk->left == 0)
        go_to_next(*walk);
      else
        ask_again(walk, *session, session->subscriptions[--walk->left]);
    }
    if (!walk->walked) break;
    state.drop(walk);
    walk->end_if_over();
  }
  recheck_later();
}

void Broker::go_to_next(RecheckWalk& walk) {
  walk.walked = !walk.more;
  if (walk.walked) return;
  const auto enter = [&](Session& session) {
    walk.slot = session.self.slot();
    walk.number = session.number;
    walk.left = session.subscriptions.size();
    if (!session.connection) return;
    session.rechecked = recheck_count_;
    if (session.connection->superuser_) walk.left = 0;
  };
  if (walk.client_id.empty()) {
    walk.next_slot = sessions_.each(walk.next_slot, 1, enter);
  } else if (Session* const session = sessions_.find(walk.client_id)) {
    enter(*session);
  }
  walk.more = walk.next_slot != 0;
}

// As SUBSCRIBE asked, but that its cache is neither looked at nor filled.
void Broker::ask_again(const std::shared_ptr<RecheckWalk>& walk, Session& session,
                       FilterId filter) {
  const auto options = realm_.subscriptions.find(filter, session.self);
  std::string text = realm_.subscriptions.text(filter);
  ParsedFilter parsed;
  if (!options || parse_filter(text, 0, 0, parsed) != FilterError::none) return;
  walk->count(1, 0);
  metrics().add(Metric::subscriptions_rechecked);
  if (!hooks_->authorize) {
    if (!settings_->mqtt.acl_nomatch_allow) revoke(*walk, session, filter, text);
    return;
  }
  const AuthorizeRequest request{
      Action::subscribe,    options->qos, false, parsed.filter.substr(session.mount().size()),
      hook_client(session), new_ticket()};
  const Verdict verdict = call(hooks_->authorize, request);
  if (verdict != Verdict::pending) {
    if (!allowed(verdict)) revoke(*walk, session, filter, text);
    return;
  }
  ++walk->pending;
  ++rechecks_->pending;
  await_verdict(request.ticket, session,
                [this, walk, slot = session.self.slot(), number = session.number, filter,
                 text = std::move(text)](Verdict answer) {
                  --walk->pending;
                  --rechecks_->pending;
                  Session* const then = sessions_.at(slot);
                  if (then && then->number == number) judge(*walk, *then, filter, text, answer);
                  walk->end_if_over();
                  recheck_later();
                });
}

// An answer that came later: the subscription may be gone, its number may stand for another filter.
void Broker::judge(RecheckWalk& walk, Session& session, FilterId filter, const std::string& text,
                   Verdict answer) {
  if (answer == Verdict::pending) return recheck_client(session.client_id);  // its client left
  if (allowed(answer) || !realm_.subscriptions.find(filter, session.self) ||
      realm_.subscriptions.text(filter) != text)
    return;
  revoke(walk, session, filter, text);
}

// The session may be gone afterwards.
void Broker::revoke(RecheckWalk& walk, Session& session, FilterId filter, std::string_view text) {
  walk.count(0, 1);
  metrics().add(Metric::subscriptions_revoked);
  std::string name, shown;
  KEEL_LOG(info, "client={}: subscription to '{}' removed: not authorized any more",
           printable(session.client_id, name), printable(text, shown));
  end_subscription(session, filter, "not_authorized");
  if (settings_->mqtt.acl_deny_disconnect && session.connection)
    session.connection->disconnect(Reason::not_authorized, "not_authorized", true);
}

}  // namespace keel::kernel
