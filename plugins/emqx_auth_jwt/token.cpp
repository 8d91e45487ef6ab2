#include "emqx_auth_jwt/token.hpp"

#include <algorithm>

#include "emqx_auth_jwt/base64url.hpp"
#include "emqx_auth_jwt/json_text.hpp"
#include "keel/text.hpp"

namespace jwt {

namespace {

namespace json = boost::json;
using keel::concat;

constexpr std::size_t kMaxHeader = 2048;  // decoded
constexpr std::size_t kMaxKid = 256;

// Members of the header that would change how the rest is to be read.
bool check_extensions(const json::object& header, Refusal& why) {
  for (const char* name : {"crit", "b64", "zip", "enc"}) {
    if (header.contains(name)) {
      return refuse(why, Cause::malformed,
                    concat("its header has '", name, "', which is not ", "supported"));
    }
  }
  return true;
}

bool read_header(std::string_view part, Token& token, Refusal& why) {
  const auto text = from_base64url(part);
  if (!text) return refuse(why, Cause::malformed, "its header is no base64url");
  if (text->size() > kMaxHeader) return refuse(why, Cause::malformed, "its header is too large");
  std::string wrong;
  const auto header = read_object(*text, wrong);
  if (!header) return refuse(why, Cause::malformed, concat("its header: ", wrong));
  if (!check_extensions(*header, why)) return false;
  const json::string* const alg = text_member(*header, "alg");
  if (!alg) return refuse(why, Cause::malformed, "its header names no algorithm");
  const auto algorithm = algorithm_named(view(*alg));
  if (!algorithm) {
    return refuse(why, Cause::algorithm, "it is not signed by an algorithm that is known here");
  }
  token.algorithm = *algorithm;
  if (const json::value* const kid = header->if_contains("kid")) {
    if (!kid->is_string() || kid->get_string().size() > kMaxKid) {
      return refuse(why, Cause::malformed,
                    concat("its kid is no text of up to ", kMaxKid, " bytes"));
    }
    token.kid = view(kid->get_string());
  }
  return true;
}

}  // namespace

bool looks_like_token(std::string_view text) {
  const auto start = from_base64url(text.substr(0, std::min<std::size_t>(text.find('.'), 4)));
  if (!start || start->size() < 2 || (*start)[0] != '{') return false;
  const char next = (*start)[1];
  const bool object =
      next == '"' || next == '}' || next == ' ' || next == '\t' || next == '\r' || next == '\n';
  return object && std::count(text.begin(), text.end(), '.') >= 2;
}

std::optional<Token> read_token(std::string_view text, std::size_t max_size, Refusal& why) {
  const auto fail = [&](std::string wrong) {
    why = {Cause::malformed, std::move(wrong)};
    return std::nullopt;
  };
  if (text.size() > max_size) return fail(concat("it is longer than ", max_size, " bytes"));
  const auto dots = std::count(text.begin(), text.end(), '.');
  if (dots == 4) return fail("it is encrypted (JWE), which is not supported");
  if (dots != 2) return fail("it has not three parts");
  const std::size_t first = text.find('.'), second = text.find('.', first + 1);
  Token token;
  if (!read_header(text.substr(0, first), token, why)) return std::nullopt;
  auto payload = from_base64url(text.substr(first + 1, second - first - 1));
  if (!payload) return fail("its claims are no base64url");
  auto signature = from_base64url(text.substr(second + 1));
  if (!signature) return fail("its signature is no base64url");
  if (signature->empty()) return fail("it is not signed");
  token.signed_text = text.substr(0, second);
  token.payload = std::move(*payload);
  token.signature = std::move(*signature);
  return token;
}

}  // namespace jwt
