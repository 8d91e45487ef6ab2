// What was lost, came twice or came too late, of any number of streams whose messages are numbered
// from 0 and have to arrive in that order. A message that is jumped over is lost until it comes
// after all: then it was reordered.
#pragma once

#include <cstdint>
#include <set>
#include <utility>
#include <vector>

namespace keel::load {

class Ledger {
 public:
  struct Verdict {
    std::uint64_t lost = 0, duplicated = 0, reordered = 0, foreign = 0;
    bool clean() const { return lost + duplicated + reordered + foreign == 0; }
  };

  explicit Ledger(std::size_t streams) : next_(streams) {}

  // A message that is none of ours, or whose bytes are not those that were sent.
  void foreign() { ++foreign_; }
  // True if it is the first time that this message arrives.
  bool arrived(std::size_t stream, std::uint64_t number);
  std::uint64_t distinct() const { return distinct_; }
  // `sent(stream)` messages have been sent in each stream.
  template <class Sent>
  Verdict verdict(const Sent& sent) const {
    Verdict verdict{missing_.size(), duplicated_, reordered_, foreign_};
    for (std::size_t stream = 0; stream < next_.size(); ++stream)
      verdict.lost += sent(stream) - next_[stream];
    return verdict;
  }

 private:
  std::vector<std::uint64_t> next_;  // expected, by stream
  std::set<std::pair<std::size_t, std::uint64_t>> missing_;
  std::uint64_t distinct_ = 0, duplicated_ = 0, reordered_ = 0, foreign_ = 0;
};

}  // namespace keel::load
