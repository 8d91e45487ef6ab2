// How often logins from an address failed lately: a table of fixed size that all shards share
// without locks. IPv6 addresses count by their /64. An address's place depends on the process's
// seed, so nobody can aim at another one's; where places are scarce those with the fewest failures
// make room, and an address that is over its limit never does. Time is an argument, in seconds of a
// monotonic clock. [any]
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "kernel/base/endpoint.hpp"

namespace keel::kernel {

class FailureTable {
 public:
  static constexpr std::uint32_t kMaxCount = 16'383;

  struct Limit {
    std::uint32_t max = 0;  // failures per window; 0: no limit
    std::uint32_t window_s = 0;
  };

  // `sets`: a power of two; each has room for eight addresses.
  explicit FailureTable(std::size_t sets = 4'096);

  // Whether the address has reached its limit in the window that its first failure began.
  bool over(const Endpoint& peer, const Limit& limit, std::int64_t now_s) const;
  // Counts a failure. True: it is the one that reaches the limit.
  bool note(const Endpoint& peer, const Limit& limit, std::int64_t now_s);

 private:
  static constexpr std::size_t kWays = 8;
  // 22 bits of the address's hash, 28 of when the window began, 14 of the count; 0: free.
  using Cell = std::atomic<std::uint64_t>;

  Cell* set_of(std::uint64_t hash) const;
  static Cell* pick(Cell* set, std::uint64_t hash, const Limit& limit, std::int64_t now_s,
                    std::uint64_t& seen);

  std::size_t mask_;
  std::unique_ptr<Cell[]> cells_;
};

}  // namespace keel::kernel
