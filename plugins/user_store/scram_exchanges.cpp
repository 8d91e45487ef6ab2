#include "user_store/scram_exchanges.hpp"

namespace user_store {

bool ScramExchanges::put(const std::string& connection, ScramExchange exchange,
                         std::int64_t now_ms) {
  if (waiting_.size() >= kMost) {
    std::erase_if(waiting_,
                  [now_ms](const auto& entry) { return entry.second.until_ms <= now_ms; });
    if (waiting_.size() >= kMost) return false;
  }
  waiting_.insert_or_assign(connection, Waiting{std::move(exchange), now_ms + kTimeoutMs});
  return true;
}

std::optional<ScramExchange> ScramExchanges::take(const std::string& connection,
                                                  std::int64_t now_ms) {
  const auto found = waiting_.find(connection);
  if (found == waiting_.end()) return std::nullopt;
  std::optional<ScramExchange> out;
  if (found->second.until_ms > now_ms) out = std::move(found->second.exchange);
  waiting_.erase(found);
  return out;
}

}  // namespace user_store
