#include "emqx_auth_jwt/claims.hpp"

#include <algorithm>
#include <cmath>

#include "keel/text.hpp"

namespace jwt {

namespace {

namespace json = boost::json;
using keel::concat;

constexpr double kMaxSeconds = 1e12;       // beyond it are milliseconds by mistake
constexpr std::size_t kMaxValue = 65'536;  // of a required claim with %u and %c put in

// A time in seconds since 1970, whole or not. False: it is there, but no time.
bool read_time(const json::object& claims, const char* name, std::optional<std::int64_t>& out_ms,
               Refusal& why) {
  const json::value* const found = claims.if_contains(name);
  if (!found) return true;
  const double seconds = found->is_number() ? found->to_number<double>() : NAN;
  if (!(std::fabs(seconds) <= kMaxSeconds)) {
    return refuse(why, Cause::malformed,
                  concat("its ", name, " is no number of seconds since 1970"));
  }
  out_ms = static_cast<std::int64_t>(seconds * 1000);
  return true;
}

bool check_times(const json::object& claims, const ClaimRules& rules, std::int64_t now_ms,
                 std::optional<std::int64_t>& expires_ms, Refusal& why) {
  std::optional<std::int64_t> exp, nbf, iat;
  if (!read_time(claims, "exp", exp, why) || !read_time(claims, "nbf", nbf, why) ||
      !read_time(claims, "iat", iat, why)) {
    return false;
  }
  if (!exp && rules.require_exp) return refuse(why, Cause::time, "it has no exp");
  if (exp && now_ms >= *exp + rules.leeway_ms) {
    return refuse(why, Cause::time, concat("it expired ", (now_ms - *exp) / 1000, " s ago"));
  }
  for (const auto& [name, from] : {std::pair("nbf", nbf), std::pair("iat", iat)}) {
    if (from && now_ms + rules.leeway_ms < *from) {
      return refuse(why, Cause::time,
                    concat("its ", name, " is ", (*from - now_ms + 999) / 1000,
                           " s from now; do the clocks agree?"));
    }
  }
  if (exp) expires_ms = *exp + rules.leeway_ms;
  return true;
}

bool is_one_of(const json::value& value, const std::vector<std::string>& wanted) {
  const json::string* const text = value.if_string();
  return text && std::find(wanted.begin(), wanted.end(), view(*text)) != wanted.end();
}

// `aud` is a text or a list of them [RFC 7519 4.1.3].
bool check_audience(const json::object& claims, const ClaimRules& rules, Refusal& why) {
  if (rules.audiences.empty()) return true;
  if (const json::value* const aud = claims.if_contains("aud")) {
    const json::array* const list = aud->if_array();
    const auto wanted = [&](const json::value& value) { return is_one_of(value, rules.audiences); };
    if (list ? std::any_of(list->begin(), list->end(), wanted) : wanted(*aud)) return true;
  }
  return refuse(why, Cause::claims, "its aud is not for this broker");
}

bool check_issuer(const json::object& claims, const ClaimRules& rules, Refusal& why) {
  if (rules.issuers.empty()) return true;
  const json::value* const iss = claims.if_contains("iss");
  if (iss && is_one_of(*iss, rules.issuers)) return true;
  return refuse(why, Cause::claims, "its iss is not one that is accepted");
}

// Texts, whole numbers and truth values, as they are written.
std::optional<std::string> claim_text(const json::value& value) {
  switch (value.kind()) {
    case json::kind::string:
      return std::string(view(value.get_string()));
    case json::kind::int64:
      return concat(value.get_int64());
    case json::kind::uint64:
      return concat(value.get_uint64());
    case json::kind::bool_:
      return concat(value.get_bool());
    default:
      return std::nullopt;
  }
}

bool check_required(const json::object& claims, const ClaimRules& rules, const Asker& asker,
                    Refusal& why) {
  for (const auto& [name, value] : rules.required) {
    const json::value* const claim = claims.if_contains(name);
    if (!claim) return refuse(why, Cause::claims, concat("it has no claim '", name, "'"));
    const auto wanted = fill_in(value, asker, kMaxValue);
    const auto have = claim_text(*claim);
    if (!wanted || !have || *have != *wanted) {
      return refuse(why, Cause::claims, concat("its claim '", name, "' is not ", value));
    }
  }
  return true;
}

}  // namespace

std::optional<Accepted> check_claims(std::string_view payload, const ClaimRules& rules,
                                     const Asker& asker, std::int64_t now_ms, Refusal& why) {
  std::string wrong;
  const auto claims = read_object(payload, wrong);
  if (!claims) {
    why = {Cause::malformed, concat("its claims: ", wrong)};
    return std::nullopt;
  }
  Accepted out;
  if (!check_times(*claims, rules, now_ms, out.expires_ms, why) ||
      !check_audience(*claims, rules, why) || !check_issuer(*claims, rules, why) ||
      !check_required(*claims, rules, asker, why)) {
    return std::nullopt;
  }
  if (rules.superuser) {
    const json::value* const flag = claims->if_contains("is_superuser");
    out.superuser = flag && flag->is_bool() && flag->get_bool();
  }
  const json::value* const acl =
      rules.acl_claim.empty() ? nullptr : claims->if_contains(rules.acl_claim);
  if (acl) {
    out.acl = Acl::read(*acl, asker, wrong);
    if (!out.acl) {
      why = {Cause::acl, concat("its claim '", rules.acl_claim, "': ", wrong)};
      return std::nullopt;
    }
  }
  return out;
}

}  // namespace jwt
