#include "user_store/settings_users.hpp"

#include "user_store/crypto.hpp"

namespace user_store {

SettingsUsers::SettingsUsers() : secret_(random_bytes(32)) {}

std::vector<std::string> SettingsUsers::set(const List& users) {
  std::unordered_map<std::string, std::string> fresh;
  for (const auto& [name, password] : users) fresh[name] = keyed_hash(secret_, password);
  std::vector<std::string> changed;
  const std::lock_guard lock(mutex_);
  for (const auto& [name, hash] : hashes_) {
    const auto now = fresh.find(name);
    if (now == fresh.end() || now->second != hash) changed.push_back(name);
  }
  hashes_.swap(fresh);
  return changed;
}

SettingsUsers::Match SettingsUsers::check(std::string_view name, std::string_view password) const {
  const std::lock_guard lock(mutex_);
  if (hashes_.empty()) return Match::unknown;
  const auto found = hashes_.find(std::string(name));
  if (found == hashes_.end()) return Match::unknown;
  return equal(found->second, keyed_hash(secret_, password)) ? Match::right : Match::wrong;
}

bool SettingsUsers::contains(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  return hashes_.contains(std::string(name));
}

std::vector<std::string> SettingsUsers::names() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> out;
  for (const auto& [name, hash] : hashes_) out.push_back(name);
  return out;
}

}  // namespace user_store
