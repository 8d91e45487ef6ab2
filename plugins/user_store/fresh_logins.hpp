// Clients that were allowed in by a worker but are not connected yet. When a user is deleted or
// changed in that moment, nobody finds the client to disconnect it; so each is looked at once more
// when it is there. Any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

namespace user_store {

class FreshLogins {
 public:
  struct Login {
    std::string name;          // the user
    std::uint64_t generation;  // of the store, before the password was looked at
    std::int64_t at_ms;
  };

  void put(const std::string& client_id, Login login);
  // Null for nearly everybody, and then without a lock.
  std::optional<Login> take(const std::string& client_id);

 private:
  std::atomic<std::size_t> count_{0};
  std::mutex mutex_;  // of what follows
  std::unordered_map<std::string, Login> logins_;
};

}  // namespace user_store
