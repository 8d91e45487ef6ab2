// A circuit breaker: after so many failures in a row a server is left alone for a while, then one
// request tries it. Knows no clock; one thread at a time.
#pragma once

#include <cstdint>

namespace auth_http {

class Breaker {
 public:
  enum class State { closed, open, trying };

  // `failures` 0: it never opens.
  Breaker(std::uint32_t failures, std::int64_t open_ms) : limit_(failures), open_ms_(open_ms) {}

  State state() const { return state_; }
  std::int64_t until_ms() const { return until_ms_; }  // of an open one

  // Whether a request may go out now. Each that does ends in one of the calls below.
  bool admits(std::int64_t now_ms) {
    if (state_ == State::closed) return true;
    if (state_ == State::trying || now_ms < until_ms_) return false;
    state_ = State::trying;
    return true;
  }
  void success() {
    failures_ = 0;
    state_ = State::closed;
  }
  void failure(std::int64_t now_ms) {
    if (limit_ == 0) return;
    ++failures_;
    if (state_ != State::trying && failures_ < limit_) return;
    state_ = State::open;
    until_ms_ = now_ms + open_ms_;
  }
  // It ended without saying anything about the server.
  void inconclusive() {
    if (state_ == State::trying) state_ = State::open;
  }

 private:
  std::uint32_t limit_;
  std::int64_t open_ms_;
  State state_ = State::closed;
  std::uint32_t failures_ = 0;
  std::int64_t until_ms_ = 0;
};

}  // namespace auth_http
