// Passwords that were right a while ago, so that a storm of reconnecting clients does not cost a
// hash each. Holds no password: only a keyed hash, with a key of this process, of user, stored
// value and password together. Whoever's stored value changes is therefore not found any more. Any
// thread; one mutex, held for a look-up.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace user_store {

class SuccessCache {
 public:
  struct Limits {
    std::size_t entries = 10'000;  // 0: remembers nothing
    std::int64_t ttl_ms = 300'000;
  };

  SuccessCache();

  // What the other functions know a login by.
  std::string key(std::string_view name, std::string_view value, std::string_view password) const;
  bool contains(const std::string& key, std::int64_t now_ms) const;
  void put(const std::string& key, std::int64_t now_ms);
  void set_limits(const Limits& limits);
  std::size_t size() const;

 private:
  struct HashKey {
    std::size_t operator()(const std::string& key) const;
  };
  void drop_oldest();

  const std::string secret_;
  mutable std::mutex mutex_;  // of what follows
  Limits limits_;
  std::unordered_map<std::string, std::int64_t, HashKey> expiry_;  // by key
  std::deque<std::pair<std::string, std::int64_t>> order_;         // oldest first
};

}  // namespace user_store
