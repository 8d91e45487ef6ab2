// How often client ids went away lately: a table of fixed size, in which the id that began longest
// ago makes room. Belongs to a shard, which sees all of its clients. Time is an argument. [shard]
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include "kernel/base/hash.hpp"
#include "kernel/base/settings.hpp"

namespace keel::kernel {

class FlappingTable {
 public:
  // Counts a disconnect. True: one more than may be within the window that the first one began; the
  // id is forgotten then.
  bool note(std::string_view client_id, const FlappingSettings& settings, std::int64_t now_ms) {
    if (entries_.empty()) entries_.resize(kSets * kWays);
    const std::uint64_t hash = hash_bytes(client_id, hash_seed()) | 1;
    const std::int64_t oldest = now_ms - std::int64_t{settings.window_s} * 1000;
    const auto set = entries_.begin() + static_cast<std::ptrdiff_t>((hash >> 1) % kSets * kWays);
    auto entry = std::find_if(set, set + kWays, [&](const Entry& e) { return e.hash == hash; });
    if (entry == set + kWays)
      entry = std::min_element(
          set, set + kWays, [](const Entry& a, const Entry& b) { return a.since_ms < b.since_ms; });
    if (entry->hash != hash || entry->since_ms <= oldest) *entry = {hash, now_ms, 0};
    if (++entry->count <= settings.max_disconnects) return false;
    *entry = {};
    return true;
  }
  void clear() { entries_ = {}; }

 private:
  static constexpr std::size_t kSets = 4'096, kWays = 4;
  struct Entry {
    std::uint64_t hash = 0;  // 0: free
    std::int64_t since_ms = 0;
    std::uint32_t count = 0;
  };
  std::vector<Entry> entries_;  // none before the first disconnect
};

}  // namespace keel::kernel
