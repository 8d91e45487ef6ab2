// The keys in force, and JSON Web Key Sets (RFC 7517). Immutable once made, shared between shards;
// any thread.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "emqx_auth_jwt/key.hpp"

namespace jwt {

constexpr std::size_t kMaxKeys = 64;        // of one set; what is more is left out
constexpr std::size_t kMaxCandidates = 16;  // that one token is tried with
constexpr std::size_t kMaxKeySetText = 256 * 1024;

class KeySet {
 public:
  KeySet() = default;
  explicit KeySet(std::vector<Key> keys) : keys_(std::move(keys)) {}

  const std::vector<Key>& keys() const { return keys_; }
  bool empty() const { return keys_.empty(); }
  bool has_kid(std::string_view kid) const;

  // The keys that a token of this algorithm and `kid` (empty: none) is tried with: those of that
  // kid, or else those without one; without a kid all. They point into the set.
  std::vector<const Key*> candidates(Algorithm algorithm, std::string_view kid) const;

 private:
  std::vector<Key> keys_;
};

// What a key set had in it.
struct ReadKeys {
  std::vector<Key> keys;
  std::vector<std::string> left_out;  // "key 'x': why", at most kMaxKeys
};
enum class Secrets { accept, refuse };  // keys of kty "oct"

// Keys for other purposes or of unknown kinds are left out, as RFC 7517 wants it; a text that is no
// key set is a failure, one without any usable key too.
keel::Result<ReadKeys> read_key_set(std::string_view text, Secrets secrets,
                                    std::string_view source);

}  // namespace jwt
