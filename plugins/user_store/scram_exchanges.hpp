// The SCRAM exchanges that wait for the client's final message, of one shard and used on it only:
// no locks. Bounded; one that is not gone on with in time is forgotten.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

#include "user_store/scram.hpp"

namespace user_store {

class ScramExchanges {
 public:
  static constexpr std::size_t kMost = 4096;
  static constexpr std::int64_t kTimeoutMs = 30'000;

  // False: too many are under way.
  bool put(const std::string& connection, ScramExchange exchange, std::int64_t now_ms);
  // The exchange, which thereby ends here; null: there is none (any more).
  std::optional<ScramExchange> take(const std::string& connection, std::int64_t now_ms);
  void forget(const std::string& connection) { waiting_.erase(connection); }
  std::size_t size() const { return waiting_.size(); }

 private:
  struct Waiting {
    ScramExchange exchange;
    std::int64_t until_ms;
  };
  std::unordered_map<std::string, Waiting> waiting_;
};

}  // namespace user_store
