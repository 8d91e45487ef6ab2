// What a token says about itself and its client, once its signature is known to be right. Values;
// any thread.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "emqx_auth_jwt/acl.hpp"
#include "emqx_auth_jwt/refusal.hpp"

namespace jwt {

struct ClaimRules {
  std::vector<std::string> audiences = {};  // one of them must be in `aud`; empty: any, or none
  std::vector<std::string> issuers = {};    // `iss` must be one of them; likewise
  std::vector<std::pair<std::string, std::string>> required = {};  // claim and value, with %u %c
  std::int64_t leeway_ms = 0;
  bool require_exp = false;
  std::string acl_claim = "acl";  // empty: none
  bool superuser = false;         // whether is_superuser counts
};

// What a client has by its token.
struct Accepted {
  std::optional<std::int64_t> expires_ms = {};  // since 1970, leeway included
  bool superuser = false;
  std::optional<Acl> acl = {};
};

// Checks exp, nbf, iat, aud, iss, the required claims and the acl claim, in this order.
std::optional<Accepted> check_claims(std::string_view payload, const ClaimRules& rules,
                                     const Asker& asker, std::int64_t now_ms, Refusal& why);

}  // namespace jwt
