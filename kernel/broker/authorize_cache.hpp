// The last decisions on what one client may publish and subscribe to, so that hooks are asked once
// a minute and topic, or as the settings say. A hit costs no allocation, and a hash of the topic
// only where that is another one than the last. [shard]
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/base/hash.hpp"

namespace keel::kernel {

// What a decision is about, but who. The topic is a view.
struct DecisionKey {
  std::string_view topic;
  std::uint8_t what = 0;  // action, QoS and retain flag as one number

  std::uint64_t hash() const { return hash_bytes(topic, hash_seed() + what); }
};

class AuthorizeCache {
 public:
  std::optional<bool> find(const DecisionKey& key, std::int64_t now_ms) {
    if (last_ < entries_.size() && entries_[last_].answers(key, now_ms))
      return entries_[last_].allowed;
    const std::uint64_t hash = key.hash();
    for (std::size_t i = 0; i < hashes_.size(); ++i) {
      if (hashes_[i] != hash || !entries_[i].answers(key, now_ms)) continue;
      last_ = i;
      return entries_[i].allowed;
    }
    return std::nullopt;
  }
  // In the place of what was decided about the same, else of the oldest when there are `most`.
  void put(const DecisionKey& key, bool allowed, std::int64_t until_ms, std::size_t most) {
    if (hashes_.size() > most) clear();
    const std::uint64_t hash = key.hash();
    std::size_t at = 0;
    while (at < hashes_.size() && hashes_[at] != hash) ++at;
    if (at == hashes_.size() && at < most) {
      hashes_.emplace_back();
      entries_.emplace_back();
    } else if (at == hashes_.size()) {
      at = next_++ % most;
    }
    hashes_[at] = hash;
    entries_[at] = {std::string(key.topic), until_ms, key.what, allowed};
  }
  void clear() {
    hashes_.clear();
    entries_.clear();
  }
  // Forgets what was decided by other rules.
  void renew(std::uint32_t rules) {
    if (rules_ != rules) clear();
    rules_ = rules;
  }

 private:
  struct Entry {
    std::string topic;
    std::int64_t until_ms = 0;
    std::uint8_t what = 0;
    bool allowed = false;
    bool answers(const DecisionKey& key, std::int64_t now_ms) const {
      return now_ms < until_ms && what == key.what && topic == key.topic;
    }
  };
  std::vector<std::uint64_t> hashes_;  // of the entries, side by side: what a lookup reads
  std::vector<Entry> entries_;
  std::size_t next_ = 0;
  std::size_t last_ = 0;     // that was found
  std::uint32_t rules_ = 0;  // those the entries were decided by
};

}  // namespace keel::kernel
