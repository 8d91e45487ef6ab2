#include "emqx_auth_jwt/key_set.hpp"

#include <algorithm>

#include "emqx_auth_jwt/base64url.hpp"
#include "emqx_auth_jwt/json_text.hpp"
#include "keel/text.hpp"

namespace jwt {

namespace {

namespace json = boost::json;
using keel::concat;
using keel::Result;
using keel::Status;

constexpr std::size_t kMaxKid = 256;

std::string_view text_of(const json::object& jwk, std::string_view name) {
  const json::string* const found = text_member(jwk, name);
  return found ? view(*found) : std::string_view();
}

// A member in base64url. Nothing: it is missing, empty or no base64url.
std::optional<std::string> bytes_of(const json::object& jwk, std::string_view name) {
  auto bytes = from_base64url(text_of(jwk, name));
  if (bytes && bytes->empty()) bytes.reset();
  return bytes;
}

// Whether the key says that it is for checking signatures, or does not say [RFC 7517 4.2, 4.3].
bool may_verify(const json::object& jwk) {
  if (const json::value* const use = jwk.if_contains("use")) {
    if (!use->is_string() || use->get_string() != "sig") return false;
  }
  const json::value* const operations = jwk.if_contains("key_ops");
  if (!operations) return true;
  const json::array* const list = operations->if_array();
  return list && std::any_of(list->begin(), list->end(), [](const json::value& operation) {
           return operation.is_string() && operation.get_string() == "verify";
         });
}

Result<Key> key_of(const json::object& jwk, Secrets secrets) {
  const std::string_view kty = text_of(jwk, "kty");
  const Status malformed = Status::error("a number in it is missing or no base64url");
  if (kty == "RSA") {
    const auto n = bytes_of(jwk, "n"), e = bytes_of(jwk, "e");
    return n && e ? Key::from_rsa(*n, *e) : malformed;
  }
  if (kty == "EC") {
    const auto x = bytes_of(jwk, "x"), y = bytes_of(jwk, "y");
    return x && y ? Key::from_curve(text_of(jwk, "crv"), *x, *y) : malformed;
  }
  if (kty == "OKP") {
    if (text_of(jwk, "crv") != "Ed25519") return Status::error("its curve is not Ed25519");
    const auto x = bytes_of(jwk, "x");
    return x ? Key::from_ed25519(*x) : malformed;
  }
  if (kty == "oct") {
    if (secrets == Secrets::refuse) return Status::error("secrets are not taken from a URL");
    const auto k = bytes_of(jwk, "k");
    return k ? Key::from_secret(*k) : malformed;
  }
  return Status::error("its kty is none of RSA, EC, OKP, oct");
}

Result<Key> read_key(const json::object& jwk, Secrets secrets) {
  if (!may_verify(jwk)) return Status::error("it is not for checking signatures");
  Result<Key> key = key_of(jwk, secrets);
  if (!key) return key;
  if (const json::value* const alg = jwk.if_contains("alg")) {
    const auto algorithm =
        alg->is_string() ? algorithm_named(view(alg->get_string())) : std::optional<Algorithm>();
    if (!algorithm) return Status::error("its alg is none that signs tokens");
    if (!key->pin({*algorithm})) return Status::error("its alg does not fit its kind");
  }
  if (const json::value* const kid = jwk.if_contains("kid")) {
    if (!kid->is_string() || kid->get_string().size() > kMaxKid) {
      return Status::error(concat("its kid is no text of up to ", kMaxKid, " bytes"));
    }
    key->set_kid(std::string(view(kid->get_string())));
  }
  return key;
}

}  // namespace

bool KeySet::has_kid(std::string_view kid) const {
  return std::any_of(keys_.begin(), keys_.end(), [&](const Key& key) { return key.kid() == kid; });
}

std::vector<const Key*> KeySet::candidates(Algorithm algorithm, std::string_view kid) const {
  const bool known = !kid.empty() && has_kid(kid);
  std::vector<const Key*> out;
  for (const Key& key : keys_) {
    if (!key.algorithms().has(algorithm)) continue;
    if (!kid.empty() && key.kid() != (known ? kid : std::string_view())) continue;
    out.push_back(&key);
    if (out.size() == kMaxCandidates) break;
  }
  return out;
}

Result<ReadKeys> read_key_set(std::string_view text, Secrets secrets, std::string_view source) {
  if (text.size() > kMaxKeySetText) {
    return Status::error(concat("it is larger than ", kMaxKeySetText / 1024, " KiB"));
  }
  std::string why;
  const auto set = read_object(text, why);
  if (!set) return Status::error(why);
  const json::value* const keys = set->if_contains("keys");
  if (!keys || !keys->is_array()) return Status::error("it has no list \"keys\"");
  ReadKeys out;
  for (const json::value& entry : keys->get_array()) {
    if (out.keys.size() == kMaxKeys || out.left_out.size() == kMaxKeys) break;
    const json::object* const jwk = entry.if_object();
    Result<Key> key = jwk ? read_key(*jwk, secrets) : Status::error("it is not a JSON object");
    if (key) {
      key->set_source(std::string(source));
      out.keys.push_back(std::move(*key));
      continue;
    }
    const std::string_view kid = jwk ? text_of(*jwk, "kid") : std::string_view();
    out.left_out.push_back(concat("key ", out.keys.size() + out.left_out.size() + 1,
                                  kid.empty() || kid.size() > kMaxKid ? "" : concat(" '", kid, "'"),
                                  ": ", key.status()));
  }
  if (out.keys.empty()) {
    return Status::error(concat("it has no key that checks tokens",
                                out.left_out.empty() ? "" : concat("; ", out.left_out.front())));
  }
  return out;
}

}  // namespace jwt
