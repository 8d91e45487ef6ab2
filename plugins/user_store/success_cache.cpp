#include "user_store/success_cache.hpp"

#include <algorithm>
#include <cstring>

#include "user_store/crypto.hpp"

namespace user_store {
namespace {

void append_sized(std::string& out, std::string_view text) {
  const std::uint64_t size = text.size();
  out.append(reinterpret_cast<const char*>(&size), sizeof size).append(text);
}

}  // namespace

SuccessCache::SuccessCache() : secret_(random_bytes(32)) {}

std::size_t SuccessCache::HashKey::operator()(const std::string& key) const {
  std::size_t out = 0;  // the key is a hash already
  std::memcpy(&out, key.data(), std::min(sizeof out, key.size()));
  return out;
}

std::string SuccessCache::key(std::string_view name, std::string_view value,
                              std::string_view password) const {
  std::string input;
  input.reserve(name.size() + value.size() + password.size() + 24);
  append_sized(input, name);
  append_sized(input, value);
  append_sized(input, password);
  std::string out = keyed_hash(secret_, input);
  wipe(input);
  return out;
}

bool SuccessCache::contains(const std::string& key, std::int64_t now_ms) const {
  const std::lock_guard lock(mutex_);
  const auto found = expiry_.find(key);
  return found != expiry_.end() && found->second > now_ms;
}

void SuccessCache::put(const std::string& key, std::int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  while (!order_.empty() && order_.front().second <= now_ms) drop_oldest();
  if (limits_.entries == 0 || limits_.ttl_ms == 0) return;
  const std::int64_t expiry = now_ms + limits_.ttl_ms;
  expiry_.insert_or_assign(key, expiry);
  order_.emplace_back(key, expiry);
  while (order_.size() > limits_.entries) drop_oldest();
}

void SuccessCache::drop_oldest() {
  const auto found = expiry_.find(order_.front().first);
  // A key that was put again meanwhile stands further behind, too.
  if (found != expiry_.end() && found->second == order_.front().second) expiry_.erase(found);
  order_.pop_front();
}

void SuccessCache::set_limits(const Limits& limits) {
  const std::lock_guard lock(mutex_);
  limits_ = limits;
  expiry_.clear();
  order_.clear();
}

std::size_t SuccessCache::size() const {
  const std::lock_guard lock(mutex_);
  return expiry_.size();
}

}  // namespace user_store
