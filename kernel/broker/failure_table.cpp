#include "kernel/broker/failure_table.hpp"

#include <string_view>

#include "kernel/base/hash.hpp"

namespace keel::kernel {
namespace {

constexpr unsigned kCountBits = 14, kTimeBits = 28;
constexpr std::uint64_t kCountMask = (1u << kCountBits) - 1, kTimeMask = (1u << kTimeBits) - 1;
constexpr int kTries = 8;  // other shards count at the same time

// 0: no address that could be counted.
std::uint64_t hash_of(const Endpoint& peer) {
  std::size_t size = 0;
  if (peer.family == Endpoint::Family::ip4) size = 4;
  if (peer.family == Endpoint::Family::ip6) size = 8;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(peer.bytes.data()), size);
  return hash_bytes(bytes, hash_seed() ^ 0xfa11) | 1;
}

std::uint64_t tag_of(std::uint64_t cell) { return cell >> (kCountBits + kTimeBits); }
std::uint64_t tag_for(std::uint64_t hash) { return hash >> (kCountBits + kTimeBits); }
std::uint64_t count_of(std::uint64_t cell) { return cell & kCountMask; }

bool live(std::uint64_t cell, std::uint32_t window_s, std::int64_t now_s) {
  const std::uint64_t since = cell >> kCountBits & kTimeMask;
  return cell != 0 && ((static_cast<std::uint64_t>(now_s) - since) & kTimeMask) < window_s;
}

std::uint64_t first_failure(std::uint64_t hash, std::int64_t now_s) {
  return tag_for(hash) << (kCountBits + kTimeBits) |
         (static_cast<std::uint64_t>(now_s) & kTimeMask) << kCountBits | 1;
}

}  // namespace

FailureTable::FailureTable(std::size_t sets)
    : mask_(sets - 1), cells_(std::make_unique<Cell[]>(sets * kWays)) {}

FailureTable::Cell* FailureTable::set_of(std::uint64_t hash) const {
  return &cells_[(hash >> 1 & mask_) * kWays];
}

bool FailureTable::over(const Endpoint& peer, const Limit& limit, std::int64_t now_s) const {
  const std::uint64_t hash = hash_of(peer);
  if (limit.max == 0 || hash == 0) return false;
  const Cell* const set = set_of(hash);
  for (std::size_t i = 0; i < kWays; ++i) {
    const std::uint64_t cell = set[i].load(std::memory_order_relaxed);
    if (tag_of(cell) == tag_for(hash) && count_of(cell) >= limit.max &&
        live(cell, limit.window_s, now_s))
      return true;
  }
  return false;
}

// The address's own cell, else one that is free or over, else the one with the fewest failures.
// Null: all belong to addresses over their limit. `seen`: what the cell held.
FailureTable::Cell* FailureTable::pick(Cell* set, std::uint64_t hash, const Limit& limit,
                                       std::int64_t now_s, std::uint64_t& seen) {
  Cell* best = nullptr;
  std::uint64_t fewest = limit.max;
  for (std::size_t i = 0; i < kWays; ++i) {
    const std::uint64_t cell = set[i].load(std::memory_order_relaxed);
    const bool ours = cell != 0 && tag_of(cell) == tag_for(hash);
    const std::uint64_t failures = live(cell, limit.window_s, now_s) ? count_of(cell) : 0;
    if (!ours && failures >= fewest) continue;
    best = &set[i];
    seen = cell;
    fewest = failures;
    if (ours) break;
  }
  return best;
}

bool FailureTable::note(const Endpoint& peer, const Limit& limit, std::int64_t now_s) {
  const std::uint64_t hash = hash_of(peer);
  if (limit.max == 0 || hash == 0) return false;
  Cell* const set = set_of(hash);
  for (int i = 0; i < kTries; ++i) {
    std::uint64_t seen = 0;
    Cell* const cell = pick(set, hash, limit, now_s, seen);
    if (!cell) return false;
    const bool goes_on =
        seen != 0 && tag_of(seen) == tag_for(hash) && live(seen, limit.window_s, now_s);
    if (goes_on && count_of(seen) == kMaxCount) return false;
    const std::uint64_t next = goes_on ? seen + 1 : first_failure(hash, now_s);
    if (cell->compare_exchange_strong(seen, next, std::memory_order_relaxed))
      return count_of(next) == limit.max;
  }
  return false;
}

}  // namespace keel::kernel
