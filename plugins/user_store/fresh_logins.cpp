#include "user_store/fresh_logins.hpp"

namespace user_store {
namespace {

// Longer than the kernel lets a client wait for an answer.
constexpr std::int64_t kForgottenMs = 10'000;
constexpr std::size_t kLookForForgottenAt = 256;

}  // namespace

void FreshLogins::put(const std::string& client_id, Login login) {
  const std::lock_guard lock(mutex_);
  if (logins_.size() >= kLookForForgottenAt) {  // clients that left before they were in
    std::erase_if(logins_, [&](const auto& entry) {
      return entry.second.at_ms + kForgottenMs < login.at_ms;
    });
  }
  logins_.insert_or_assign(client_id, std::move(login));
  count_.store(logins_.size(), std::memory_order_release);
}

std::optional<FreshLogins::Login> FreshLogins::take(const std::string& client_id) {
  if (count_.load(std::memory_order_acquire) == 0) return std::nullopt;
  const std::lock_guard lock(mutex_);
  const auto found = logins_.find(client_id);
  if (found == logins_.end()) return std::nullopt;
  Login out = std::move(found->second);
  logins_.erase(found);
  count_.store(logins_.size(), std::memory_order_release);
  return out;
}

}  // namespace user_store
