// A token as it came: a JSON Web Signature in compact form (RFC 7515, 7519), taken apart but not
// yet believed. Values; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "emqx_auth_jwt/algorithm.hpp"
#include "emqx_auth_jwt/refusal.hpp"

namespace jwt {

struct Token {
  Algorithm algorithm{};
  std::string kid;          // empty: none
  std::string signed_text;  // header.payload, as signed
  std::string payload;      // decoded: the claims as JSON
  std::string signature;    // decoded
};

// Whether a text is meant as a token, however broken: its beginning is that of a JSON object in
// base64url, and it has at least two dots. Passwords look otherwise.
bool looks_like_token(std::string_view text);

// Takes a token apart. Refuses what is longer than `max_size`, is no compact JWS (a JWE, ...), has
// an `alg` that is none of ours, or asks for what is not implemented (crit, b64, zip, enc).
std::optional<Token> read_token(std::string_view text, std::size_t max_size, Refusal& why);

}  // namespace jwt
