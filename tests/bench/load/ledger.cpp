#include "ledger.hpp"

namespace keel::load {

bool Ledger::arrived(std::size_t stream, std::uint64_t number) {
  std::uint64_t& next = next_[stream];
  if (number < next) {
    if (missing_.erase({stream, number}) == 0) {
      ++duplicated_;
      return false;
    }
    ++reordered_;
  } else {
    for (; next < number; ++next) missing_.insert({stream, next});
    ++next;
  }
  ++distinct_;
  return true;
}

}  // namespace keel::load
