// The plugin on the data path: answers who may connect and what clients may do by their tokens.
// One Shard object per shard, touched there only; settings and keys reach it as one immutable
// object.
//
// Short tokens signed with a secret are checked at once, which takes microseconds; others by
// workers, and the client waits. So does one whose token names a key that is unknown while a key
// set can be asked for it.
#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "emqx_auth_jwt/grants.hpp"
#include "emqx_auth_jwt/handover.hpp"
#include "emqx_auth_jwt/options.hpp"
#include "emqx_auth_jwt/token.hpp"
#include "keel/host.hpp"

namespace jwt {

class Gate {
 public:
  // `want_keys` asks for the key set to be read, and says whether none has been seen yet; any
  // thread, answered by settle() on every shard.
  Gate(keel::Host& host, PolicyPtr policy, std::function<void(bool)> want_keys);

  // Hooks and metrics. [control], in start()
  keel::Status start();
  // Before start(): the rules of clients that are connected. [control]
  void restore(const std::vector<Handover::Grant>& grants);
  // When no shard runs any more. [control]
  void save(std::vector<Handover::Grant>& out) const;

  // A policy for all shards, from now on. [control]
  void replace(PolicyPtr policy);
  // The key set was read, or will not be before `next_request_ms`: who waits for it is judged by
  // what is there. [control]
  void settle(std::int64_t next_request_ms);

 private:
  // Who asks, and with which token; kept while the question is open.
  struct Caller {
    keel::Ticket ticket;
    Asker asker;
    keel::Address peer;
  };
  struct Question : Caller {
    Token token = {};
    bool may_wait = true;  // for the key set, if that is what it takes
  };
  // What checking a token came to.
  struct Finding {
    bool genuine = false;  // one of the keys has signed it
    std::optional<Accepted> accepted = {};
    Refusal why = {};
  };
  struct Shard {
    PolicyPtr policy;
    Grants grants;
    std::deque<Question> waiting;  // for the key set
    std::int64_t next_request_ms = 0;
    std::string resumed;  // the client whose session goes on; it is connected next
  };

  Shard& here();
  keel::AuthVerdict authenticate(const keel::AuthRequest& request);
  keel::AuthVerdict judge(Shard& shard, Question question);
  // None of the keys there are is the right one.
  keel::AuthVerdict no_key(Shard& shard, Question question, const Policy& policy, Refusal why);
  // The work itself. [any]
  static Finding examine(const Token& token, const std::vector<const Key*>& candidates,
                         const ClaimRules& rules, const Asker& asker, std::int64_t now_ms);
  keel::AuthVerdict examine_by_worker(Shard& shard, Question question,
                                      std::vector<const Key*> candidates);
  keel::AuthVerdict conclude(Shard& shard, Question question, const Policy& policy,
                             Finding finding);
  void settle_here(std::int64_t next_request_ms);
  void answer(Shard& shard, const Caller& caller, const keel::AuthVerdict& verdict);
  keel::AuthVerdict refuse(const Asker& asker, const Refusal& why);
  keel::Verdict authorize(const keel::AuthorizeRequest& request);
  void on_event(const keel::Event& event);
  void connected(const keel::Client& client);

  keel::Host& host_;
  std::function<void(bool)> want_keys_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::atomic<std::uint32_t> pending_{0};  // questions with workers or waiting, of all shards
  keel::Counter accepted_;
  std::array<keel::Counter, kCauseNames.size()> refused_;
};

}  // namespace jwt
