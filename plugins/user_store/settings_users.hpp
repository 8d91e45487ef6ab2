// The users that stand in the settings. They are compared with a keyed hash made with a key of this
// process: the settings hold their passwords in the clear anyway. Any thread; one mutex, held for a
// look-up.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace user_store {

class SettingsUsers {
 public:
  enum class Match : std::uint8_t { unknown, wrong, right };
  using List = std::vector<std::pair<std::string, std::string>>;  // names and passwords

  SettingsUsers();

  // Answers the names that were there before and are gone, or have another password.
  std::vector<std::string> set(const List& users);
  Match check(std::string_view name, std::string_view password) const;
  bool contains(std::string_view name) const;
  std::vector<std::string> names() const;

 private:
  const std::string secret_;
  mutable std::mutex mutex_;  // of what follows
  std::unordered_map<std::string, std::string> hashes_;
};

}  // namespace user_store
