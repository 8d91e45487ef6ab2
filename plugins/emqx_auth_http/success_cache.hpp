// Remembers for a while what a server has allowed, by the whole request that it answered: the same
// words, the password among them, are the same question. What is kept is a keyed hash, of which
// neither the words nor another request with the same hash can be found. One thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <deque>
#include <optional>
#include <unordered_map>

#include "http_client/message.hpp"

namespace auth_http {

class SuccessCache {
 public:
  using Digest = std::array<std::uint8_t, 32>;

  // `ttl_ms` 0: it keeps nothing. The oldest of more than `most` go.
  SuccessCache(std::int64_t ttl_ms, std::size_t most);

  bool on() const { return ttl_ms_ > 0; }
  Digest digest(const keel::http::Request& request) const;
  // Whether it was allowed, and as a superuser.
  std::optional<bool> find(const Digest& digest, std::int64_t now_ms) const;
  void put(const Digest& digest, bool superuser, std::int64_t now_ms);
  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::int64_t until_ms;
    bool superuser;
  };
  struct Hash {
    std::size_t operator()(const Digest& digest) const {
      std::size_t out;
      std::memcpy(&out, digest.data(), sizeof out);
      return out;
    }
  };

  std::int64_t ttl_ms_;
  std::size_t most_;
  std::array<std::uint8_t, 32> key_;
  std::unordered_map<Digest, Entry, Hash> entries_;
  std::deque<Digest> order_;  // the oldest first
};

}  // namespace auth_http
