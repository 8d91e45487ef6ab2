// One key that tokens are checked with: a secret, or a public key. The kind of the key says which
// algorithms it takes part in, and the settings or the key's own `alg` may leave less of them; what
// a token says never adds one. Immutable once made; any thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "emqx_auth_jwt/algorithm.hpp"
#include "keel/result.hpp"

struct evp_pkey_st;

namespace jwt {

class Key {
 public:
  // For HS256, HS384 and HS512. Refuses an empty secret and one that is really a PEM text: whoever
  // knows that public key could sign.
  static keel::Result<Key> from_secret(std::string_view secret);
  // A public key or certificate in PEM: RSA of 2048 to 8192 bits, P-256, P-384, P-521, Ed25519.
  // Refuses private keys.
  static keel::Result<Key> from_pem(std::string_view pem);
  // The numbers as in a JSON Web Key, decoded.
  static keel::Result<Key> from_rsa(std::string_view n, std::string_view e);
  static keel::Result<Key> from_curve(std::string_view crv, std::string_view x, std::string_view y);
  static keel::Result<Key> from_ed25519(std::string_view x);

  // Leaves only what is in `pinned`; false: nothing is left, and the key is as it was.
  bool pin(Algorithms pinned);

  Algorithms algorithms() const { return algorithms_; }
  const std::string& kid() const { return kid_; }  // empty: none
  void set_kid(std::string kid) { kid_ = std::move(kid); }
  // Where it comes from, for people.
  const std::string& source() const { return source_; }
  void set_source(std::string source) { source_ = std::move(source); }
  // "secret of 32 bytes", "RSA 2048", "P-256", "Ed25519"
  const std::string& kind() const { return kind_; }

  // Whether `signature` is this key's for `signed_text`. In constant time for secrets. At most some
  // microseconds for secrets, up to a millisecond else.
  bool verify(Algorithm algorithm, std::string_view signed_text, std::string_view signature) const;

 private:
  Key() = default;
  static keel::Result<Key> from_pkey(std::shared_ptr<evp_pkey_st> pkey);

  Algorithms algorithms_;
  std::shared_ptr<const std::string> secret_;  // or
  std::shared_ptr<evp_pkey_st> pkey_;
  std::string kid_, source_, kind_;
};

}  // namespace jwt
