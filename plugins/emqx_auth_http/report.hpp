// What the plugin tells about itself: metrics, log lines about servers that do not work, numbers
// for `ctl auth_http status`. One for all shards; [any] unless it says otherwise.
#pragma once

#include <array>
#include <atomic>
#include <mutex>
#include <string>

#include "emqx_auth_http/request_form.hpp"
#include "keel/host.hpp"

namespace auth_http {

enum class Kind { auth, super, acl };
constexpr std::size_t kKinds = 3;
const char* name_of(Kind kind);

// Why a question was not sent to a server.
enum class Unasked { cached, breaker, overload, unfit };
constexpr std::size_t kUnaskeds = 4;

class Report {
 public:
  explicit Report(keel::Host& host) : host_(host) {}

  keel::Status start();  // [control]

  void answered(Kind kind, Answer answer, std::int64_t took_ms);
  void unasked(Unasked why) { unasked_[static_cast<std::size_t>(why)].add(); }
  void retried() { retries_.add(); }
  // A request came to nothing. One line in ten seconds is logged, with the number of the others.
  void failed(Kind kind, std::string_view why, std::int64_t now_ms);
  // A shard leaves a server alone, or asks it again.
  void breaker_opened(const std::string& server, std::int64_t open_ms);
  void breaker_closed(const std::string& server);

  // Questions under way on all shards.
  std::atomic<std::uint32_t> pending{0};
  int breakers_open() const { return open_.load(std::memory_order_relaxed); }
  std::string last_failure() const;

 private:
  static constexpr std::int64_t kQuietMs = 10'000;

  keel::Host& host_;
  std::array<std::array<keel::Counter, 4>, kKinds> requests_;
  std::array<keel::Counter, kUnaskeds> unasked_;
  keel::Counter retries_;
  keel::Histogram seconds_;
  std::atomic<int> open_{0};
  mutable std::mutex mutex_;  // what follows; taken for failures only
  std::string last_failure_;
  std::int64_t logged_ms_ = -kQuietMs;
  std::uint64_t unlogged_ = 0;
};

}  // namespace auth_http
