// Password checks under way: a bounded queue before the worker pool, at most a few jobs in the pool
// at a time, identical questions asked once, answers by ticket. Any thread.
#pragma once

#include <keel/host.hpp>

#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "user_store/fresh_logins.hpp"
#include "user_store/password.hpp"
#include "user_store/success_cache.hpp"
#include "user_store/user_store.hpp"

namespace user_store {

constexpr std::uint8_t kBadPassword = 0x86, kServerBusy = 0x89;

class Checks {
 public:
  struct Limits {
    std::size_t pending = 256;           // checks that wait or run
    std::size_t parallel = 1;            // that run
    ArgonCost cost = {};                 // of new hashes
    std::uint32_t scram_iterations = 0;  // 0: none are made
  };
  struct Counters {
    keel::Counter allowed, wrong, unknown, busy, cached, upgraded;
  };
  // What to compare the password with.
  enum class Against : std::uint8_t {
    store,    // the user's entry
    nothing,  // takes as long as if there were an entry, and is wrong
  };

  Checks(keel::Host& host, UserStore& store);

  keel::Status start();  // [control]
  void stop();           // [control], with nothing under way
  void set_limits(const Limits& limits);
  SuccessCache& cache() { return cache_; }
  const Counters& counters() const { return counters_; }

  // For a hook: Pending, or Deny when too many wait. [shard]
  keel::AuthVerdict ask(Against against, std::string_view name, const keel::AuthRequest& request);
  // Whether the password was right a while ago and nothing has changed. [any]
  bool remembered(std::string_view name, std::string_view value, std::string_view password) const;
  // A client is connected: disconnects it if its user was changed while it was let in. [shard]
  void connected(std::string_view client_id);
  std::size_t pending() const;  // [any]
  // What is stored of a new password: the hash and perhaps a SCRAM verifier. Empty: no memory.
  // [worker]
  std::string make_value(std::string_view password) const;
  Limits limits() const;

 private:
  struct Waiter {
    keel::Ticket ticket;
    std::string client_id;
  };
  struct Check {
    Check() = default;
    Check(const Check&) = delete;
    Check& operator=(const Check&) = delete;
    ~Check();
    Against against = Against::nothing;
    std::string name, password, key;
    std::int64_t since_ms = 0;
    std::vector<Waiter> waiters;
  };
  using CheckPtr = std::shared_ptr<Check>;

  bool join(Against against, std::string_view name, const keel::AuthRequest& request,
            const std::string& key, std::int64_t now_ms);
  void pump();
  void run(const CheckPtr& check);
  void decide(const CheckPtr& check);
  void finish(const CheckPtr& check, bool right, std::uint64_t generation);
  void deny(const CheckPtr& check, std::uint8_t reason);
  void upgrade(const Check& check, const std::string& value);
  std::vector<Waiter> close(const CheckPtr& check);

  keel::Host& host_;
  UserStore& store_;
  SuccessCache cache_;
  FreshLogins fresh_;
  Counters counters_;

  mutable std::mutex mutex_;  // of what follows
  Limits limits_;
  std::deque<CheckPtr> queue_;
  std::unordered_map<std::string, CheckPtr> by_key_;  // waiting or running
  std::size_t running_ = 0;
};

}  // namespace user_store
