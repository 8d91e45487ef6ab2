// The last decisions on what one client may publish and subscribe to, so that hooks are asked once
// a minute and topic. [shard]
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace keel::kernel {

class AuthorizeCache {
 public:
  std::optional<bool> find(std::string_view key, std::int64_t now_ms) const {
    for (const Entry& entry : entries_)
      if (now_ms < entry.until_ms && entry.key == key) return entry.allowed;
    return std::nullopt;
  }
  void put(std::string_view key, bool allowed, std::int64_t now_ms) {
    Entry fresh{std::string(key), now_ms + kKeepMs, allowed};
    if (entries_.size() < kEntries)
      entries_.push_back(std::move(fresh));
    else
      entries_[next_++ % kEntries] = std::move(fresh);
  }
  void clear() { entries_.clear(); }
  // Forgets what was decided by other rules.
  void renew(std::uint32_t rules) {
    if (rules_ != rules) entries_.clear();
    rules_ = rules;
  }

 private:
  static constexpr std::size_t kEntries = 32;
  static constexpr std::int64_t kKeepMs = 60'000;
  struct Entry {
    std::string key;
    std::int64_t until_ms;
    bool allowed;
  };
  std::vector<Entry> entries_;
  std::size_t next_ = 0;
  std::uint32_t rules_ = 0;  // those the entries were decided by
};

}  // namespace keel::kernel
